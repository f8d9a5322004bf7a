"""Floor 0. Times as users write them: dates, datetimes, intervals, ranges and durations, read strictly.

A local time that exists twice or never is an error that says so, never a guess. A bare date is the beginning of the
day, also where that day does not begin at midnight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mtctl.core.calendar import Calendar, show, show_label
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT, Interval
from mtctl.core.names import printable
from mtctl.core.zones import first_at, passes, to_instant

_ISO = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_DURATION = re.compile(r"([0-9]{1,10})[ ]?([A-Za-z]+)")
_SECOND = 1_000_000
_UNITS = {
    "s": _SECOND, "sec": _SECOND, "secs": _SECOND, "second": _SECOND, "seconds": _SECOND,
    "m": 60 * _SECOND, "min": 60 * _SECOND, "mins": 60 * _SECOND, "minute": 60 * _SECOND, "minutes": 60 * _SECOND,
    "h": 3600 * _SECOND, "hour": 3600 * _SECOND, "hours": 3600 * _SECOND,
    "d": 86400 * _SECOND, "day": 86400 * _SECOND, "days": 86400 * _SECOND,
    "w": 604800 * _SECOND, "week": 604800 * _SECOND, "weeks": 604800 * _SECOND,
}  # fmt: skip
_LONGEST = 36_525 * 86400 * _SECOND  # a century: what is longer is a slip of the keyboard
_PARSE_FIX = "write a date like 2013-02-03 or a time like 2013-02-03T05:00, with an offset if you like"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """A prefix of an ISO time: its first wall time, the unit it names, its offset."""

    wall: datetime
    unit: str
    offset: timedelta | None


def parse_instant(text: str, zone: str, *, field: str, kind: Kind = Kind.USAGE) -> int:
    """Return the instant of an ISO date or datetime in the zone; an offset in the text beats the zone.

    Errors: `time_parse`, `time_range` (years 1 to 9998), `time_ambiguous` (names both offsets), `time_nonexistent`.
    """
    stamp = _stamp(text, field=field, kind=kind)
    if stamp.unit in {"year", "month"}:
        raise _unreadable(text, field=field, kind=kind)
    return _instant(stamp, text, zone, field=field, kind=kind)


def parse_interval(text: str, calendar: Calendar, *, field: str = "--interval", kind: Kind = Kind.USAGE) -> Interval:
    """Return the range of whole intervals that `2013`, `2013-02`, `2013-Q1`, `2013-02-03T05` or `START/END` names.

    A prefix coarser than the grain means all intervals in it. Errors of `parse_instant`, and `interval_not_aligned`
    naming the nearest intervals.
    """
    start_text, slash, end_text = text.strip().partition("/")
    if slash:
        return parse_range(start_text, end_text, calendar, field=(field, field), kind=kind)
    start, end = _prefix(start_text, calendar, field=field, kind=kind)
    if start >= end:
        raise _nonexistent(text, calendar.zone, field=field, kind=kind)
    if calendar.is_edge(start) and calendar.is_edge(end):
        return Interval(start, end)
    # A week is named by its Monday, and an hour cut by an offset change by its minute.
    if calendar.is_edge(start) and show_label(start, calendar) == start_text.replace(" ", "T"):
        return Interval(start, calendar.next(start))
    for instant in (start, end):
        _check_edge(instant, calendar, field=field, kind=kind)
    return Interval(start, end)


def parse_range(
    from_: str,
    to: str,
    calendar: Calendar,
    *,
    field: tuple[str, str] = ("--from", "--to"),
    kind: Kind = Kind.USAGE,
) -> Interval:
    """Return the half-open range `[from_, to)`; both lie on edges of the grain, else `interval_not_aligned`.

    A range that does not go forward is `time_range`.
    """
    start = _bound(from_, calendar, field=field[0], kind=kind)
    end = _bound(to, calendar, field=field[1], kind=kind)
    if start >= end:
        raise MtctlError(
            "time_range",
            f"the range begins at {show(start, calendar.zone)} and ends at {show(end, calendar.zone)}",
            kind=kind,
            where=" ".join(dict.fromkeys(field)),
            fix="the start comes before the end, which is not part of the range",
        )
    for instant, name in zip((start, end), field, strict=True):
        _check_edge(instant, calendar, field=name, kind=kind)
    return Interval(start, end)


def parse_duration(text: str, *, field: str = "duration", kind: Kind = Kind.INVALID, allow_zero: bool = False) -> int:
    """Return the microseconds of `90 minutes`, `2h`, `1d`, `30s`, `15 min`, `1 week`; days have 24 hours.

    A number without unit, a sign, zero (unless allowed; then a bare 0 too), a fraction, more than a century: the error
    `duration`.
    """
    if allow_zero and text.strip() == "0":
        return 0
    match = _DURATION.fullmatch(text.strip())
    unit = _UNITS.get(match[2].lower()) if match else None
    length = int(match[1]) * unit if match and unit else -1
    if length < 0 or length > _LONGEST or (length == 0 and not allow_zero):
        raise MtctlError(
            "duration",
            f"'{printable(text[:80])}' is not a duration",
            kind=kind,
            where=field,
            fix="write a whole number and a unit, for example '90 minutes', '2h', '1 day', '30s'",
        )
    return length


def _stamp(text: str, *, field: str, kind: Kind) -> _Stamp:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise _unreadable(text, field=field, kind=kind)
    year = int(match["year"])
    if not 1 <= year <= 9998:
        raise _out_of_range(text, field=field, kind=kind)
    given = {name: int(match[name]) for name in ("month", "day", "hour", "minute", "second") if match[name]}
    try:
        wall = datetime(  # noqa: DTZ001 - the zone follows
            year,
            given.get("month", 1),
            given.get("day", 1),
            given.get("hour", 0),
            given.get("minute", 0),
            given.get("second", 0),
            int((match["fraction"] or "").ljust(6, "0")),
        )
        offset = _offset(match["offset"])
    except ValueError:
        raise _unreadable(text, field=field, kind=kind) from None
    unit = "fraction" if match["fraction"] else next(reversed(given), "year")
    return _Stamp(wall=wall, unit=unit, offset=offset)


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text == "Z":
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    size = timedelta(hours=hours, minutes=minutes)
    return -size if text[0] == "-" else size


def _instant(stamp: _Stamp, text: str, zone: str, *, field: str, kind: Kind) -> int:
    instant = _resolved(stamp, text, zone, field=field, kind=kind)
    if not MIN_INSTANT <= instant <= MAX_INSTANT:
        raise _out_of_range(text, field=field, kind=kind)
    return instant


def _resolved(stamp: _Stamp, text: str, zone: str, *, field: str, kind: Kind) -> int:
    try:
        if stamp.offset is not None:
            return to_instant(stamp.wall.replace(tzinfo=timezone(stamp.offset)))
        if stamp.unit in {"year", "month", "day"}:
            start = first_at(stamp.wall, zone)
            if stamp.unit == "day" and start == first_at(stamp.wall + timedelta(days=1), zone):
                raise _nonexistent(text, zone, field=field, kind=kind)
            return start
        found = passes(stamp.wall, zone)
    except OverflowError:
        raise _out_of_range(text, field=field, kind=kind) from None
    if not found:
        raise _nonexistent(text, zone, field=field, kind=kind)
    if len(found) == 1:
        return to_instant(found[0])
    both = " or ".join(each.isoformat() for each in found)
    raise MtctlError(
        "time_ambiguous",
        f"'{text.strip()}' comes twice in {zone}",
        kind=kind,
        where=field,
        fix=f"write {both}",
        details={"candidates": [each.isoformat() for each in found]},
    )


def _prefix(text: str, calendar: Calendar, *, field: str, kind: Kind) -> tuple[int, int]:
    """Return the instants between which wall times begin with the prefix; equal where none does."""
    quarter = _QUARTER.fullmatch(text.strip())
    if quarter is not None:
        wall = _stamp(f"{quarter[1]}-{int(quarter[2]) * 3 - 2:02d}", field=field, kind=kind).wall
        return first_at(wall, calendar.zone), first_at(_later(wall, "quarter"), calendar.zone)
    stamp = _stamp(text, field=field, kind=kind)
    try:
        if stamp.offset is not None:
            start = _instant(stamp, text, calendar.zone, field=field, kind=kind)
            return start, start + (_later(stamp.wall, stamp.unit) - stamp.wall) // timedelta(microseconds=1)
        return first_at(stamp.wall, calendar.zone), first_at(_later(stamp.wall, stamp.unit), calendar.zone)
    except OverflowError:
        raise _out_of_range(text, field=field, kind=kind) from None


def _later(wall: datetime, unit: str) -> datetime:
    match unit:
        case "year" | "month" | "quarter":
            months = wall.year * 12 + wall.month - 1 + {"year": 12, "quarter": 3, "month": 1}[unit]
            return wall.replace(year=months // 12, month=months % 12 + 1)
        case "day" | "hour" | "minute" | "second":
            return wall + timedelta(**{unit + "s": 1})
        case _:
            return wall + timedelta(microseconds=1)


def _bound(text: str, calendar: Calendar, *, field: str, kind: Kind) -> int:
    stamp = _stamp(text, field=field, kind=kind)
    return _instant(stamp, text, calendar.zone, field=field, kind=kind)


def _check_edge(instant: int, calendar: Calendar, *, field: str, kind: Kind) -> None:
    low, high = calendar.floor(instant), calendar.ceil(instant)
    if low == high:
        return
    raise MtctlError(
        "interval_not_aligned",
        f"{show(instant, calendar.zone)} is not where a {calendar.grain} begins",
        kind=kind,
        where=field,
        fix=f"the nearest are {show(low, calendar.zone)} and {show(high, calendar.zone)}",
        details={"nearest": [show(low, calendar.zone), show(high, calendar.zone)]},
    )


def _unreadable(text: str, *, field: str, kind: Kind) -> MtctlError:
    return MtctlError("time_parse", f"'{printable(text[:80])}' is not a time", kind=kind, where=field, fix=_PARSE_FIX)


def _nonexistent(text: str, zone: str, *, field: str, kind: Kind) -> MtctlError:
    return MtctlError(
        "time_nonexistent",
        f"'{printable(text[:80])}' does not exist in {zone}: the clock skips it",
        kind=kind,
        where=field,
        fix="write a time before or after the gap",
    )


def _out_of_range(text: str, *, field: str, kind: Kind) -> MtctlError:
    what = f"'{printable(text[:80])}' lies outside the years 1 to 9998"
    return MtctlError("time_range", what, kind=kind, where=field, fix="use a year from 1 to 9998")
