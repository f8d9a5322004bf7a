"""Floor 0. Reads the values of a workflow file, each with its type, its range and its place.

A value of the wrong type is never bent into the right one: `retries = "3"`, `retries = 1.0` and `retries = true` are
errors, and so is a key that nobody knows.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import closest, printable
from mtctl.core.times import parse_duration, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

LONGEST_TEXT = 1 << 20
"""Characters of one text value."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_WORDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"), (int, "a number"), (float, "a number with a fraction"), (str, "a text"),
    ((list, tuple), "a list"), (dict, "a table"), (date, "a date"),
)  # fmt: skip
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")


def check_plain_name(text: str, what: str, *, where: str = "") -> str:
    """Return the name of a workflow, task, queue or channel as it is; error `workflow_name`.

    Letters, digits and `_ . -`, at most 100, not beginning with `.` or `-`: it must be typed, and may name a file.
    """
    if _PLAIN.fullmatch(text):
        return text
    shown = printable(text[:80]) + ("…" if len(text) > 80 else "")
    raise invalid(
        "workflow_name", f"'{shown}' cannot name a {what}", where=where,
        fix="use letters, digits, _ . - (at most 100), beginning with a letter, a digit or _",
    )  # fmt: skip


class Fields:
    """The keys of one table of a file. `path` is where it stands in the file, empty for the top."""

    def __init__(self, values: Mapping[str, Any], known: Iterable[str], *, file: str, path: str = "") -> None:
        """Refuse unknown keys: error `key_unknown` with the likely one."""
        self.file = file
        self.path = path
        self._values = values
        names = tuple(known)
        for key in values:
            if key not in names:
                near = closest(key, names)
                raise MtctlError(
                    "key_unknown", f"unknown key '{printable(key[:80])}'", kind=Kind.INVALID, where=self.where(key),
                    fix=f"did you mean '{near}'?" if near else f"known are {', '.join(names)}",
                    details={"did_you_mean": [near]} if near else None,
                )  # fmt: skip

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def raw(self, key: str) -> Any:
        """Return a value as it is, None where it is not given."""
        return self._values.get(key)

    def where(self, key: str = "") -> str:
        """Return the place of a key, `workflows/x.toml: tasks[2].retries`."""
        inner = f"{self.path}.{printable(key[:80])}".strip(".") if key else self.path
        return ": ".join(part for part in (self.file, inner) if part)

    def bad(self, key: str, what: str, fix: str) -> MtctlError:
        """Return the error `workflow_value` about a key."""
        return invalid("workflow_value", f"{printable(key[:80])} {what}", where=self.where(key), fix=fix)

    def text(self, key: str, *, one_line: bool = False) -> str | None:
        """Return a text that is not blank."""
        value = self._values.get(key)
        if value is None:
            return None
        return self.checked_text(key, value, one_line=one_line)

    def checked_text(self, key: str, value: Any, *, one_line: bool = True, empty: bool = False) -> str:
        """Return a value that must be a text; blank only where that means something."""
        if not isinstance(value, str):
            raise self.bad(key, f"is {kind_of(value)}, not a text", "write it in quotes")
        if "\0" in value:
            raise self.bad(key, "contains a NUL character", "remove it")
        if not value.strip() and not empty:
            raise self.bad(key, "is empty", "write a value or remove the key")
        if len(value) > LONGEST_TEXT:
            raise self.bad(key, f"has {len(value):,} characters", f"write at most {LONGEST_TEXT:,}")
        if one_line and printable(value) != value:
            raise self.bad(key, "holds characters that cannot be seen", "write one visible line")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.bad(key, f"is {kind_of(value)}, not a boolean", "write true or false")
        return value

    def whole(self, key: str, low: int, high: int) -> int | None:
        """Return a whole number within both bounds."""
        value = self._values.get(key)
        return None if value is None else self.checked_whole(key, value, low, high)

    def checked_whole(self, key: str, value: Any, low: int, high: int) -> int:
        """Return a value that must be a whole number within both bounds."""
        fix = f"write a whole number from {low} to {high}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.bad(key, f"is {kind_of(value)}, not a whole number", fix)
        if not low <= value <= high:
            raise self.bad(key, f"= {value} is out of range", fix)
        return value

    def duration(self, key: str, *, zero: bool = False) -> int | None:
        """Return a length of time in microseconds; with `zero`, `"0"` is 0. Errors `workflow_value`, `duration`."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            also = ', or "0" for ever' if zero else ""
            raise self.bad(key, f"is {kind_of(value)}, not a duration", f'write for example "90 minutes" or "1h"{also}')
        if zero and value.strip() == "0":
            return 0
        try:
            return parse_duration(value, field=self.where(key))
        except MtctlError as error:
            if zero:
                error.fix = f'{error.fix}; "0" means for ever'
            raise

    def instant(self, key: str, zone: str) -> int | None:
        """Return the instant of a text or a TOML date or datetime, read in the zone; errors of `parse_instant`."""
        value = self._values.get(key)
        if value is None:
            return None
        text = value.isoformat() if isinstance(value, date | datetime) else self.checked_text(key, value)
        return parse_instant(text, zone, field=self.where(key), kind=Kind.INVALID)

    def choice(self, key: str, kind: type[StrEnum]) -> Any:
        """Return the member that a text names, None where the key is not given."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        near = closest(value, list(kind)) if isinstance(value, str) else None
        shown = f"'{printable(value[:80])}'" if isinstance(value, str) else kind_of(value)
        raise self.bad(
            key, f"is {shown}", f"did you mean '{near}'?" if near else f"write one of {', '.join(kind)}"
        )  # fmt: skip

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of one-line texts."""
        return tuple(self.checked_text(key, value) for value in self.items(key))

    def names(self, key: str, what: str) -> tuple[str, ...]:
        """Return a list of names, none twice; errors `workflow_value`, `workflow_name`."""
        found = tuple(check_plain_name(name, what, where=self.where(key)) for name in self.texts(key))
        twice = next((name for at, name in enumerate(found) if name in found[:at]), None)
        if twice is not None:
            raise self.bad(key, f"names '{twice}' twice", "keep one of them")
        return found

    def items(self, key: str) -> list[Any]:
        """Return a list, empty where the key is not given."""
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.bad(key, f"is {kind_of(value)}, not a list", "write it in [ ]")
        return list(value)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table, empty where the key is not given."""
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.bad(key, f"is {kind_of(value)}, not a table", f"write {key} = {{ … }} or [{key}]")
        return value

    def inner(self, key: str, known: Iterable[str]) -> Fields:
        """Return the reader of a table within this one."""
        return Fields(self.table(key), known, file=self.file, path=f"{self.path}.{key}".strip("."))

    def tags(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a table of one-line texts under names that can be typed."""
        found = []
        for name, value in self.table(key).items():
            if not _TAG.fullmatch(name):
                raise self.bad(f"{key}.{name}", "cannot be typed", "use letters, digits, _ . - (at most 63)")
            found.append((name, self.checked_text(f"{key}.{name}", value)))
        return tuple(found)

    def settings(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a table of options, nested tables as dotted names and all values as texts."""
        found = tuple(self._flat(self.table(key), key, ""))
        names = [name for name, _ in found]
        twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
        if twice is not None:
            raise self.bad(key, f"holds '{printable(twice[:80])}' twice", "keep one of them")
        return found

    def _flat(self, values: Mapping[str, Any], key: str, path: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for name, value in values.items():
            full = f"{path}.{name}".strip(".")
            if isinstance(value, dict):
                found += self._flat(value, key, full)
            elif isinstance(value, bool):
                found.append((full, "true" if value else "false"))
            elif isinstance(value, int | float):
                found.append((full, str(value)))
            else:
                found.append((full, self.checked_text(f"{key}.{full}", value)))
        return found


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    for kinds, words in _WORDS:
        if isinstance(value, kinds):
            return words
    return "another kind of value"
