# ruff: noqa: RUF001 - letters of many scripts are what this is about
"""Bytes become text by the label that is true; text is mended, good text left."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import text as text_room
from tasks.text import (
    MAX_MARKS,
    Decoded,
    Repaired,
    charset_of,
    decode,
    repair,
)
from tests.pace import Watch

SAMPLES = Path(__file__).parent / "samples"
GERMAN = "Die Fähre fährt früh über den Fluß, sagte die Wärterin."
META = '<!doctype html><html><head><meta charset="{}"></head><body>{}</body></html>'

# What says which encoding it is


@pytest.mark.parametrize(
    ("mark", "codec", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8", "utf-8"),
        (b"\xff\xfe", "utf-16-le", "utf-16le"),
        (b"\xfe\xff", "utf-16-be", "utf-16be"),
    ],
    ids=["utf-8", "utf-16le", "utf-16be"],
)
def test_a_byte_order_mark_beats_every_label_and_is_no_text(
    mark: bytes, codec: str, encoding: str
) -> None:
    content = mark + GERMAN.encode(codec)

    assert decode(content, "iso-8859-1") == Decoded(GERMAN, encoding, "bom")


@pytest.mark.parametrize(
    "declared",
    [
        "windows-1252",
        "ISO-8859-1",
        "latin1",
        " us-ascii ",
        "text/html; charset=windows-1252",
        'text/html;charset="windows-1252"',
        "text/html; Charset = 'cp1252'",
        "charset=x-cp1252",
    ],
)
def test_the_header_names_the_encoding_in_any_of_its_spellings(declared: str) -> None:
    decoded = decode(GERMAN.encode("cp1252"), declared)

    assert decoded == Decoded(GERMAN, "windows-1252", "header")


@pytest.mark.parametrize(
    ("content_type", "label"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ('text/html; charset="utf-8"; x=y', "utf-8"),
        ("text/html; CHARSET='koi8-r'", "koi8-r"),
        ("text/html; charset=", None),
        ("text/html", None),
        ("", None),
    ],
)
def test_a_content_type_may_name_a_charset(
    content_type: str, label: str | None
) -> None:
    assert charset_of(content_type) == label


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="windows-1251">',
        "<meta charset=windows-1251>",
        "<META CHARSET='cp1251'/>",
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "<meta content='text/html;charset=windows-1251' http-equiv=content-type>",
        '<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">',
        '<meta name="x" content="charset=koi8-r"><meta charset="windows-1251">',
        "<!----><meta charset=windows-1251 charset=koi8-r>",
        "<p title='<meta charset=koi8-r>'><meta charset=windows-1251>",
        '<p title="><meta charset=koi8-r>"><meta charset=windows-1251>',
        "</p title='>'><? <meta charset=koi8-r><! x><meta x=y charset=windows-1251>",
        "<metacharset=koi8-r><meta\tcharset\n=\fwindows-1251>",
        "<meta content='text/html; charset=koi8-r'><meta charset=windows-1251>",
    ],
)
def test_a_meta_element_names_the_encoding_where_no_header_does(head: str) -> None:
    text = f"<html><head>{head}</head><body>Маяк и кот</body></html>"
    content = text.encode("cp1251")

    assert decode(content) == Decoded(text, "windows-1251", "meta")
    assert decode(content, "koi8-r").source == "header"


@pytest.mark.parametrize("label", ["no-such-one", 'koi8-r"'])
def test_behind_a_label_that_means_nothing_the_next_is_looked_for(label: str) -> None:
    head = f"<meta charset={label}><meta charset=windows-1251>"

    assert decode(head.encode()) == Decoded(
        head, "windows-1251", "meta", ("unknown_label",)
    )


@pytest.mark.parametrize(
    "head",
    [
        "<meta charset=koi8-r",
        "<meta charset='koi8-r>",
        "<p title='<meta charset=koi8-r>",
        "<!-- <meta charset=koi8-r>",
        "<meta http-equiv=Refresh content='0; charset=koi8-r'>",
        "<meta name=charset content=koi8-r>",
        "<meta test='\" charset=koi8-r><p>\"'</p>",
    ],
)
def test_what_only_resembles_a_label_names_no_encoding(head: str) -> None:
    assert decode(head.encode()) == Decoded(head, "utf-8", "utf-8")


def test_a_meta_element_has_no_say_in_markdown() -> None:
    content = META.format("windows-1251", "Здравствуй, маяк").encode()

    assert decode(content, prescan=False) == Decoded(content.decode(), "utf-8", "utf-8")


def test_a_meta_element_is_looked_for_in_the_first_bytes_alone() -> None:
    content = b" " * 1024 + META.format("koi8-r", "plain").encode()

    assert decode(content).source == "utf-8"


@pytest.mark.parametrize("label", ["utf-16", "utf-16be", "UTF-16LE", "csUnicode"])
def test_a_meta_element_that_can_be_read_is_not_in_utf_16(label: str) -> None:
    content = META.format(label, GERMAN).encode()

    assert decode(content) == Decoded(content.decode(), "utf-8", "meta")


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("iso-8859-1", GERMAN),
        ("windows-1251", "Маяк"),
        ("euc-kr", "등대"),
        ("shift_jis", "灯台の猫"),
        ("gb2312", "灯塔与猫"),
    ],
)
def test_a_wrong_label_is_overridden_by_what_is_plainly_utf_8(
    declared: str, text: str
) -> None:
    content = META.format(declared, text).encode()

    by_header = decode(text.encode(), declared)
    by_meta = decode(content)

    assert by_header == Decoded(text, "utf-8", "utf-8", ("label_overridden",))
    assert by_meta == Decoded(content.decode(), "utf-8", "utf-8", ("label_overridden",))


def test_plain_ascii_keeps_the_label_it_has() -> None:
    assert decode(b"a lighthouse", "iso-8859-1").encoding == "windows-1252"


def test_a_stray_zero_byte_does_not_hide_utf_8() -> None:
    text = "Die Fähre\0 fährt früh. " * 3

    assert decode(text.encode(), "iso-8859-1") == Decoded(
        text, "utf-8", "utf-8", ("label_overridden",)
    )


@pytest.mark.parametrize(
    "label", ["rot13", "punycode", "utf-7", "idna", "base64", "unicode_escape", "x"]
)
def test_an_unknown_label_is_flagged_and_never_asked(label: str) -> None:
    by_header = decode(GERMAN.encode(), label)
    by_meta = decode(META.format(label, GERMAN).encode())

    assert by_header == Decoded(GERMAN, "utf-8", "utf-8", ("unknown_label",))
    assert (by_meta.source, by_meta.flags) == ("utf-8", ("unknown_label",))


def test_where_the_header_is_nonsense_the_meta_element_is_asked() -> None:
    content = META.format("windows-1251", "Маяк и кот").encode("cp1251")

    decoded = decode(content, "text/html; charset=none")

    assert (decoded.encoding, decoded.source) == ("windows-1251", "meta")
    assert decoded.flags == ("unknown_label",)


@pytest.mark.parametrize(
    ("codec", "encoding"), [("utf-16-le", "utf-16le"), ("utf-16-be", "utf-16be")]
)
def test_utf_16_is_known_by_its_zeros_without_a_mark(codec: str, encoding: str) -> None:
    assert decode(GERMAN.encode(codec)) == Decoded(GERMAN, encoding, "detected")


# Each CJK encoding, declared and not

JAPANESE = "灯台の猫は毎朝、最初の船が着く前に階段を下りて、郵便を待っています。" * 3
KOREAN = "등대의 고양이는 매일 아침 첫 배가 도착하기 전에 계단을 내려와 기다린다. " * 3
SIMPLIFIED = "灯塔里的猫每天早晨都在第一艘船靠岸之前走下楼梯，等待邮件的到来。" * 3
TRADITIONAL = "燈塔裡的貓每天早晨都在第一艘船靠岸之前走下樓梯，等待郵件的到來。" * 3
EAST_ASIAN = [
    ("shift_jis", "shift_jis", JAPANESE),
    ("euc_jp", "euc-jp", JAPANESE),
    ("iso2022_jp", "iso-2022-jp", JAPANESE),
    ("euc_kr", "euc-kr", KOREAN),
    ("gb18030", "gb18030", SIMPLIFIED),
    ("gbk", "gbk", SIMPLIFIED),
    ("big5", "big5", TRADITIONAL),
]


@pytest.mark.parametrize(
    ("codec", "encoding", "text"), EAST_ASIAN, ids=[e for _, e, _ in EAST_ASIAN]
)
def test_east_asian_text_is_read_by_its_label(
    codec: str, encoding: str, text: str
) -> None:
    assert decode(text.encode(codec), encoding) == Decoded(text, encoding, "header")


@pytest.mark.parametrize(
    ("codec", "encoding", "text"),
    [row for row in EAST_ASIAN if row[1] not in {"gbk", "iso-2022-jp"}],
    ids=[e for _, e, _ in EAST_ASIAN if e not in {"gbk", "iso-2022-jp"}],
)
def test_east_asian_text_is_detected_without_a_label(
    codec: str, encoding: str, text: str
) -> None:
    assert decode(text.encode(codec)) == Decoded(text, encoding, "detected")


@pytest.mark.parametrize(
    ("label", "content", "text"),
    [
        ("shift_jis", b"\x87\x40\xfa\xb1", "①﨑"),
        ("euc-kr", b"\x8c\x63", "똠"),
        ("gbk", b"\x80\xa2\xe3", "€€"),
        ("gb2312", b"\x94\x39\xda\x33", "\U0001f4a9"),
        ("big5", b"\x87\x40", "䏰"),
    ],
    ids=["shift_jis NEC", "uhc", "gbk euro", "gb2312 4 bytes", "big5 hkscs"],
)
def test_labels_mean_the_larger_encodings_that_browsers_take_them_for(
    label: str, content: bytes, text: str
) -> None:
    decoded = decode(content, label)

    assert decoded.text[-1] == text[-1]
    assert "undecodable" not in decoded.flags or label == "gbk"


# Bytes that mean nothing


def test_windows_1252_maps_its_five_open_bytes_to_controls() -> None:
    decoded = decode(b"\x80\x81\x8d\x8f\x90\x9d\xe9", "windows-1252")

    assert decoded.text == "€\x81\x8d\x8f\x90\x9dé"
    assert decoded.flags == ()


def test_a_byte_without_meaning_becomes_u_fffd_and_is_flagged() -> None:
    torn = decode(GERMAN.encode()[:6], "utf-8")
    greek = decode(b"\xe1\xd2\xe1", "windows-1253")

    assert torn == Decoded("Die F\ufffd", "utf-8", "header", ("undecodable",))
    assert greek.text == "α\ufffdα"
    assert greek.flags == ("undecodable",)


def test_labels_that_python_has_no_codec_for_mean_what_browsers_take_them_for() -> None:
    user_defined = decode(b"a\x80", "x-user-defined")
    refused = decode(b"~{<:Ky2;", "hz-gb-2312")

    assert user_defined == Decoded("a\uf780", "x-user-defined", "header")
    assert refused.encoding == "replacement"
    assert refused.flags == ("undecodable",)


def test_a_u_fffd_that_was_written_is_not_flagged() -> None:
    assert decode("a \ufffd".encode()).flags == ()


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (JAPANESE, "iso-2022-jp"),
        ("Маяк Лютого острова світить кожної ночі, каже Ївга.", "koi8-u"),
        ("Смотритель маяка видит корабли каждую ночь.", "koi8-r"),
    ],
)
def test_encodings_that_look_like_others_are_told_apart(text: str, codec: str) -> None:
    decoded = decode(text.encode(codec))

    assert (decoded.text, decoded.encoding) == (text, codec)
    assert decoded.source == "detected"


def test_bytes_that_no_detector_knows_are_windows_1252() -> None:
    assert decode(b"\xff") == Decoded("ÿ", "windows-1252", "fallback")


def test_torn_utf_8_is_still_utf_8() -> None:
    content = GERMAN.encode() * 3

    decoded = decode(content[:-3] + b"\xc3")

    assert decoded == Decoded(
        content[:-3].decode() + "\ufffd", "utf-8", "detected", ("undecodable",)
    )


@pytest.mark.parametrize("stray", [b"\x92", b"\xe9", b"\x80\x9d", b"\xa0"])
def test_a_stray_byte_does_not_hide_utf_8(stray: bytes) -> None:
    text = "Cafés “zum Leuchtturm” – täglich geöffnet"
    front, back = text[:20].encode(), text[20:].encode()

    decoded = decode(front + stray + back)

    assert (decoded.encoding, decoded.source) == ("utf-8", "detected")
    assert decoded.flags == ("undecodable",)
    assert decoded.text.replace("\ufffd", "") == text


def test_bad_bytes_are_flagged_beside_a_u_fffd_that_was_written() -> None:
    assert decode("a \ufffd".encode() + b"\xff", "utf-8").flags == ("undecodable",)


def test_nothing_is_empty_utf_8() -> None:
    assert decode(b"") == Decoded("", "utf-8", "utf-8")


@settings(deadline=None)
@given(st.binary(), st.none() | st.text())
def test_decoding_never_raises(content: bytes, declared: str | None) -> None:
    decoded = decode(content, declared)

    assert decoded.encoding == decoded.encoding.lower()
    decoded.text.encode()  # no surrogates


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_is_always_read_as_it_was_written(text: str) -> None:
    assert decode(text.encode(), "utf-8").text == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    "content",
    [b"<meta " * 1_000_000, b"<!--" * 1_000_000, b"\xff\xfe" + b"\x00\xd8" * 500_000],
    ids=["meta without end", "comment without end", "lone surrogates"],
)
def test_hostile_bytes_take_no_longer_than_others(content: bytes) -> None:
    watch = Watch()

    decode(content)

    assert watch.within(3)


# What is mended


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("the US governmentâ€™s plan", "the US government’s plan", "mojibake"),
        ("CafÃ© on the mole", "Café on the mole", "mojibake"),
        ("schÃ¶n und grÃ¼n", "schön und grün", "mojibake"),
        ("A IRMÃ® tem um cafÃ©", "A IRMÃ® tem um café", "mojibake"),
        ("Windowsâ„¢ is here", "Windows™ is here", "mojibake"),
        ("das Kabel â„– 7", "das Kabel № 7", "mojibake"),
        ("he said â€œahoyâ€", "he said “ahoy”", "mojibake"),
        ("he said â€œahoyâ€ and left", "he said “ahoy” and left", "mojibake"),
        ("Ã¢â‚¬Å“ahoyÃ¢â‚¬Â\u009d", "“ahoy”", "mojibake"),
        ("Ã¢â‚¬Å“ahoyÃ¢â‚¬Â", "“ahoy”", "mojibake"),
        ("a\x00b\x07c\x1bd\x7fe", "abcde", "control_characters"),
        ("a\x81b\x9dc", "abc", "control_characters"),
        ("half \ud800 a pair", "half  a pair", "control_characters"),
        ("light\u200bhouse", "lighthouse", "zero_width"),
        ("light\u2060house\ufeff", "lighthouse", "zero_width"),
        ("Auf\u200clage", "Auflage", "zero_width"),
        ("کتاب\u200c و", "کتاب و", "zero_width"),
        ("Licht\u200d", "Licht", "zero_width"),
        ("left\u180eover", "leftover", "zero_width"),
        ("a" + "\u0316" * 40, "a" + "\u0316" * MAX_MARKS, "combining_marks"),
        ("Cafe\u0301", "Café", "nfc"),
        ("\u1112\u1161\u11ab", "한", "nfc"),
    ],
)
def test_what_was_never_right_is_mended(before: str, after: str, rule: str) -> None:
    repaired = repair(before)

    assert repaired.text == after
    assert repaired.rules == (rule,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Cheese &amp; salt", "Cheese & salt"),
        ("the island&#8217;s wind", "the island’s wind"),
        ("it&#x2019;s", "it’s"),
        ("&quot;no&quot; &lt;b&gt;", '"no" <b>'),
        ("caf&eacute;", "café"),
        ("5&nbsp;km", "5\u00a0km"),
        ("&amp;rsquo;", "’"),
        ("&amp;amp;amp;lt;", "<"),
    ],
)
def test_entities_are_resolved_where_the_text_is_no_html(
    before: str, after: str
) -> None:
    repaired = repair(before, entities=True)

    assert (repaired.text, repaired.rules) == (after, ("entities",))
    assert repair(before).text == before


@pytest.mark.parametrize(
    "text",
    [
        "see https://news.example/?a=1&copy=2&reg=3",
        "AT&T, R&D and Q&A",
        "&unknown; &;",
        "&" + "amp;" * 40 + "lt;",
    ],
    ids=["an address", "ampersands", "no entities", "without end"],
)
def test_what_is_no_entity_stays(text: str) -> None:
    repaired = repair(text, entities=True)

    assert (repaired.text, repaired.rules) == (text, ())


@pytest.mark.parametrize("space", ["\u200b", "\u2060", "\u200b\u2060"])
def test_prose_keeps_zero_width_spaces_that_split_no_word_and_fields_keep_none(
    space: str,
) -> None:
    for text in (space, f"The end.{space}", f"{space}First", f"and {space} so on"):
        assert repair(text).rules == ()
        kept = repair(text, entities=True)
        assert (kept.text, kept.rules) == (text.replace(space, ""), ("zero_width",))
    for entities in (False, True):
        assert repair(f"light{space}house", entities=entities).text == "lighthouse"


def test_one_repair_may_uncover_another_and_each_is_named_once() -> None:
    repaired = repair("&acirc;&euro;&trade;s\u200b caf&Atilde;&copy;", entities=True)

    assert repaired.text == "’s café"
    assert repaired.rules == ("entities", "mojibake", "zero_width")


GOOD = {
    "no-break space after an accent": "está\u00a0próximo",
    "accent before a space": "está próximo à noite",
    "circumflex in capitals": "MISUTÂ AJIKKO",
    "circumflex in capitals before a no-break space": "MISUTÂ\u00a0AJIKKO",
    "the low quotes of Romanian": "ei zic: „hotărâ„ – și nu „hotărî”",
    "quotation marks": "“Nein”, sagte er – ‘vielleicht’…",
    "guillemets": "«Où est-il\u00a0?» demanda-t-elle\u00a0: «là»",
    "ligatures and widths": "ﬁn, ＡＢＣ, ｶﾅ, ½",
    "Latin letters that are N'Ko as UTF-8": "ŒéÜßªąñ",
    "currency": "€5 – £4 – ¥300",
    "soft hyphen": "Leucht\u00adturm",
    "no-break spaces": "10\u00a0000\u202fkm",
    "line ends and tabs": "one\ntwo\r\nthree\tfour",
    "persian": "می\u200cخواهم",
    "hindi": "क्\u200dष",
    "khmer": "ភាសា\u200bខ្មែរ",
    "bengali": "ক্\u200c শব্দ",
    "malayalam": "അവന്\u200d വന്നു",
    "thai": "ภาษา\u200bไทย",
    "mongolian": "ᠬᠠᠷ\u180eᠠ",
    "family": "👩\u200d❤️\u200d👩 👨\u200d👩\u200d👧",
    "black bird": "🐦\u200d⬛",
    "nod": "🙂\u200d↕️",
    "flag": "🏴\u200d☠️",
    "vietnamese": "Tiếng Việt đọc được",
    "hebrew points": "בְּרֵאשִׁית",
    "russian": "Маяк и кот",
    "greek": "Το νησί χωρίς ρολόγια",
    "japanese": JAPANESE,
    "html": "<p>a &amp; b</p>",
}


def test_what_is_mended_beside_mojibake_is_mojibake_alone() -> None:
    """Quotes stay curled, ligatures and wide letters as they are, and line ends."""
    good = "\u201c\ufb01ne\u201d \uff21\uff22 \u2026\r\nnext\u2028\u00a0\u00bd x\u00b2"

    mended = repair(f"It wasn\xe2\u20ac\u2122t {good}")

    assert mended.text == f"It wasn\u2019t {good}"
    assert mended.rules == ("mojibake",)


def test_good_text_of_many_languages_stays_as_it_is() -> None:
    """Signs after capitals, quotes within quotes, joiners, and texts on encodings."""
    lines = (SAMPLES / "good-text.txt").read_text(encoding="utf-8").splitlines()

    assert len(lines) > 100
    assert [line for line in lines if repair(line).rules] == []


@pytest.mark.parametrize("times", [1, 2])
def test_text_of_many_languages_is_mended_however_often_it_was_broken(
    times: int,
) -> None:
    pages = json.loads((SAMPLES / "pages" / "expected.json").read_text("utf-8"))
    texts = {text for page in pages.values() for text in page["text"]}
    broken = {_broken(text, times): text for text in texts if not text.isascii()}

    assert len(broken) > 50
    assert [meant for text, meant in broken.items() if repair(text).text != meant] == []


def _broken(text: str, times: int) -> str:
    """Read UTF-8 as windows-1252, as browsers do."""
    for _ in range(times):
        text = text.encode().decode("cp1252", "wirehouse-c1")
    return text


@pytest.mark.parametrize("text", GOOD.values(), ids=list(GOOD))
def test_good_text_stays_as_it_is(text: str) -> None:
    repaired = repair(text)

    assert (repaired.text, repaired.rules) == (text, ())


@settings(deadline=None)
@given(
    st.text(
        st.characters()
        | st.sampled_from("&;#amplt38 â€™Ã©Â\xa0\x81\u200b\u200c\u200d\u0301\u0316한👩")
    ),
    st.booleans(),
)
def test_a_text_that_was_mended_needs_no_mending(text: str, entities: bool) -> None:  # noqa: FBT001 - drawn
    once = repair(text, entities=entities)
    twice = repair(once.text, entities=entities)

    assert (twice.text, twice.rules) == (once.text, ())
    assert bool(once.rules) == (once.text != text)


@pytest.mark.parametrize("depth", [1, 3, 18, 19, 20, 21, 60])
def test_entities_within_entities_are_resolved_whole_or_not_at_all(depth: int) -> None:
    once = repair("&" + "amp;" * depth + "lt; \u200b", entities=True).text

    assert once in {"< ", "&" + "amp;" * depth + "lt; "}
    assert repair(once, entities=True).text == once


@pytest.mark.parametrize(
    "marks",
    ["\u0300\u0316", "\u0591\u05b0", "\u064b\u0650", "\u0e38\u0e48", "\u3099\u302a"],
    ids=["latin", "hebrew", "arabic", "thai", "kana"],
)
def test_forty_thousand_combining_marks_take_no_time(marks: str) -> None:
    watch = Watch()

    repaired = repair("a" + marks * 20_000)

    assert watch.within(1)
    assert "combining_marks" in repaired.rules
    assert len(repaired.text) <= 1 + MAX_MARKS


@pytest.mark.parametrize(
    "text",
    ["â€™" * 20_000, "&amp;" * 50_000, "\u200d" * 200_000, "&" * 200_000],
    ids=["mojibake", "entities", "joiners", "ampersands"],
)
def test_a_long_text_takes_no_time_either(text: str) -> None:
    watch = Watch()

    repair(text, entities=True)

    assert watch.within(3)


# What the quick look at most texts takes for good: Latin letters, signs of typesetting.
LATIN = "".join(map(chr, [9, 10, 13, *range(0x20, 0x7F), *range(0xA0, 0x300)]))
SIGNS = "\xa0\xae\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u2122"
PUNCTUATION = "".join(map(chr, [*range(0x2010, 0x2028), *range(0x2030, 0x205F)]))


def closely(text: str) -> Repaired:
    """Repair without the quick look at what is ordinary, and without memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_room, "_TYPESET", re.compile("(?!)"))
        patch.setattr(text_room, "_LATIN", re.compile("(?!)"))
        patch.setattr(text_room, "_SUSPECT", re.compile(""))
        return text_room._repair(text, False)  # noqa: FBT003


def test_signs_of_typesetting_alone_never_look_like_mojibake() -> None:
    """Nothing that ftfy takes for mojibake is made of them: its patterns span four."""
    for length in (1, 2, 3, 4):
        for signs in itertools.product(SIGNS + "aA1 .\n", repeat=length):
            assert not is_bad("".join(signs))


MOJIBAKE = "".join(MOJIBAKE_CATEGORIES.values())  # with the signs of their ranges


def test_what_ftfy_takes_for_mojibake_is_beyond_ascii() -> None:
    """So a pattern of several of them is seen by the two side by side."""
    assert {sign for sign in MOJIBAKE if sign.isascii()} == {"-"}


@settings(deadline=None, max_examples=500)
@given(st.text(st.sampled_from(MOJIBAKE + "\u0152\u0153\u0412\u0432 aA1.\n")))
def test_ftfy_is_asked_about_all_that_it_takes_for_mojibake(text: str) -> None:
    assert text_room._SUSPECT.search(text) or not is_bad(text)


def test_ftfy_takes_no_lone_character_for_mojibake_but_those_it_is_asked_about() -> (
    None
):
    for character in {*MOJIBAKE, *map(chr, range(0x80, 0x600))}:
        if not text_room._SUSPECT.search(character):
            around = (f"{a}{character}{b}" for a in " aZ." for b in " aZ.")
            assert not is_bad("\n".join(around))


@settings(deadline=None, max_examples=500)
@given(st.text(st.sampled_from(LATIN + SIGNS + PUNCTUATION + "\u20ac"), max_size=40))
def test_the_quick_look_sees_what_the_close_one_does(text: str) -> None:
    assert closely(text) == repair(text)


def test_the_quick_look_knows_each_of_its_characters() -> None:
    for character in LATIN + SIGNS + PUNCTUATION:
        for text in (f"a{character}e", f"{character} \u2019", f"E{character}"):
            assert closely(text) == repair(text), text


def test_entities_within_entities_cost_no_more_than_their_length() -> None:
    text = "é&" + "amp;" * 500_000 + "lt;"
    watch = Watch()

    assert repair(text, entities=True).text == text
    assert watch.within(3)
