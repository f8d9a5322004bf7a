"""Floor 0. One field of a cron expression: numbers, names, ranges, steps and lists, read strictly.

An error names the field and carries the expression with a caret below the place. Days of the week are 0 (Sunday) to 6
inside; Quartz writes 1 to 7, cron 0 to 7 with two Sundays.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.names import printable


class Dialect(StrEnum):
    """Who wrote the expression: Unix cron (5 fields, or 6 with seconds first) or Quartz (6 or 7 fields)."""

    CRON = "cron"
    QUARTZ = "quartz"


class FieldRule(NamedTuple):
    """What a field may hold: its name, its bounds, the least step that is too long, and its names in order of value."""

    name: str
    low: int
    high: int
    step_limit: int
    names: tuple[str, ...] = ()


class Source(NamedTuple):
    """The expression that is read, its dialect, and where it stands."""

    text: str
    dialect: Dialect
    where: str

    def error(self, what: str, at: int, fix: str, field: str = "") -> MtctlError:
        """Return the error `schedule` with a caret at an offset of the text."""
        place = f"field '{field}'" if field else ""
        where = ", ".join(part for part in (self.where, place) if part)
        line = _visible(self.text[:200])
        found = invalid(
            "schedule", what, where=where, fix=fix, excerpt=f"{line}\n{' ' * len(_visible(self.text[: min(at, 200)]))}^"
        )
        found.details = {"field": field, "column": at + 1} if field else {"column": at + 1}
        return found


class Item(NamedTuple):
    """One member of a comma list, in capitals, and its offset in the expression."""

    text: str
    at: int


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

SECOND = FieldRule("second", 0, 59, 60)
MINUTE = FieldRule("minute", 0, 59, 60)
HOUR = FieldRule("hour", 0, 23, 24)
DAY = FieldRule("day of month", 1, 31, 31)
MONTH = FieldRule("month", 1, 12, 12, MONTHS)
WEEKDAY = FieldRule("day of week", 0, 7, 7, DAYS)
QUARTZ_WEEKDAY = FieldRule("day of week", 1, 7, 7, DAYS)
YEAR = FieldRule("year", 1970, 2099, 130)

_NUMBER = re.compile(r"[0-9]{1,4}")
_WORD = re.compile(r"[A-Z0-9]+")


def items(field: Item, rule: FieldRule, source: Source) -> list[Item]:
    """Return the members of a field's comma list; an empty one is refused."""
    found: list[Item] = []
    at = field.at
    for part in field.text.split(","):
        if not part:
            raise source.error("a list has an empty place", at, "remove the comma", rule.name)
        found.append(Item(part, at))
        at += len(part) + 1
    return found


def values(field: Item, rule: FieldRule, source: Source) -> tuple[int, ...]:
    """Return the sorted values of a field of plain items."""
    found: set[int] = set()
    for item in items(field, rule, source):
        found.update(plain(item, rule, source))
    return tuple(sorted(found))


def plain(item: Item, rule: FieldRule, source: Source) -> set[int]:
    """Return the values of `*`, `n`, `n-m` (may wrap), `*/s`, `n/s` or `n-m/s`."""
    body, slash, step_text = item.text.partition("/")
    step = _step(Item(step_text, item.at + len(body) + 1), rule, source) if slash else 1
    first, dash, last = body.partition("-")
    if body == "*":
        low, high = rule.low, rule.high
    elif dash:
        low = value(Item(first, item.at), rule, source)
        high = value(Item(last, item.at + len(first) + 1), rule, source)
        _same_spelling(item, first, last, rule, source)
    else:
        low = value(Item(body, item.at), rule, source)
        high = rule.high if slash else low
    if slash and any(char.isalpha() for char in body):
        what = "a step after a name is ignored by Quartz, so its meaning is not sure"
        raise source.error(what, item.at, "write numbers, or list the names", rule.name)
    return _spread(low, high, step, rule, item, source)


def value(item: Item, rule: FieldRule, source: Source) -> int:
    """Return one number or name within the bounds of the field, as it is written (Quartz's Sunday is still 1)."""
    text = item.text
    if _NUMBER.fullmatch(text):
        if not rule.low <= int(text) <= rule.high:
            what = f"{text} is not a {rule.name}"
            fix = f"write {rule.low} to {rule.high}"
            if rule is YEAR:
                what, fix = f"the year {text} lies outside what schedules know", "write 1970 to 2099"
            elif rule is QUARTZ_WEEKDAY:
                fix += "; in Quartz 1 is Sunday"
            raise source.error(what, item.at, fix, rule.name)
        return int(text)
    if text in rule.names:
        return rule.names.index(text) + (0 if rule is WEEKDAY else 1)
    raise _not_a_value(item, rule, source)


def bare(number: int, rule: FieldRule) -> int:
    """Return a value in the inside numbering: days of the week from 0 (Sunday) to 6."""
    if rule is QUARTZ_WEEKDAY:
        return number - 1
    return number % 7 if rule is WEEKDAY else number


def leads_with_star(text: str, low: str = "0") -> bool:
    """Return whether a field follows every value (`*`, `*/n` and what means the same, `0/n`): Debian's wildcard."""
    return text.startswith(("*", f"{low}/"))


def _visible(text: str) -> str:
    r"""Return the text in printable ASCII: a space that only looks like one shows as `\xa0`."""
    return text.replace("\t", " ").encode("unicode_escape").decode("ascii")


def _spread(low: int, high: int, step: int, rule: FieldRule, item: Item, source: Source) -> set[int]:
    if rule is YEAR and low > high:
        raise source.error("a range of years goes backward", item.at, "write the earlier year first", rule.name)
    if rule is WEEKDAY and "-" not in item.text:
        low, high = low % 7, min(high, 6) if low != high else low % 7  # the second Sunday is a spelling, not a day
    size = 7 if rule is WEEKDAY else rule.high - rule.low + 1
    if low > high:
        high += size
    return {bare((at - rule.low) % size + rule.low, rule) for at in range(low, high + 1, step)}


def _same_spelling(item: Item, first: str, last: str, rule: FieldRule, source: Source) -> None:
    if first.isdigit() != last.isdigit():
        raise source.error("a range mixes a name and a number", item.at, "write both in one way", rule.name)


def _step(item: Item, rule: FieldRule, source: Source) -> int:
    if not _NUMBER.fullmatch(item.text):
        raise source.error("'/' needs a whole number", item.at, "write for example '*/5'", rule.name)
    step = int(item.text)
    if step == 0:
        raise source.error("a step of 0 never moves", item.at, "write a step of 1 or more", rule.name)
    if step >= rule.step_limit:
        what = f"a step of {step} leaves one {rule.name} only"
        raise source.error(what, item.at, f"write less than {rule.step_limit}, or the one value", rule.name)
    return step


def _not_a_value(item: Item, rule: FieldRule, source: Source) -> MtctlError:
    text, at = item.text, item.at
    if not text:
        return source.error("a value is missing", at, f"write {rule.low} to {rule.high} or '*'", rule.name)
    if "?" in text:
        if source.dialect is Dialect.CRON:
            return source.error("'?' belongs to Quartz", at + text.index("?"), "write '*'", rule.name)
        what = "'?' stands alone, for the day of month or the day of week"
        return source.error(what, at + text.index("?"), "write '*' or values", rule.name)
    shown = printable(text[:40])
    fix = f"write {rule.low} to {rule.high}"
    if rule.names:
        fix += f" or {rule.names[0]} to {rule.names[-1]}"
    if _WORD.fullmatch(text) or "*" in text:
        return source.error(f"'{shown}' is not a {rule.name}", at, fix, rule.name)
    bad = next((index for index, char in enumerate(text) if not char.isalnum()), 0)
    return source.error(f"'{shown}' is not a {rule.name}", at + bad, fix, rule.name)
