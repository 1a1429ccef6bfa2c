"""`dataclass` for values, whose methods cost nothing until somebody needs them.

Python's own compiles six methods for each class that is imported. A run that finds
nothing new imports some sixty and makes values of a few: that was a tenth of its CPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass"]

Value = TypeVar("Value")
Decorator = Callable[[type[Value]], type[Value]]


def _dataclass(
    *, frozen: bool, slots: bool = False, kw_only: bool = False
) -> Decorator[Value]:
    """Make a frozen dataclass, equal to Python's own in all that values do."""
    if not frozen:
        msg = "values stay as they are: Python's own makes other classes"
        raise TypeError(msg)

    def decorate(cls: type[Value]) -> type[Value]:
        make = dataclasses.dataclass(
            init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
        )
        made = make(cls)
        for name, method in _methods(made).items():
            if name not in cls.__dict__:
                setattr(made, name, method)
        return made

    return decorate


if TYPE_CHECKING:  # which knows what Python's own makes
    from dataclasses import dataclass
else:
    dataclass = _dataclass


def _methods(cls: type[Any]) -> dict[str, Callable[..., Any]]:
    """Return what each value can do; only what fills it is compiled, by the first."""
    fields = dataclasses.fields(cls)
    names = [each.name for each in fields]
    compared = attrgetter(*[each.name for each in fields if each.compare])

    def fill(self: object, *values: object, **named: object) -> None:
        cls.__init__ = _initializer(fields)
        cls.__init__(self, *values, **named)

    def is_equal(self: object, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared(self) == compared(other)

    def hashed(self: object) -> int:
        return hash(compared(self))

    def told(self: object) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({values})"

    def state(self: object) -> list[object]:
        return [getattr(self, name) for name in names]

    def restore(self: object, values: list[object]) -> None:
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    return {
        "__init__": fill,
        "__eq__": is_equal,
        "__hash__": hashed,
        "__repr__": told,
        "__getstate__": state,
        "__setstate__": restore,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }


def _refuse(self: object, name: str, *_: object) -> None:
    """Leave a value as it is."""
    msg = f"a {self.__class__.__name__} stays as it is: {name!r} cannot change"
    raise dataclasses.FrozenInstanceError(msg)


def _initializer(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Compile the method that fills a value, as Python's own does."""
    known: dict[str, Any] = {"put": object.__setattr__, "unsaid": object()}
    by_place, by_name, body = ["self"], ["*"], []
    for number, each in enumerate(fields):
        parameter = value = each.name
        if each.default is not dataclasses.MISSING:
            known[f"default{number}"] = each.default
            parameter = f"{each.name}=default{number}"
        elif each.default_factory is not dataclasses.MISSING:
            known[f"make{number}"] = each.default_factory
            parameter = f"{each.name}=unsaid"
            value = f"make{number}() if {each.name} is unsaid else {each.name}"
        (by_name if each.kw_only else by_place).append(parameter)
        body.append(f" put(self, {each.name!r}, {value})")
    parameters = ", ".join(by_place + by_name[: len(by_name) * (len(by_name) > 1)])
    exec("\n".join([f"def __init__({parameters}):", *body]), known)  # noqa: S102 - ours
    method: Callable[..., None] = known["__init__"]
    return method
