"""Bytes become text, and text becomes the right text. Pure.

Decoding follows the WHATWG: byte order mark, HTTP label, `<meta>`, then strict UTF-8,
detection, and windows-1252 at last. Repairing changes as little as can be: what was
never right in any language, each change under the name of its rule.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from html.entities import html5
from typing import TYPE_CHECKING, Literal

import cchardet
import webencodings

from tasks.values import dataclass

if TYPE_CHECKING:
    from types import ModuleType

    import ftfy

Source = Literal["bom", "header", "meta", "utf-8", "detected", "fallback"]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
)
# The WHATWG's decoders accept more than Python's codecs of the same names.
_CODECS = {
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
}
_MULTI_BYTE = frozenset(
    """
    utf-8 utf-16le utf-16be shift_jis euc-jp iso-2022-jp euc-kr gbk gb18030 big5
    """.split()
)
# Names of the detector that are no labels of the WHATWG.
_DETECTOR_NAMES = {
    "uhc": "euc-kr",
    "maccyrillic": "x-mac-cyrillic",
    "utf-8-sig": "utf-8",
}
# What begins each Japanese passage of ISO-2022-JP, which is ASCII otherwise.
_JIS_ESCAPE = b"\x1b$"
# The letters of KOI8-U that are lines and corners of boxes in KOI8-R.
_UKRAINIAN = re.compile(rb"[\xa4\xa6\xa7\xad\xb4\xb6\xb7\xbd]")
PRESCAN_BYTES = 1024  # encoding.spec.whatwg.org, "prescan a byte stream"
# What the prescan steps over or stops at: a comment, a meta element, any other tag, and
# whatever begins with `<!`, `</` or `<?`.
_MARKUP = re.compile(
    rb"<!--(?:>|->|.*?-->)|<(meta)(?=[\s/])|<(/?[a-z])[^\s>]*|<[!/?][^>]*>",
    re.IGNORECASE | re.DOTALL,
)
# One attribute, or with empty name the end of the tag; a quote must be closed.
_ATTRIBUTE = re.compile(
    rb"""[\s/]*(?:>|(=?[^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>][^\s>]*)|(?=>)))?)"""
)
_CHARSET = re.compile(
    r"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with the WHATWG name of its encoding and what told it.

    *flags*: `unknown_label`, `label_overridden`, `undecodable` (bytes that mean
    nothing in the encoding became U+FFFD).
    """

    text: str
    encoding: str
    source: Source
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """Text after repair; *rules* names what was applied, in order, each once."""

    text: str
    rules: tuple[str, ...] = ()


def decode(
    content: bytes, declared: str | None = None, *, prescan: bool = True
) -> Decoded:
    """Turn *content* into text; never raises, linear in its size.

    *declared* is the label (or whole `Content-Type`) of the HTTP header. *prescan*
    looks for a `<meta>` label, which a Markdown file has no say with.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding, "bom")
    flags: list[str] = []
    for source, label in _labels(content, declared, prescan=prescan):
        named = webencodings.lookup(label)
        if named is None:
            flags.append("unknown_label")
            continue
        if _is_utf8_after_all(content, named.name):
            flags.append("label_overridden")
            break
        return _decoded(content, named.name, source, flags)
    return _undeclared(content, flags)


def repair(text: str, *, entities: bool = False) -> Repaired:
    """Mend what encodings and editors broke; idempotent, and good text stays.

    With *entities*, HTML entities are resolved too: for titles and excerpts, which are
    no HTML but often come from it. Such fields are looked up and joined by, so they
    lose every needless zero-width character; prose only those within its words.
    """
    if (
        text.isascii()
        and (text.isprintable() or not _NEEDS_LOOK.search(text))
        and not (entities and "&" in text)
    ):
        return Repaired(text)
    mend = _repair_cached if len(text) <= MAX_CACHED else _repair
    return mend(text, entities)


def charset_of(content_type: str) -> str | None:
    """Return the charset parameter of a `Content-Type`, if it has one."""
    found = _CHARSET.search(content_type)
    return (found[1] or found[2] or found[3]) if found else None


def _labels(
    content: bytes, declared: str | None, *, prescan: bool
) -> Iterator[tuple[Source, str]]:
    if declared:
        label = charset_of(declared) if "/" in declared or "=" in declared else declared
        if label:
            yield "header", label
    if prescan:
        for label in _meta_labels(content[:PRESCAN_BYTES]):
            yield "meta", label


def _meta_labels(head: bytes) -> Iterator[str]:
    """Find labels in the first bytes, as browsers do before they parse.

    See "prescan a byte stream to determine its encoding" of the HTML standard.
    """
    place = 0
    while found := _MARKUP.search(head, place):
        place = found.end()
        if not (found[1] or found[2]):
            continue
        attributes: dict[bytes, bytes] = {}
        while attribute := _ATTRIBUTE.match(head, place):
            place = attribute.end()
            name, *values = attribute.groups()
            if name is None:
                break
            value = next(filter(None, values), b"")
            attributes.setdefault(name.lower(), value.lower())
        else:
            return  # the bytes end within the tag
        if found[1] and (label := _label_of(attributes)):
            yield _as_meta_means(label)


def _label_of(attributes: Mapping[bytes, bytes]) -> str | None:
    """Return what the attributes of a meta element name as the encoding."""
    if b"charset" in attributes:
        return attributes[b"charset"].decode("ascii", "replace").strip()
    if attributes.get(b"http-equiv") != b"content-type":
        return None
    return charset_of(attributes.get(b"content", b"").decode("ascii", "replace"))


def _as_meta_means(label: str) -> str:
    """Bytes that could be read this far are no UTF-16, whatever they claim."""
    named = webencodings.lookup(label)
    if named is None:
        return label
    name = str(named.name)
    if name.startswith("utf-16"):
        return "utf-8"
    return "windows-1252" if name == "x-user-defined" else name


def _is_utf8_after_all(content: bytes, encoding: str) -> bool:
    """Tell whether a legacy label is wrong.

    UTF-8 almost never decodes by accident, while many servers call UTF-8 Latin-1.
    """
    if encoding.startswith("utf-") or encoding == "iso-2022-jp" or content.isascii():
        return False
    return _is_written(content, "utf-8")


def _undeclared(content: bytes, flags: list[str]) -> Decoded:
    unmarked = _utf16_by_zeros(content) if b"\0" in content else None
    if _JIS_ESCAPE in content and _is_written(content, "iso-2022-jp"):
        return _decoded(content, "iso-2022-jp", "detected", flags)
    if unmarked is None:
        with suppress(UnicodeDecodeError):
            text = content.decode()
            return Decoded(text, "utf-8", "utf-8", tuple(dict.fromkeys(flags)))
    torn = "utf-8" if _is_torn_utf8(content) else None
    guess = unmarked or torn or _detected(content)
    if guess:
        return _decoded(content, guess, "detected", flags)
    return _decoded(content, "windows-1252", "fallback", flags)


def _utf16_by_zeros(content: bytes) -> str | None:
    """Recognise unmarked UTF-16 by its zero bytes: every second one of Latin text."""
    head = content[:PRESCAN_BYTES]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 5 < len(head):
        return None
    if even == 0:
        return "utf-16le"
    return "utf-16be" if odd == 0 else None


def _detected(content: bytes) -> str | None:
    try:
        label = cchardet.detect(content)["encoding"]
    except (ValueError, RuntimeError, UnicodeError):
        return None
    label = (label or "").lower()
    named = webencodings.lookup(_DETECTOR_NAMES.get(label, label))
    if named is None or named.name in {"replacement", "utf-8"}:
        return None
    if named.name == "koi8-r" and _UKRAINIAN.search(content):
        return "koi8-u"
    return str(named.name)


def _is_torn_utf8(content: bytes) -> bool:
    """Tell whether a few bad bytes are all that keeps *content* from being UTF-8.

    One byte cut off, or pasted from elsewhere, makes detectors take the rest for a
    legacy encoding. Of 250 files in such encodings none has even half as many
    characters of UTF-8 as bytes that are bad; here there are more of them.
    """
    text = content.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", "ignore")) > 2 * bad


def _decoded(
    content: bytes, encoding: str, source: Source, flags: list[str] | None = None
) -> Decoded:
    codec = _CODECS.get(encoding, encoding)
    errors = "replace" if encoding in _MULTI_BYTE else "wirehouse-c1"
    try:
        text = content.decode(codec, errors)
    except (LookupError, UnicodeError):
        text = webencodings.decode(content, encoding, "replace")[0]
    found = list(dict.fromkeys(flags or ()))
    if "\ufffd" in text and not _is_written(content, codec):
        found.append("undecodable")
    return Decoded(text, encoding, source, tuple(found))


def _is_written(content: bytes, codec: str) -> bool:
    """Tell whether all of *content* means something, U+FFFD itself included."""
    try:
        content.decode(codec)
    except (LookupError, UnicodeError):
        return False
    return True


def _c1_for_undefined(error: UnicodeError) -> tuple[str, int]:
    """Map bytes that a single-byte encoding leaves open as the WHATWG's indexes do."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start]
    text = (
        chr(byte)
        if error.encoding.startswith(("cp125", "charmap", "windows")) and byte < 0xA0
        else "\ufffd"
    )
    return text, error.start + 1


codecs.register_error("wirehouse-c1", _c1_for_undefined)


# --- repair ---------------------------------------------------------------------

Rules = tuple[tuple[str, Callable[[str], str]], ...]

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NEEDS_LOOK = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Thai, Lao, Burmese and Khmer part their words with U+200B, Mongolian its vowels with
# U+180E; anywhere else these mean nothing.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_ZERO_WIDTH = re.compile(
    f"[\u2060\ufeff]|(?<![{_SPACELESS}])\u200b|(?<![\u1820-\u18aa])\u180e"
)
# In prose, what stands beside no text is layout and splits no word: editors end lines
# with it, and hold empty ones open.
_ZERO_WIDTH_WITHIN = re.compile(
    r"(?<=[^\s\u200b\u2060])"
    f"(?:\u2060|(?<![{_SPACELESS}])\u200b)+"
    r"(?=[^\s\u200b\u2060])"
    "|\ufeff|(?<![\u1820-\u18aa])\u180e"
)
# A joiner means something between letters of scripts that join, and in emoji. At the
# end of a word, too, U+200D does beside a letter (Persian dates), and either after a
# virama (chillus of Malayalam, hasanta of Bengali).
_JOINED = re.compile("[\u0600-\u109f\u1780-\u18af\ua800-\uabff]")
_JOINING = re.compile(
    f"[{_JOINED.pattern[1:-1]}\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"
)
_JOINERS = re.compile("[\u200c\u200d]+")
_VIRAMA = 9  # the class of combining marks that end a letter (Unicode, 4.3)
MAX_MARKS = 30  # combining marks in a row: the limit of UAX 15's Stream-Safe Format
# Latin letters and the signs of typesetting: no rule but those on mojibake and entities
# changes any of them, and the signs alone never look like mojibake to ftfy, which takes
# its time. Most texts hold nothing else; tests try these characters all.
_SIGNS = "\t\n\r\x20-\x7e\xa0\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u2122\xae"
_TYPESET = re.compile(f"[{_SIGNS}]*")
_LATIN = re.compile(f"[{_SIGNS}\xa1-\u02ff\u2010-\u2027\u2030-\u205e\u20ac]*")


@cache
def _marks() -> re.Pattern[str]:
    """Find combining marks in a row; built when it is asked, for it takes 10 ms."""
    # None lies above plane 1.
    marks = "".join(filter(unicodedata.combining, map(chr, range(0x20000))))
    return re.compile(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+")


# With its semicolon: without one, `?a=1&copy=2` would read `?a=1©=2`.
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
)
MAX_ROUNDS = 20  # `&amp;amp;lt;` needs 3; what needs more than this was made to
MAX_CACHED = 2_000  # characters: titles and names recur, long texts do not


@cache
def _ftfy() -> tuple[ModuleType, ftfy.TextFixerConfig]:
    """Import ftfy, 50 ms, when a text first holds what may be mojibake.

    Only what undoes a wrong decoding: everything that merely looks nicer is off.
    """
    import ftfy  # noqa: PLC0415

    return ftfy, ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        explain=True,
    )


# UTF-8 read as windows-1252 that ftfy leaves alone or reads wrongly: a closing quote
# without its last byte, which windows-1252 leaves open (ftfy takes the blank behind it
# for that byte, and makes a dagger of both); the signs of trade mark and number.
_TORN_QUOTE = re.compile(
    "(?<![\xc2-\xf4\u0192])\xe2\u20ac\xc2?(?=[ \t\n.,;:!)\\]<]|\\Z)"
)
# After other signs, they may be part of a letter that was broken twice.
_SIGN = re.compile("(?<![^\x00-\x7f])\xe2\u201e(?:\xa2|\u2013)")
_SIGN_MEANT = {"\xe2\u201e\xa2": "\u2122", "\xe2\u201e\u2013": "\u2116"}
# The last letter of a word in capitals is no mojibake: before what follows words, a
# no-break space or a sign, and before the second of two quotes around that word.
_CAPITALS = "A-Z\xc0\xc1\xc4-\xde"
_SHOUTED = re.compile(
    f"((?<=[A-Z][{_CAPITALS}])[\xc2\xc3](?=\xa0|[\xa9\xab\xae\xbb](?!\\w))"
    f"|\u201c[A-Z][{_CAPITALS}]*\xc3\u201d(?!\\w)"
    f"|\u2018[A-Z][{_CAPITALS}]*\xc3\u2019(?!\\w))"
)
# Whoever writes about encodings shows what they break.
_ON_ENCODINGS = re.compile(
    r"mojibake|\butf-?8\b|\bunicode\b|\blatin-?1\b|\biso[- ]?8859|\bwindows-125\d"
    r"|\bcp-?125\d|\bcharsets?\b|(?:character|text) encoding|zeichen(?:satz|kodierung)"
    r"|encodage|codificación de caracteres|кодировк|文字化け|乱码|亂碼",
    re.IGNORECASE,
)


# Letters of scripts that few texts have, N'Ko and Mongolian among them: where there are
# but one or two after a repair, they are by mistake, as ftfy makes one of "\xdf\xaa".
_STRANGE = re.compile(
    "[\u0700-\u085f\u1400-\u177f\u1800-\u18af\u1900-\u1aff\ua000-\ua6ff]"
)
MIN_STRANGE = 3

# What ftfy takes for mojibake has two characters beyond ASCII side by side, or one of
# these few; tests hold this against ftfy. Of 1,294 files of hubs 134 have a text with
# such letters, but 5 have one where ftfy is to be asked, which takes 35 ms to import.
_SUSPECT = re.compile("[^\x00-\x7f]{2}|[\x80-\x9f\u0152\u0153\xc2\xc3]")


def _is_bad(text: str) -> bool:
    if not _SUSPECT.search(text):
        return False
    if _TORN_QUOTE.search(text) or _SIGN.search(text):
        return True
    module, _ = _ftfy()
    return bool(module.badness.is_bad(_SHOUTED.sub("A", text)))


def _repair(text: str, entities: bool) -> Repaired:  # noqa: FBT001 - a cache key
    return _mended(text, entities=entities, rules=_FIELD_RULES if entities else _RULES)


def _mended(text: str, *, entities: bool, rules: Rules) -> Repaired:
    if not (entities and "&" in text) and (
        _TYPESET.fullmatch(text) or (_LATIN.fullmatch(text) and not _is_bad(text))
    ):
        return Repaired(text)
    applied: dict[str, None] = {}
    mended = text
    for _ in range(MAX_ROUNDS):  # one repair may uncover another
        before = mended
        if entities:
            unescaped = _unescape(mended)
            if unescaped is None:
                break
            if unescaped != mended:
                applied["entities"] = None
                mended = unescaped
        for rule, mend in rules:
            mended, was = mend(mended), mended
            if mended != was:
                applied[rule] = None
        if mended == before:
            return Repaired(mended, tuple(applied))
    if entities:
        # Those within entities without end are left as they are, at every call.
        return _mended(text, entities=False, rules=rules)
    return Repaired(mended, tuple(applied))


_repair_cached = lru_cache(maxsize=8_192)(_repair)


def _unescape(text: str) -> str | None:
    """Resolve entities, and those that it uncovers; None if that does not end."""
    for _ in range(MAX_ROUNDS):
        if "&" not in text:
            return text
        text, before = _ENTITY.sub(_character, text), text
        if text == before:
            return text
    return None


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    return html.unescape(entity[0]) if name[0] == "#" else html5.get(name, entity[0])


def _fix_mojibake(text: str) -> str:
    if text.isascii():
        return text
    return "\n".join(_fix_paragraph(paragraph) for paragraph in text.split("\n"))


def _fix_paragraph(paragraph: str) -> str:
    if not _is_bad(paragraph) or _ON_ENCODINGS.search(paragraph):
        return paragraph
    parts = _SHOUTED.split(paragraph)
    parts[::2] = [_fix_prose(part) if _is_bad(part) else part for part in parts[::2]]
    return "".join(parts)


def _fix_prose(paragraph: str) -> str:
    module, config = _ftfy()
    paragraph = _TORN_QUOTE.sub("\u201d", paragraph)
    paragraph = _SIGN.sub(lambda sign: _SIGN_MEANT[sign[0]], paragraph)
    fixed = str(module.fix_encoding_and_explain(paragraph, config).text)
    strange = len(_STRANGE.findall(fixed)) - len(_STRANGE.findall(paragraph))
    return paragraph if 0 < strange < MIN_STRANGE else fixed


def _drop_controls(text: str) -> str:
    return _CONTROLS.sub("", text)


def _drop_zero_width(text: str) -> str:
    if text.isascii():
        return text
    return _JOINERS.sub(_needed_joiner, _ZERO_WIDTH.sub("", text))


def _drop_zero_width_within(text: str) -> str:
    if text.isascii():
        return text
    return _JOINERS.sub(_needed_joiner, _ZERO_WIDTH_WITHIN.sub("", text))


def _needed_joiner(found: re.Match[str]) -> str:
    """Return joiners where they change how their neighbours look, else nothing."""
    joiners = found[0]
    before = found.string[max(found.start() - 1, 0) : found.start()]
    after = found.string[found.end() : found.end() + 1]
    is_between = _JOINING.match(before) and _JOINING.match(after)
    is_beside = "\u200d" in joiners and (_JOINED.match(before) or _JOINED.match(after))
    is_at_end = before and unicodedata.combining(before) == _VIRAMA
    return joiners if is_between or is_beside or is_at_end else ""


def _cap_marks(text: str) -> str:
    if text.isascii():
        return text
    return _marks().sub(r"\1", text)


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_RULES = (
    ("mojibake", _fix_mojibake),
    ("control_characters", _drop_controls),
    ("zero_width", _drop_zero_width_within),
    ("combining_marks", _cap_marks),
    ("nfc", _compose),
)
_FIELD_RULES = tuple(
    (name, _drop_zero_width if name == "zero_width" else mend) for name, mend in _RULES
)
