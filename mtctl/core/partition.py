"""Floor 0. Partition values: the strict part of Java's date patterns, and the way between values and intervals.

The values of one row of partition columns together name one interval. So the patterns of all columns, taken
together, must say everything from the year down to the grain; a pattern that looks right and is not (`YYYY`, `DD`,
`hh`) is refused with the letter that was probably meant.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mtctl.core.calendar import Calendar
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.interval import Grain, Interval
from mtctl.core.names import printable
from mtctl.core.times import parse_interval
from mtctl.core.values import frozen
from mtctl.core.zones import first_at, offset_us, passes, to_wall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.freshness import Freshness
    from mtctl.core.model import Partition

FIELDS = ("yyyy", "MM", "dd", "HH", "mm", "ss")
"""The letters that a pattern may hold, from coarse to fine; each run has exactly this length."""

_GRAINS = (Grain.YEAR, Grain.MONTH, Grain.DAY, Grain.HOUR, Grain.MINUTE)
_ATTRIBUTE = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour", "mm": "minute", "ss": "second"}
_MEANT = {
    "Y": ("yyyy", "is the week-based year"), "y": ("yyyy", "has to be written in full"),
    "D": ("dd", "is the day of the year"), "d": ("dd", "needs two digits"),
    "M": ("MM", "needs two digits"), "L": ("MM", "is the month standing alone"),
    "h": ("HH", "counts 1 to 12"), "K": ("HH", "counts 0 to 11"), "k": ("HH", "counts 1 to 24"),
    "H": ("HH", "needs two digits"), "m": ("mm", "needs two digits"),
    "s": ("ss", "needs two digits"), "S": ("ss", "is milliseconds"),
    "T": ("'T'", "is a letter to quote"),
}  # fmt: skip
_SCHEDULE_FORMAT = "yyyy-MM-dd HH:mm:ss"
_SCHEDULE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@frozen
class Formatter:
    """One checked pattern. `parts` are its pieces in order, `(True, field)` or `(False, literal text)`."""

    pattern: str
    parts: tuple[tuple[bool, str], ...]

    @classmethod
    def parse(cls, pattern: str, *, where: str = "") -> Formatter:
        """Read a pattern; error `date_formatter` says which letter is wrong and which was probably meant."""
        parts = _parts(pattern, where)
        fields = [text for is_field, text in parts if is_field]
        for field in fields:
            if field not in FIELDS:
                raise _wrong_letters(field, pattern, where)
        if not fields:
            raise invalid(
                "date_formatter", f"the pattern '{printable(pattern)}' holds no part of a date", where=where,
                fix="write for example 'yyyy-MM-dd'",
            )  # fmt: skip
        for field in fields:
            if fields.count(field) > 1:
                raise invalid(
                    "date_formatter", f"the pattern '{pattern}' holds '{field}' twice", where=where,
                    fix=_minute_hint(fields) or f"keep one '{field}'",
                )  # fmt: skip
        if "mm" in fields and "HH" not in fields and "MM" not in fields and {"yyyy", "dd"} & set(fields):
            raise invalid(
                "date_formatter", f"'mm' in '{pattern}' is the minute of the hour", where=where,
                fix=f"for the month write '{pattern.replace('mm', 'MM')}'",
            )  # fmt: skip
        return cls(pattern=pattern, parts=parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the pattern in its own order."""
        return tuple(text for is_field, text in self.parts if is_field)

    @property
    def sorts_like_time(self) -> bool:
        """Whether the texts sort like the times: year first, then each next finer field without a gap."""
        return self.fields == FIELDS[: len(self.fields)]

    def format(self, instant: int, zone: str) -> str:
        """Return the text of an instant in the zone."""
        return self.format_wall(to_wall(instant, zone))

    def format_wall(self, wall: datetime) -> str:
        """Return the text of a naive wall time."""
        return "".join(
            f"{getattr(wall, _ATTRIBUTE[text]):0{len(text)}d}" if is_field else text for is_field, text in self.parts
        )

    def read(self, text: str) -> dict[str, int] | None:
        """Return the fields of a text that this pattern wrote, None where it could not have written it."""
        regex = "".join(f"([0-9]{{{len(part)}}})" if is_field else re.escape(part) for is_field, part in self.parts)
        match = re.fullmatch(regex, text, re.ASCII)
        return None if match is None else dict(zip(self.fields, map(int, match.groups()), strict=True))


def grain_of(formatters: Sequence[Formatter], *, where: str = "") -> Grain:
    """Return the grain that the patterns of all string columns together determine.

    Error `partition_undetermined` where a field between the year and the finest one is missing.
    """
    found = {field for formatter in formatters for field in formatter.fields}
    finest = max((FIELDS.index(field) for field in found), default=-1)
    missing = [field for field in FIELDS[: finest + 1] if field not in found]
    if finest < 0 or missing:
        shown = ", ".join(f"'{formatter.pattern}'" for formatter in formatters) or "none"
        needed = ", ".join(f"'{field}'" for field in missing) or "'yyyy'"
        raise invalid(
            "partition_undetermined", f"the date patterns {shown} do not say which interval a row belongs to",
            where=where, fix=f"add {needed} to a pattern or another partition column",
        )  # fmt: skip
    if finest >= len(_GRAINS):
        raise invalid(
            "partition_undetermined", "the patterns name seconds, and no interval is shorter than a minute",
            where=where, fix="end the pattern at 'mm'",
        )  # fmt: skip
    return _GRAINS[finest]


def formatters_of(partition: Partition) -> tuple[Formatter, ...]:
    """Return the formatters of the string columns, in column order; empty for a native partition."""
    return tuple(Formatter.parse(column.formatter) for column in partition.columns if column.formatter is not None)


def sorts_like_time(partition: Partition) -> bool:
    """Return whether one comparison can select a range: a native column, or one string that sorts like time."""
    formatters = formatters_of(partition)
    return not formatters or (len(formatters) == 1 and formatters[0].sorts_like_time)


def values(partition: Partition, interval: Interval, zone: str) -> tuple[str, ...]:
    """Return the texts of the string columns that rows of one interval carry, in column order."""
    formatters = formatters_of(partition)
    if not formatters:
        return ()
    label = Calendar(partition.grain, zone, wall=True).label(interval.start)
    return tuple(formatter.format_wall(label) for formatter in formatters)


def interval_of_values(
    partition: Partition,
    mapping: Mapping[str, str],
    calendar: Calendar,
    *,
    field: str = "--partition",
    kind: Kind = Kind.USAGE,
) -> Interval:
    """Return the range of intervals that the given values name; finer columns may be left out.

    Errors: `partition_unknown` (a key that is no partition column), `partition_value`, `partition_undetermined`.
    """
    known = {column.name.lower(): column for column in partition.columns}
    unknown = [key for key in mapping if key.lower() not in known]
    if unknown or not mapping:
        raise MtctlError(
            "partition_unknown",
            "The partition spec contains unknown partition keys:\n\n" + "\n".join(map(printable, unknown))
            + "\n\nAll known partition keys are:\n\n" + "\n".join(column.name for column in partition.columns),
            kind=kind, where=field, fix="name partition columns only",
        )  # fmt: skip
    fields: dict[str, int] = {}
    for key, text in mapping.items():
        column = known[key.lower()]
        if column.formatter is None:
            return parse_interval(text, calendar, field=f"{field} {column.name}", kind=kind)
        read = Formatter.parse(column.formatter).read(text)
        if read is None or any(fields.get(name, number) != number for name, number in read.items()):
            raise _bad_value(column.name, text, column.formatter, field, kind)
        fields |= read
    return _range_of_fields(fields, mapping, calendar, field=field, kind=kind)


def flink_partition_values(
    schedule_time: str | None,
    freshness: Freshness,
    formatters: Mapping[str, str],
    zone: str,
    identifier: str,
) -> dict[str, str]:
    """Return the partition values that a periodic refresh at `schedule_time` (wall time in the zone) writes.

    As Flink's periodic refresh, with its error texts: the values of schedule time minus freshness; no formatters,
    no values. Unlike Flink the subtraction is in local wall time, so the day of a clock change is neither skipped
    nor done twice, and time and patterns are read strictly.
    """
    if schedule_time is None:
        what = (
            f"The scheduler time must not be null during the periodic refresh of the materialized table {identifier}."
        )
        raise invalid("schedule_time", what)
    if not formatters:
        return {}
    wall = _schedule_wall(schedule_time)
    if wall is None:
        what = (
            f"Failed to parse a valid partition value for the field '{next(iter(formatters))}' in materialized table "
            f"{identifier} using the scheduler time '{schedule_time}' based on the date format '{_SCHEDULE_FORMAT}'."
        )
        raise invalid("schedule_time", what)
    before = wall - timedelta(seconds=freshness.seconds)
    if freshness.seconds % 86400:  # whole days keep their label even where the clock skips that very time
        before = _existing(before, zone)
    return {column: Formatter.parse(pattern).format_wall(before) for column, pattern in formatters.items()}


def _schedule_wall(text: str) -> datetime | None:
    if not _SCHEDULE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _existing(wall: datetime, zone: str) -> datetime:
    """Return the wall time, moved back by the gap where the clock skips it: the hour before 03:00 is then 01:00."""
    if passes(wall, zone):
        return wall
    after = first_at(wall, zone)
    gap = offset_us(after, zone) - offset_us(after - 1, zone)
    return wall - timedelta(microseconds=gap)


def _parts(pattern: str, where: str) -> tuple[tuple[bool, str], ...]:
    """Split into runs of one letter and literals; `'…'` quotes, `''` is one quote (Java's SimpleDateFormat)."""
    found: list[tuple[bool, str]] = []
    for match in re.finditer(r"''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']|'", pattern):
        text = match[0]
        if text == "'":
            raise invalid("date_formatter", f"a quote in '{printable(pattern)}' is not closed", where=where,
                          fix="close it, or write '' for one quote")  # fmt: skip
        if match[1]:
            found.append((True, text))
            continue
        literal = "'" if text == "''" else text[1:-1].replace("''", "'") if text[0] == "'" else text
        if printable(literal) != literal or not literal:
            raise invalid(
                "date_formatter", f"'{printable(pattern)}' holds a character that cannot be seen", where=where,
                fix="write visible characters only",
            )  # fmt: skip
        found.append((False, literal))
    return tuple(found)


def _wrong_letters(run: str, pattern: str, where: str) -> MtctlError:
    meant, why = _MEANT.get(run[0], ("", "is not a letter of a date pattern"))
    fix = f"write {meant}" if meant.startswith("'") else f"write '{meant}'"
    if not meant:
        fix = "use yyyy, MM, dd, HH, mm, ss, and quote other letters like 'this'"
    return invalid("date_formatter", f"'{run}' in the pattern '{printable(pattern)}' {why}", where=where, fix=fix)


def _minute_hint(fields: Sequence[str]) -> str:
    return "'MM' is the month, 'mm' the minute" if {"mm", "MM"} & set(fields) else ""


def _bad_value(column: str, text: str, pattern: str, field: str, kind: Kind) -> MtctlError:
    return MtctlError(
        "partition_value", f"'{printable(text[:80])}' is not a value of '{column}'", kind=kind, where=field,
        fix=f"write it as the pattern {pattern}",
    )  # fmt: skip


def _range_of_fields(
    fields: Mapping[str, int], mapping: Mapping[str, str], calendar: Calendar, *, field: str, kind: Kind
) -> Interval:
    given = len(fields)
    shown = ", ".join(f"{key}={printable(text[:80])}" for key, text in mapping.items())
    missing = [name for name in FIELDS[:given] if name not in fields]
    if missing:
        raise MtctlError(
            "partition_undetermined", f"'{shown}' does not name one stretch of time", kind=kind, where=field,
            fix="give the coarser partition columns too",
        )  # fmt: skip
    year, *rest = (fields[name] for name in FIELDS[:given])
    text = f"{year:04d}" + "".join(f"{mark}{number:02d}" for mark, number in zip("--T:", rest, strict=False))
    try:
        return parse_interval(text, calendar, field=field, kind=kind)
    except MtctlError as error:
        if error.code in {"time_parse", "time_range", "time_nonexistent"}:
            raise MtctlError(
                "partition_value", f"no interval has the values {shown}", kind=kind, where=field, fix=error.fix
            ) from None
        raise
