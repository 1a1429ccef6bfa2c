"""A drawing is kept if it neither runs nor loads anything."""

from __future__ import annotations

import pytest

from tasks.svg import MAX_ELEMENTS, NotSvgError, UnsafeSvgError, svg_size

NAMESPACES = (
    'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def drawing(inside: str = "", *, attributes: str = "") -> bytes:
    return f"<svg {NAMESPACES} {attributes}>{inside}</svg>".encode()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="20" height="10"', (20, 10)),
        ('width="1in" height="2.5px"', (96, 2)),
        ('width="100%" height="100%" viewBox="0 0 64 32"', (64, 32)),
        ('viewBox="0,0,64.4,32"', (64, 32)),
        ('width="20"', None),
        ('width="-1" height="1e99"', None),
        ('viewBox="0 0 0.1 0.1"', (1, 1)),
        ("", None),
    ],
)
def test_the_size_is_what_the_drawing_asks_for(
    attributes: str, size: tuple[int, int] | None
) -> None:
    assert svg_size(drawing(attributes=attributes)) == size


@pytest.mark.parametrize(
    "inside",
    [
        "<title>Bees</title><path d='M0 0h1'/>",
        "<style>rect { fill: url(#sky); font: 1em sans-serif }</style>",
        "<use xlink:href='#a'/><rect fill='url(#sky)' style='stroke: red'/>",
        "<image href='data:image/png;base64,AAAA'/>",
        "<a href='https://news.example/'><text>News</text></a>",
        "<animate attributeName='x' values='0;1'/>",
        "<metadata><x:license xmlns:x='urn:x' x:resource='https://x.example/'/></metadata>",
    ],
)
def test_a_still_drawing_is_kept(inside: str) -> None:
    assert svg_size(drawing(inside, attributes='width="1" height="2"')) == (1, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_may_have_a_doctype_and_an_encoding(encoding: str) -> None:
    doctype = (
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"'
        ' "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    )
    text = doctype + drawing('<text x="1">\u00e9</text>').decode()

    assert svg_size(text.encode(encoding)) is None


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<script>alert(1)</script>", "'script'"),
        ("<SCRIPT/>", "'script'"),
        ("<foreignObject/>", "'foreignobject'"),
        ("<g onload='x()'/>", "'onload'"),
        ("<g ONLOAD='x()'/>", "'onload'"),
        ("<h:div xmlns:h='http://www.w3.org/1999/xhtml'/>", "'div'"),
        ("<image href='https://spy.example/1.png'/>", "refers to"),
        ("<image href='//spy.example/1.png'/>", "refers to"),
        ("<image xlink:href='other.svg#a'/>", "refers to"),
        ("<image href='data:image/svg+xml,x'/>", "refers to"),
        ("<image href='data:text/html,x'/>", "refers to"),
        ("<a href='javascript:x()'/>", "refers to"),
        ("<a href=' JavaScript:x()'/>", "refers to"),
        ("<a href='java&#10;script:x()'/>", "refers to"),
        ("<use href='https://spy.example/#a'/>", "refers to"),
        ("<g xml:base='https://spy.example/'/>", "base"),
        ("<style>@import 'https://spy.example/';</style>", "style"),
        ("<style>g { fill: url(https://spy.example/) }</style>", "style"),
        ("<style>g { fill: url( 'https://spy.example/' ) }</style>", "style"),
        ("<style>g { fill: u\\72l(https://spy.example/) }</style>", "style"),
        ("<style>g { fill: u<!-- -->rl(//spy.example/) }</style>", "style"),
        ("<style><![CDATA[@import '//spy.example/';]]></style>", "style"),
        ("<g style='fill: url(//spy.example/)'/>", "style"),
        ("<g fill='url(https://spy.example/#a)'/>", "style"),
        ("<style>@import '//spy.example/';<g/></style>", "style"),
        ("<style>g { <g/>fill: url(//spy.example/) }</style>", "style"),
        ("<g style='cursor: image-set(&quot;//spy.example/&quot; 1x)'/>", "style"),
        ("<g style='cursor: -webkit-image-set(&quot;//a/&quot; 1x)'/>", "style"),
        ("<g style='fill: src(&quot;//spy.example/&quot;)'/>", "style"),
        ("<a href='#a' ping='https://spy.example/'/>", "refers to"),
        ("<set attributeName='href' to='javascript:x()'/>", "changes 'href'"),
        ("<animate attributeName='xlink:href' values='a'/>", "changes 'href'"),
        ("<set attributeName='onclick' to='x()'/>", "changes 'onclick'"),
        ("<?xml-stylesheet href='https://spy.example/'?>", "style sheet"),
        ("<g>" * 300 + "</g>" * 300, "too many elements"),
        ("<g/>" * (MAX_ELEMENTS + 1), "too many elements"),
        ("<g>", "not well-formed"),
        ("&nbsp;", "not well-formed"),
    ],
)
def test_a_drawing_that_runs_or_loads_something_is_refused(
    inside: str, why: str
) -> None:
    with pytest.raises(UnsafeSvgError, match=why):
        svg_size(drawing(inside))


@pytest.mark.parametrize("address", ["https://spy.example/a.dtd", "file:///a", "a"])
def test_a_drawing_that_is_defined_elsewhere_is_refused(address: str) -> None:
    content = f"<!DOCTYPE svg SYSTEM {address!r}>".encode() + drawing()

    with pytest.raises(UnsafeSvgError, match="defined by"):
        svg_size(content)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "b">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "https://spy.example/">',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
    ],
)
def test_a_drawing_with_entities_is_refused(declaration: str) -> None:
    content = f"<!DOCTYPE svg [{declaration}]>".encode() + drawing()

    with pytest.raises(UnsafeSvgError, match="entities"):
        svg_size(content)


def test_a_drawing_of_many_megabytes_is_refused() -> None:
    with pytest.raises(UnsafeSvgError, match="more than 5 MB"):
        svg_size(drawing(" " * 5_000_000))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"\xff\xfe",
        b"<html/>",
        b"<svg/>",
        b'<svg xmlns="urn:x"/>',
        b'<!DOCTYPE html><svg xmlns="http://www.w3.org/2000/svg">',
        b'<?xml version="1.0" encoding="nonsense"?><svg/>',
    ],
)
def test_what_is_no_drawing_is_told_apart(content: bytes) -> None:
    with pytest.raises((NotSvgError, UnsafeSvgError)) as refused:
        svg_size(content)

    is_svg = b"2000/svg" in content
    assert isinstance(refused.value, UnsafeSvgError if is_svg else NotSvgError)
