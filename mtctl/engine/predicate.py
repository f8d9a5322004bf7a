"""Floor 2. Intervals as SQL: the outer predicate of a statement, and the number that says which interval a row is in.

The predicate compares plain partition columns with constants, so that DuckDB pushes it below a GROUP BY on them and
into the scan. Native columns compare with the edges of each contiguous run; strings with a range where their format
sorts like time, else with the list of values.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import timedelta
from typing import TYPE_CHECKING

from mtctl.core import zones
from mtctl.core.interval import Grain
from mtctl.core.model import NullPolicy
from mtctl.core.names import quote
from mtctl.core.partition import formatters_of, sorts_like_time
from mtctl.core.values import frozen
from mtctl.engine import literals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import Interval
    from mtctl.core.model import Column, Partition
    from mtctl.ports.engine import Slice

_DAY = 86_400_000_000
_SUB_DAY = frozenset({Grain.MINUTE, Grain.HOUR})


def is_native(partition: Partition) -> bool:
    """Whether the partition is one DATE or TIMESTAMP column rather than formatted strings."""
    return len(partition.columns) == 1 and partition.columns[0].formatter is None


def runs(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Return the slices as runs in which each begins where the one before ends."""
    found: list[list[Slice]] = []
    for item in slices:
        if found and found[-1][-1].interval.end == item.interval.start:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def predicate(partition: Partition, types: dict[str, str], zone: str, slices: Sequence[Slice], null: NullPolicy) -> str:
    """Return the condition on `q`'s partition columns that lets through the slices' rows.

    With `NullPolicy.FAIL` rows with a NULL partition value (and strings that `foreign` finds) come too, whichever the
    slices are: every batch of any split then says the same of them.
    """
    columns = [f"CAST(q.{quote(c.name)} AS {types[c.name]})" for c in partition.columns]
    if is_native(partition):
        parts = [
            native_range(columns[0], types[partition.columns[0].name], zone, partition, run) for run in runs(slices)
        ]
    elif sorts_like_time(partition):
        parts = [_between(columns, run) for run in runs(slices)]
        if null is NullPolicy.DROP:  # '2013-02-30' lies in a range, and in no slice
            parts = [f"({part}) AND NOT ({foreign(partition, columns)})" for part in parts]
    else:
        parts = [_one_of(columns, slices)]
    if null is NullPolicy.FAIL:
        parts += [f"{column} IS NULL" for column in columns]
        if not is_native(partition):
            parts.append(foreign(partition, columns))
    return " OR ".join(f"({part})" for part in parts)


def foreign(partition: Partition, columns: Sequence[str]) -> str:
    """Return the condition for strings that the formatters never write: another shape, or no real date.

    It never throws, and NULL is not foreign. Columns are read together: apart, 'MM' and 'dd' name no date.
    """
    written = _SEPARATOR.join(
        "".join(_DIRECTIVE[text] if is_field else text.replace("%", "%%") for is_field, text in formatter.parts)
        for formatter in formatters_of(partition)
    )
    text, pattern = f" || {literals.text(_SEPARATOR)} || ".join(columns), literals.text(written)
    return f"{text} IS NOT NULL AND strftime(try_strptime({text}, {pattern}), {pattern}) IS DISTINCT FROM {text}"


_DIRECTIVE = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_SEPARATOR = "\x1f"
"""No formatter holds it, so that no other cut of the same text into columns reads the same."""


def native_range(column: str, sql_type: str, zone: str, partition: Partition, run: Sequence[Slice]) -> str:
    """Return `column >= edge AND column < edge` in the column's own type."""
    low = edge_literal(run[0].interval.start, sql_type, zone, partition.grain)
    high = edge_literal(run[-1].interval.end, sql_type, zone, partition.grain)
    return f"{column} >= {low} AND {column} < {high}"


def edge_literal(instant: int, sql_type: str, zone: str, grain: Grain) -> str:
    """Return an interval's edge as a constant of a native partition column's type."""
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"TIMESTAMPTZ {literals.text(zones.from_instant(instant, 'UTC').isoformat(sep=' '))}"
    wall = zones.naive_of(edge_us(instant, sql_type, zone, grain))
    if sql_type == "DATE":
        return f"DATE {literals.text(wall.date().isoformat())}"
    return f"TIMESTAMP {literals.text(wall.isoformat(sep=' '))}"


def edge_us(instant: int, sql_type: str, zone: str, grain: Grain) -> int:
    """Return an edge in microseconds of the column's own scale: instants for TIMESTAMPTZ, else local wall time.

    From a day on the wall edge is midnight of its date: where a day begins at 01:00, because clocks went forward at
    midnight, a naive 00:30 belongs to that day all the same.
    """
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return instant
    wall = zones.to_wall(instant, zone)
    if grain not in _SUB_DAY:
        wall = (wall + timedelta(0)).replace(hour=0, minute=0, second=0, microsecond=0)
    return zones.naive_us(wall)


@frozen
class Buckets:
    """Numbers rows by time: `sql` yields a BIGINT, `interval_of` says which of the intervals that number lies in."""

    sql: str
    edges: tuple[tuple[int, int], ...]
    origin: int
    width: int

    def interval_of(self, bucket: int) -> int | None:
        """Return the index of the interval that holds the bucket, None for none."""
        at = self.origin + bucket * self.width
        index = bisect_right(self.edges, at, key=lambda edge: edge[0]) - 1
        return index if index >= 0 and at < self.edges[index][1] else None


def buckets(column: Column, partition: Partition, zone: str, intervals: Sequence[Interval]) -> Buckets:
    """Return the numbering for these intervals (sorted): the widest step that no edge cuts.

    One integer division per row and one GROUP BY on it; comparing with every edge would cost a join.
    """
    grain = partition.grain
    edges = tuple(
        (edge_us(i.start, column.stored_type, zone, grain), edge_us(i.end, column.stored_type, zone, grain))
        for i in intervals
    )
    origin = edges[0][0]
    width = math.gcd(*(edge - origin for pair in edges for edge in pair)) or 1
    name = quote(column.name)
    if column.stored_type == "DATE":
        sql = f"({name} - DATE '1970-01-01' - {origin // _DAY}) // {max(1, width // _DAY)}"
    else:
        plain = name if column.stored_type in _MICROSECOND else f"CAST({name} AS TIMESTAMP)"
        sql = f"(epoch_us({plain}) - {origin}) // {width}"
    return Buckets(sql=sql, edges=edges, origin=origin, width=width)


_MICROSECOND = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})


def _between(columns: Sequence[str], run: Sequence[Slice]) -> str:
    if len(columns) == 1:
        return f"{columns[0]} BETWEEN {literals.text(run[0].values[0])} AND {literals.text(run[-1].values[0])}"
    # The leading column alone reaches the scan; the row value makes the range exact.
    leading = f"{columns[0]} BETWEEN {literals.text(run[0].values[0])} AND {literals.text(run[-1].values[0])}"
    row = f"({', '.join(columns)})"
    return f"{leading} AND {row} >= {_row(run[0].values)} AND {row} <= {_row(run[-1].values)}"


def _one_of(columns: Sequence[str], slices: Sequence[Slice]) -> str:
    if len(columns) == 1:
        return f"{columns[0]} IN ({', '.join(literals.text(item.values[0]) for item in slices)})"
    return f"({', '.join(columns)}) IN ({', '.join(_row(item.values) for item in slices)})"


def _row(values: Sequence[str]) -> str:
    return f"({', '.join(literals.text(value) for value in values)})"
