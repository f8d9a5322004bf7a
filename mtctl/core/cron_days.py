"""Floor 0. The two day fields of a cron expression: what days they name, and whether a date is one of them.

Beside plain days a month has `L` (last), `L-3` (third before the last), `15W` (the weekday nearest to the 15th, never
in another month), `LW` and `L-3W`; a week has `6L` (last of the month) and `6#3` (third of the month). A `15W` of a
day that the month does not have means no day of that month.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from mtctl.core.cron_fields import DAY, QUARTZ_WEEKDAY, WEEKDAY, Dialect, Item, Source, bare, items, plain, value

if TYPE_CHECKING:
    from mtctl.core.cron_fields import FieldRule

_LAST = re.compile(r"L(?:-(?P<before>[0-9]{1,2}))?(?P<work>W?)")
_NEAREST = re.compile(r"(?P<day>[0-9]{1,2})W")
_LAST_WEEKDAY = re.compile(r"(?P<day>[A-Z]{3}|[0-9])L")
_NTH = re.compile(r"(?P<day>[A-Z]{3}|[0-9])#(?P<nth>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDays:
    """The days of a month that the field names.

    `every` is `*` or `?`; `star` says that the field begins with `*`, for Debian's rule on two day fields. `last` are
    pairs of (days before the last one, move to the nearest weekday).
    """

    every: bool = False
    star: bool = False
    days: tuple[int, ...] = ()
    last: tuple[tuple[int, bool], ...] = ()
    nearest: tuple[int, ...] = ()

    def has(self, day: date) -> bool:
        """Return whether the field names the date."""
        if self.every or day.day in self.days:
            return True
        if not (self.last or self.nearest):
            return False
        size = monthrange(day.year, day.month)[1]
        found = {_work_day(day, size - before, size) if work else size - before for before, work in self.last}
        found |= {_work_day(day, target, size) for target in self.nearest if target <= size}
        return day.day in found


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekdays:
    """The days of a week, 0 = Sunday: plain, the last of a month, and (day, n) for the n-th of a month."""

    every: bool = False
    star: bool = False
    days: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    nth: tuple[tuple[int, int], ...] = ()

    def has(self, day: date) -> bool:
        """Return whether the field names the date."""
        weekday = day.isoweekday() % 7
        if self.every or weekday in self.days or (weekday, (day.day + 6) // 7) in self.nth:
            return True
        return weekday in self.last and day.day + 7 > monthrange(day.year, day.month)[1]


def day_matches(days: MonthDays, weekdays: Weekdays, day: date) -> bool:
    """Return whether the two fields together name a date: both, or either where none begins with `*` (Debian)."""
    if days.every or weekdays.every or days.star or weekdays.star:
        return days.has(day) and weekdays.has(day)
    return days.has(day) or weekdays.has(day)


def month_days(field: Item, source: Source) -> MonthDays:
    """Read the day of month."""
    if field.text in {"*", "?"}:
        return MonthDays(every=True, star=True)
    found = items(field, DAY, source)
    days: set[int] = set()
    last: list[tuple[int, bool]] = []
    nearest: list[int] = []
    for item in found:
        end, work = _LAST.fullmatch(item.text), _NEAREST.fullmatch(item.text)
        if end:
            last.append((_before(end, item, source), bool(end["work"])))
        elif work:
            nearest.append(value(Item(work["day"], item.at), DAY, source))
        else:
            _refuse_mixed_month_day(item, source)
            days |= plain(item, DAY, source)
    _alone(found, len(last) + len(nearest), DAY, source)
    return MonthDays(
        star=field.text.startswith("*"), days=tuple(sorted(days)), last=tuple(last), nearest=tuple(nearest)
    )


def week_days(field: Item, source: Source) -> Weekdays:
    """Read the day of week."""
    rule = QUARTZ_WEEKDAY if source.dialect is Dialect.QUARTZ else WEEKDAY
    if field.text in {"*", "?"}:
        return Weekdays(every=True, star=True)
    found = items(field, rule, source)
    days: set[int] = set()
    last: list[int] = []
    nth: list[tuple[int, int]] = []
    for item in found:
        end, count = _LAST_WEEKDAY.fullmatch(item.text), _NTH.fullmatch(item.text)
        if end:
            last.append(bare(value(Item(end["day"], item.at), rule, source), rule))
        elif count:
            nth.append((bare(value(Item(count["day"], item.at), rule, source), rule), _nth(count, item, source)))
        else:
            days |= _plain_weekday(item, rule, source)
    special = len(last) + len(nth) + sum(item.text == "L" for item in found)
    _alone(found, special, rule, source)
    return Weekdays(star=field.text.startswith("*"), days=tuple(sorted(days)), last=tuple(last), nth=tuple(nth))


def _plain_weekday(item: Item, rule: FieldRule, source: Source) -> set[int]:
    if item.text == "L":
        if source.dialect is Dialect.QUARTZ:
            return {6}
        raise source.error(
            "'L' alone is Quartz for Saturday", item.at, "write SAT, or '5L' for the last Friday", rule.name
        )
    if "#" in item.text:
        what = "'#' takes one day and a number, and nothing else"
        raise source.error(what, item.at + item.text.index("#"), "write for example 'MON#2'", rule.name)
    return plain(item, rule, source)


def _alone(found: list[Item], special: int, rule: FieldRule, source: Source) -> None:
    """Refuse what Quartz reads wrongly: lists with `L`, `W` or `#` in them. In cron they are unions."""
    if special and len(found) > 1 and source.dialect is Dialect.QUARTZ:
        what = "'L', 'W' and '#' stand alone: Quartz fires lists of them at other times than written"
        raise source.error(what, found[1].at, "make one schedule for each", rule.name)


def _refuse_mixed_month_day(item: Item, source: Source) -> None:
    """Say what `1-15W`, `15-L`, `W15` and `5C` would mean if they meant anything."""
    for char, fix in (("W", "write one day before it, for example '15W'"), ("L", "write 'L', 'L-3', 'LW' or 'L-3W'")):
        if char in item.text:
            at = item.at + item.text.index(char)
            raise source.error(f"'{char}' stands at a place where it has no meaning", at, fix, DAY.name)
    if "C" in item.text:
        at = item.at + item.text.index("C")
        raise source.error("'C' needs a calendar of Quartz, which mtctl does not have", at, "list the days", DAY.name)


def _before(match: re.Match[str], item: Item, source: Source) -> int:
    before = int(match["before"] or 0)
    if before > 30:
        raise source.error("no month has that many days", item.at + 2, "write L-1 to L-30", DAY.name)
    return before


def _nth(match: re.Match[str], item: Item, source: Source) -> int:
    nth = int(match["nth"])
    if not 1 <= nth <= 5:
        at = item.at + match.start("nth")
        raise source.error("a weekday comes four or five times a month", at, "write #1 to #5", WEEKDAY.name)
    return nth


def _work_day(day: date, target: int, size: int) -> int:
    """Return the Monday to Friday nearest to a day of the same month, 0 where the month has no such day."""
    if target < 1:
        return 0
    weekday = date(day.year, day.month, target).isoweekday()
    if weekday == 6:
        return target + 2 if target == 1 else target - 1
    if weekday == 7:
        return target - 2 if target == size else target + 1
    return target
