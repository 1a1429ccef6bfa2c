"""Turns and robots.txt: who may be asked, how often, and how many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from itertools import pairwise
from typing import Any

import pytest

from tasks.models import Outcome, Response, Rest
from tasks.settings import FetchSettings
from tasks.web import robots
from tasks.web.faults import Failed
from tasks.web.politeness import MANY_HOSTS, RECOVERY, HostRests, Slots
from tasks.web.robots import Robots, Rules, read_rules


class Time:
    """A clock that moves on when everybody sleeps."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        """Return the seconds passed."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by so much."""
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, future))
        await future

    async def run(self, job: Awaitable[object]) -> None:
        """Move the clock from sleeper to sleeper until *job* is done."""
        task = asyncio.ensure_future(job)
        while not task.done():
            for _ in range(20):  # whoever can go on without the clock does
                await asyncio.sleep(0)
            if self.sleepers:
                self.sleepers.sort(key=lambda sleeper: -sleeper[0])
                self.now, future = self.sleepers.pop()
                future.set_result(None)
        await task


def starts(hosts: list[str], seconds: float, **settings: Any) -> list[float]:
    """Take a turn for each of *hosts* at once; return when each began."""
    clock = Time()
    began: list[float] = []

    async def one(slots: Slots, host: str) -> None:
        async with slots.slot(host):
            began.append(clock.now)
            await clock.sleep(seconds)

    async def run() -> None:
        slots = slots_for(clock, **settings)
        await clock.run(asyncio.gather(*(one(slots, host) for host in hosts)))

    asyncio.run(run())
    return began


def test_the_pause_runs_from_the_end_of_the_request_before() -> None:
    """A slow host is not asked again the moment it has answered."""
    assert starts(["a"] * 3, 2.0, per_host_delay_seconds=1.0) == [0.0, 3.0, 6.0]


def test_places_of_one_host_open_one_pause_apart() -> None:
    """Two at once, but not two in the same moment."""
    began = starts(["a"] * 3, 5.0, per_host_delay_seconds=1.0, per_host_concurrency=2)
    assert began[:2] == [0.0, 1.0]
    assert began[2] >= 6.0


def test_hosts_do_not_wait_for_one_another() -> None:
    """Each host has a queue of its own."""
    assert starts(["a", "b", "c"], 1.0, per_host_delay_seconds=9.0) == [0.0] * 3


def test_a_host_that_waits_holds_no_place_of_others() -> None:
    """With one place over all, the pause of one host is used by the other."""
    began = starts(["a", "a", "b"], 1.0, per_host_delay_seconds=50.0, concurrency=1)

    assert sorted(began)[1] < 10.0


def test_a_postponed_host_is_left_alone() -> None:
    """What a host asks for is waited for by all who want it."""
    clock = Time()

    slots = slots_for(clock)
    slots.postpone("a", 12.0)

    assert in_turn(slots, clock, ["a"]) == [12.0]


def test_a_cancelled_turn_is_given_back() -> None:
    """Whoever gives up blocks nobody."""

    async def run() -> None:
        slots = Slots(FetchSettings(per_host_delay_seconds=0.0))
        async with slots.slot("a"):
            waiting = asyncio.create_task(slots.slot("a").__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with asyncio.timeout(1), slots.slot("a"):
            pass

    asyncio.run(run())


def slots_for(clock: Time, *, chance: float = 0.0, **settings: Any) -> Slots:
    """Return slots on a clock of their own."""
    return Slots(
        FetchSettings(**settings), clock=clock, sleep=clock.sleep, draw=lambda: chance
    )


async def take(slots: Slots, host: str, clock: Time, seconds: float = 0.0) -> float:
    """Take a turn for so long; return when it began."""
    async with slots.slot(host):
        began = clock.now
        if seconds:
            await clock.sleep(seconds)
    return began


def in_turn(slots: Slots, clock: Time, hosts: list[str]) -> list[float]:
    """Take turns one after the other; return when each began."""
    began: list[float] = []

    async def run() -> None:
        began.extend([await take(slots, host, clock) for host in hosts])

    asyncio.run(clock.run(run()))
    return began


def test_pauses_are_longer_by_chance_and_never_shorter() -> None:
    """Up to a quarter: no beat that many hosts would hear at once."""
    clock = Time()
    slots = slots_for(clock, chance=1.0, per_host_delay_seconds=4.0)

    assert in_turn(slots, clock, ["a"] * 3) == [0.0, 5.0, 10.0]


def test_a_busy_host_is_asked_half_as_often_each_time_it_says_so() -> None:
    """And as before only after many good answers."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=1.0)
    slots.busy("a")
    slots.busy("a")

    assert in_turn(slots, clock, ["a", "a", "a"]) == [0.0, 4.0, 8.0]
    for _ in range(2 * RECOVERY):
        slots.answered("a")
    assert in_turn(slots, clock, ["a", "a"]) == [12.0, 13.0]


def test_a_busy_host_gets_a_pause_where_none_was_asked_for_but_no_endless_one() -> None:
    """Doubling nothing would be nothing."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=0.0)
    slots.busy("a")
    first = in_turn(slots, clock, ["a", "a"])
    for _ in range(100):
        slots.busy("a")
    last = in_turn(slots, clock, ["a", "a"])

    assert first == [0.0, 2.0]
    assert last[1] - last[0] == 64.0


def test_a_busy_host_is_asked_one_at_a_time() -> None:
    """Whatever the setting says."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=0.0, per_host_concurrency=3)

    async def run() -> list[float]:
        jobs = [take(slots, "a", clock, 10.0) for _ in range(4)]
        return await asyncio.gather(*jobs)

    async def both() -> None:
        assert await run() == [0.0, 0.0, 0.0, 10.0]
        slots.busy("a")
        began = await run()
        assert all(b - a >= 10.0 for a, b in pairwise(began))

    asyncio.run(clock.run(both()))


FAULT: tuple[Outcome, str, int | None] = ("timeout", "no answer within 60 s", None)


def test_a_host_that_fails_ten_times_in_a_row_rests() -> None:
    """One good answer between, and it is asked on."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=0.0)
    for _ in range(9):
        slots.failed("a", *FAULT)
    slots.answered("a")
    for _ in range(9):
        slots.failed("a", *FAULT)
    in_turn(slots, clock, ["a"])
    slots.failed("a", *FAULT)

    with pytest.raises(HostRests) as resting:
        in_turn(slots, clock, ["a"])
    in_turn(slots, clock, ["b"])
    words = "a rests after 10 failures in a row, the last: no answer within 60 s"
    assert resting.value.rest == Rest("a", words, "timeout", None)


def test_who_waits_for_a_host_that_begins_to_rest_is_sent_away() -> None:
    """Nobody is asked any more, in whatever order they came."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=50.0)

    async def first() -> None:
        async with slots.slot("a"):
            await clock.sleep(1.0)
            slots.rest(Rest("a", "asked for rest", "http_error", 429))

    async def run() -> None:
        jobs = [first(), *(take(slots, "a", clock) for _ in range(5))]
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(e) for e in ended[1:]] == [HostRests] * 5

    asyncio.run(clock.run(run()))


def test_a_name_that_does_not_exist_is_looked_up_once() -> None:
    """The others are told what it was."""
    clock = Time()
    slots = slots_for(clock)
    slots.lose("a", "no such host: a")

    with pytest.raises(Failed, match="no such host: a") as failed:
        in_turn(slots, clock, ["a"])
    assert failed.value.outcome == "dns_error"


def test_hosts_that_nobody_waits_for_are_forgotten() -> None:
    """A run over ten thousand hosts remembers few of them, and those with a reason."""
    clock = Time()
    slots = slots_for(clock, per_host_delay_seconds=1.0)
    slots.busy("busy")
    slots.failed("failing", *FAULT)
    for number in range(3 * MANY_HOSTS):
        clock.now += 0.01
        in_turn(slots, clock, [f"h{number}"])

    assert len(slots._hosts) <= MANY_HOSTS + 200
    assert {"busy", "failing"} <= slots._hosts.keys()


def test_robots_of_hosts_long_past_are_forgotten() -> None:
    """And asked for again, should the host come back."""
    asked: list[str] = []

    async def fetch(url: str) -> Response:
        asked.append(url)
        return answer(b"User-agent: *\nDisallow: /x")

    async def run() -> None:
        cache = Robots("Wirehouse/0.1", fetch)
        for number in range(robots.MAX_ORIGINS + 1):
            await cache.rules(f"http://h{number}.example/")
        await cache.rules("http://h1.example/")
        await cache.rules("http://h0.example/")
        assert len(cache._origins) == robots.MAX_ORIGINS

    asyncio.run(run())
    assert [url for url in asked if asked.count(url) > 1] == [
        "http://h0.example/robots.txt"
    ] * 2


def answer(
    body: bytes = b"",
    outcome: Outcome = "ok",
    status: int | None = 200,
    reason: str = "so it goes",
) -> Response:
    """Return what a robots.txt was answered with."""
    url = "http://news.example/robots.txt"
    return Response(url, url, outcome, reason, 1, status, (), body)


def refusal_of(rules: Rules, url: str) -> Failed | None:
    """Return why *url* may not be asked for, None if it may."""
    try:
        rules.check(url)
    except Failed as failed:
        return failed
    return None


RULES = b"""\xef\xbb\xbfUser-agent: other
Disallow: /

User-agent: *
Disallow: /all

User-Agent: WireHouse/9.9
User-agent: friend
Disallow: /secret
Allow: /secret/but-this
Crawl-delay: 3
"""


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [("/", True), ("/all", True), ("/secret/x", False), ("/secret/but-this", True)],
)
def test_the_rules_for_us_are_obeyed_and_no_others(path: str, is_allowed: bool) -> None:  # noqa: FBT001 - a column of the table above
    """The group that names us counts; that for all others does not, then."""
    rules = read_rules(answer(RULES), "Wirehouse")
    refusal = refusal_of(rules, f"http://news.example{path}")

    assert (refusal is None) == is_allowed
    assert refusal is None or refusal.outcome == "robots_disallowed"
    assert rules.delay_seconds == 3.0


def test_a_delay_is_honoured_up_to_a_limit() -> None:
    """No site stops a run."""
    rules = read_rules(answer(b"User-agent: *\nCrawl-delay: 86400"), "Wirehouse")
    assert rules.delay_seconds == robots.MAX_DELAY_SECONDS


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /",
        b"User-agent: *\rDisallow: /",
        b"USER-AGENT:*#all\nDISALLOW:/#no",
        b"\0User-agent: *\0\nDisallow: /\0",
        b"\xff\xfe\nUser-agent: *\nDisallow: /\nDisallow: \xff",
        b"User-agent: *\nDisallow: /" + b"a" * 400_000 + b"\nDisallow: /",
        b"User-agent: *\nDisallow: " + b"*" * 400_000,
    ],
)
def test_rules_are_found_among_odd_bytes(body: bytes) -> None:
    refusal = refusal_of(read_rules(answer(body), "Wirehouse"), "http://a.example/b")

    assert refusal is not None


@pytest.mark.parametrize("delay", ["-1", "-1e9", "nan", "inf", "soon", "", "0x5"])
def test_a_delay_that_is_none_is_passed_over(delay: str) -> None:
    body = f"User-agent: *\nCrawl-delay: {delay}".encode()

    assert read_rules(answer(body), "Wirehouse").delay_seconds == 0.0


OUTCOMES: list[tuple[Outcome, int | None, str]] = [
    ("http_error", 404, ""),
    ("http_error", 403, ""),
    ("http_error", 401, ""),
    ("http_error", 429, "robots_disallowed"),
    ("too_many_redirects", 302, ""),
    ("bad_response", 204, ""),
    ("bad_response", 304, "robots_disallowed"),
    ("http_error", 503, "robots_disallowed"),
    ("bad_response", 200, "robots_disallowed"),
    ("truncated", 200, "robots_disallowed"),
    ("timeout", None, "timeout"),
    ("dns_error", None, "dns_error"),
    ("connection_error", None, "connection_error"),
    ("blocked_address", None, "blocked_address"),
    ("tls_error", None, "tls_error"),
]


@pytest.mark.parametrize(("outcome", "status", "expected"), OUTCOMES)
def test_a_missing_file_allows_and_one_out_of_reach_forbids(
    outcome: Outcome, status: int | None, expected: str
) -> None:
    """RFC 9309, 2.3.1.3 and 2.3.1.4; what is true of the host is said of the page."""
    rules = read_rules(answer(outcome=outcome, status=status), "Wirehouse")
    refusal = refusal_of(rules, "http://news.example/")

    assert (refusal.outcome if refusal else "") == expected
    words = "robots.txt could not be read: so it goes"
    assert refusal is None or refusal.reason == words


def test_only_the_first_500_kib_are_rules() -> None:
    """RFC 9309, 2.5."""
    filler = b"# " + b"x" * (robots.PARSED_BYTES - 2) + b"\n"
    rules = read_rules(answer(filler + b"User-agent: *\nDisallow: /"), "Wirehouse")
    rules.check("http://news.example/")


def test_many_robots_over_many_rules_take_no_time() -> None:
    """The parser would keep a hundred million rules of this file of 300 KB."""
    agents = b"".join(b"User-agent: r%d\n" % n for n in range(10_000))
    paths = b"".join(b"Disallow: /%d\n" % n for n in range(8_000))
    started = time.monotonic()
    rules = read_rules(answer(agents + b"User-agent: *\n" + paths), "Wirehouse")

    with pytest.raises(Failed):
        rules.check("http://news.example/7999")
    assert time.monotonic() - started < 3.0


def test_a_file_is_asked_for_once_per_origin() -> None:
    """Scheme, host and port make an origin; all who wait share one answer."""
    asked: list[str] = []

    async def fetch(url: str) -> Response:
        asked.append(url)
        await asyncio.sleep(0.01)
        return answer(b"")

    async def run() -> None:
        cache = Robots("Wirehouse/0.1", fetch)
        pages = [f"http://a.example/{n}" for n in range(9)]
        jobs: list[Awaitable[object]] = [cache.rules(url) for url in pages]
        jobs += [cache.rules("https://a.example/"), cache.rules("http://a.example:81/")]
        await asyncio.gather(*jobs)

    asyncio.run(run())
    assert sorted(asked) == [
        "http://a.example/robots.txt",
        "http://a.example:81/robots.txt",
        "https://a.example/robots.txt",
    ]
