"""Values are what Python's own dataclasses are, without what those cost an import."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from tasks import models
from tasks.values import dataclass

VALUES = [
    found
    for found in vars(models).values()
    if isinstance(found, type) and dataclasses.is_dataclass(found)
]


@dataclass(frozen=True, slots=True)
class Story:
    """A value with each kind of field."""

    name: str
    words: int = 3
    tags: list[str] = field(default_factory=list)
    seen: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequel(Story):
    """A value that has all of another one's fields."""

    number: int
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loose:
    """A value without slots, and with a word of its own on what it is."""

    name: str

    def __repr__(self) -> str:
        return self.name


def _own(cls: type[Any]) -> type[Any]:
    """Return what Python itself makes of the same fields."""
    found = [(each.name, each.type, _again(each)) for each in fields(cls)]
    return dataclasses.make_dataclass(cls.__name__, found, frozen=True, slots=True)


def _again(each: dataclasses.Field[Any]) -> Any:
    options: dict[str, Any] = {
        "compare": each.compare,
        "repr": each.repr,
        "kw_only": each.kw_only,
    }
    if each.default is not dataclasses.MISSING:
        return field(default=each.default, **options)
    if each.default_factory is not dataclasses.MISSING:
        return field(default_factory=each.default_factory, **options)
    return field(**options)


@pytest.mark.parametrize("cls", [*VALUES, Story, Sequel], ids=lambda cls: cls.__name__)
def test_a_value_is_filled_compared_and_told_as_pythons_own(cls: type[Any]) -> None:
    given = {each.name: f"<{each.name}>" for each in fields(cls)}
    own = _own(cls)

    value, twin = cls(**given), own(**given)

    assert asdict(value) == asdict(twin) == given
    assert repr(value).partition("(")[2] == repr(twin).partition("(")[2]
    assert hash(value) == hash(twin)
    for name in given:
        other = {**given, name: "another"}
        assert (cls(**other) == value) == (own(**other) == twin)


@pytest.mark.parametrize("cls", [*VALUES, Story, Sequel], ids=lambda cls: cls.__name__)
def test_what_is_not_said_of_a_value_is_as_of_pythons_own(cls: type[Any]) -> None:
    needed = {
        each.name: "said"
        for each in fields(cls)
        if each.default is each.default_factory is dataclasses.MISSING
    }
    by_place = [
        "said" for each in fields(cls) if each.name in needed and not each.kw_only
    ]
    by_name = {
        each.name: "said"
        for each in fields(cls)
        if each.name in needed and each.kw_only
    }

    assert asdict(cls(**needed)) == asdict(_own(cls)(**needed))
    assert cls(*by_place, **by_name) == cls(**needed)
    for name in needed:
        less = {other: "said" for other in needed if other != name}
        with pytest.raises(TypeError, match=name):
            cls(**less)


def test_each_value_has_its_own_of_what_is_made_for_it() -> None:
    one, other = Story("one"), Story("other")

    one.tags.append("new")

    assert other.tags == []


def test_a_field_by_name_is_taken_by_name_alone() -> None:
    assert Sequel("one", number=2) == Sequel(name="one", number=2)
    with pytest.raises(TypeError, match="positional"):
        Sequel("one", 3, [], True, 2)  # type: ignore[call-arg]  # noqa: FBT003


def test_a_value_stays_as_it_is() -> None:
    story = Story("one")

    with pytest.raises(FrozenInstanceError, match="'words'"):
        story.words = 4  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="'words'"):
        del story.words
    with pytest.raises(FrozenInstanceError, match="'other'"):
        story.other = 4  # type: ignore[attr-defined]
    assert replace(story, words=4) == Story("one", 4)
    assert story.words == 3


@pytest.mark.parametrize(
    "value", [Story("one", tags=["a"]), Sequel("b", number=2), Loose("c")]
)
def test_a_value_travels_to_another_process_whole(value: object) -> None:
    travelled = pickle.loads(pickle.dumps(value))  # noqa: S301 - ours

    assert travelled == copy.copy(value) == copy.deepcopy(value) == value
    assert repr(travelled) == repr(value)


def test_values_of_two_classes_are_never_equal() -> None:
    assert Story("one") != Sequel("one", number=1)


def test_a_method_of_its_own_is_kept() -> None:
    assert repr(Loose("mine")) == "mine"


def test_values_are_matched_by_place() -> None:
    match Story("one", 4):
        case Story(name, words):
            assert (name, words) == ("one", 4)


def test_what_may_change_is_no_value() -> None:
    with pytest.raises(TypeError, match="stay"):
        dataclass(frozen=False)


def test_to_import_the_models_compiles_nothing() -> None:
    program = (
        "import builtins, tasks.values\n"
        "compiled = []\n"
        "tasks.values.exec = lambda *a: compiled.append(a)\n"
        "import dataclasses\n"
        "dataclasses.exec = lambda *a: compiled.append(a)\n"
        "import tasks.models\n"
        "assert not compiled, compiled"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
