"""Floor 0. Which data files a query cannot see a row of: what it asks of a column against a file's statistics.

Everything here answers "certainly not" or "perhaps". A text whose order is not proved (`infinity`, years of other than
four digits, a constant that DuckDB would round or shift by a time zone) is perhaps. FLOAT, DOUBLE, JSON, BLOB, BOOLEAN
and TIMESTAMP_NS are always perhaps: there NaN, parsing or rounding decide.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from mtctl.core.interval import Interval
from mtctl.core.storage import Statistics, plain
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant


@frozen
class Constant:
    """A constant as a query writes it.

    `kind` is number, string, parameter (`text` is its name), or the type that the text is cast to.
    """

    kind: str
    text: str


@frozen
class Bound:
    """Every row of a table that a query sees has in a column a value within one of the ranges, both ends included.

    `table` and `column` are as written. With `nulls` it sees rows with NULL too. A side that is None is open.
    """

    table: str
    column: str
    ranges: tuple[tuple[Constant | None, Constant | None], ...]
    nulls: bool = False


@frozen
class Through:
    """A column of a query's result is a column of a table, and no row's presence depends on rows with other values.

    So only rows of the table with a value in some range, or NULL, make result rows with a value in that range, or NULL.
    """

    output: str
    table: str
    column: str


@frozen
class Sight:
    """What a query can see of its tables, as far as that is proved by its text; empty where nothing is."""

    bounds: tuple[Bound, ...] = ()
    throughs: tuple[Through, ...] = ()


Key = Any
"""What values of one column compare by."""

FileTest: TypeAlias = "Callable[[str, str, int | None], bool]"
"""Tells by a file's least and greatest value and its number of NULL whether certainly no row of it is seen."""


def file_test(
    stored_type: str, bounds: Iterable[Bound], parameters: Sequence[Mapping[str, object]] = ()
) -> FileTest | None:
    """Return what tells that no row of a file lies within all bounds on one column.

    `parameters` are the values of each statement that reads the table; a row that one of them sees counts. None where
    the bounds say nothing that compares with statistics.
    """
    read = _READERS.get(_statistics(stored_type))
    tests = [
        (windows, bound.nulls)
        for bound in bounds
        if (windows := _windows(stored_type, bound, parameters or ({},))) is not None
    ]
    if read is None or not tests:
        return None

    def outside(least: str, greatest: str, null_count: int | None) -> bool:
        low = read(least)
        high = low if least == greatest else read(greatest)  # a file of one day among ten thousand
        if low is None or high is None:
            return False
        for windows, nulls in tests:  # so many files are asked that a generator would cost as much as the answer
            if nulls and null_count != 0:
                continue
            for first, last in windows:
                if not ((first is not None and high < first) or (last is not None and low > last)):
                    break
            else:
                return True
        return False

    return outside


def interval_bounds(through: Through, stored_type: str, intervals: IntervalSet) -> Bound | None:
    """Return what a table's column must hold for rows of some intervals, None for a type that is no time.

    Two days are added on either side: no time zone is farther away.
    """
    kinds = {"DATE": "DATE", "TIMESTAMP": "TIMESTAMP", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE"}
    kind = kinds.get(stored_type)
    pieces = list(intervals)
    if kind is None or not pieces:
        return None
    if len(pieces) > _PIECES:
        pieces = [Interval(pieces[0].start, pieces[-1].end)]
    edges = [(_edge(kind, piece.start, -_MARGIN), _edge(kind, piece.end, _MARGIN)) for piece in pieces]
    return Bound(table=through.table, column=through.column, ranges=tuple(edges), nulls=True)


_PIECES = 64
_MARGIN = timedelta(days=2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _edge(kind: str, instant: Instant, margin: timedelta) -> Constant | None:
    """Return an edge as a constant, None where it lies beyond the years that compare."""
    try:
        at = _EPOCH + timedelta(microseconds=instant) + margin
    except OverflowError:
        return None
    if kind == "DATE":
        return Constant(kind=kind, text=at.date().isoformat())
    return _value(at if kind == "TIMESTAMP WITH TIME ZONE" else at.replace(tzinfo=None))


Window: TypeAlias = "tuple[Key | None, Key | None]"


def _windows(stored_type: str, bound: Bound, parameters: Sequence[Mapping[str, object]]) -> list[Window] | None:
    """Return the ranges by what values compare by; None where one of them is open on both sides."""
    windows: list[Window] = []
    for values in parameters:
        for pair in bound.ranges:
            low, high = (None if side is None else _key(stored_type, side, values) for side in pair)
            if low is None and high is None:
                return None
            windows.append((low, high))
    return windows


def _key(stored_type: str, constant: Constant | None, parameters: Mapping[str, object]) -> Key | None:
    """Return what a constant compares by with a column of this type, None where that is not proved."""
    if constant is not None and constant.kind == "parameter":
        constant = _value(parameters.get(constant.text))
    key = _KEYS.get(_statistics(stored_type))
    return None if constant is None or key is None else key(stored_type, constant.kind, constant.text)


def _statistics(stored_type: str) -> Statistics:
    kept = plain(stored_type)
    return Statistics.NONE if kept is None else kept.statistics


_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DAY = r"(?!0000)\d{4}-[01]\d-[0-3]\d"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_DATE = re.compile(_DAY)
_TIME = re.compile(_CLOCK)
_MIDNIGHT = " 00:00:00"
_TIMESTAMP = re.compile(rf"({_DAY})(?:[ T]({_CLOCK}))?")
_UTC = ("+00:00", "+00", "Z")
_DIGITS = 38
_WIDEST_INTEGER = 20


def _number(stored_type: str, kind: str, text: str) -> Key | None:
    if kind == "string":  # it is cast to the column's type, and that rounds
        return Decimal(text) if _INTEGER.fullmatch(text) else None
    if kind != "number" or len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        return None
    digits = int(stored_type[8:].partition(",")[0]) if stored_type.startswith("DECIMAL") else _WIDEST_INTEGER
    if "." in text and digits + len(text) > _DIGITS:  # the common type would be too wide to be exact
        return None
    return Decimal(text)


def _text(_stored_type: str, kind: str, text: str) -> Key | None:
    return _bytes(text) if kind in {"string", "VARCHAR"} else None


def _uuid(_stored_type: str, kind: str, text: str) -> Key | None:
    return text if kind in {"string", "UUID"} and _UUID.fullmatch(text) else None


def _time(_stored_type: str, kind: str, text: str) -> Key | None:
    return _trimmed(text) if kind in {"string", "TIME"} and _TIME.fullmatch(text) else None


def _date(_stored_type: str, kind: str, text: str) -> Key | None:
    if kind in {"string", "DATE"} and not _DATE.fullmatch(text):
        return None
    return _moment(text) if kind in {"string", "DATE", "TIMESTAMP"} else None


def _timestamp(stored_type: str, kind: str, text: str) -> Key | None:
    if kind == "DATE" and not _DATE.fullmatch(text):
        return None
    if "." in text and stored_type != "TIMESTAMP":  # the column's type would round it
        return None
    return _moment(text) if kind in {"string", "DATE", "TIMESTAMP"} else None


def _timestamptz(_stored_type: str, kind: str, text: str) -> Key | None:
    suffix = next((one for one in _UTC if text.endswith(one)), None)
    if suffix is None or kind not in {"string", "TIMESTAMP WITH TIME ZONE"}:
        return None
    return _moment(text.removesuffix(suffix))


def _moment(text: str) -> str | None:
    """Return a date or a naive timestamp as a text that sorts like time: of a midnight the date alone."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    return f"{found[1]} {_trimmed(found[2])}".removesuffix(_MIDNIGHT) if found[2] else found[1]


def _recorded(text: str) -> str | None:
    """Do as `_moment` for the text of a statistic: DuckDB wrote it, so that a look at the year and the end will do."""
    if text[4:5] != "-" or not text[0].isdecimal() or text.endswith(")"):
        return None
    return text.removesuffix(_MIDNIGHT)


def _trimmed(clock: str) -> str:
    return clock.rstrip("0").removesuffix(".") if "." in clock else clock


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _value(value: object) -> Constant | None:
    """Return a parameter's value as a constant. A text is bound with its type: only texts compare with it."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return Constant(kind="TIMESTAMP", text=value.isoformat(sep=" "))
        return Constant(kind="TIMESTAMP WITH TIME ZONE", text=value.astimezone(UTC).isoformat(sep=" "))
    if isinstance(value, date):
        return Constant(kind="DATE", text=value.isoformat())
    if isinstance(value, int) and not isinstance(value, bool):
        return Constant(kind="number", text=str(value))
    return Constant(kind="VARCHAR", text=value) if isinstance(value, str) else None


_READERS: dict[Statistics, Callable[[str], Key | None]] = {
    Statistics.INTEGER: lambda text: Decimal(text) if _NUMBER.fullmatch(text) else None,
    Statistics.DECIMAL: lambda text: Decimal(text) if _NUMBER.fullmatch(text) else None,
    Statistics.TEXT: _bytes,
    Statistics.UUID: lambda text: text if _UUID.fullmatch(text) else None,
    Statistics.TIME: lambda text: text if _TIME.fullmatch(text) else None,
    Statistics.DATE: _recorded,
    Statistics.TIMESTAMP: _recorded,
    Statistics.TIMESTAMPTZ: lambda text: _recorded(text.removesuffix("+00")) if text.endswith("+00") else None,
}
"""What a statistic's text compares by, None where its order is not proved."""

_KEYS: dict[Statistics, Callable[[str, str, str], Key | None]] = {
    Statistics.INTEGER: _number,
    Statistics.DECIMAL: _number,
    Statistics.TEXT: _text,
    Statistics.UUID: _uuid,
    Statistics.TIME: _time,
    Statistics.DATE: _date,
    Statistics.TIMESTAMP: _timestamp,
    Statistics.TIMESTAMPTZ: _timestamptz,
}
"""What a constant (type of the column, kind, text) compares by, None where that is not proved."""
