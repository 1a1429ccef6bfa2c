"""One spelling per address, one key per article, and ids that never change."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import urls
from tasks.urls import (
    MAX_CACHES,
    NAMESPACE,
    SIGNATURE_PARAMETERS,
    TRACKING_PARAMETERS,
    canonical_key,
    fetch_url,
    host_of,
    identify,
    join_url,
    registrable_domain,
    url_key,
)
from tests.pace import Watch

TABLE = re.findall(r"^\| `(.+?)` \| (.+?) \|$", urls.__doc__ or "", re.MULTILINE)


def as_documented() -> list[tuple[str, str]]:
    """Read the table of the module: each address with its key."""
    rows = []
    for address, key in TABLE[1:] if TABLE[0][0] == "address" else TABLE:
        quoted = re.fullmatch("`(.+)`", key)
        rows.append((address, quoted[1] if quoted else address))
    return rows


def test_the_module_shows_five_examples() -> None:
    assert len(as_documented()) == 5
    assert doctest.testmod(urls).failed == 0


@pytest.mark.parametrize(("address", "key"), as_documented())
def test_the_examples_of_the_module_are_true(address: str, key: str) -> None:
    assert url_key(address) == key


README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"^\| `(https?:.+?)` \| `(.+?)` \| (.+?) \|$", README, re.MULTILINE | re.IGNORECASE
)
SPELLED, CLAIMED = SHOWN[:6], SHOWN[6:]


@pytest.mark.parametrize(("written", "url", "key"), SPELLED)
def test_the_addresses_of_the_readme_are_spelled_so(
    written: str, url: str, key: str
) -> None:
    assert fetch_url(written) == url
    assert url_key(written) == url_key(url) == key.strip("`")


@pytest.mark.parametrize(("page", "claimed", "key"), CLAIMED)
def test_the_claims_of_the_readme_are_judged_so(
    page: str, claimed: str, key: str
) -> None:
    assert canonical_key(claimed, page) == (None if key == "none" else key.strip("`"))


def test_the_readme_shows_ten_addresses() -> None:
    assert (len(SPELLED), len(CLAIMED)) == (6, 4)


# What to ask the network for


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("http://News.Example", "http://news.example/"),
        (" https://news.example/a\n", "https://news.example/a"),
        ("https://news.example/a b", "https://news.example/a%20b"),
        ("https://news.example:443/a", "https://news.example/a"),
        ("http://news.example:8080/a", "http://news.example:8080/a"),
        ("https://news.example/é?ü=ö#ä", "https://news.example/%C3%A9?%C3%BC=%C3%B6#%C3%A4"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        (r"https:\\news.example\a", "https://news.example/a"),
        ("https:news.example", "https://news.example/"),
        ("https://news.example/./a/../b", "https://news.example/b"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
    ],
)  # fmt: skip
def test_an_address_is_spelled_as_the_standard_says(written: str, spelled: str) -> None:
    assert fetch_url(written) == spelled


@pytest.mark.parametrize(
    "address",
    [
        "https://img.example/2020%252F06%252F11%252Fa.jpg?signature=HOChYt-_7H9ZI=",
        "https://img.example/a%2Fb%2fc?x=%7e~&y=a+b%20c",
        "https://news.example/a?b=2&a=1&b=1&&c",
        "https://news.example/a?utm_source=x#top",
        "https://news.example//a//b/?",
        "https://news.example/a;v=1,2/(x)?q[]=1|2",
    ],
)
def test_nothing_else_about_an_address_is_touched(address: str) -> None:
    assert fetch_url(address) == address


NO_HOST = "has a host or port that no address can have"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "the address is empty"),
        (" \n", "the address is empty"),
        ("/2024/story", "'/2024/story' is not an absolute address"),
        ("news.example/a", "'news.example/a' is not an absolute address"),
        ("//news.example/a", "'//news.example/a' is not an absolute address"),
        ("ftp://a.example/", "'ftp://a.example/' is not an http or https address"),
        ("javascript:x", "'javascript:x' is not an http or https address"),
        ("mailto:a@b.example", "'mailto:a@b.example' is not an http or https address"),
        ("https://", f"'https://' {NO_HOST}"),
        ("http://a b/", f"'http://a b/' {NO_HOST}"),
        ("http://a:99999/", f"'http://a:99999/' {NO_HOST}"),
        ("http://1.2.3.4.5/", f"'http://1.2.3.4.5/' {NO_HOST}"),
        ("http://\ud800/", rf"'http://\ud800/' {NO_HOST}"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_the_reason(
    written: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        fetch_url(written)
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        url_key(written)


def test_a_reason_does_not_repeat_an_address_without_end() -> None:
    with pytest.raises(ValueError, match="is not an absolute address") as caught:
        fetch_url("x" * 1_000_000)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("reference", "joined"),
    [
        ("b", "https://news.example/2024/b"),
        ("/b?c#d", "https://news.example/b?c#d"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example", "http://other.example/"),
        ("?page=2", "https://news.example/2024/a?page=2"),
        ("", "https://news.example/2024/a"),
    ],
)
def test_a_reference_is_resolved_against_its_page(reference: str, joined: str) -> None:
    assert join_url("https://news.example/2024/a", reference) == joined


@pytest.mark.parametrize("reference", ["mailto:a@b.example", "http://a b/", "http://"])
def test_a_reference_that_leads_nowhere_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(reference))):
        join_url("https://news.example/", reference)


def test_the_host_of_an_address_is_told() -> None:
    assert host_of("https://www.news.example:8080/a") == "www.news.example"


# What makes two addresses the same article


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("http://news.example/a#top", "https://news.example/a"),
        ("https://www.www.news.example/a", "https://news.example/a"),
        ("https://www.example/", "https://www.example/"),
        ("https://news.example./a", "https://news.example/a"),
        ("http://news.example:80/a", "https://news.example/a"),
        ("http://news.example:443/a", "https://news.example/a"),
        ("https://news.example:80/a", "https://news.example:80/a"),
        ("https://reader:secret@news.example/a", "https://news.example/a"),
        ("https://news.example/a/", "https://news.example/a/"),
        ("https://news.example/A", "https://news.example/A"),
        ("https://news.example/a?", "https://news.example/a"),
        ("https://news.example/a?b=2&a=1", "https://news.example/a?b=2&a=1"),
        ("https://news.example/a?&&", "https://news.example/a"),
        ("https://news.example/a%2Fb", "https://news.example/a%2Fb"),
        ("http://[::1]:8080/a", "https://[::1]:8080/a"),
        ("http://a.09../b", "https://a.09../b"),
    ],
)
def test_a_key_folds_what_cannot_matter_and_nothing_else(
    address: str, key: str
) -> None:
    assert url_key(address) == key


@pytest.mark.parametrize("name", sorted(TRACKING_PARAMETERS))
def test_a_tracking_parameter_is_no_part_of_the_key(name: str) -> None:
    alone = url_key(f"https://news.example/a?{name}=x")
    first = url_key(f"https://news.example/a?{name}=x&id=7")
    last = url_key(f"https://news.example/a?id=7&{name}")

    assert alone == "https://news.example/a"
    assert first == last == "https://news.example/a?id=7"


@pytest.mark.parametrize("query", ["utm=1", "UTM_SOURCE=x", "my_utm_source=x", "ref=x"])
def test_a_parameter_that_only_resembles_one_stays(query: str) -> None:
    assert url_key(f"https://news.example/a?{query}").endswith(f"?{query}")


@pytest.mark.parametrize("name", sorted(SIGNATURE_PARAMETERS))
def test_a_signed_query_stays_byte_for_byte(name: str) -> None:
    for spelling in (name, name.upper(), name.title()):
        address = f"https://news.example/a?utm_source=x&{spelling}=%2fb%2B&gclid=1"

        assert url_key(address) == address


CACHED = [
    "https://n-example.cdn.ampproject.org/c/s/n.example/b",
    "https://n-example.cdn.ampproject.org/v/s/n.example/b?amp_js_v=0.1&usqp=mq",
    "https://n-example.cdn.ampproject.org/i/s/n.example/b",
    "https://cdn.ampproject.org/c/s/n.example/b",
    "http://n-example.cdn.ampproject.org/c/n.example/b",
    "https://www.google.com/amp/s/n.example/b",
    "https://google.co.uk/amp/n.example/b",
    "https://www.bing-amp.com/c/s/n.example/b",
    "https://www.google.com/amp/s/n-example.cdn.ampproject.org/c/s/www.n.example/b",
]


@pytest.mark.parametrize("address", CACHED)
def test_an_address_of_an_amp_cache_is_the_article_that_it_holds(address: str) -> None:
    assert url_key(address) == "https://n.example/b"


@pytest.mark.parametrize(
    "address",
    [
        "https://evilcdn.ampproject.org/c/s/n.example/b",
        "https://cdn.ampproject.org.evil.example/c/s/n.example/b",
        "https://n-example.cdn.ampproject.org/x/s/n.example/b",
        "https://n-example.cdn.ampproject.org/c/s/%20/",
        "https://n.example/c/s/o.example/b",
    ],
)
def test_an_address_that_only_resembles_a_cache_is_its_own(address: str) -> None:
    assert url_key(address) == address


@pytest.mark.parametrize("caches", [1, MAX_CACHES - 1, MAX_CACHES, 50])
def test_caches_within_caches_are_unwrapped_whole_or_not_at_all(caches: int) -> None:
    address = "https://" + "n.cdn.ampproject.org/c/s/" * caches + "n.example/b"

    key = url_key(address)

    assert key == ("https://n.example/b" if caches < MAX_CACHES else address)
    assert url_key(key) == key


ADDRESSES = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(
        [
            "http://",
            "https://",
            "https://www.",
            "HTTPS://a@",
            "https://a.cdn.ampproject.org/c/s/",
            "https://www.google.com/amp/",
            "https://b.cdn.ampproject.org/v/www.google.de/amp/s/",
        ]
    ),
    st.sampled_from(
        [
            "n.example",
            "www.www.x.example.",
            "[::1]",
            "127.1",
            "a.09..",
            "www.1.09.",
            "ü.example",
            "a..b",
            "www.",
            "www.n.example",
            "www.com",
            "WWW.www.n.example",
            "news.google.de",
            "xn--n-example.bing-amp.com",
        ]
    ),
    st.sampled_from(["", ":80", ":443", ":8080", ":"]),
    st.sampled_from(["", "/", "//a/../b", "/%2e%2E/%252F", "/c/s/n.example/", "/a;b"]),
    st.text(st.sampled_from("?&=#;/%2F autm_sourcesig.") | st.characters()),
)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("http://you:secret@cdn.ampproject.org/c/s/n.example/a", "https://n.example/a"),
        ("https://you@www.google.de/amp/s/n.example/a", "https://n.example/a"),
        ("http://cdn.ampproject.org/c/s/?", "https://cdn.ampproject.org/c/s/"),
        ("http://cdn.ampproject.org/c/s/#x", "https://cdn.ampproject.org/c/s/"),
        ("http:///./www.?x", "https://./www.?x"),
    ],
)
def test_what_hides_a_cache_or_is_no_name_leaves_a_key_its_own(
    address: str, key: str
) -> None:
    assert url_key(address) == key
    assert url_key(key) == key


@settings(deadline=None)
@given(ADDRESSES | st.text())
def test_a_key_names_itself_and_every_address_has_one(address: str) -> None:
    try:
        spelled = fetch_url(address)
    except ValueError:
        return

    key = url_key(spelled)

    assert fetch_url(spelled) == spelled
    assert url_key(address) == key
    assert url_key(key) == key == fetch_url(key)
    assert key.startswith("https://")
    assert "#" not in key


def test_an_address_without_end_takes_no_time() -> None:
    watch = Watch()

    url_key("https://" + "n.cdn.ampproject.org/c/s/" * 100_000 + "n.example/b")
    url_key("https://n.example/a?" + "utm_source=x&" * 100_000)
    registrable_domain("a." * 100_000 + "example")

    assert watch.within(2)


# Who owns a host


@pytest.mark.parametrize(
    ("domain", "registrable"),
    [
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("technologyreview.com", "technologyreview.com"),
        (" WWW.Example.COM. ", "example.com"),
        ("a.b.news.example.org", "example.org"),
        ("somebody.github.io", "somebody.github.io"),
        ("www.müller.de", "müller.de"),
        ("www.xn--mller-kva.de", "xn--mller-kva.de"),
        ("www.news.公司.cn", "news.公司.cn"),
        ("www.news.xn--55qx5d.cn", "news.xn--55qx5d.cn"),
        ("co.uk", None),
        ("com", None),
        ("", None),
        ("...", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("::1", None),
        ("a..example.com", None),
    ],
)
def test_a_registrable_domain_is_what_somebody_registered(
    domain: str, registrable: str | None
) -> None:
    assert registrable_domain(domain) == registrable


def test_the_public_suffix_list_is_not_asked_of_the_network() -> None:
    program = """
import socket, sys
def refuse(*_):
    raise AssertionError("the network was asked")
sys.addaudithook(lambda name, _: refuse() if name.startswith("socket.") else None)
from tasks.urls import registrable_domain
print(registrable_domain("www.bbc.co.uk"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("bbc.co.uk\n", 0), done.stderr


# Ids


@pytest.mark.parametrize(
    ("kind", "parts", "expected"),
    [
        ("article", ["https://n.example/b"], "0621e4fd-222a-51b3-a55e-54ece53833d1"),
        (
            "provider",
            ["n.example", "The Example"],
            "9f3d65cf-bbbf-54af-9dc5-08c4386c1e11",
        ),
        ("topic", ["tidal-power"], "df0f0e8f-d41a-56c1-a4af-7c5bfb7db8dd"),
        ("image", ["https://n.example/a.jpg"], "31591cdb-c040-572e-ba8f-09591a3113fa"),
        (
            "document",
            [str(NAMESPACE), "_news/é.md"],
            "8b781e1c-ee2d-50a8-966d-8a6558117e30",
        ),
        ("source", ["sample"], "c9996e06-53b3-5ef5-baf1-130c3a6bb7c9"),
    ],
)
def test_an_id_is_the_same_for_ever(kind: str, parts: list[str], expected: str) -> None:
    assert str(identify(kind, *parts)) == expected


@settings(deadline=None)
@given(st.text(), st.lists(st.text(st.characters()), max_size=3))
def test_an_id_is_a_uuid_of_version_5(kind: str, parts: list[str]) -> None:
    found = identify(kind, *parts)

    assert isinstance(found, UUID)
    assert (found.version, found.variant) == (5, "specified in RFC 4122")
    assert found == identify(kind, *parts)


def test_ids_tell_kinds_and_parts_apart() -> None:
    names = [("a", "b"), ("b", "a"), ("a", "b", ""), ("ab",), ("a", "", "b"), ("a",)]

    assert len({identify(*name) for name in names}) == len(names)


@settings(deadline=None)
@given(ADDRESSES)
def test_the_quick_way_to_a_key_ends_where_the_long_one_does(address: str) -> None:
    """With what most addresses are, too: a host, perhaps `www.`, and a path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "_USUAL", re.compile("(?!)"))
        try:
            key = urls._key(address)
        except ValueError:
            return

    assert urls._key(address) == key


NEARLY_SPELLED = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "https:/", "HTTP://"]),
    st.lists(
        st.sampled_from(
            "a 0 0x1 09 a-b -a a_b xn--a xn--nxasmq6b ab--c A com ü a:80 @ %41".split()
        )
        | st.text("ab09-x", min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ).map(".".join),
    st.lists(
        st.sampled_from(
            "/ /. /.. /a /a. /a/ /%2e /%2E%2e /a%2e /.a /~ /-b //a /a%2 /ü /a|b".split()
        ),
        max_size=4,
    ).map("".join),
    st.sampled_from(["", "?", "?a=b", "?a%20=+", "?'", "#", "?a#b", " ", "\n"]),
)


@settings(max_examples=1_000, deadline=None)
@given(NEARLY_SPELLED | ADDRESSES)
def test_what_is_taken_as_it_is_the_standard_would_leave_so(address: str) -> None:
    if urls._SPELLED.fullmatch(address):
        assert ada_url.normalize_url(address) == address


# What was made to cost


def test_a_long_address_costs_no_more_than_its_length_and_is_not_remembered() -> None:
    """A loop over its `www.` once took minutes; remembering it would take its room."""
    from tasks.urls import _remembered_key

    before = _remembered_key.cache_info().currsize
    watch = Watch()

    key = url_key("https://" + "www." * 1_000_000 + "n.example/" + "a" * 1_000_000)

    assert key == "https://n.example/" + "a" * 1_000_000
    assert watch.within(3)
    assert _remembered_key.cache_info().currsize == before


@pytest.mark.parametrize(
    ("host", "folded"),
    [
        ("www.n.example", "n.example"),
        ("www.www.n.example", "n.example"),
        ("www.www.com", "www.com"),
        ("www.com", "www.com"),
        ("www", "www"),
        ("www.www", "www.www"),
        ("wwww.n.example", "wwww.n.example"),
    ],
)
def test_www_is_folded_while_a_name_with_a_dot_remains(host: str, folded: str) -> None:
    assert url_key(f"https://{host}/a") == f"https://{folded}/a"


def test_a_domain_longer_than_any_is_nobodys() -> None:
    assert registrable_domain("a." * 126 + "com") == "a.com"
    assert registrable_domain("a." * 127 + "com") is None


# What a page may claim


@pytest.mark.parametrize(
    ("claimed", "page", "key"),
    [
        ("http://m.news.example/a#x", "https://news.example/b", "m.news.example/a"),
        ("https://news.example/", "https://www.news.example/", "news.example/"),
        ("https://news.example/?p=7", "https://news.example/a", "news.example/?p=7"),
        (
            "https://n.example/a",
            "https://n-example.cdn.ampproject.org/c/s/n.example/b",
            "n.example/a",
        ),
        ("https://news.example", "https://news.example/a", None),
        ("https://news.example/de-CH", "https://news.example/a", None),
        ("https://news.example/en/index.html", "https://news.example/a", None),
        ("https://other.example/a", "https://news.example/a", None),
        ("https://a.co.uk/a", "https://b.co.uk/a", None),
        ("http://127.0.0.1/a", "http://127.0.0.1/b", "127.0.0.1/a"),
        ("/a", "https://news.example/a", None),
        ("", "https://news.example/a", None),
        ("https://news.example/a", "about:blank", None),
    ],
)
def test_a_claim_counts_if_it_can_be_true(
    claimed: str, page: str, key: str | None
) -> None:
    assert canonical_key(claimed, page) == (key and f"https://{key}")
