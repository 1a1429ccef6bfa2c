"""Content codings: what is decoded, what is refused, and at what price."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tasks.coding import CodingError, decode_body
from tests.pace import Watch

TEXT = b"Bees came back to the city. " * 50
PACKED = gzip.compress(TEXT, mtime=0)


def raw_deflate(text: bytes) -> bytes:
    """Return deflate without zlib's frame."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


DECODED = {
    "no coding": (TEXT, ""),
    "identity": (TEXT, "identity"),
    "empty names": (PACKED, " , GZIP ,"),
    "members": (
        gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0),
        "gzip",
    ),
    "an empty member first": (gzip.compress(b"", mtime=0) + PACKED, "gzip"),
    "zeros after it": (PACKED + bytes(99), "gzip"),
    "junk after it": (PACKED + b"<!-- cached -->", "x-gzip"),
    "zlib": (zlib.compress(TEXT), "deflate"),
    "raw deflate": (raw_deflate(TEXT), "deflate"),
    "junk after deflate": (raw_deflate(TEXT) + b"junk", "deflate"),
}
REFUSED = {
    "cut in its trailer": (PACKED[:-4], "gzip", "truncated"),
    "cut in its head": (PACKED[:5], "gzip", "truncated"),
    "a member cut": (PACKED + PACKED[:-9], "gzip", "truncated"),
    "a member that is none": (PACKED + b"\x1f\x8bjunk", "gzip", "bad_encoding"),
    "a wrong checksum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "gzip", "bad_encoding"),
    "deflate cut": (zlib.compress(TEXT)[:-1], "deflate", "truncated"),
    "raw deflate cut": (raw_deflate(TEXT)[:-1], "deflate", "truncated"),
    "not deflate": (TEXT, "deflate", "bad_encoding"),
    "twice": (gzip.compress(PACKED, mtime=0), "gzip, gzip", "bad_response"),
    "twice, one unnamed": (PACKED, "identity, gzip, deflate", "bad_response"),
    "brotli": (b"\x0b\x02\x80hello\x03", "br", "bad_response"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x58", "zstd", "bad_response"),
}


@pytest.mark.parametrize("case", DECODED)
def test_what_was_asked_for_is_decoded(case: str) -> None:
    assert decode_body(*DECODED[case], len(TEXT)) == TEXT


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_whole_or_not_known_is_refused(case: str) -> None:
    raw, coding, outcome = REFUSED[case]

    with pytest.raises(CodingError) as caught:
        decode_body(raw, coding, 10_000)

    assert caught.value.outcome == outcome


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
def test_the_limit_is_for_the_text_to_the_byte(coding: str) -> None:
    raw = {"": TEXT, "gzip": PACKED[:], "deflate": raw_deflate(TEXT)}[coding]

    assert decode_body(raw, coding, len(TEXT)) == TEXT
    with pytest.raises(CodingError, match="larger than allowed") as caught:
        decode_body(raw, coding, len(TEXT) - 1)
    assert caught.value.outcome == "too_large"


def test_members_share_one_limit() -> None:
    with pytest.raises(CodingError, match="larger than allowed"):
        decode_body(PACKED * 3, "gzip", 2 * len(TEXT))


def test_half_a_million_members_end_soon() -> None:
    """Each copied all that followed once: this took minutes."""
    watch = Watch()
    with pytest.raises(CodingError, match="more than 1,000 gzip members"):
        decode_body(gzip.compress(b"", mtime=0) * 500_000, "gzip", 10_000_000)

    assert watch.within(2)


def test_a_name_of_megabytes_makes_no_long_reason() -> None:
    for coding in ("x" * 100_000, "gzip," * 100_000):
        with pytest.raises(CodingError) as caught:
            decode_body(PACKED, coding, 10_000)
        assert len(str(caught.value)) < 200
