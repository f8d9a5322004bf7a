"""Floor 0. Values: frozen, slotted classes that are cheap to make, for what a command that only looks carries.

A standard dataclass takes about a millisecond to create, and its module loads `inspect`: thirty of them cost more CPU
than a look at a thousand tables. `frozen` reads the same declarations and gives the same behaviour. The rule: modules
that `status` or a refresh with nothing to do load declare values, all others may use either.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool = True, order: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(kw_only_default=True, frozen_default=True)
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = True, order: bool = False) -> Any:
    """Make a class of annotated fields a value: set once by keyword (by place too with `kw_only=False`), then frozen.

    Values are equal when their class and fields are, and hash by their fields; with `order` they sort by them.
    `__post_init__` runs when the fields are set. A class inherits no fields, and defaults are shared by all instances.
    """
    if cls is None:
        return lambda found: _made(found, kw_only=kw_only, order=order)
    return _made(cls, kw_only=kw_only, order=order)


def replace(one: T, **changes: Any) -> T:
    """Return a copy of a value with other values for some of its fields; TypeError where it has no such field."""
    cls: Any = type(one)
    return cls(**fields(one) | changes)  # type: ignore[no-any-return]


def fields(one: object) -> dict[str, Any]:
    """Return the fields of a value by name; what they hold is not taken apart."""
    cls: Any = type(one)
    names, values = _fields_of(cls)
    return dict(zip(names, values(one), strict=True))


@cache
def _fields_of(cls: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of a value's fields, and what reads them all at once."""
    names: tuple[str, ...] = tuple(cls.__slots__)
    if len(names) == 1:
        return names, lambda one: (getattr(one, names[0]),)
    return names, attrgetter(*names)


def _made(cls: type, *, kw_only: bool, order: bool) -> type:
    parts = dict(cls.__dict__)
    names = tuple(parts.get("__annotations__", ()))
    defaults = {name: parts.pop(name) for name in names if name in parts}
    parts.pop("__dict__", None)
    parts.pop("__weakref__", None)
    parts["__slots__"] = names
    parts["__match_args__"] = () if kw_only else names
    made = type(cls)(cls.__name__, cls.__bases__, parts | _behaviour(names, order=order))

    def first(self: Any, *args: Any, **fields: Any) -> None:
        # Compiled at the first use: what a look loads has many classes of which it makes no value.
        made.__init__ = _initialiser(made, names, defaults, kw_only=kw_only)  # type: ignore[misc]
        made.__init__(self, *args, **fields)  # type: ignore[misc]

    made.__init__ = first  # type: ignore[misc]
    return made


def _initialiser(made: type, names: tuple[str, ...], defaults: dict[str, Any], *, kw_only: bool) -> Any:
    """Return `__init__`: compiled, since setting fields one after another is what making a value costs.

    Each field is set by its slot, which `__setattr__` does not guard.
    """
    known = {f"set_{name}": made.__dict__[name].__set__ for name in names}
    known |= {f"default_{name}": default for name, default in defaults.items()}
    words = [f"{name}=default_{name}" if name in defaults else name for name in names]
    lines = [f"set_{name}(self, {name})" for name in names]
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    heads = ["self", *(["*"] if kw_only and names else []), *words]
    exec(f"def __init__({', '.join(heads)}):\n " + "\n ".join(lines or ["pass"]), known)  # noqa: S102 - names of fields
    return known["__init__"]


def _behaviour(names: tuple[str, ...], *, order: bool) -> dict[str, Any]:
    fields: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> bool:
        return fields(self) == fields(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(fields(self))

    def shown(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def less(self: Any, other: object) -> bool:
        return fields(self) < fields(other) if other.__class__ is self.__class__ else NotImplemented

    def no_more(self: Any, other: object) -> bool:
        return fields(self) <= fields(other) if other.__class__ is self.__class__ else NotImplemented

    found = {"__eq__": equal, "__hash__": hashed, "__repr__": shown, "__setattr__": _refuse, "__delattr__": _refuse}
    return found | {"__lt__": less, "__le__": no_more} if order else found


def _refuse(self: Any, name: str, _value: object = None) -> None:
    raise AttributeError(f"a {type(self).__name__} never changes: {name} stays as it is")
