"""Every knob: where its value comes from, what it refuses, and what it says then."""

from __future__ import annotations

import json
import os
from dataclasses import FrozenInstanceError, asdict, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tasks.settings import (
    ENVIRONMENT_PREFIX,
    FILE_NAME,
    Settings,
    SettingsError,
    SourceSettings,
    describe_settings,
    load_settings,
)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the person who runs the tests has set."""
    for name in os.environ:
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


def from_file(folder: Path, toml: str) -> Settings:
    (folder / FILE_NAME).write_text(toml, encoding="utf-8")
    return load_settings(folder)[0]


def mistake(folder: Path, overrides: dict[str, Any] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Where a value comes from


def test_without_anything_said_every_value_is_the_default(tmp_path: Path) -> None:
    settings, origins = load_settings(tmp_path)

    assert settings == Settings()
    assert origins == {}


def test_the_command_line_beats_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = "[fetch]\nconcurrency = 2\nattempts = 2\nmax_redirects = 2\n"
    (tmp_path / FILE_NAME).write_text(toml)
    monkeypatch.setenv("WIREHOUSE_FETCH__CONCURRENCY", "3")
    monkeypatch.setenv("WIREHOUSE_FETCH__ATTEMPTS", "3")

    settings, origins = load_settings(tmp_path, {"fetch.concurrency": 4})

    fetch = settings.fetch
    assert (fetch.concurrency, fetch.attempts, fetch.max_redirects) == (4, 3, 2)
    assert fetch.max_bytes == Settings().fetch.max_bytes
    assert origins == {
        "fetch.concurrency": "command line",
        "fetch.attempts": "environment",
        "fetch.max_redirects": FILE_NAME,
    }


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("DATA", "/srv/news", "data", Path("/srv/news")),
        ("TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("FETCH__RESPECT_ROBOTS", "false", "fetch.respect_robots", False),
        ("FETCH__TOTAL_SECONDS", "1.5", "fetch.total_seconds", 1.5),
        ("FETCH__PORTS", "[80, 8080]", "fetch.ports", (80, 8080)),
        ("FETCH__FALLBACKS", '["archive"]', "fetch.fallbacks", ("archive",)),
        ("FETCH__ARCHIVE_URL", "", "fetch.archive_url", ""),
        (
            "FETCH__ALLOW_ADDRESSES",
            '["::1/128"]',
            "fetch.allow_addresses",
            ("::1/128",),
        ),
        (
            "FETCH__CONNECT_TO",
            '{"*.example": "127.0.0.1:80"}',
            "fetch.connect_to",
            {"*.example": "127.0.0.1:80"},
        ),
        (
            "SOURCES",
            '["a", {"location": "b", "name": "c"}]',
            "sources",
            (SourceSettings(location="a"), SourceSettings(location="b", name="c")),
        ),
    ],
)
def test_the_environment_says_lists_and_maps_as_json(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    text: str,
    name: str,
    value: object,
) -> None:
    monkeypatch.setenv(ENVIRONMENT_PREFIX + variable, text)

    settings, origins = load_settings(tmp_path)

    values = {each.name: each.value for each in describe_settings(settings, origins)}
    assert values[name] == value
    assert origins == {name: "environment"}


def test_a_map_is_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).write_text('[fetch]\nconnect_to = {a = "1.1.1.1:1"}\n')
    monkeypatch.setenv("WIREHOUSE_FETCH__CONNECT_TO", '{"b": "2.2.2.2:2"}')

    assert load_settings(tmp_path)[0].fetch.connect_to == {"b": "2.2.2.2:2"}


def test_a_file_may_name_a_source_with_its_name(tmp_path: Path) -> None:
    settings = from_file(
        tmp_path,
        '[[sources]]\nlocation = "/a"\nname = "b"\n[[sources]]\nlocation = "/c"',
    )

    assert settings.sources == (
        SourceSettings(location="/a", name="b"),
        SourceSettings(location="/c"),
    )


def test_the_folder_of_a_source_has_one_spelling(tmp_path: Path) -> None:
    settings = from_file(
        tmp_path, '[[sources]]\nlocation = "/a"\nfolder = "./site//content/"'
    )

    assert settings.sources == (SourceSettings(location="/a", folder="site/content"),)


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ("hub", "{}/hub"),
        (".", "{}"),
        ("../hub", "{}/../hub"),
        ("a/b:c", "{}/a/b:c"),
        ("/srv/hub", "/srv/hub"),
        ("https://git.example/hub.git", "https://git.example/hub.git"),
        ("git@git.example:hub.git", "git@git.example:hub.git"),
    ],
)
def test_a_path_in_the_file_is_relative_to_its_folder(
    tmp_path: Path, written: str, location: str
) -> None:
    settings = from_file(
        tmp_path,
        f'data = "out"\nsources = ["{written}", {{location = "{written}"}}]',
    )

    expected = location.format(tmp_path)
    assert [source.location for source in settings.sources] == [expected, expected]
    assert settings.data == tmp_path / "out"


def test_a_path_said_elsewhere_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREHOUSE_SOURCES", '["hub"]')

    settings, _ = load_settings(tmp_path, {"data": "out"})

    assert settings.data == Path("out")
    assert settings.sources == (SourceSettings(location="hub"),)


def test_what_is_taken_without_a_judge_is_what_the_judge_would_take(
    tmp_path: Path,
) -> None:
    plain = {"data": tmp_path, "sources": ["hub", "https://git.example/hub.git"]}

    settings, _ = load_settings(tmp_path, plain)

    judged, _ = load_settings(tmp_path, {**plain, "timezone": "UTC"})
    assert settings == judged
    assert type(settings.sources) is type(judged.sources)


# Names that do not exist


@pytest.mark.parametrize(
    ("toml", "name", "nearest"),
    [
        ('dat = "x"', "dat", "data"),
        ('source = ["x"]', "source", "sources"),
        ("[fetch]\nconcurency = 1", "fetch.concurency", "fetch.concurrency"),
        ("[fetches]\nx = 1", "fetches", "fetch.*"),
        ("fetch = 3", "fetch", "fetch.*"),
        ("[image]\nmax_bytes = 1", "image", "images.*"),
    ],
)
def test_a_name_in_the_file_that_does_not_exist_is_an_error(
    tmp_path: Path, toml: str, name: str, nearest: str
) -> None:
    (tmp_path / FILE_NAME).write_text(toml)

    message = mistake(tmp_path)

    start = f"setting {name!r} ({FILE_NAME}) does not exist; the nearest is "
    assert message.startswith(start)
    assert fnmatch(message.removeprefix(start), repr(nearest))


@pytest.mark.parametrize(
    ("variable", "name", "nearest"),
    [
        ("WIREHOUSE_DAT", "dat", "data"),
        ("WIREHOUSE_FETCH__CONCURENCY", "fetch.concurency", "fetch.concurrency"),
        ("WIREHOUSE_FETCH_CONCURRENCY", "fetch_concurrency", "fetch.concurrency"),
        ("WIREHOUSE_READ__MAX_DEPHT", "read.max_depht", "read.max_depth"),
    ],
)
def test_a_name_in_the_environment_that_does_not_exist_is_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    name: str,
    nearest: str,
) -> None:
    monkeypatch.setenv(variable, "1")

    assert mistake(tmp_path) == (
        f"setting {name!r} (environment) does not exist; the nearest is {nearest!r}"
    )


def test_a_field_of_a_source_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('sources = [{location = "a", nam = "b"}]')

    assert mistake(tmp_path) == (
        f"setting 'sources.0.nam' ({FILE_NAME}) does not exist;"
        " the nearest is 'sources.0.name'"
    )


# Values that cannot be

NO_ENDPOINT = "is not an IP address and port, such as '127.0.0.1:8080' or '[::1]:8080'"
NO_HEADER = "is not in plain ASCII that a header can hold"
NO_TEMPLATE = "is not an address with {url} and, if wanted, {timestamp} in it"
NO_CRON = "is not a cron line of five fields, such as '0 * * * *'"
NO_ZONE = "is not a time zone of the IANA database, such as 'Europe/Berlin'"
CONNECT = "fetch.connect_to"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("timezone", "Mars/Base", NO_ZONE),
        ("timezone", "", NO_ZONE),
        ("timezone", "../UTC", NO_ZONE),
        ("schedule", "hourly", NO_CRON),
        ("fetch.concurrency", "many", "Input should be a valid integer"),
        ("fetch.concurrency", 0, "Input should be greater than 0"),
        ("fetch.max_redirects", -1, "Input should be greater than or equal to 0"),
        ("fetch.total_seconds", float("nan"), "Input should be greater than 0"),
        (
            "fetch.refetch_after_days",
            float("inf"),
            "Input should be less than or equal",
        ),
        ("fetch.user_agent", "", NO_HEADER),
        ("fetch.user_agent", "  ", NO_HEADER),
        ("fetch.user_agent", "Wirehouse\r\nX: y", NO_HEADER),
        ("fetch.user_agent", "Wirehouse\t1", NO_HEADER),
        ("fetch.user_agent", "Wärehouse", NO_HEADER),
        ("fetch.archive_url", "https://a.example/", NO_TEMPLATE),
        ("fetch.archive_url", "https://a.example/{uri}", NO_TEMPLATE),
        ("fetch.archive_url", "https://a.example/{url.path}", NO_TEMPLATE),
        ("fetch.archive_url", "https://a.example/{url", NO_TEMPLATE),
        ("fetch.archive_url", "https://a.example/{0}", NO_TEMPLATE),
        ("data", 5, "Input is not a valid path"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_and_its_origin(
    tmp_path: Path, name: str, value: object, reason: str
) -> None:
    message = mistake(tmp_path, {name: value})

    assert message.startswith(f"setting {name} = {value!r} (command line): {reason}")


@pytest.mark.parametrize(
    ("name", "value", "place", "reason"),
    [
        ("fetch.ports", [80, 0], "1", "0 is not a port, such as 443"),
        ("fetch.ports", [65536], "0", "65536 is not a port, such as"),
        ("fetch.fallbacks", ["amp", "x"], "1", "Input should be 'amp', 'cdn_amp' or"),
        ("fetch.allow_addresses", ["x"], "0", "'x' is not a network, such as"),
        ("fetch.allow_addresses", ["10.0.0.1/8"], "0", "'10.0.0.1/8' is not a network"),
        (CONNECT, {"*": "localhost:80"}, "*", f"'localhost:80' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.0.0.1"}, "*", f"'127.0.0.1' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.0.0.1:"}, "*", f"'127.0.0.1:' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.0.0.1:0"}, "*", f"'127.0.0.1:0' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.0.0.1:65536"}, "*", f"'127.0.0.1:65536' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.0.0.1:+80"}, "*", f"'127.0.0.1:+80' {NO_ENDPOINT}"),
        (CONNECT, {"*": "127.1:80"}, "*", f"'127.1:80' {NO_ENDPOINT}"),
        (CONNECT, {"*": "::1:80"}, "*", f"'::1:80' {NO_ENDPOINT}"),
        (CONNECT, {"*": "[127.0.0.1]:80"}, "*", f"'[127.0.0.1]:80' {NO_ENDPOINT}"),
        (CONNECT, {"*": ":80"}, "*", f"':80' {NO_ENDPOINT}"),
    ],
)
def test_a_wrong_value_within_a_list_or_map_is_named_by_its_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: Any,
    place: str,
    reason: str,
) -> None:
    variable = ENVIRONMENT_PREFIX + name.upper().replace(".", "__")
    monkeypatch.setenv(variable, json.dumps(value))
    shown = value[place] if isinstance(value, dict) else value[int(place)]

    message = mistake(tmp_path)

    start = f"setting {name}.{place} = {shown!r} (environment): {reason}"
    assert message.startswith(start)


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:1", "[::1]:8080", "[2001:db8::1]:65535"]
)
def test_an_endpoint_is_an_ip_address_and_port(tmp_path: Path, endpoint: str) -> None:
    settings, _ = load_settings(tmp_path, {"fetch.connect_to": {"*": endpoint}})

    assert settings.fetch.connect_to == {"*": endpoint}


@pytest.mark.parametrize("text", ["80", "[80", "a,b", "", "{}"])
def test_a_list_that_is_no_json_is_named_with_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("WIREHOUSE_FETCH__PORTS", text)

    message = mistake(tmp_path)

    assert message.startswith("setting fetch.ports = ")
    assert text in message
    assert "(environment): " in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"data = ", "not valid TOML: Invalid value"),
        (b"a = 1\na = 2", "not valid TOML: Cannot overwrite"),
        (b"data = '\xff'", "not valid TOML: 'utf-8' codec"),
    ],
)
def test_a_file_that_is_no_toml_is_named(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    assert mistake(tmp_path).startswith(f"{tmp_path / FILE_NAME}: {reason}")


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    assert mistake(tmp_path) == (
        f"{tmp_path / FILE_NAME}: cannot be read: Is a directory"
    )


# What is told of them


def test_every_knob_is_described_with_its_value_and_origin(tmp_path: Path) -> None:
    settings, origins = load_settings(tmp_path, {"fetch.attempts": 3})

    told = list(describe_settings(settings, origins))

    assert len({each.name for each in told}) == len(told)
    assert [each.name for each in told if len(each.description) < 10] == []
    assert {each.name.partition(".")[0] for each in told} == {
        knob.name for knob in fields(Settings)
    }
    assert [each for each in told if each.origin != "default"] == [
        next(each for each in told if each.name == "fetch.attempts")
    ]
    assert next(each.value for each in told if each.name == "fetch.attempts") == 3


@pytest.mark.parametrize(
    "name",
    """
    sources data timezone schedule fetch.user_agent fetch.concurrency
    fetch.per_host_concurrency fetch.per_host_delay_seconds fetch.total_seconds
    fetch.max_bytes fetch.max_redirects fetch.attempts fetch.respect_robots fetch.ports
    fetch.allow_addresses fetch.connect_to fetch.fallbacks fetch.archive_url
    fetch.refetch_after_days images.max_bytes images.max_pixels images.thumbnail_pixels
    """.split(),
)
def test_a_knob_that_people_rely_on_is_there(name: str) -> None:
    assert name in {each.name for each in describe_settings(Settings(), {})}


def test_every_default_would_pass_if_somebody_wrote_it() -> None:
    defaults = Settings()

    again = TypeAdapter(Settings).validate_python(asdict(defaults))

    assert again == defaults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", "0 * * * *"),
        ("timezone", "UTC"),
        ("fetch.total_seconds", 60),
        ("fetch.max_bytes", 10_000_000),
        ("fetch.max_redirects", 5),
        ("fetch.respect_robots", True),
        ("fetch.ports", (80, 443)),
        ("fetch.allow_addresses", ()),
        ("fetch.connect_to", {}),
        ("fetch.fallbacks", ("amp", "cdn_amp", "archive")),
    ],
)
def test_a_default_is_what_was_promised(name: str, value: object) -> None:
    values = {each.name: each.value for each in describe_settings(Settings(), {})}

    assert values[name] == value


def test_defaults_are_polite_and_finite() -> None:
    settings = Settings()
    numbers = [
        (each.name, each.value)
        for each in describe_settings(settings, {})
        if isinstance(each.value, int | float) and not isinstance(each.value, bool)
    ]

    assert [name for name, number in numbers if not 0 < number < 10**10] == []
    assert settings.fetch.per_host_concurrency == 1
    assert settings.fetch.per_host_delay_seconds >= 1
    assert "Wirehouse/" in settings.fetch.user_agent
    assert not settings.data.is_absolute()


def test_settings_cannot_be_changed_on_their_way() -> None:
    settings = Settings()

    with pytest.raises(FrozenInstanceError):
        settings.fetch.concurrency = 1  # type: ignore[misc]


def test_allowed_networks_are_networks(tmp_path: Path) -> None:
    allowed = {"fetch.allow_addresses": ["127.0.0.0/8", "::1"]}

    settings, _ = load_settings(tmp_path, allowed)

    assert [str(net) for net in settings.fetch.allowed_networks] == [
        "127.0.0.0/8",
        "::1/128",
    ]
