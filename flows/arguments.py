"""Functions as commands: their parameters are what a user may say, read by argparse.

The declarations are those of typer. typer itself takes 0.08 s to be imported, with
pydantic for its types, which was a fifth of a run that finds nothing new.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NoReturn, TypeVar

from tasks.values import dataclass

Command = TypeVar("Command", bound=Callable[..., None])


class UsageError(ValueError):
    """Words that no command knows: one line on what and what to say instead."""


@dataclass(frozen=True, slots=True)
class Option:
    """What is said by its name; a parameter of type bool by the name alone."""

    name: str
    help: str
    metavar: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """What is said by its place."""

    help: str
    metavar: str | None = None


class App:
    """The commands of a program: functions under their own names."""

    def __init__(self, name: str, purpose: str, version: str) -> None:
        self._name = name
        self._purpose = purpose
        self._version = version
        self.commands: dict[str, Callable[..., None]] = {}

    def command(self) -> Callable[[Command], Command]:
        """Make a command of a function whose parameters say what they are."""

        def register(function: Command) -> Command:
            self.commands[function.__name__] = function
            return function

        return register

    def __call__(self, words: Sequence[str]) -> None:
        """Do what the *words* behind the program's name ask for.

        Raises `UsageError`; ends the program where they ask for help.
        """
        if not words:
            print(self._overview(), file=sys.stderr)  # noqa: T201 - the answer itself
            sys.exit(2)
        first = words[0]
        if first in {"--help", "-h", "--version"}:
            asked = self._version if first == "--version" else self._overview()
            print(asked)  # noqa: T201 - the answer itself
            return
        if first not in self.commands:
            msg = f"No such command: {first}{_nearest(first, self.commands)}"
            raise UsageError(msg)
        function = self.commands[first]
        parser = _parser(f"{self._name} {first}", function)
        asked_for, unknown = parser.parse_known_args(words[1:])
        if unknown:
            kind = "option" if unknown[0].startswith("-") else "argument"
            near = _nearest(unknown[0], parser.options) if kind == "option" else ""
            parser.error(f"No such {kind}: {unknown[0]}{near}")
        function(**vars(asked_for))

    def _overview(self) -> str:
        """Return what the program is for, and each command's first line."""
        width = max(map(len, self.commands))
        lines = [
            f"  {name:{width}}  {_sentences(function)[0]}"
            for name, function in self.commands.items()
        ]
        usage = f"Usage: {self._name} COMMAND [OPTION]…"
        more = f"{self._name} COMMAND --help tells a command's options."
        return "\n".join([usage, "", self._purpose, "", *lines, "", more])


class _Parser(argparse.ArgumentParser):
    """argparse, which tells mistakes in one line."""

    @property
    def options(self) -> list[str]:
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        msg = f"{message}; see {self.prog} --help"
        raise UsageError(msg)


def _parser(name: str, function: Callable[..., None]) -> _Parser:
    """Return what reads the parameters of a command."""
    parser = _Parser(
        prog=name, description=" ".join(_sentences(function)), allow_abbrev=False
    )
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        kind, said = typing.get_args(hints[parameter.name])
        how = {"help": said.help.replace("%", "%%"), **_reading(kind)}
        if said.metavar:
            how["metavar"] = said.metavar
        if isinstance(said, Option):
            how |= {"dest": parameter.name, "default": parameter.default}
        name = said.name if isinstance(said, Option) else parameter.name
        parser.add_argument(name, **how)
    return parser


def _reading(kind: Any) -> dict[str, Any]:
    """Return how argparse reads a type."""
    if kind is bool:
        return {"action": "store_true"}
    if typing.get_origin(kind) is Literal:
        return {"choices": typing.get_args(kind)}
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    if typing.get_origin(kind) is list:
        return {"action": "append", "type": parts[0]}
    return _reading(parts[0]) if parts else {"type": kind}


def _sentences(function: Callable[..., None]) -> list[str]:
    return inspect.cleandoc(function.__doc__ or "").split("\n")


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for a mistake alone

    near = difflib.get_close_matches(word, known, n=1)
    return f"; the nearest is {near[0]}" if near else ""
