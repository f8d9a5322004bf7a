"""Floor 4. What a verb of the dashboard is: one service call of the command line, with the options of that command.

The words of the command are made from the same fields that the form shows, so what is shown is what is done.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import usage
from mtctl.services.typed import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mtctl.app import App
    from mtctl.tui.drawn.lines import Line

YES = "yes"
"""The value of a field that is ticked; one that is not has none."""


class FieldKind(StrEnum):
    """What can be typed into a field."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    TICK = "tick"
    WORDS = "words"  # several words, by the quoting rules of a shell: an option that may be repeated
    LONG = "long"  # a definition of many lines, which the command reads from stdin


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One option of a command, or an argument where `option` is empty.

    `value` stands there at first, `hint` in an empty field and in the command for what is `needed` and not given yet.
    A number is from `least` to `most`. A choice that is not needed may also be none of its `choices`.
    """

    name: str
    label: str
    option: str = ""
    kind: FieldKind = FieldKind.TEXT
    value: str = ""
    choices: tuple[str, ...] = ()
    hint: str = ""
    needed: bool = False
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is read of the project before a verb asks.

    `values` and `choices` fill fields, `what` is said with the question, `kept` goes to the act as it is.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    what: str = ""
    kept: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was typed, by the names of the fields; `before` is what stood there at first."""

    values: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    kept: Any = None

    def text(self, name: str) -> str:
        """Return a text, empty where there is none."""
        return self.values.get(name, "")

    def maybe(self, name: str) -> str | None:
        """Return a text, None where there is none."""
        return self.values.get(name) or None

    def changed(self, name: str) -> str | None:
        """Return a text that is another than at first, None where it is the same."""
        now = self.text(name)
        return None if now == self.before.get(name, "") else now

    def ticked(self, name: str) -> bool:
        """Return whether a field is ticked."""
        return bool(self.values.get(name))

    def number(self, name: str) -> int | None:
        """Return a whole number, None where there is none; `checked` has seen that it is one."""
        text = self.text(name)
        return int(text) if text else None

    def several(self, name: str) -> tuple[str, ...]:
        """Return the words of a field; usage error `command_words`."""
        text = self.text(name)
        return words_of(text, name) if text else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is too long for one line: it is shown as a page."""

    title: str
    text: str


NOTHING = Given()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing to do.

    `path` are the words of its command, `always` what stands at their end. `act` does it in the acting thread and
    returns what came of it; without it the verb only `opens` the thing from near (at a part of it), or `waits` for its
    end. `prepare` reads in the reading thread what the question needs.

    `asks` verbs are confirmed with the count. One that is not `quick` always shows its form. A `single` command takes
    one name, so that several lines make several commands; one that is `alone` acts on one line only, a `free` one on
    none. An `unnamed` one's command does not name its line. `looks` verbs change nothing and start no engine: who may
    only look may do them. `slow` ones say that they have begun; those that the engine answers (`queries`) have a
    thread of their own and can be interrupted. `differs` leaves options out of the command that are as they were.
    `rare` ones have no place in the line of keys.
    """

    name: str
    label: str
    kinds: frozenset[str]
    path: str
    act: Callable[[App, Sequence[str], Given], str | Told] | None = None
    key: str = ""
    fields: tuple[Field, ...] = ()
    always: tuple[str, ...] = ()
    prepare: Callable[[App, Sequence[str]], Prepared] | None = None
    asks: bool = False
    quick: bool = True
    single: bool = False
    alone: bool = False
    free: bool = False
    unnamed: bool = False
    looks: bool = False
    slow: bool = False
    queries: bool = False
    rare: bool = False
    differs: bool = False
    opens: str | None = None
    waits: bool = False

    def given(self, prepared: Prepared | None = None) -> Given:
        """Return what stands in the fields at first."""
        found = Prepared() if prepared is None else prepared
        values = {one.name: found.values.get(one.name, one.value) for one in self.fields}
        return Given(values=values, before=values, kept=found.kept)

    def line(self, lines: Sequence[Line], given: Given | None = None) -> str:
        """Return the command line that does the same; several commands where one takes a single name only."""
        keys = [line.key for line in lines]
        calls = [[]] if self.free or self.unnamed else [[key] for key in keys] if self.single or self.alone else [keys]
        found = NOTHING if given is None else given
        return "; ".join(self._call(call, found) for call in calls)

    def words(self, keys: Sequence[str], given: Given) -> list[str]:
        """Return the words behind `mtctl` for some lines."""
        arguments: list[str] = []
        options: list[str] = []
        for one in self.fields:
            found = self._words_of(one, given)
            (options if one.option else arguments).extend(found)
        named = [word for key in keys for word in (_of_task(key) if "task" in self.kinds else [key])]
        return [*self.path.split(), *named, *arguments, *options, *self.always]

    def _call(self, keys: Sequence[str], given: Given) -> str:
        call = "mtctl " + shlex.join(self.words(keys, given))
        long = next((given.text(one.name) for one in self.fields if one.kind is FieldKind.LONG), "")
        if not long:
            return call
        end = "END"
        while end in long.splitlines():
            end += "_"
        return f"{call} <<'{end}'\n{long.rstrip()}\n{end}"

    def _words_of(self, one: Field, given: Given) -> list[str]:
        if self.differs and given is not NOTHING and one.option:
            changed = given.changed(one.name)
            return [] if changed is None else _option(one.option, changed)
        text = given.text(one.name) or (one.value if given is NOTHING else "")
        match one.kind:
            case FieldKind.LONG:
                return [one.option, "-"]
            case FieldKind.TICK:
                return [one.option] if text else []
            case FieldKind.WORDS:
                return [word for value in _split(text) for word in _option(one.option, value)]
        text = text or (one.hint or one.name.upper() if one.needed else "")
        return _option(one.option, text) if text else []


def checked(verb: Verb, given: Given) -> None:
    """Refuse what is missing or no number before anything is called; usage errors `value_missing`, `number`."""
    for one in verb.fields:
        text = given.text(one.name)
        if one.needed and not text.strip():
            raise usage("value_missing", f"{one.label} is missing", where=one.option, fix="fill it in")
        if one.kind is FieldKind.NUMBER and text:
            _check_number(one, text)


def _check_number(one: Field, text: str) -> None:
    number = int(text) if text.removeprefix("-").isdecimal() else None
    low = one.least is None or (number is not None and number >= one.least)
    high = one.most is None or (number is not None and number <= one.most)
    if number is None or not low or not high:
        bounds = f"from {one.least} to {one.most}" if one.most is not None else f"{one.least} or more"
        fix = "write digits" if one.least is None else f"{bounds}"
        raise usage("number", f"{one.label}: '{text}' is not such a number", where=one.option, fix=fix)


def _of_task(key: str) -> list[str]:
    """Return the words that name a task: its instance and its own name."""
    ulid, _, task = key.partition("/")
    return [ulid, "--task", task]


def _option(option: str, value: str) -> list[str]:
    """Return an option with its value; one that begins with a dash is joined, else it would be read as an option."""
    if not option:
        return [value]
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is still open: it is being typed
        return text.split()
