"""Which paths of a source are articles or taxonomy, and how a name is spelled. Pure."""

from __future__ import annotations


def printable(name: str) -> str:
    """Spell a name that is not UTF-8 with hexadecimal escapes for its bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
