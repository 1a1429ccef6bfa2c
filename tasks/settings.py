"""Every knob: its default, its unit and the reason for it.

A value comes from the command line, else from `WIREHOUSE_…` in the environment (`__`
between the parts, lists and maps as JSON), else from `wirehouse.toml`, else from here.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import MISSING, field, fields
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from tasks.models import short_name
from tasks.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

FILE_NAME = "wirehouse.toml"
ENVIRONMENT_PREFIX = "WIREHOUSE_"
MAX_DAYS = 36_500  # a century: what is never to be asked for again
Fallback = Literal["amp", "cdn_amp", "archive"]


class SettingsError(ValueError):
    """A setting that cannot be used: one line that names it and what to write."""


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        msg = "is not a time zone of the IANA database, such as 'Europe/Berlin'"
        raise ValueError(msg) from None
    return name


def _cron(line: str) -> str:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - a default is not asked

    try:
        CronSim(line, datetime.now(UTC))
    except CronSimError:
        msg = "is not a cron line of five fields, such as '0 * * * *'"
        raise ValueError(msg) from None
    return line


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        msg = f"{value!r} is not a network, such as '10.0.0.0/8'"
        raise ValueError(msg) from None
    return value


def _endpoint(value: str) -> str:
    address, _, port = value.rpartition(":")
    try:
        bare = address[1:-1] if address[:1] + address[-1:] == "[]" else address
        is_usable = (ip_address(bare).version == 6) == (bare != address)
    except ValueError:
        is_usable = False
    if not (is_usable and re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        msg = (
            f"{value!r} is not an IP address and port,"
            " such as '127.0.0.1:8080' or '[::1]:8080'"
        )
        raise ValueError(msg)
    return value


def _port(value: int) -> int:
    if not 0 < value < 65536:
        msg = f"{value} is not a port, such as 443"
        raise ValueError(msg)
    return value


def _database(value: str) -> str:
    if value and not value.startswith("postgresql+asyncpg://"):
        msg = "is not an address such as 'postgresql+asyncpg://user@host/prefect'"
        raise ValueError(msg)
    return value


def _webhook(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        msg = "is not an address that begins with http:// or https://"
        raise ValueError(msg)
    return value


def _header_text(value: str) -> str:
    if not (value.isascii() and value.isprintable() and value.strip()):
        msg = "is not in plain ASCII that a header can hold"
        raise ValueError(msg)
    return value


def _archive_template(value: str) -> str:
    try:
        address = value.format(timestamp="20200611234100", url="news.example")
    except (LookupError, ValueError, AttributeError):
        address = ""
    if value and "news.example" not in address:
        msg = "is not an address with {url} and, if wanted, {timestamp} in it"
        raise ValueError(msg)
    return value


def _source(value: object) -> object:
    return {"location": value} if isinstance(value, str) else value


def _inner_folder(value: str) -> str:
    parts = [part for part in value.split("/") if part not in {"", "."}]
    if value.startswith("/") or ".." in parts:
        msg = "is not a folder within the source, such as 'site/content'"
        raise ValueError(msg)
    return "/".join(parts)


def without_password(address: str) -> str:
    """Take what may be secret out of an address, for eyes and tables.

    Of http it is all before the @: a token may stand there without a name.
    """
    shown = re.sub(r"(?<=://)([^/@\s:]*):[^/@\s]*@", r"\1@", address)
    return re.sub(r"(?<=\bhttp://)[^/@\s]*@|(?<=\bhttps://)[^/@\s]*@", "", shown)


def Field(  # noqa: N802 - pydantic's word, whose words the facts are, too
    default: Any = MISSING, *, default_factory: Any = MISSING, **facts: Any
) -> Any:
    """Declare a setting with its description and its limits, as pydantic reads them.

    pydantic itself is imported where there is a value to judge: it takes 0.08 s, and
    most runs have the defaults alone.
    """
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata=facts)
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class _After:
    """What a value has to pass once it is of its type."""

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415

        schema = handler(source)
        return core_schema.no_info_after_validator_function(self.check, schema)


@dataclass(frozen=True)
class _Before(_After):
    """What a value becomes before it is looked at."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415

        schema = handler(source)
        return core_schema.no_info_before_validator_function(self.check, schema)


class _Part:
    """Settings that belong together: only those that are declared."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - pydantic's own spelling


@dataclass(frozen=True)
class SourceSettings(_Part):
    """One source: where it is and, if two machines shall name it alike, its name."""

    location: str = Field(
        description="a folder or hub root, a git repository (path, bundle or URL),"
        " or an archive (.zip, .tar, .tar.gz)"
    )
    name: str = Field(
        "", description="what identifies it; empty: its resolved location"
    )
    kind: Literal["", "folder", "git", "archive"] = Field(
        "", description="what to read it as; empty: found out, a clone being git"
    )
    branch: str = Field("", description="branch of a git source; empty: its HEAD's")
    folder: Annotated[str, _After(_inner_folder)] = Field(
        "", description="folder of the source to read as if it were all of it"
    )
    include: tuple[str, ...] = Field(
        (),
        description="globs of article files, such as 'posts/**/*.md';"
        " none: those of `_news` of a hub, else each .md",
    )
    exclude: tuple[str, ...] = Field((), description="globs of files to leave out")

    @property
    def label(self) -> str:
        """What people read: the name, else the location."""
        return self.name or without_password(self.location)

    @property
    def short(self) -> str:
        """The label as far as a title has room for it."""
        return short_name(self.label)


@dataclass(frozen=True)
class ReadSettings(_Part):
    """Limits of reading article files."""

    max_file_bytes: int = Field(
        5_000_000,
        gt=0,
        description="largest article file, bytes; real ones reach 143,000",
    )
    max_depth: int = Field(
        20, gt=0, description="folders below the source that are walked into"
    )
    seconds: float = Field(
        4.0, gt=0, description="longest time for an unusual file, seconds"
    )
    memory_bytes: int = Field(
        1_000_000_000, gt=0, description="most memory of a child process, bytes"
    )
    workers: int = Field(2, gt=0, description="child processes at once")
    git_seconds: float = Field(
        600.0, gt=0, description="longest time for a git fetch, seconds"
    )
    max_archive_files: int = Field(
        200_000, gt=0, description="most files of an archive, wanted or not"
    )
    max_archive_bytes: int = Field(
        4_000_000_000, gt=0, description="largest archive when unpacked, bytes"
    )


@dataclass(frozen=True)
class FetchSettings(_Part):
    """How pages and images are asked for, and what no address may exceed."""

    user_agent: Annotated[str, _After(_header_text)] = Field(
        "Wirehouse/0.1 (news archive; no contact given, see fetch.user_agent)",
        description="who asks: the project and a contact of yours",
    )
    concurrency: int = Field(
        64, gt=0, description="requests under way at once, over all hosts"
    )
    per_host_concurrency: int = Field(
        1, gt=0, description="requests under way at once, per host"
    )
    per_host_delay_seconds: float = Field(
        1.0, ge=0, description="pause between two requests to one host, seconds"
    )
    # A lost packet of the greeting is sent again after 1, 3 and 7 s.
    connect_seconds: float = Field(
        10.0,
        gt=0,
        description="until a host takes the connection, its name looked up, seconds",
    )
    total_seconds: float = Field(
        60.0,
        gt=0,
        description="one address, redirects, body and all tries included, seconds",
    )
    max_bytes: int = Field(
        10_000_000, gt=0, description="largest body after decoding, bytes"
    )
    max_redirects: int = Field(5, ge=0, description="redirects followed per address")
    attempts: int = Field(
        2, gt=0, description="tries per address within a run, for passing faults"
    )
    rest_after_failures: int = Field(
        10,
        gt=0,
        description="failures in a row after which a host rests until the next run",
    )
    respect_robots: bool = Field(default=True, description="obey robots.txt (RFC 9309)")
    ports: tuple[Annotated[int, _After(_port)], ...] = Field(
        (80, 443), description="ports that an address may name"
    )
    allow_addresses: tuple[Annotated[str, _After(_network)], ...] = Field(
        (), description="networks exempt from the address guard"
    )
    connect_to: dict[str, Annotated[str, _After(_endpoint)]] = Field(
        default_factory=dict,
        description="host pattern to 'address:port', dialled in place of the host",
    )
    fallbacks: tuple[Fallback, ...] = Field(
        ("amp", "cdn_amp", "archive"),
        description="routes tried in this order when the origin has no page",
    )
    archive_url: Annotated[str, _After(_archive_template)] = Field(
        "https://web.archive.org/web/{timestamp}id_/{url}",
        description="web archive address; {timestamp} as 20200611234100; '' is off",
    )
    refetch_after_days: float = Field(
        30.0,
        gt=0,
        le=MAX_DAYS,
        description="days after which a page is asked for again",
    )
    longest_wait_days: float = Field(
        365.0,
        gt=0,
        le=MAX_DAYS,
        description="a page that is gone is asked for less and less, at least after"
        " so many days",
    )
    include_related: bool = Field(
        default=False,
        description="also fetch articles that are known from `related` alone",
    )
    batch_size: int = Field(
        200, gt=0, description="pages per task: small enough to see progress"
    )

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """*allow_addresses* as networks."""
        return tuple(ip_network(value) for value in self.allow_addresses)


@dataclass(frozen=True)
class PageSettings(_Part):
    """Limits of reading one captured page in its child process."""

    seconds: float = Field(20.0, gt=0, description="longest time for a page, seconds")
    memory_bytes: int = Field(
        2_000_000_000, gt=0, description="most memory of a child process, bytes"
    )
    workers: int = Field(2, gt=0, description="child processes at once")


@dataclass(frozen=True)
class ImageSettings(_Part):
    """Limits of the image cache."""

    max_bytes: int = Field(20_000_000, gt=0, description="largest image, bytes")
    max_pixels: int = Field(
        40_000_000, gt=0, description="most pixels of an image, width times height"
    )
    # "large" of freedesktop.org's Thumbnail Managing Standard. Pictures of news are
    # often 1,200 pixels wide, and a JPEG decoder gives a quarter of that for little.
    thumbnail_pixels: int = Field(
        256, gt=0, description="longest side of a thumbnail, pixels"
    )
    seconds: float = Field(10.0, gt=0, description="longest check of an image, seconds")
    # The heaviest images let in, WebP of 25 million pixels, need 500 MB, and the
    # libraries 150.
    memory_bytes: int = Field(
        700_000_000, gt=0, description="most memory of a child process, bytes"
    )
    workers: int = Field(2, gt=0, description="child processes at once")
    recheck_after_days: float = Field(
        30.0,
        gt=0,
        le=MAX_DAYS,
        description="days after which an image is asked for again",
    )


@dataclass(frozen=True)
class Settings(_Part):
    """All settings of a run; a frozen value that is handed from room to room."""

    sources: tuple[Annotated[SourceSettings, _Before(_source)], ...] = Field(
        (), description="what to read: folders, git repositories, archives"
    )
    data: Path = Field(Path("data"), description="data directory")
    timezone: Annotated[str, _After(_time_zone)] = Field(
        "UTC", description="time zone of the schedule"
    )
    schedule: Annotated[str, _After(_cron)] = Field(
        "0 * * * *", description="when the refresh runs, as a cron line"
    )
    verify_schedule: Annotated[str, _After(_cron)] = Field(
        "30 3 * * *", description="when all that is stored is verified, as a cron line"
    )
    prefect_port: int = Field(
        4200, ge=1, le=65_535, description="port of the server of `wirehouse up`"
    )
    prefect_host: Literal["127.0.0.1", "0.0.0.0"] = Field(  # noqa: S104 - if asked for
        "127.0.0.1",
        description="what that server listens on; 0.0.0.0 lets other machines in, and"
        " needs PREFECT_SERVER_API_AUTH_STRING in the environment",
    )
    prefect_database: Annotated[str, _After(_database)] = Field(
        "",
        description="where that server keeps its state, as"
        " postgresql+asyncpg://user:password@host/name; empty: a file in `data`",
    )
    prefect_webhook: Annotated[str, _After(_webhook)] = Field(
        "", description="address that is told of runs that failed; none if empty"
    )
    keep_snapshots: int = Field(
        5,
        gt=0,
        description="published states kept, to ask and compare; each but the newest"
        " takes up to the size of news.duckdb",
    )
    read: ReadSettings = ReadSettings()
    fetch: FetchSettings = FetchSettings()
    pages: PageSettings = PageSettings()
    images: ImageSettings = ImageSettings()

    @property
    def zone(self) -> ZoneInfo:
        """*timezone* as Python knows it."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One line of `wirehouse settings`: a name, its value and where it came from."""

    name: str
    value: object
    origin: str
    description: str


def load_settings(
    directory: Path, overrides: Mapping[str, Any] | None = None
) -> tuple[Settings, dict[str, str]]:
    """Read the settings for a program started in *directory*.

    *overrides* are the command line's values by dotted name; a source that it names by
    the name or location of a configured one is that one. Returned beside the settings:
    where each value that is not a default came from, by dotted name. Paths in
    `wirehouse.toml` are relative to its folder. Raises `SettingsError`.
    """
    layers = (
        (FILE_NAME, _from_file(directory / FILE_NAME)),
        ("environment", _from_environment()),
        ("command line", dict(overrides or {})),
    )
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for name, value in layer.items():
            is_choice = name == "sources" and origin == "command line"
            merged[name] = _chosen(value, merged.get(name)) if is_choice else value
            origins[name] = origin
    known = set(_names())
    for name, origin in origins.items():
        if name not in known:
            raise SettingsError(_unknown(name, origin, known))
    return _plain(merged) or _judged(merged, origins), origins


def _plain(merged: Mapping[str, Any]) -> Settings | None:
    """Return the settings if nobody said more than where to read from and where to."""
    sources, data = merged.get("sources", []), merged.get("data", Settings.data)
    if merged.keys() - {"sources", "data"} or not isinstance(data, Path):
        return None
    if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
        return None
    return Settings(
        sources=tuple(SourceSettings(location=s) for s in sources), data=data
    )


def _judged(merged: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    """Return the settings as pydantic takes them, or raise `SettingsError`."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - see Field

    try:
        return TypeAdapter(Settings).validate_python(_nested(merged))
    except ValidationError as error:
        first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    top = next((n for n in origins if name == n or name.startswith(n + ".")), name)
    reason = first["msg"].removeprefix("Value error, ")
    origin = origins.get(top, "default")
    if first["type"] == "unexpected_keyword_argument":
        parent = name.rpartition(".")[0]
        known = {f"{parent}.{knob.name}" for knob in fields(SourceSettings)}
        raise SettingsError(_unknown(name, origin, known))
    msg = f"setting {name} = {first['input']!r} ({origin}): {reason}"
    raise SettingsError(msg)


def describe_settings(
    settings: Settings, origins: Mapping[str, str]
) -> Iterator[SettingValue]:
    """Every setting by its dotted name, in the order in which it is declared."""
    for name, (description, value) in _walk(settings):
        yield SettingValue(name, value, origins.get(name, "default"), description)


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    import tomllib  # noqa: PLC0415 - most runs of a scheduler have no such file

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not valid TOML: {error}"
        raise SettingsError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise SettingsError(msg) from None
    flat = dict(_flat(tables))
    for name in ("data", "sources"):
        if name in flat:
            flat[name] = _relative_to(path.parent, flat[name])
    return flat


def _relative_to(folder: Path, value: object) -> object:
    """Resolve the paths of a settings file, leaving URLs and names alone."""
    if isinstance(value, list):
        return [_relative_to(folder, item) for item in value]
    if isinstance(value, dict) and "location" in value:
        return {**value, "location": _relative_to(folder, value["location"])}
    if isinstance(value, str) and ":" not in value.partition("/")[0]:
        return str(folder / value)
    return value


def _chosen(asked: Sequence[str], configured: object) -> list[object]:
    """Take what is asked for from the configured sources, by name or location."""
    known = configured if isinstance(configured, list) else []
    return [next((s for s in known if _is_asked(s, name)), name) for name in asked]


def _is_asked(source: object, name: str) -> bool:
    if isinstance(source, str):
        source = {"location": source}
    if not isinstance(source, dict):
        return False
    if name in {source.get("name"), source.get("location")}:
        return True
    paths = (Path(str(place)).expanduser() for place in (source.get("location"), name))
    return len({path.resolve() for path in paths}) == 1


def _from_environment() -> dict[str, Any]:
    """Read `WIREHOUSE_…`; names are checked by the caller, so a typo is seen."""
    flat: dict[str, Any] = {}
    defaults = {name: value for name, (_, value) in _walk(Settings())}
    for variable, text in os.environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            is_json = isinstance(defaults.get(name), tuple | dict)
            flat[name] = _from_json(name, text) if is_json else text
    return flat


def _from_json(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        msg = (
            f"setting {name} = {text!r} (environment): is not JSON,"
            " as which lists and maps are written there"
        )
        raise SettingsError(msg) from None


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    parts = {n for n in _names() if "." in n}
    for key, value in tables.items():
        name = prefix + key
        is_part = any(known.startswith(name + ".") for known in parts)
        if is_part and isinstance(value, dict):
            yield from _flat(value, name + ".")
        else:
            yield name, value


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        table = tree
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return tree


def _names() -> Iterator[str]:
    for name, _ in _walk(Settings()):
        yield name


def _walk(part: Any, prefix: str = "") -> Iterator[tuple[str, tuple[str, object]]]:
    for knob in fields(part):
        value = getattr(part, knob.name)
        if isinstance(value, _Part):
            yield from _walk(value, f"{prefix}{knob.name}.")
        else:
            yield prefix + knob.name, (knob.metadata["description"], value)


def _unknown(name: str, origin: str, known: set[str]) -> str:
    import difflib  # noqa: PLC0415 - for a mistake alone

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"setting {name!r} ({origin}) does not exist; the nearest is {near[0]!r}"
