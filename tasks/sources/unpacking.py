"""Archive files read where they lie: members and their bytes, within limits."""

from __future__ import annotations

import gzip
import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from tasks.sources.selection import LINK
from tasks.values import dataclass

_CHUNK_BYTES = 1 << 16
_HEADER_BYTES = 1 << 20  # of a tar's long names and attributes: real ones have 1,000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack without bounds
_ENCRYPTED = 1  # bits of a zip member's flags
_UTF_8 = 1 << 11
_DAMAGES = (
    EOFError, OSError, RecursionError, RuntimeError, ValueError, tarfile.TarError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class BrokenArchiveError(Exception):
    """An archive, or a member of one, that cannot be read: why, in words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an archive is looked at, and the largest member that is read."""

    max_files: int
    max_bytes: int
    max_file_bytes: int


@dataclass(frozen=True, slots=True)
class Member:
    """What an archive holds at *name*; *fault* says why it is no file, in words.

    *fingerprint* is equal only while the bytes are; empty if they cannot be wanted.
    """

    name: str
    size_bytes: int
    fingerprint: str
    fault: str = ""


class Archive(Protocol):
    """An open archive; a member is asked for by its place in the list."""

    members: list[Member]

    def content(self, number: int) -> bytes:
        """Return the bytes of a member; raises `BrokenArchiveError`."""

    def close(self) -> None:
        """Let go of the file."""


def open_archive(path: Path, limits: Limits, wants: Callable[[str], bool]) -> Archive:
    """Open an archive and list all of it, folders apart.

    *wants* tells by its name whether a member may be asked for. Raises
    `BrokenArchiveError` unless all of it could be listed: what is missing from half a
    list would look as if it were gone.
    """
    try:
        if path.name.lower().endswith(".zip"):
            return _Zip(path, limits)
        return _Tar(path, limits, wants)
    except _DAMAGES as error:
        msg = f"is damaged ({_words(error)}): put a whole one in its place"
        raise BrokenArchiveError(msg) from None


class _Zip:
    """A zip archive: its directory tells all, and members are read as asked for."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._file = zipfile.ZipFile(path)
        self._infos = [info for info in self._file.infolist() if not info.is_dir()]
        self.members = [_zip_member(info) for info in self._infos]
        if len(self._file.infolist()) > limits.max_files:
            self._file.close()
            raise BrokenArchiveError(_too_many(limits))

    def content(self, number: int) -> bytes:
        """Unpack one member, never more than the limit."""
        info = self._infos[number]
        if info.flag_bits & _ENCRYPTED:
            msg = "is encrypted"
            raise BrokenArchiveError(msg)
        if info.compress_type not in _METHODS:
            msg = "is packed in another way than deflate"
            raise BrokenArchiveError(msg)
        try:
            with self._file.open(info) as member:
                content = member.read(self._limits.max_file_bytes + 1)
                # Bytes beyond the declared size would not be read, nor the sum checked.
                member.read(1)
        except _DAMAGES as error:
            msg = f"is damaged within the archive: {_words(error)}"
            raise BrokenArchiveError(msg) from None
        if len(content) != info.file_size:
            msg = "is not as large as the archive says"
            raise BrokenArchiveError(msg)
        return content

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _zip_member(info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    fault = _fault(stat.S_IFMT(mode))
    name = info.filename
    if not info.flag_bits & _UTF_8:
        # The standard says code page 437; nearly everybody writes UTF-8 without a word.
        try:
            name = name.encode("cp437").decode("utf-8")
        except ValueError:
            name = info.filename
    fingerprint = f"{info.CRC:08x}-{info.file_size}"
    return Member(name, info.file_size, fingerprint, fault)


def _fault(kind: int) -> str:
    if kind in {0, stat.S_IFREG}:
        return ""
    return LINK if kind == stat.S_IFLNK else "is a device or pipe, not a file"


class _Tar:
    """A tar archive, gzipped or not: read once, with what may be wanted kept aside.

    Aside is one file without a name, which is gone with this program.
    """

    def __init__(
        self, path: Path, limits: Limits, wants: Callable[[str], bool]
    ) -> None:
        self._limits = limits
        self._wants = wants
        self._aside = TemporaryFile()  # noqa: SIM115 - open as long as the archive
        self._places: dict[int, tuple[int, int]] = {}
        self.members: list[Member] = []
        try:
            with path.open("rb") as file:
                is_gzip = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                unpacked: Any = gzip.GzipFile(fileobj=file) if is_gzip else file
                self._list(_Forward(unpacked, limits))
        except BaseException:
            self._aside.close()
            raise

    def content(self, number: int) -> bytes:
        """Return the bytes of a member that was wanted."""
        offset, size = self._places[number]
        self._aside.seek(offset)
        return self._aside.read(size)

    def close(self) -> None:
        """Let go of what was kept aside."""
        self._aside.close()

    def _list(self, file: _Forward) -> None:
        with tarfile.TarFile(
            fileobj=file,  # type: ignore[arg-type] # it has all that is called
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            count = 0
            while (info := tar.next()) is not None:
                count += 1
                if count > self._limits.max_files:
                    raise BrokenArchiveError(_too_many(self._limits))
                if not info.isdir():
                    self._take(info, file)
                tar.members.clear()  # type: ignore[attr-defined] # or they pile up
        if not file.ended_in_zeros:
            msg = "it ends in the middle"
            raise tarfile.ReadError(msg)
        file.drain()  # the sum of a gzip file is checked at its end

    def _take(self, info: tarfile.TarInfo, file: _Forward) -> None:
        fault = fingerprint = ""
        if info.issym():
            fault = LINK
        elif info.islnk():
            fault = "is a hard link within the archive, which is not followed"
        elif not info.isreg():
            fault = "is a device or pipe, not a file"
        elif info.issparse():
            fault = "is a sparse file"
        elif info.size <= self._limits.max_file_bytes and self._wants(info.name):
            content = file.take(info.size)
            fingerprint = hashlib.sha256(content).hexdigest()
            self._places[len(self.members)] = (self._aside.tell(), info.size)
            self._aside.write(content)
        self.members.append(Member(info.name, info.size, fingerprint, fault))


class _Forward:
    """A file that is only read forward, and not without end."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._position = 0
        self.ended_in_zeros = False  # as the last block of a whole tar does

    def tell(self) -> int:
        """Return how far it was read."""
        return self._position

    def read(self, size: int) -> bytes:
        """Read a header, or part of one."""
        if size > _HEADER_BYTES:
            msg = f"has a header of more than {_HEADER_BYTES:,} bytes"
            raise BrokenArchiveError(msg)
        block = self._read(size)
        self.ended_in_zeros = len(block) == tarfile.BLOCKSIZE and not any(block)
        return block

    def take(self, size: int) -> bytes:
        """Read the bytes of a member; raises `EOFError` if they are not all there."""
        content = self._read(size)
        if len(content) < size:
            msg = "it ends in the middle"
            raise EOFError(msg)
        return content

    def seek(self, position: int) -> None:
        """Pass over what lies before *position*."""
        while self._position < position and self._read(
            min(position - self._position, _CHUNK_BYTES)
        ):
            pass

    def drain(self) -> None:
        """Read to the end."""
        while self._read(_CHUNK_BYTES):
            pass

    def close(self) -> None:
        """Leave the file to whoever opened it."""

    def _read(self, size: int) -> bytes:
        block = self._file.read(size)
        self._position += len(block)
        if self._position > self._limits.max_bytes:
            limit = f"{self._limits.max_bytes:,} bytes, see read.max_archive_bytes"
            msg = f"unpacks to more than {limit}"
            raise BrokenArchiveError(msg)
        return block


def _too_many(limits: Limits) -> str:
    return f"holds more than {limits.max_files:,} files, see read.max_archive_files"


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
