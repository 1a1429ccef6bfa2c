"""What a page says about itself: JSON-LD, then OpenGraph and other `<meta>`. Pure.

Then microdata, and what it shows where readers look for it. Each value goes with its
origin. An author that is a navigation word, or a date guessed from the text, is worse
than none.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TypeVar

import htmldate
from lxml import etree
from lxml.html import HtmlElement

from tasks.bylines import (
    MAX_AUTHORS,
    MAX_DECLARED,
    declared_names,
    find_bylines,
    is_agency,
    is_company,
    is_no_person,
    is_of_other,
)
from tasks.linkeddata import (
    Node,
    addresses,
    is_elsewhere,
    one_line,
    plain_paragraphs,
    plain_text,
    read_linked_data,
    types,
)
from tasks.models import PageRepair
from tasks.moments import find_day, find_moment, parse_moment
from tasks.text import repair
from tasks.urls import host_of, join_url, registrable_domain
from tasks.values import dataclass

Names = dict[str, list[str]]
Value = TypeVar("Value")
Said = Iterator[tuple[str, str]]  # of origin and value

_TITLE = ("og:title", "twitter:title", "parsely-title", "citation_title")
_TITLE_MORE = ("dc.title", "dcterms.title", "sailthru.title", "headline", "title")
_AUTHORS = (
    "article:author",
    "article:author_name",
    "og:article:author",
    "author",
    "byline",
    "parsely-author",
    "sailthru.author",
    "citation_author",
    "dc.creator",
    "dcterms.creator",
    "dc.author",
    "dc.contributor",
    "byl",
    "cxenseparse:author",
)
# As WordPress says it to Slack: whose account it is, often an editor's.
_POSTED_BY = "twitter:data"
_PUBLISHED = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "og:published_time",
    "parsely-pub-date",
    "sailthru.date",
    "article.published",
    "publish-date",
    "publish_date",
    "published-date",
    "pubdate",
    "citation_publication_date",
    "citation_online_date",
    "citation_date",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dcterms.date",
    "dc.date.created",
    "dc.date",
    "date",
    "cxenseparse:recs:publishtime",
)
_MODIFIED = (
    "article:modified_time",
    "og:article:modified_time",
    "datemodified",
    "og:updated_time",
    "article:updated_time",
    "lastmod",
    "last-modified",
    "article.updated",
    "dcterms.modified",
    "dc.date.modified",
)
_SITE = (
    "og:site_name",
    "application-name",
    "al:ios:app_name",
    "citation_journal_title",
)
_PUBLISHERS = ("dc.publisher", "dcterms.publisher", "citation_publisher")
_IMAGE = ("og:image", "og:image:secure_url", "og:image:url", "twitter:image")
_IMAGE_MORE = ("twitter:image:src", "parsely-image-url", "sailthru.image.full")
_LANGUAGE = ("og:locale", "content-language", "language", "dc.language")
# Where one of the parts of a `<title>` ends: "… | The Times", "… — BBC".
_BAR = re.compile(
    r"\s+[|\-\u2010-\u2015\u00b7\u2022:\u00ab\u00bb\u2039\u203a/]+\s+"
    r"|[|_\uff5c\uff1a]|::"
)
_FIRST_BAR = re.compile(rf":\s+|{_BAR.pattern}")  # "The Times: …" as well
_LARGE = ("b", "strong", "font", "span", "div")
MAX_MARKED = 500  # elements of one name of microdata; a page of comments has as many
MAX_HOME_LINKS = 200  # links that may lead home; it is one of the first
MAX_TITLES = 20  # headings that may be the headline
MAX_SAID = 50  # values of one name, or titles, that are looked at; pages have a few
# Two titles of one story share this much of their letter triples (Dice, 1945); those of
# two stories hardly a tenth, a kicker or a section's name still less.
ALIKE = 0.4
_SHOWS = etree.XPath("boolean(//body//text()[contains(., $name)])")
_TEXTS = etree.XPath("//body//text()[string-length() < 1000]")
_SEEN = etree.XPath(
    "//body//text()[not(parent::script or parent::style or parent::template)]",
    smart_strings=False,
)
# HTML's draft of 2010, hAtom, h-entry.
_PUBLISHED_MARKS = etree.XPath(
    "//time[@pubdate] | //abbr[@title][contains(@class, 'published')]"
    " | //*[contains(@class, 'dt-published')]"
)
_TIME_MARKS = re.compile(r"date|time|publish|posted|byline")
SHORTEST_DATE = 8  # characters, as 1.5.2024
MAX_DATE_LINE = 60  # characters; a date in a longer line belongs to a sentence
MAX_SENTENCES = 1  # paragraphs before a date that is in no mark of time: a teaser
_PUBLISHED_WORD = re.compile(
    r"(?:first )?(?:published|posted)|veröffentlicht|publi[ée]|publicad|pubblicat"
    r"|gepubliceerd|publicerad|publisert|opublikowan|yay\u0131nlan|опубликован|发布|發布",
    re.IGNORECASE,
)
_NEAR_TIMES = 60  # elements after the headline: bylines and dates stand there
NEAR_ABOVE = 5  # levels from a name up to the author that it is part of
_JUST_BEFORE = 10  # elements: a date above the headline, and its section
_SLACK = timedelta(days=1)  # a page's day may begin 14 hours before UTC's
_LANGUAGE_TAG = re.compile(
    r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """As the columns of `pages`.

    *body* is the article's text if JSON-LD has it; *is_free* what the page says of its
    access; *origins* names for each other value where it was said; *repairs* are those
    of title, authors and site name.
    """

    title: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    modified_at: datetime | None
    language: str | None
    site_name: str | None
    canonical_url: str | None
    lead_image_url: str | None
    origins: dict[str, str]
    repairs: tuple[PageRepair, ...]
    body: str
    is_free: bool | None


def read_metadata(
    tree: HtmlElement,
    base_url: str,
    fetched_at: datetime | None = None,
    publisher: str | None = None,
) -> Metadata:
    """Read what the page of *tree* says about itself; its addresses made absolute.

    What it says to be later than *fetched_at* is no date; *publisher*, if known, is no
    author and no part of the title.
    """
    return _Reader(tree, base_url, fetched_at, publisher).read()


class _Reader:
    """One page, and what its values need of one another."""

    def __init__(
        self,
        tree: HtmlElement,
        base_url: str,
        fetched_at: datetime | None,
        publisher: str | None,
    ) -> None:
        self.tree = tree
        self.base_url = base_url
        self.publisher = publisher
        self.latest = (fetched_at or datetime.max.replace(tzinfo=UTC) - _SLACK) + _SLACK
        self.data = read_linked_data(tree, base_url)
        self.names = _meta(tree)
        self.others: list[Node] = []  # articles of JSON-LD that are other stories
        self.origins: dict[str, str] = {}
        self.repairs: list[PageRepair] = []

    def read(self) -> Metadata:
        site = self._take("site_name", self._sites(), self._site)
        title, headline = self._title(site)
        told = self.data.articles
        self.others = [node for node in told if self._is_other_story(node, title)]
        own = tuple(node for node in told if node not in self.others)
        self.data = replace(self.data, articles=own)
        published = self._take("published_at", self._published(headline), self._moment)
        modified = self._take("modified_at", self._modified(), self._moment)
        if published and modified and modified < published:
            modified = None  # nothing is modified before it is there
            del self.origins["modified_at"]
        return Metadata(
            title=title,
            authors=self._authors(site, headline),
            published_at=published,
            modified_at=modified,
            language=self._take("language", self._languages(), _language),
            site_name=site,
            canonical_url=self._take("canonical_url", self._canonical(), self._address),
            lead_image_url=self._take("lead_image_url", self._images(), self._address),
            origins=self.origins,
            repairs=tuple(self.repairs),
            body=self._body(),
            is_free=self._is_free(),
        )

    def _take(
        self, column: str, said: Said, read: Callable[[str], Value | None]
    ) -> Value | None:
        """Return the first value that *read* understands, and note its origin."""
        for origin, value in said:
            found = read(value)
            if found:
                self.origins[column] = origin
                return found
        return None

    def _note(
        self, column: str, written: str, kept: str, position: int | None = None
    ) -> None:
        """Put on record what made *kept* differ from what is *written*."""
        if kept not in written:
            self.repairs.extend(
                PageRepair(column, position, rule, written, kept)
                for rule in repair(written, entities=True).rules
            )

    def _linked(self, *keys: str) -> Said:
        for node in self.data.articles:
            for key in keys:
                yield f"json-ld {key}", one_line(node.get(key))

    def _meta(self, *keys: str) -> Said:
        for key in keys:
            for value in self.names.get(key, ()):
                yield key, value

    # --- the title --------------------------------------------------------------

    def _title(self, site: str | None) -> tuple[str | None, HtmlElement | None]:
        """Return the title, and the heading that shows it.

        The headline that readers see, if it says nearly what the page declares: what is
        declared is often made for searches, or has the name of the site.
        """
        said = list(self._titles())
        sites = self._organisations(site) | self._home_names
        plain = [plain_text(written) for _, written in said]
        titles = [_without_site(title, sites, plain) for title in plain]
        marked = [*self.tree.iterfind(".//h1"), *self.marked["headline"]]
        headings = [
            (heading, text)
            for heading in marked[:MAX_TITLES]
            if (text := plain_text(heading.text_content()[:1_000]))
            and _folded(text) not in sites
        ]
        rated = [
            (max((_likeness(text, title) for title in titles), default=0), -place)
            for place, (_, text) in enumerate(headings)
        ]
        best, place = max(rated, default=(0, 0))
        is_declared_nowhere = not titles and len(headings) == 1
        if best >= ALIKE or is_declared_nowhere:
            heading, text = headings[-place]
            self.origins["title"] = str(heading.tag)
            self._note("title", one_line(heading.text_content()[:1_000]), text)
            return text, heading
        if not titles:
            return None, None
        self.origins["title"], written = said[0]
        self._note("title", written, titles[0])
        return titles[0], self._heading_of(titles[0])

    def _titles(self) -> Said:
        elements = self.tree.xpath("/html/head/title | //title[not(ancestor::svg)]")[:2]
        said = (
            *self._declared_titles(),
            *(("title", element.text_content()) for element in elements),
        )
        for origin, value in said:
            written = one_line(value[:2_000])
            if plain_text(written):
                yield origin, written

    def _declared_titles(self) -> Said:
        yield from self._linked("headline")
        yield from self._meta(*_TITLE)
        yield from self._linked("name")
        yield from self._meta(*_TITLE_MORE)

    def _is_other_story(self, node: Node, title: str | None) -> bool:
        """Tell whether *node* is of another address and of another headline."""
        headline = plain_text(one_line(node.get("headline"))[:2_000])
        if not headline or not is_elsewhere(node, self.base_url):
            return False
        titles = (plain_text(said[:2_000]) for _, said in self._meta(*_TITLE))
        own = (title, plain_text((self.tree.findtext(".//title") or "")[:2_000]))
        said = filter(None, (*own, *titles))
        return all(_likeness(headline, other) < ALIKE for other in said)

    def _heading_of(self, title: str) -> HtmlElement | None:
        headings = self.tree.xpath("//h1 | //h2 | //h3")[:MAX_TITLES]
        shown = (plain_text(h.text_content()[:1_000]) for h in headings)
        rated = [(_likeness(text, title), -n) for n, text in enumerate(shown) if text]
        likeness, place = max(rated, default=(0, 0))
        if likeness >= ALIKE:
            return headings[-place]
        # Pages without headings show theirs in large or bold letters.
        body = self.tree.find("body")
        large = body.iter(*_LARGE) if body is not None else ()
        return next((e for e in large if one_line(e.text) == title), None)

    @cached_property
    def _end_of_title(self) -> frozenset[str]:
        """Return, folded, what `<title>` says after the headline: the site's name."""
        declared = islice(self._declared_titles(), MAX_SAID)
        titles = [plain_text(said[:2_000]) for _, said in declared]
        headings = islice(self.tree.iter("h1", "h2"), MAX_TITLES)
        titles += [plain_text(h.text_content()[:1_000]) for h in headings]
        whole = plain_text((self.tree.findtext(".//title") or "")[:2_000])
        ends = (
            whole[found.end() :]
            for found in _BAR.finditer(whole)
            if whole[: found.start()] in titles
        )
        return frozenset(map(_folded, ends)) - {""}

    @cached_property
    def _home_names(self) -> frozenset[str]:
        """Return the folded texts of links to the home page: the name of the site."""
        home = join_url(self.base_url, "/") if "://" in self.base_url else ""
        links = islice(self.tree.iterfind(".//a[@href]"), MAX_HOME_LINKS)
        leading = (a for a in links if a.get("href").strip() in {"/", home, home[:-1]})
        texts = (
            text
            for a in leading
            for text in (" ".join(islice(a.itertext(), 5)), *a.xpath("./img/@alt")[:1])
        )
        return frozenset(map(_folded, texts)) - {""}

    # --- authors ----------------------------------------------------------------

    def _authors(
        self, site: str | None, headline: HtmlElement | None
    ) -> tuple[str, ...]:
        """Return who wrote it.

        Persons who are declared and shown, else who is shown, else who is declared: the
        account that put a story on the page is often not who wrote it.
        """
        sites = self._organisations(site)
        said_sites = sites | self._end_of_title
        unseen: list[tuple[str, dict[str, str]]] = []
        others: list[tuple[str, dict[str, str]]] = []
        for origin, said in self._declared_authors():
            lines = (line[:MAX_DECLARED] for line in said)
            names = {
                self._first_name_first(_without_employer(name, sites)): one_line(line)
                for line in lines
                for name in declared_names(line)
                if _folded(name) not in said_sites
            }
            names = self._without_accounts(names, headline)
            signed = {n: line for n, line in names.items() if self._is_person(n)}
            # Beside a person, an agency is whom that person writes for.
            written = {n: line for n, line in signed.items() if not is_agency(n)}
            persons = written or signed
            if not persons or origin == _POSTED_BY:
                others.append((origin, persons or names))
            elif headline is None or any(map(self._is_shown, persons)):
                return self._signed(origin, persons)
            else:
                unseen.append((origin, persons))
        shown = find_bylines(self.tree, headline)
        names = {n: self._line_with(n) for n in shown if _folded(n) not in sites}
        if names:
            return self._signed("byline", names)
        declared = (said for said in (*unseen, *others) if said[1])
        return self._signed(*next(declared, ("", {})))

    def _without_accounts(
        self, names: dict[str, str], headline: HtmlElement | None
    ) -> dict[str, str]:
        """Leave out whom the page, if it shows anything, does not show.

        Single words are accounts of whoever put the page there; organisations own it,
        or built it. Persons and agencies may be told by their signature alone.
        """
        if headline is None:
            return names
        return {n: line for n, line in names.items() if self._may_sign(n)}

    def _may_sign(self, name: str) -> bool:
        is_owner = is_company(name) or name in self._organisation_names
        if is_owner and not is_agency(name):
            return self._is_shown(name, whole=True)
        return " " in name or is_agency(name) or self._is_shown(name)

    def _is_person(self, name: str) -> bool:
        """Tell whether *name* is neither spelled nor declared as something else."""
        if is_agency(name):
            return True  # which signs as persons do
        return not is_no_person(name) and name not in self._organisation_names

    @cached_property
    def _organisation_names(self) -> frozenset[str]:
        """Return the names of authors that JSON-LD calls organisations."""
        said = (
            plain_text(name)
            for node in self.data.articles
            for key in ("author", "creator")
            for name in self.data.organisations(node.get(key))
        )
        return frozenset(said)

    def _is_shown(self, name: str, *, whole: bool = False) -> bool:
        """Tell whether readers see *name*, or its last word: initials may be between.

        In scripts without blanks, names are anywhere.
        """
        words = _words(name)
        seen = words if whole else words.rpartition(" ")[2]
        return f" {seen} " in self._shown_words or (
            not words.isascii() and words.replace(" ", "") in self._shown_words
        )

    @cached_property
    def _shown_words(self) -> str:
        return f" {_words(' '.join(_SEEN(self.tree)))} "

    def _signed(self, origin: str, names: Mapping[str, str]) -> tuple[str, ...]:
        """Note the origin and the repairs of *names*, each with the line it is from."""
        if not names:
            return ()
        self.origins["authors"] = origin
        authors = tuple(names)[:MAX_AUTHORS]
        for position, name in enumerate(authors):
            self._note("authors", names[name], name, position)
        return authors

    def _line_with(self, name: str) -> str:
        """Return the line, as it is written, that holds *name* once it is repaired."""
        if _SHOWS(self.tree, name=name):
            return name
        texts = map(one_line, _TEXTS(self.tree))
        return next((text for text in texts if name in plain_text(text)), name)

    def _first_name_first(self, name: str) -> str:
        """Turn "Lee, Ann", as catalogues have it, where the page shows "Ann Lee"."""
        last, comma, first = name.partition(", ")
        if not comma or "," in first:
            return name
        turned = f"{first} {last}"
        return turned if _SHOWS(self.tree, name=turned) else name

    def _declared_authors(self) -> Iterator[tuple[str, Iterable[str]]]:
        for key in ("author", "creator"):
            for node in self.data.articles:
                yield f"json-ld {key}", self.data.names(node.get(key))
        for key in _AUTHORS:
            yield key, self.names.get(key, ())
        yield "microdata", islice(self._microdata_names(), MAX_SAID)
        for number in ("1", "2"):
            if "Written by" in self.names.get(f"twitter:label{number}", ()):
                yield _POSTED_BY, self.names.get(f"twitter:data{number}", ())

    def _microdata_names(self) -> Iterator[str]:
        """Yield the names of authors that are not for readers' eyes."""
        for name in self.marked["name"]:
            if name.get("content") and self._is_part_of(name, "author"):
                yield name.get("content")

    def _is_part_of(self, element: HtmlElement, *names: str) -> bool:
        wholes = {whole for name in names for whole in self.marked[name]}
        above = islice(element.iterancestors(), NEAR_ABOVE) if wholes else ()
        return any(whole in wholes for whole in above)

    @cached_property
    def marked(self) -> Mapping[str, list[HtmlElement]]:
        """Return the elements that microdata or RDFa gives names of schema.org."""
        marked: dict[str, list[HtmlElement]] = defaultdict(list)
        for element in self.tree.xpath("//*[@itemprop or @property]"):
            said = f"{element.get('itemprop') or ''} {element.get('property') or ''}"
            for name in said.replace("schema:", "").split():
                if len(marked[name]) < MAX_MARKED:
                    marked[name].append(element)
        return marked

    def _organisations(self, site: str | None) -> frozenset[str]:
        """Return the folded names of site and publisher, which write nothing."""
        said = [site or "", self.publisher or "", *self.names.get("copyright", ())]
        said.extend(value for _, value in self._meta(*_SITE, "publisher", *_PUBLISHERS))
        said.extend(self._microdata_publishers())
        for node in self.data.articles:
            said.extend(self.data.names(node.get("publisher")))
            said.extend(self.data.owners(node.get("author"), self.base_url))
        with suppress(ValueError):
            domain = registrable_domain(host_of(self.base_url)) or ""
            said.extend((domain, domain.partition(".")[0]))
        folded = {_folded(plain_text(name)) for name in said}
        return frozenset(folded - {""})

    # --- moments ----------------------------------------------------------------

    def _moment(self, value: str) -> datetime | None:
        moment = self._read_moment(value)
        return moment if moment and moment <= self.latest else None

    def _read_moment(self, value: str) -> datetime | None:
        known = self._is_day_first
        return parse_moment(value) or find_moment(value, is_day_first=known)

    @cached_property
    def _is_day_first(self) -> bool | None:
        """Tell how dates with slashes are meant, by the language; English has both."""
        said = (_language(value) for _, value in self._languages())
        language = next(filter(None, said), "en")
        if language.partition("-")[0] != "en":
            return True
        region = language.rpartition("-")[2]
        return None if region in {"en", "CA", "PH"} else region != "US"

    def _published(self, headline: HtmlElement | None) -> Said:
        yield from self._linked("datePublished")
        yield from self._meta(*_PUBLISHED)
        yield from self._linked("dateCreated", "uploadDate")
        for element in self.marked["datePublished"]:
            yield "microdata", _time(element)
        for element in _PUBLISHED_MARKS(self.tree)[:MAX_MARKED]:
            yield "microformat", _time(element)
        found = islice(self.tree.iterfind(".//time[@datetime]"), MAX_MARKED)
        times = [time for time in found if not is_of_other(time, headline)]
        # One moment alone can only be the page's own; of several, who knows.
        if len({time.get("datetime") for time in times}) == 1:
            yield "time", _time(times[0])
        if headline is not None:
            for origin, said in _times_near(headline, self._read_moment):
                if self._fits_address(said):
                    yield origin, said
        yield "htmldate", self._found_by_htmldate(has_times=bool(times))

    def _fits_address(self, said: str) -> bool:
        """Tell whether a moment is of about the day that the page's address names."""
        day = find_day(self.base_url)
        moment = self._moment(said)
        return day is None or moment is None or abs(moment - day) <= 2 * _SLACK

    def _found_by_htmldate(self, *, has_times: bool) -> str:
        """Ask htmldate, without the search through the text that guesses.

        *has_times*: there are `<time>`s that are not those of comments and teasers. Of
        several, it takes the first.
        """
        with suppress(Exception):  # hostile pages find ways nobody listed
            said = (
                htmldate.find_date(
                    self.tree,
                    extensive_search=False,
                    original_date=True,
                    url=self.base_url,
                    max_date=f"{min(self.latest.year, 2099)}-{self.latest:%m-%d}",
                )
                or ""
            )
            is_any = said in self._days and (len(self._days) > 1 or not has_times)
            return "" if is_any or said in self._days_of_others else said
        return ""

    @cached_property
    def _days(self) -> frozenset[str]:
        """Return the days of all `<time>` of the page, in ISO 8601."""
        times = islice(self.tree.iterfind(".//time[@datetime]"), MAX_MARKED)
        moments = (parse_moment(time.get("datetime")) for time in times)
        return frozenset(f"{moment:%Y-%m-%d}" for moment in moments if moment)

    @cached_property
    def _days_of_others(self) -> frozenset[str]:
        """Return the days of other stories in JSON-LD, of which htmldate takes any."""
        said = (one_line(node.get("datePublished")) for node in self.others)
        return frozenset(f"{day:%Y-%m-%d}" for day in map(parse_moment, said) if day)

    def _modified(self) -> Said:
        yield from self._linked("dateModified")
        yield from self._meta(*_MODIFIED)
        for element in self.marked["dateModified"]:
            yield "microdata", _time(element)

    # --- the rest ---------------------------------------------------------------

    def _site(self, said: str) -> str:
        written = one_line(said)
        name = plain_text(written)
        self._note("site_name", written, name)
        return name

    def _sites(self) -> Said:
        yield from self._meta(_SITE[0])
        for node in self.data.articles:
            for name in self.data.names(node.get("publisher")):
                yield "json-ld publisher", name
        for node in self.data.nodes:
            if "WebSite" in types(node):
                yield "json-ld WebSite", one_line(node.get("name"))
        for name in self._microdata_publishers():
            yield "microdata", name
        yield from self._meta(*_SITE[1:])

    def _microdata_publishers(self) -> Iterator[str]:
        for element in self.marked["publisher"]:
            yield element.get("content") or ""
        for name in self.marked["name"]:
            if self._is_part_of(name, "publisher"):
                yield name.get("content") or one_line(name.text)

    def _languages(self) -> Said:
        yield "lang", self.tree.get("lang") or ""
        yield from self._linked("inLanguage")
        yield from self._meta(*_LANGUAGE)

    def _canonical(self) -> Said:
        for link in self.tree.xpath("//link[@rel and @href]"):
            if "canonical" in link.get("rel").lower().split():
                yield "link canonical", link.get("href")
        yield from self._meta("og:url")

    def _images(self) -> Said:
        yield from self._meta(*_IMAGE, *_IMAGE_MORE)
        for node in self.data.articles:
            for key in ("image", "thumbnailUrl"):
                for address in addresses(node.get(key)):
                    yield f"json-ld {key}", address
        for link in self.tree.xpath("//link[@rel='image_src'][@href]"):
            yield "link image_src", link.get("href")
        for image in self.marked["image"]:
            if not self._is_part_of(image, "author", "publisher", "comment"):
                yield "microdata", _image(image)

    def _address(self, reference: str) -> str | None:
        with suppress(ValueError):
            if reference.strip():
                return join_url(self.base_url, html.unescape(reference))
        return None

    def _body(self) -> str:
        nodes = self.data.articles
        bodies = (plain_paragraphs(node.get("articleBody")) for node in nodes)
        return next(filter(None, bodies), "")

    def _is_free(self) -> bool | None:
        """Return what the page says of its access: schema.org, or OpenGraph's tier."""
        for node in self.data.articles:
            said = str(node.get("isAccessibleForFree", "")).rpartition("/")[2].lower()
            if said in {"true", "false"}:
                return said == "true"
        tiers = {t.lower() for t in self.names.get("article:content_tier", ())}
        return "locked" not in tiers if tiers else None


# --- titles ---------------------------------------------------------------------


def _without_site(title: str, sites: frozenset[str], said: Iterable[str]) -> str:
    """Cut ` | The Site` off a title, and before it what another title does without."""
    first = _FIRST_BAR.search(title)
    if first and _folded(title[: first.start()]) in sites and title[first.end() :]:
        return _without_site(title[first.end() :].strip(), sites, said)
    others = {other for other in said if other != title}
    for found in reversed(list(_BAR.finditer(title))):
        head, tail = title[: found.start()].strip(), title[found.end() :]
        if head and (_folded(tail) in sites or head in others):
            return _without_site(head, sites, said)
    return title


def _likeness(one: str, other: str) -> float:
    """Return the share of letter triples that two titles share (Dice, 1945)."""
    a, b = _triples(one), _triples(other)
    return 2 * (a & b).total() / (a.total() + b.total())


def _triples(text: str) -> Counter[str]:
    folded = f"  {text[:300].casefold()} "
    return Counter(folded[start : start + 3] for start in range(len(folded) - 2))


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _without_employer(name: str, sites: frozenset[str]) -> str:
    """Cut the site's name off an author's: "Ann Lee. The Daily Buoy"."""
    head, _, tail = name.rpartition(". ")
    return head if " " in head and _folded(tail) in sites else name


def _folded(name: str) -> str:
    return re.sub(r"\W|^the\s+|\.com$|\bcopyright\b", "", name.casefold().strip())


# --- what elements say ----------------------------------------------------------


def _time(element: HtmlElement) -> str:
    said = element.get("datetime") or element.get("content")
    if element.tag == "abbr":  # microformats.org, "datetime-design-pattern"
        said = said or element.get("title")
    return str(said or " ".join(islice(element.itertext(), 20))[:200])


def _image(element: HtmlElement) -> str:
    said = (element.get(name) for name in ("content", "src", "href"))
    inner = element.xpath(
        ".//*[@itemprop='url' or @itemprop='contentUrl' or self::img]"
    )
    address = next(filter(None, said), "")
    return str(address) or (_image(inner[0]) if inner else "")


def _times_near(headline: HtmlElement, read: Callable[[str], datetime | None]) -> Said:
    """Yield what stands in marks of time soon after the headline, or just before it.

    After it, short lines as well.
    """
    sentences = 0
    for element in headline.xpath(f"following::*[position() <= {_NEAR_TIMES}]"):
        if _marks_time(element):
            if not is_of_other(element, headline):
                yield "time near headline", _time(element)
            continue
        said = " ".join((element.text or "")[:200].split())
        sentences += element.tag == "p" and len(said) > MAX_DATE_LINE
        if sentences > MAX_SENTENCES:
            continue  # the article has begun, and tells of other days
        for line in (said, " ".join((element.tail or "")[:200].split())):
            is_line = line is said or element.tag == "br"
            most = 2 * MAX_DATE_LINE if _PUBLISHED_WORD.match(line) else MAX_DATE_LINE
            if is_line and SHORTEST_DATE <= len(line) <= most:
                yield "time near headline", line
    before = headline.xpath(f"preceding::*[position() <= {_JUST_BEFORE}]")
    times = [_time(element) for element in before if _marks_time(element)]
    moments = filter(None, map(read, times))
    if len({moment.date() for moment in moments}) == 1:  # else those of other stories
        yield from (("time near headline", said) for said in times)


def _marks_time(element: HtmlElement) -> bool:
    marks = f"{element.get('class') or ''} {element.get('id') or ''}".lower()
    return element.tag == "time" or bool(_TIME_MARKS.search(marks))


def _language(tag: str) -> str | None:
    """Spell a language tag as RFC 5646 recommends: `en`, `en-US`, `zh-Hant`."""
    found = _LANGUAGE_TAG.match(tag.strip())
    if not found:
        return None
    language, script, region = found.groups("")
    return "-".join(
        part for part in (language.lower(), script.title(), region.upper()) if part
    )


def _meta(tree: HtmlElement) -> Names:
    names: Names = defaultdict(list)
    for element in tree.iterfind(".//meta[@content]"):
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            for name in (element.get(attribute) or "").lower().split():
                if len(names[name]) < MAX_SAID:
                    names[name].append(element.get("content"))
    return names


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)
