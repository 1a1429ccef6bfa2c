"""Who wrote a page: names cleaned, and bylines found where readers see them. Pure.

A name that is none is worse than a blank: what a page merely shows must look like a
person's name and stand where bylines stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

from tasks.linkeddata import plain_text

MAX_AUTHORS = 20
MAX_NAME = 80  # characters of an author's name; longer ones are sentences
MAX_BYLINE = 200  # characters of a line with several names, roles and a date
MAX_DECLARED = 1_000  # characters of what declares all authors at once
MAX_CANDIDATES = 1_000  # that are looked at; lists of comments have some hundred
# Elements between a headline and its byline: kicker, share buttons, a picture.
NEAR = 80
_FIRST_WORDS = (
    r"(?:(?:words|story|text|written|posted|published|reported|reporting|edited"
    r"|updated|review|analysis|opinion|perspective|commentary|interview|report|essay"
    r"|view all posts|author|authors)\b[:\s]*)?"
)
# Capitals of Latin, Greek and Cyrillic; of Latin's rarer letters, small ones as well.
_CAPITAL = "A-ZÀ-ÞĀ-ŽȘȚΆ-ΫЀ-Я"
# What stands before a name in other languages: who it is by, and what such a line calls
# who wrote; the latter only with a colon, for some are names.
_WRITTEN = (
    r"(?:(?:publicado|escrito|redigido|écrit|rédigé|publié|propos recueillis|geschreven"
    r"|scritto|pubblicato|skriven|skrevet|geschrieben|verfasst|veröffentlicht"
    r"|ein beitrag|a cura)\s+)?"
)
_BY_ABROAD = rf"{_WRITTEN}(?:von|par|por|di|door|av|af|od|(?-i:da))"
_CALLED = (
    r"(?:authors?|words|text[eo]?|tekst|autora?|autorka|autore|auteure?|autrice|auteurs"
    r"|författare|forfatter|kirjoittaja|szerző|írta|yazar|yazan|penulis|tác giả"
    r"|текст|автор|авторы|автори|γράφει)"
)
# Of scripts without capitals, where no colon is needed: Arabic, Persian, Hebrew, Hindi.
_UNICASE_BY = r"(?:بقلم|كتبت?|نویسنده|به قلم|מאת|लेखक|लेखिका|द्वारा)"
_BY = re.compile(
    rf"^(?:{_FIRST_WORDS}\bby\b[:\s]*)+"
    rf"|^(?:{_BY_ABROAD}|authors?|words|texto|автор|текст)(?::\s*|\s+(?=[{_CAPITAL}]))"
    rf"|^(?-i:de\s+(?=[{_CAPITAL}]))|^{_CALLED}:\s*|^{_UNICASE_BY}[\s:/\-|]+"
    # Of a name in the genitive, Greek has the article before.
    r"|^(?:του|της|των)\s+(?=[\u0370-\u03ff])"
    # Chinese and Japanese: author, writer, text, contributor, translator, reporter.
    r"|^(?:著者|作者|文|執筆者?|投稿者|翻訳者?|記者|记者|撰文)[\s:/\uff1a\uff0f●]+",
    re.IGNORECASE,
)
_IS_BY = re.compile(
    rf"^(?i:{_FIRST_WORDS}\bby\b[:\s])"
    rf"|^(?:[Vv]on|[Pp]ar|[Pp]or|[Dd]i|[Dd]oor|[Aa][vf])\s+(?:[{_CAPITAL}]|$)"
    rf"|^(?i:{_WRITTEN})(?:von|par|por|di|door|av|da)\b:?\s+[{_CAPITAL}]"
    rf"|^(?i:{_CALLED}):\s|^{_UNICASE_BY}[\s:]|^(?:作者|记者|記者|撰文)[:/\uff1a\uff0f]"
)
# What begins something else after a name: a date, whom it was written for, a button.
_ENDS_NAME = (
    r"\bon\s+(?=\w{3,9}\s+\d)|\bin\s+(?=[A-Z])|\b[Ff]or\s+(?=[A-Z])|\bFOR\s+THE\b"
    r"|\b(?:and|AND)\s+(?i:agenc(?:y|ies)|wires?|staff)\b"
    r"|\b(?i:updated|published|posted|last\s+modified|follow|special\s+(?:to|for)"
    r"|view\s+(?:profile|bio|all)|bio|e-?mail)\b"
    r"|(?:\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+)?"
    r"\b(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]*\.?\s+\d|\d{1,4}\b"
)
_NAMES_END = re.compile(
    rf"\s*(?:[|\u2022\u00b7\u2014\u2013/]|\s-\s|{_ENDS_NAME}"
    r"|\S+@\S+|https?:|\(|\[|@).*",
    re.DOTALL,
)
_NAME_ENDS = re.compile(rf"\s+(?:{_ENDS_NAME}).*", re.DOTALL)
# Where one of several was, before the next: "Ann Lee in Rome and Bo Ek in Oslo".
_PLACE = re.compile(
    r"\s+in\s+[A-Z][\w.]*(?:\s[A-Z][\w.]*)?(?=(?:,|\s+and|\s+&)\s[^,]{1,60}\sin\s[A-Z])"
)
_FULL_STOP = re.compile(r"(?<!\besq)(?<!\binc)(?<!\bltd)(?<=\w{3})\.$", re.IGNORECASE)
_ADDRESS = re.compile(r"\s*[|(<]?\s*\S+@\S+\.\w+[)>]?")  # of mail, after a name
_AND = (
    rf"\s+(?:and|AND|with|WITH|und|UND|et|ET|y|Y|avec|mit|con)\s+(?=[{_CAPITAL}])"
    # These are parts of names, too: where a whole name follows.
    rf"|\s+(?:e|ed|en|och|og|ja|i|a|és|și|ve|dan|và|и|\u0456|та|και)"
    rf"\s+(?=[{_CAPITAL}]\S+\s+(?:[a-z]{{1,3}}\s+){{0,2}}[{_CAPITAL}])"
)
_COMMA_AND = rf"(?:(?:and|AND|und|et|y|e|en|och|og|i|и)\s+(?=[{_CAPITAL}]))?"
_SON = r"(?!\s*(?i:jr|sr|i{2,3}|iv)\b)"  # part of the name before its comma
_BETWEEN = re.compile(rf"\s*[;,&\u3001\uff0c]{_SON}\s*{_COMMA_AND}|{_AND}")
_BETWEEN_FULL = re.compile(rf"\s*[;,&]{_SON}\s+{_COMMA_AND}|{_AND}")
# After a declared name: an account, whom it was written for, what somebody is.
_AFTER_NAME = re.compile(r"\s*(?:[|(@\u2022\u00b7]|\s[-\u2013\u2014/]\s|\sfor\s)\s*")
# What somebody did, after a name in Japanese: wrote, translated, drew.
# In Korean, that somebody is a reporter.
_DID = re.compile(r"\s(?:著者?|編著?|監訳|訳|写真|イラスト|기자|특파원)$")
_NO_NAME = re.compile(
    r"https?:|www\.|@|[<>{}|=\[\]]|\d{4}|^\W*$|^\w*admin\d*$"
    r"|^(?:photo|photograph|picture|image|video|illustration)s?(?:\s+by|:)"
    r"|^(?:administrator|about|author|authors|by|comments?|contact|contributor|editor"
    r"|editorial|guest"
    r"|home|login|more|news|none|null|posted|published|read more|share|sign in|staff"
    r"|subscribe|undefined|unknown|updated|user|webmaster|writer)$",
    re.IGNORECASE,
)
# Words of those who are no persons, or of what somebody is: never part of a shown name.
_NO_PERSON = frozenset(
    """
    a about account accounts advertise advertisement agency all analysis analyst
    analysts anonymous archive article articles associated author authors bio
    breaking bureau business by category comment comments contact contributing
    contributor contributors cookie cookies copyright correspondent daily desk
    director editor editorial editors email entertainment facebook filed follow from
    full group guest home inc instagram journal journalist latest lifestyle linkedin
    log login ltd magazine manager media menu minutes more network news newsletter
    newsletters newspaper newsroom on online opinion photo photographer photos
    podcast podcasts policy politics posted posts press privacy profile published
    publisher read register related report reporter reporters reserved reuters
    rights save search section senior service services share show sign sponsored
    sports staff stories story subscribe subscribers tags team technology terms the
    times today topics tweet twitter unknown updated us video view weather website
    wire world writer writers writing you your
    """.split()
)
# Words that name nobody by themselves, in many languages: of these and of what joins
# them a signature says that somebody wrote, not who.
_NOBODY = frozenset(
    """
    admin administrator agencies anonymous author authors board bureau contributor
    contributors correspondent correspondents desk editor editorial editors guest
    newsroom release releases reporter reporters root staff team user users webmaster
    wire wires wordpress writer writers
    autor autoren gast gastautor gastbeitrag redakteur redaktion redaktionsteam
    auteur rédacteur rédaction équipe autores corresponsal equipo invitado redacción
    redactor correspondente equipe redação redactie redazione
    redaktionen redaksjonen redaktsioon toimitus redakcja redakce redakcia uredništvo
    szerkesztőség redacția merkezi redaksi авторы админ корреспондент редактор редакция
    редакція 編集 編集部 编辑 编辑部 記者 记者 편집부 관리자
    """.split()
)
_BESIDE_NOBODY = frozenset(
    """
    a and assistant associate business by chief community contributing copy
    daily deputy digital features foreign freelance from general in local managing
    national news of official online our own photo political post posted press report
    reports senior service services special sports super the web world
    da das de del der des die dal della el haber het i il la las le les los lo
    notre nuestra nuestro online unser unsere van
    """.split()
)
# Agencies sign where persons do; short names as they are spelled.
_AGENCY = re.compile(
    r"(?i:(?:the\s+)?(?:associated press|canadian press|press association|reuters)"
    r"|agence france-?presse|agencia efe|anadolu(?: agency| ajans\u0131)?|ansa|dpa"
    r"|australian associated press|bloomberg(?: news)?|deutsche presse-agentur"
    r"|europa press|interfax|jiji press|kyodo(?: news)?|pa media|tass|united press"
    r" international|press trust of india|(?:xinhua|yonhap)(?: news agency)?"
    r"|тасс|интерфакс|риа новости|新华社|共同通信|연합뉴스)"
    r"|AP|AFP|AAP|ANI|EFE|IANS|PTI|UPI"
)
_PARTICLES = frozenset(
    """
    al af av ben bin da de del della den der di dos du el ibn la le ten ter van von y zu
    """.split()
)
_ROLE = re.compile(
    r"\b(?:analyst|bureau|columnist|contributor|correspondent|critic|director|editor"
    r"|freelance|fellow|news|producer|professor|press|reporter|staff|writer"
    r"|college|institute|university)s?\b|^(?:special (?:to|for)|the|with|additional)\b"
    r"|\b(?:business|international|magazine|network|online|politics|sports|today"
    r"|conversation|gazette|herald|tribune)$|\d",
    re.IGNORECASE,
)
_OFFICE = frozenset(
    """
    analyst columnist contributor correspondent critic editor journalist producer
    reporter writer
    """.split()
)
_OF_OFFICE = _OFFICE | frozenset(
    """
    and assistant associate business chief city contributing courts crime culture deputy
    digital economics education environment executive features foreign freelance general
    guest health investigative legal managing multimedia national news opinion political
    politics science senior social special sport sports staff technology video web
    """.split()
)
_PAPERS = frozenset(
    """
    chronicle express gazette herald journal mail news post standard star sun telegraph
    times tribune
    """.split()
)
# What signs where no person does: an account's name, a company, a staff.
_HANDLE = re.compile(r"[a-z0-9._\-]+")
_COMPANY = re.compile(
    r"\b(?:inc|ltd|llc|corp|gmbh|s\.?a|plc|co)\.?$|株式会社|有限公司", re.IGNORECASE
)
_STAFF = re.compile(
    r"\b(?:staff|team|desk|editors|editorial|newsroom|redaktion|rédaction|redacción"
    r"|redazione|redação)\b|編集部",
    re.IGNORECASE,
)
_WHOSE_STAFF = re.compile(
    rf"(?:[{_CAPITAL}\d]\S*\s+){{1,4}}(?i:staff|team|desk|editors|newsroom)"
)
# What stands where bylines stand and looks like a name: places of datelines, phrases.
_NO_SIGNATURE = re.compile(
    r"new (?:york|delhi|orleans|jersey|zealand)|los angeles|san (?:francisco|diego)"
    r"|las vegas|hong kong|tel aviv|buenos aires|mexico city|cape town|são paulo"
    r"|rio de janeiro|united (?:states|kingdom)|(?:north|south) (?:korea|carolina)"
    r"|south africa|saudi arabia|sri lanka|white house|popular demand"
    r"|(?:land|air) (?:and|or) sea|\w+day (?:morning|afternoon|evening|night)",
    re.IGNORECASE,
)
_UNSPACED_NAME = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u30fb\s]{2,14}")
# A word of Hebrew, Arabic, or a script of India to Georgia: these know no capitals.
_UNICASE = re.compile(r"[\u0590-\u06ff\u0900-\u0eff\u1000-\u10ff\u200c\u200d.'\"-]+")
MAX_UNICASE = 4  # words of such a name; more are a sentence
_AUTHOR_PATH = re.compile(
    r"/(?:authors?|editors?|staff|by|profiles?|contributors?|reporters?|writers?"
    r"|journalists?|columnists?|users?|team|autor|autoren|auteurs?|autores)[/\-._=]",
    re.IGNORECASE,
)
# What attributes hold where elements have to do with authors; by attribute, for to ask
# each element for each of them takes three times as long.
_HINTS = {
    "rel": ("author", "creator"),
    "itemprop": ("author", "creator"),
    "property": ("author",),
    "typeof": ("Person",),
    # English; German, Spanish, Italian; French; Turkish; Hungarian.
    "class": (
        "uthor", "yline", "ontributor", "riter", "utor", "uteur", "yazar", "szerz",
    ),
    "id": ("uthor", "yline"),
    "data-testid": ("uthor", "yline"),
    "href": (
        "/author", "/staff/", "/autor", "/auteur", "/editors/", "/profile/", "/by/",
    ),
}  # fmt: skip
_NAMES = ("fn", "firma")  # of classes as a whole; microformats, Italian


def _candidates() -> Iterator[str]:
    for attribute, hints in _HINTS.items():
        held = [f"contains(., '{hint}')" for hint in hints]
        if attribute == "class":
            held += [f"contains(concat(' ', ., ' '), ' {name} ')" for name in _NAMES]
        yield f"//*/@{attribute}[{' or '.join(held)}]/.."


_CANDIDATES = etree.XPath(" | ".join(_candidates()))
# Kinds of hints, the surest first.
_BYLINE = re.compile(r"by-?_?line|BYLINE", re.IGNORECASE)
# What a byline is never in, and what it is only near its headline.
_NEVER = re.compile(
    r"comment|related|recirc|recommend|quote|caption|credit|disqus|testimonial"
    r"|discussion|\b(?:responses?|repl(?:y|ies))\b",
    re.IGNORECASE,
)
_SELDOM = re.compile(
    r"popular|trending|latest|sidebar|newsletter|promo|teaser|read-?more|more-from"
    r"|most-?read|footer|widget",
    re.IGNORECASE,
)
_NEVER_TAGS = frozenset({"footer", "figure", "figcaption", "blockquote"})
_SELDOM_TAGS = frozenset({"nav", "aside", "form"})
_OTHERS_UP = 2  # levels above a byline that hold the title of the story it belongs to
_TITLE_WORDS = 4  # that a link to a story has at least, and one to a profile hardly
_FEW = 10  # links of a box, or elements of a line, that are looked at
_UP = 6  # levels above a byline that tell whether it belongs to something else


def declared_names(line: str) -> list[str]:
    """Return the names in what a page declares to be its author.

    >>> declared_names("By Ann Lee, Bo Ek and Cy Day")
    ['Ann Lee', 'Bo Ek', 'Cy Day']
    """
    line = _PLACE.sub("", _BY.sub("", plain_text(line[:MAX_DECLARED])))
    names = _without_roles(_BETWEEN_FULL.split(_ADDRESS.sub("", line)))
    names = names if all(" " in name for name in names) else [line]
    names = [name for part in names for name in _before(part)]
    return [n for n in names if n and len(n) <= MAX_NAME and not _is_no_name(n)]


def _before(name: str) -> list[str]:
    """Return the persons of a declared name before what follows it, else it whole."""
    name = _trimmed(name)
    ended = _NAME_ENDS.sub("", name)
    name = ended if _is_person(ended) else name
    parts = [without_office(part.strip(" )")) for part in _AFTER_NAME.split(name)]
    if len(parts) == 1 or not _is_person(parts[0]):
        return [parts[0] if len(parts) == 1 else name]
    is_list = re.fullmatch(r".*\s/\s.*", name)
    return [part for part in parts if _is_person(part)] if is_list else parts[:1]


def _trimmed(name: str) -> str:
    """Cut off the marks that end a line; the dot of an initial or a title stays."""
    name = name.rstrip(" ,;:")
    return name.rstrip(".") if _FULL_STOP.search(name) else name


def without_office(name: str) -> str:
    """Cut off a name what its person is or writes for, if no comma does.

    >>> without_office("Ann Lee Staff Writer")
    'Ann Lee'
    """
    words = name.split()
    lower = [word.casefold() for word in words]
    for start in range(2, len(words)):
        if _OF_OFFICE.issuperset(lower[:start]):
            continue
        is_office = lower[-1] in _OFFICE and _OF_OFFICE.issuperset(lower[start:])
        if is_office or _AGENCY.fullmatch(" ".join(words[start:])):
            is_paper = not _PAPERS.isdisjoint(lower[:start])
            return name if is_paper else " ".join(words[:start])
    return name


def names_nobody(name: str) -> bool:
    """Tell whether a signature says that somebody wrote, but not who.

    >>> [names_nobody(name) for name in ("Staff Writer", "Die Redaktion", "AOL Staff")]
    [True, True, False]
    """
    words = set(re.findall(r"\w+", name.casefold()))
    return not words.isdisjoint(_NOBODY) and words <= _NOBODY | _BESIDE_NOBODY


def is_agency(name: str) -> bool:
    """Tell whether a news agency signs: a person beside it is who wrote."""
    return bool(_AGENCY.fullmatch(name))


def is_company(name: str) -> bool:
    """Tell whether a declared name is a company's."""
    return bool(_COMPANY.search(name))


def is_no_person(name: str) -> bool:
    """Tell whether a declared name is an account's, a company's or a staff's.

    >>> [is_no_person(name) for name in ("annlee", "Windle Inc.", "Ann Lee")]
    [True, True, False]
    """
    return bool(_HANDLE.fullmatch(name) or _STAFF.search(name)) or is_company(name)


def shown_names(line: str, *, is_linked: bool = False) -> list[str]:
    """Return the persons' names of a byline as readers see it; stricter than declared.

    One word is a name only if it *is_linked* to what must be its author's page.

    >>> shown_names("By Ann Lee and Bo van Ek, Senior Reporters | Dec. 16, 2016")
    ['Ann Lee', 'Bo van Ek']
    """
    line = plain_text(line[: MAX_BYLINE + 1])
    if len(line) > MAX_BYLINE:
        return []
    signs = is_linked or bool(_IS_BY.match(line))
    line = _PLACE.sub("", _BY.sub("", line))
    parts = _BETWEEN.split(_NAMES_END.sub("", line))
    names = [_trimmed(without_office(_DID.sub("", part))) for part in parts]
    persons = [name for name in names if _is_person(name, is_linked=is_linked)]
    staffs = (n for n in names if is_agency(n) or (signs and _is_staff(n)))
    return persons or list(staffs)


def find_bylines(tree: HtmlElement, headline: HtmlElement | None) -> list[str]:
    """Return the names of the byline that belongs to *headline*.

    Near the headline, the surest kind of hint counts; elsewhere, only one that is the
    same wherever it occurs, for a page lists authors of other pages, too.
    """
    found = _CANDIDATES(tree)[:MAX_CANDIDATES]
    found = [e for e in found if not _is_in_sentence(e)]
    candidates = [e for e in found if not is_of_other(e, headline)]
    if not candidates and headline is None:
        return []
    places = {e: n for n, e in enumerate(tree.iter(etree.Element))}
    if headline is not None and headline in places:
        at = places[headline]
        candidates = [e for e in candidates if not _is_after(e, headline, places)]
        near = [
            e
            for e in candidates
            if 0 <= (place := places.get(e, -NEAR) - at) <= NEAR
            or (-NEAR / 4 <= place < 0 and _is_beside(e, headline))
        ]
        likely = [e for e in near if not _is_in(e, _SELDOM_TAGS, _SELDOM)]
        names = _surest(likely) or _by_words(headline) or _surest(near)
        if names:
            return names
    return _undisputed(e for e in candidates if not _is_in(e, _SELDOM_TAGS, _SELDOM))


def is_of_other(element: HtmlElement, headline: HtmlElement | None) -> bool:
    """Tell whether *element* belongs to a comment, a picture, or another story.

    The title of another story is a link of some words in a box without the headline.
    """
    if _is_in(element, _NEVER_TAGS, _NEVER):
        return True
    own = set() if headline is None else {headline, *headline.iterancestors()}
    for above in islice(element.iterancestors(), _OTHERS_UP):
        if above in own or above.tag in {"article", "main", "body"}:
            break
        links = (a for a in islice(above.iter("a"), _FEW) if a is not element)
        if any(_is_title(a) for a in links):
            return True
    return False


def _is_after(
    element: HtmlElement, headline: HtmlElement, places: dict[HtmlElement, int]
) -> bool:
    """Tell whether *element* comes after the end of the headline's `<article>`."""
    own = next(headline.iterancestors("article"), None)
    if own is None or places.get(element, 0) < places[headline]:
        return False
    return own not in element.iterancestors()


def _is_in_sentence(element: HtmlElement) -> bool:
    """Tell whether words before *element*, in its line, do not lead to a byline."""
    above = element.getparent()
    if element.tag != "a" or above is None:
        return False
    beside = islice(element.itersiblings(preceding=True), _FEW)
    tails = (other.tail or "" for other in beside)
    said = " ".join(f"{above.text or ''} {' '.join(tails)}".split())
    return bool(re.search(r"\w", said)) and not _IS_BY.match(f"{said} ")


def _is_title(link: HtmlElement) -> bool:
    is_author = _AUTHOR_PATH.search(link.get("href") or "")
    return not is_author and len(_line(link).split()) >= _TITLE_WORDS


def _is_beside(element: HtmlElement, headline: HtmlElement) -> bool:
    """Tell whether both are in one box that is not the whole page.

    Before a headline that is the kicker; else it belongs to lists and menus.
    """
    boxes = {e for e in headline.iterancestors() if e.tag not in {"body", "main"}}
    above = islice(element.iterancestors(), 3)
    return any(box in boxes and box.getparent() is not None for box in above)


def _without_roles(parts: list[str]) -> list[str]:
    """Drop what only says who a name before it is: "AP Sports Writer", "MD", "TIME"."""
    first, *others = parts
    if " " not in first:
        return parts
    kept = [p for p in others if " " in p and not _ROLE.search(p)]
    return [first, *kept]


def _surest(candidates: Iterable[HtmlElement]) -> list[str]:
    """Return the names of the first group of the surest kind that has any."""
    for _, element in sorted(enumerate(candidates), key=lambda c: (_kind(c[1]), c[0])):
        names = _names_at(element)
        if names:
            return _with_neighbours(element, names)
    return []


def _undisputed(elements: Iterable[HtmlElement]) -> list[str]:
    candidates = list(elements)
    for kind in range(3):
        found = [
            names for e in candidates if _kind(e) == kind if (names := _names_at(e))
        ]
        if found:
            return found[0] if all(names == found[0] for names in found) else []
    return []


def _kind(element: HtmlElement) -> int:
    marks = f"{element.get('itemprop')} {element.get('property')}"
    if "author" in marks and element.tag != "meta":
        return 0
    if "author" in (element.get("rel") or "").split():
        return 1
    marks = f"{element.get('class')} {element.get('id')} {element.get('data-testid')}"
    return 2 if _BYLINE.search(marks) else 3


def _names_at(element: HtmlElement, *, is_byline: bool = False) -> list[str]:
    """Return the names that *element* shows: those of its links, else of its line.

    What is a byline links to nothing but its authors, wherever they are kept.
    """
    inner = element.xpath(".//*[@itemprop='name']")[:MAX_AUTHORS]
    links = list(islice(element.iter("a"), MAX_AUTHORS))
    linked = [a for a in links if _AUTHOR_PATH.search(a.get("href") or "")]
    others = links if is_byline or _kind(element) == 2 else []
    for parts, is_linked in ((inner, False), (linked, True), (others, False)):
        names = [
            name
            for part in parts
            for name in shown_names(_line(part), is_linked=is_linked)
        ]
        if names:
            return list(dict.fromkeys(names))
    begun = (e for e in islice(element.iter(etree.Element), NEAR) if _begins(e))
    lines = (shown_names(_line(part)) for part in (*begun, element))
    return list(dict.fromkeys(next(filter(None, lines), [])))


def _begins(element: HtmlElement) -> bool:
    """Tell whether *element* begins with "By": the rest of a byline may be roles."""
    return bool(_IS_BY.match(" ".join((element.text or "").split()) + " "))


def _with_neighbours(element: HtmlElement, names: list[str]) -> list[str]:
    """Add those who are named beside *element* in the same way."""
    marks = (element.tag, element.get("class"), element.get("rel"))
    above: HtmlElement | None = element
    for _ in range(2):
        above = above.getparent() if above is not None else None
        if above is None or len(_line(above)) > MAX_BYLINE:
            break
        for other in islice(above.iter(element.tag), MAX_AUTHORS):
            if (other.tag, other.get("class"), other.get("rel")) == marks:
                names += _names_at(other)
    return list(dict.fromkeys(names))[:MAX_AUTHORS]


def _by_words(headline: HtmlElement) -> list[str]:
    """Return the names of a short line after the headline that begins with "By"."""
    for element in headline.xpath(f"following::*[position() <= {NEAR}]"):
        if _begins(element) and not is_of_other(element, headline):
            said = " ".join(element.text.split()) + " "
            alone = not _IS_BY.sub("", said).strip() and len(element) == 0
            names = _names_at(element.getparent() if alone else element, is_byline=True)
            if names:
                return names
    return []


def _is_in(element: HtmlElement, tags: frozenset[str], marks: re.Pattern[str]) -> bool:
    """Tell whether *element* is within such tags or marks, below the article.

    The footer of an article "contains information such as who wrote it" (HTML, 4.3.8).
    """
    if next(element.iterancestors("article"), None) is not None:
        tags = tags - {"footer"}
    if element.tag in tags:
        return True
    for above in islice(element.iterancestors(), _UP):
        if above.tag in tags:
            return True
        if above.tag in {"article", "main", "body"}:
            return False
        if marks.search(f"{above.get('class') or ''} {above.get('id') or ''}"):
            return True
    return False


def _line(element: HtmlElement) -> str:
    """Return the text of *element*, blanks between its parts, cut where it is long."""
    line = ""
    for piece in _texts(element):
        line = f"{line} {piece}"
        if len(line) > 4 * MAX_BYLINE:
            break
    return re.sub(r"\s+([,;.])", r"\1", " ".join(line.split()))


def _texts(element: HtmlElement) -> Iterator[str]:
    """Yield the texts in *element*, but for scripts; no more than are asked for."""
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if event == "start" and inner.tag not in {"script", "style"}:
            yield inner.text or ""
        elif event == "end" and inner is not element:
            yield inner.tail or ""


def _is_no_name(name: str) -> bool:
    return bool(_NO_NAME.search(name)) or names_nobody(name)


def _is_staff(name: str) -> bool:
    """Tell whether a staff signs that says whose it is: "AOL Staff"."""
    found = _WHOSE_STAFF.fullmatch(name)
    return bool(found) and not _is_no_name(name)


def _is_person(name: str, *, is_linked: bool = False) -> bool:
    if not 2 <= len(name) <= MAX_NAME or is_agency(name):
        return False
    if _is_no_name(name) or _NO_SIGNATURE.fullmatch(name):
        return False
    return bool(_UNSPACED_NAME.fullmatch(name)) or _is_spelled(name, is_linked)


def _is_spelled(name: str, is_linked: bool) -> bool:  # noqa: FBT001 - private
    words = name.split()
    if len(words) > 5 or any(w.strip(".").casefold() in _NO_PERSON for w in words):
        return False
    if re.search(r"[:!?\d]", name):
        return False
    if len(words) == 1:
        return is_linked
    unicase = len(words) if all(map(_UNICASE.fullmatch, words)) else 0
    capitals = [word[0].isupper() for word in words if word not in _PARTICLES]
    return 2 <= unicase <= MAX_UNICASE or (len(capitals) >= 2 and all(capitals))
