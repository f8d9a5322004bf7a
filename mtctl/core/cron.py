"""Floor 0. Cron expressions of two dialects, read strictly into explicit values.

Nothing is guessed: a text that two dialects read in two ways is refused with both rewrites, and so is what Quartz
itself fires at other times than written (a step after a name, `MON-FRI#2`, `1W,15W`, `?,MON`, an eighth field).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.cron_days import MonthDays, Weekdays, day_matches, month_days, week_days
from mtctl.core.cron_fields import (
    DAY,
    DAYS,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    YEAR,
    Dialect,
    Item,
    Source,
    leads_with_star,
    values,
)
from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FIRST_YEAR", "LAST_YEAR", "Cron", "Dialect", "parse_cron"]

FIRST_YEAR, LAST_YEAR = YEAR.low, YEAR.high
_LONGEST = 1000
_CYCLE = range(2000, 2028)
"""All combinations of leap years and weekdays."""
_ORDER = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """An expression as explicit values; `years` None means every year from 1970 to 2099.

    `wildcard` is Debian's rule: the hour or the minute follows every value (`*`, `*/n`, or `0/n`, which means the
    same), so that the fires follow real time when the clock changes. `normalized` is the text in capitals with single
    spaces.
    """

    text: str
    dialect: Dialect
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: MonthDays
    months: tuple[int, ...]
    weekdays: Weekdays
    years: tuple[int, ...] | None
    wildcard: bool
    normalized: str

    def on(self, day: date) -> bool:
        """Return whether the date is one of its days, whatever the year field says."""
        return day.month in self.months and day_matches(self.days, self.weekdays, day)


def parse_cron(text: str, dialect: Dialect | None = None, *, where: str = "") -> Cron:
    """Return the values of an expression; error `schedule` (kind INVALID) with the field and a caret.

    Without a dialect five fields are cron and what has a `?` is Quartz; six fields without one are refused, because
    cron and Quartz read them in two ways. A date that never comes (30 February) is refused.
    """
    try:
        return _parsed(text, dialect)
    except MtctlError as error:
        if not where:
            raise
        place = ", ".join(part for part in (where, error.where) if part)
        raise MtctlError(
            error.code, error.what, kind=error.kind, where=place, fix=error.fix, excerpt=error.excerpt,
            details=error.details,
        ) from None  # fmt: skip


@lru_cache(maxsize=1024)
def _parsed(text: str, dialect: Dialect | None) -> Cron:
    source = Source(text, dialect or Dialect.CRON, "")
    _check_characters(source)
    fields = list(_fields(text))
    chosen = _dialect(fields, dialect, source)
    source = source._replace(dialect=chosen)
    _check_count(fields, source)
    if chosen is Dialect.QUARTZ:
        _check_question(fields, source)
    with_seconds = [Item("0", 0), *fields] if len(fields) == 5 else fields
    found = _values(with_seconds, source)
    if not any(True for _ in _some_days(found)):
        at = with_seconds[3].at
        raise source.error(
            "no such date exists, so it would never fire", at, "choose a day that the month has", DAY.name
        )
    return found


def _fields(text: str) -> Iterator[Item]:
    at = 0
    for part in text.replace("\t", " ").split(" "):
        if part:
            yield Item(part.upper(), at)
        at += len(part) + 1


def _check_characters(source: Source) -> None:
    for at, char in enumerate(source.text[:_LONGEST]):
        if not (char.isascii() and (char.isprintable() or char == "\t")):
            raise source.error("only ASCII letters, digits and signs are read", at, "type the expression again")
    if len(source.text) > _LONGEST:
        raise source.error(f"it is longer than {_LONGEST} characters", _LONGEST, "use ranges and steps")


def _dialect(fields: list[Item], dialect: Dialect | None, source: Source) -> Dialect:
    if dialect is not None:
        return dialect
    if len(fields) < 6:
        return Dialect.CRON
    if len(fields) > 6 or any("?" in field.text for field in fields):
        return Dialect.QUARTZ
    words = [field.text for field in fields]
    readings = [f"'{_quartz_days(words)}' for Quartz"]
    if words[0] == "0":
        readings.append(f"'{' '.join(words[1:])}' for cron")
    else:
        readings.append("the same with dialect cron, seconds first")
    what = "six fields without '?' mean one thing in cron and another in Quartz"
    raise source.error(what, fields[0].at, f"write {' or '.join(readings)}")


def _check_count(fields: list[Item], source: Source) -> None:
    count = len(fields)
    if source.dialect is Dialect.QUARTZ and count in {6, 7}:
        return
    if source.dialect is Dialect.CRON and count in {5, 6}:
        return
    end = len(source.text.rstrip())
    if source.dialect is Dialect.QUARTZ and count == 5:
        words = [field.text for field in fields]
        fix = f"write '{_quartz_days(['0', *_quartz_numbers(words)])}', or keep '{' '.join(words)}' with dialect cron"
        raise source.error("five fields are cron; Quartz begins with the seconds", fields[0].at, fix)
    wanted, fix = "5 fields", "write minute, hour, day of month, month, day of week, for example '0 2 * * *'"
    if source.dialect is Dialect.QUARTZ:
        wanted, fix = "6 or 7 fields", "write second, minute, hour, day, month, weekday, for example '0 0 2 * * ?'"
    limit = 7 if source.dialect is Dialect.QUARTZ else 6
    at = fields[limit].at if count > limit else end
    raise source.error(f"{source.dialect} has {wanted}, not {count}", at, fix)


def _check_question(fields: list[Item], source: Source) -> None:
    day, weekday = fields[3], fields[5]
    marks = (day.text == "?") + (weekday.text == "?")
    if marks == 1:
        return
    if marks == 2:
        what, at = "'?' stands for the day of month or the day of week, not for both", weekday.at
    else:
        mark = next((each for each in (day, weekday) if "?" in each.text), None)
        if mark is not None:
            raise source.error(
                "'?' stands alone", mark.at + mark.text.index("?"), "write '?' and nothing else", DAY.name
            )
        what, at = "Quartz wants '?' for the day of month or for the day of week", day.at
    fixed = _quartz_days([field.text for field in fields])
    raise source.error(what, at, f"write for example '{fixed}'", DAY.name)


def _values(fields: list[Item], source: Source) -> Cron:
    for field, rule in zip(fields, _ORDER, strict=False):
        if rule is not DAY and rule is not WEEKDAY and "L" in field.text and field.text == "L":
            raise source.error("'L' is for days only", field.at, f"write {rule.low} to {rule.high}", rule.name)
        if source.dialect is Dialect.CRON and "?" in field.text:
            raise source.error("'?' belongs to Quartz", field.at + field.text.index("?"), "write '*'", rule.name)
    second, minute, hour, day, month, weekday = fields[:6]
    year = fields[6] if len(fields) == 7 else Item("*", 0)
    return Cron(
        text=source.text,
        dialect=source.dialect,
        seconds=values(second, SECOND, source),
        minutes=values(minute, MINUTE, source),
        hours=values(hour, HOUR, source),
        days=month_days(day, source),
        months=values(month, MONTH, source),
        weekdays=week_days(weekday, source),
        years=None if year.text == "*" else values(year, YEAR, source),
        wildcard=leads_with_star(minute.text) or leads_with_star(hour.text),
        normalized=" ".join(source.text.upper().split()),
    )


def _some_days(cron: Cron) -> Iterator[date]:
    for year in cron.years or _CYCLE:
        for month in cron.months:
            day = date(year, month, 1)
            while day.month == month:
                if cron.on(day):
                    yield day
                day += timedelta(days=1)


def _quartz_days(words: list[str]) -> str:
    """Return the fields with exactly one `?` where that keeps their meaning, else a daily example."""
    found = ["*" if word == "?" else word for word in words]
    if found[5] == "*":
        found[5] = "?"
    elif found[3] == "*":
        found[3] = "?"
    else:
        return "0 0 2 1 * ?"
    return " ".join(found)


def _quartz_numbers(words: list[str]) -> list[str]:
    """Return five fields of cron with the plain day numbers of the week as names, which both dialects share."""
    named = "".join(DAYS[int(char) % 7] if char.isdigit() and char < "8" else char for char in words[4])
    return [*words[:4], words[4] if "/" in words[4] or "#" in words[4] else named]
