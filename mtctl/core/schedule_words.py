"""Floor 0. A schedule in words, and what its writer should know about it.

Plain expressions read as a sentence (`every day at 02:00`); every other valid one is told field by field.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from mtctl.core.calendar import wall_text
from mtctl.core.cron import Cron
from mtctl.core.schedule import DstPolicy, black_at, data_interval, next_fire, rule_of, walls_of
from mtctl.core.zones import first_at, has_one_offset, offset_us, passes, to_wall, transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mtctl.core.cron_days import MonthDays, Weekdays
    from mtctl.core.schedule import Every, Schedule

_SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
_STEP = re.compile(r"(?:\*|0)/(?P<step>[0-9]+)")
_DAY = 86_400 * _SECOND
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_NTH = ("", "first", "second", "third", "fourth", "fifth")
_UNITS = (("day", _DAY), ("hour", 3600 * _SECOND), ("minute", 60 * _SECOND), ("second", _SECOND))
_MOST_TIMES = 6


def words(schedule: Schedule) -> str:
    """Return the schedule in English, without its zone: `at 05:00 and 17:00, Monday to Friday`."""
    rule = rule_of(schedule.text, schedule.dialect)
    text = _cron_words(rule) if isinstance(rule, Cron) else _every_words(rule, schedule)
    if schedule.blackout:
        text += f", except in {_and([each.text for each in schedule.blackout])}"
    return text


def warnings(schedule: Schedule, after: int, days: int = 400) -> list[str]:
    """Return what may surprise in the days after an instant, each one sentence: clock changes first."""
    rule = rule_of(schedule.text, schedule.dialect)
    until = after + days * _DAY
    found = list(_clock_warnings(schedule, after, until))
    if isinstance(rule, Cron):
        changes = next(_changes(schedule.zone, after, until), None) is not None
        found += _cron_warnings(rule, schedule, changes=changes)
    found += _period_warnings(schedule, after)
    return found


def partition_words(schedule: Schedule, fire: int) -> str:
    """Return which stretch of local time a fire refreshes."""
    start, end = (_short(wall_text(edge, schedule.zone)) for edge in data_interval(schedule, fire))
    return f"the fire of {_short(wall_text(fire, schedule.zone), whole=False)} refreshes [{start}, {end})"


def _clock_warnings(schedule: Schedule, start: int, end: int) -> Iterator[str]:
    rule = rule_of(schedule.text, schedule.dialect)
    wildcard = isinstance(rule, Cron) and rule.wildcard and schedule.dst is DstPolicy.CRON
    if wildcard or not (isinstance(rule, Cron) or rule.days):
        return  # follows real time
    for change in _changes(schedule.zone, start, end):
        before, after = to_wall(change - 1, schedule.zone) + _MICROSECOND, to_wall(change, schedule.zone)
        low, high = min(before, after), max(before, after)
        wall = walls_of(schedule).after(low - _MICROSECOND)
        if wall is None or wall >= high or not _in_force(schedule, first_at(wall, schedule.zone)):
            continue
        more = walls_of(schedule).after(wall)
        shown = _short(wall.isoformat(sep=" "), whole=False)
        if more is not None and more < high:
            shown += f" (and what follows before {_short(high.isoformat(sep=' ')[11:], whole=False)})"
        yield _change_words(schedule, shown, wall, is_gap=before < after)


def _change_words(schedule: Schedule, shown: str, wall: datetime, *, is_gap: bool) -> str:
    zone = schedule.zone
    if is_gap and schedule.dst is DstPolicy.CRON:
        at = _short(wall_text(first_at(wall, zone), zone), whole=False)
        return f"{shown} does not exist in {zone}: runs {at[11:] if at[:10] == shown[:10] else at}"
    if is_gap:
        return f"{shown} does not exist in {zone}: is skipped"
    which, one = (
        ("second", passes(wall, zone)[-1]) if schedule.dst is DstPolicy.QUARTZ else ("first", passes(wall, zone)[0])
    )
    return f"{shown} comes twice in {zone}: runs at the {which}, {one.isoformat()}"


def _in_force(schedule: Schedule, fire: int) -> bool:
    is_early = schedule.start is not None and fire < schedule.start
    is_late = schedule.end is not None and fire > schedule.end
    return not (is_early or is_late or black_at(schedule, fire) is not None)


def _changes(zone: str, start: int, end: int) -> Iterator[int]:
    """Yield the instants in `(start, end]` at which the zone's offset changes."""
    if has_one_offset(zone):
        return
    low, offset = start, offset_us(start, zone)
    while low < end:
        high = min(low + _DAY, end)
        found = offset_us(high, zone)
        if found != offset:
            yield transition(low, high, zone)
        low, offset = high, found


def _cron_warnings(cron: Cron, schedule: Schedule, *, changes: bool) -> Iterator[str]:
    if changes and not cron.wildcard and min(cron.hours) < 4 and len(cron.hours) < 24:
        yield f"clocks of {schedule.zone} may change between 00:00 and 03:59; a later hour is never touched"
    numbers = cron.days.days + cron.days.nearest
    if numbers and not cron.days.last and min(numbers) > 28:
        yield f"months without day {min(numbers)} have no fire; 'L' is the last day of each"
    if not (cron.days.star or cron.weekdays.star):
        yield "day of month and day of week are both given: cron fires when either matches"
    if len(cron.seconds) == 60:
        yield "it fires every second"
    fields = cron.normalized.split()
    fields = fields if len(fields) > 5 else ["0", *fields]
    for field, size, unit in zip(fields, (60, 60, 24), ("minute", "hour", "day"), strict=False):
        match = _STEP.fullmatch(field)
        if match and size % int(match["step"]):
            yield f"'{field}' does not divide {size}: the last step before each new {unit} is shorter"


def _period_warnings(schedule: Schedule, after: int) -> Iterator[str]:
    first = next_fire(schedule, after)
    second = next_fire(schedule, first) if first is not None else None
    if first is None or second is None:
        return
    if schedule.jitter > second - first:
        yield "the jitter is longer than the time between two fires: they can come due out of step"


def _cron_words(cron: Cron) -> str:
    days = _day_words(cron)
    times = _time_words(cron)
    if days:
        return f"{times}, {days}"
    return f"every day {times}" if times.startswith("at ") else times


def _every_words(every: Every, schedule: Schedule) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS if every.step % size == 0 and (unit != "day" or every.days))
    count = every.step // size
    text = f"every {unit}" if count == 1 else f"every {count} {unit}s"
    if schedule.start is None:
        return f"{text} at 00:00" if every.days else f"{text}, counted from midnight of 1970-01-01"
    if every.days:
        return f"{text} at {_clock(wall_text(schedule.start, schedule.zone)[11:])}"
    return f"{text} from {_short(wall_text(schedule.start, schedule.zone), whole=False)}"


def _time_words(cron: Cron) -> str:
    seconds, minutes, hours = cron.seconds, cron.minutes, cron.hours
    if len(seconds) * len(minutes) * len(hours) <= _MOST_TIMES:
        times = [_hms(hour, minute, second) for hour in hours for minute in minutes for second in seconds]
        return f"at {_and(times)}"
    all_hours, all_minutes = len(hours) == 24, len(minutes) == 60
    if seconds == (0,):
        text = "every minute" if all_minutes else _stepped(minutes, 60, "minute")
        if all_hours and minutes == (0,):
            return "every hour"
        if minutes == (0,):
            return _stepped(hours, 24, "hour") if _step(hours, 24) else f"every full hour {_hour_words(hours)}"
        return text if all_hours else f"{text} {_hour_words(hours)}"
    text = "every second" if len(seconds) == 60 else _stepped(seconds, 60, "second")
    if not all_minutes:
        text += f" of {_stepped(minutes, 60, 'minute')}"
    return text if all_hours else f"{text} {_hour_words(hours)}"


def _stepped(numbers: tuple[int, ...], size: int, unit: str) -> str:
    step = _step(numbers, size)
    if step:
        return f"every {step} {unit}s" if step > 1 else f"every {unit}"
    return f"{unit}{'s' if len(numbers) > 1 else ''} {_and(_runs(numbers, str))}"


def _step(numbers: tuple[int, ...], size: int) -> int:
    """Return the step of `0, s, 2s, ...` that divides the size, 0 for anything else."""
    if len(numbers) < 2 or numbers[0] != 0:
        return 0
    step = numbers[1]
    return step if size % step == 0 and numbers == tuple(range(0, size, step)) else 0


def _hour_words(hours: tuple[int, ...]) -> str:
    step = _step(hours, 24)
    if step > 1:
        return f"of every {step} hours"
    return f"from {_and(_runs(hours, _hour_span))}"


def _hour_span(hour: int) -> str:
    return f"{hour:02d}:00"


def _day_words(cron: Cron) -> str:
    days, weekdays = cron.days, cron.weekdays
    found = [text for text in (_month_day_words(days), _weekday_words(weekdays)) if text]
    both = " and also " if not (days.star or weekdays.star) else " that is "
    parts = [both.join(found)] if found else []
    if len(cron.months) < 12:
        months = f"in {_and(_runs(cron.months, lambda month: _MONTHS[month - 1]))}"
        parts.append(months)
    if cron.years is not None:
        parts.append(f"in {_and(_runs(cron.years, str))}")
    return ", ".join(parts)


def _month_day_words(days: MonthDays) -> str:
    if days.every:
        return ""
    found = []
    if days.days:
        found.append(f"on day{'s' if len(days.days) > 1 else ''} {_and(_runs(days.days, str))} of the month")
    for before, work in days.last:
        text = f"{before} days before the last day" if before > 1 else "the day before the last" if before else ""
        text = text or "the last day"
        found.append(f"on the weekday nearest to {text} of the month" if work else f"on {text} of the month")
    found += [f"on the weekday nearest to day {day} of the month" for day in days.nearest]
    return " and ".join(found)


def _weekday_words(weekdays: Weekdays) -> str:
    if weekdays.every:
        return ""
    found = []
    if weekdays.days:
        from_monday = tuple(sorted((day or 7) for day in weekdays.days))
        found.append(_and(_runs(from_monday, lambda day: _DAYS[day % 7])))
    found += [f"the last {_DAYS[day]} of the month" for day in weekdays.last]
    found += [f"the {_NTH[nth]} {_DAYS[day]} of the month" for day, nth in weekdays.nth]
    return " and ".join(found)


def _runs(numbers: tuple[int, ...], name: Callable[[int], str]) -> list[str]:
    """Return the numbers, three and more in a row as `first to last`."""
    found: list[str] = []
    run: list[int] = []
    for at, number in enumerate(numbers):
        run.append(number)
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            found += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else [name(each) for each in run]
            run = []
    return found


def _and(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _hms(hour: int, minute: int, second: int) -> str:
    return f"{hour:02d}:{minute:02d}" + (f":{second:02d}" if second else "")


def _clock(text: str) -> str:
    return text[:5] if text[5:] == ":00" else text


def _short(text: str, *, whole: bool = True) -> str:
    """Return a local time without what is zero: the seconds, and midnight where a day is meant."""
    if whole and text.endswith(" 00:00:00"):
        return text[:10]
    return text.removesuffix(":00")
