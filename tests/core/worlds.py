"""Small tables in UTC for the tests of the decisions: days are numbered from 1970-01-01."""

from __future__ import annotations

from mtctl.core.calendar import Calendar
from mtctl.core.interval import WHOLE, Grain, Interval, IntervalSet
from mtctl.core.ledger import Coverage, Stale, wanted
from mtctl.core.model import Mode, Origin, Partition, PartitionColumn, Read, Table, TableDefinition
from mtctl.core.plan import TableView

DAY = 86_400_000_000
DAYS = Calendar(Grain.DAY, "UTC")
MONTHS = Calendar(Grain.MONTH, "UTC")


def days(first: int, after_last: int) -> IntervalSet:
    return IntervalSet.of([Interval(first * DAY, after_last * DAY)] if first < after_last else [])


def some_days(numbers) -> IntervalSet:
    return IntervalSet.of(Interval(n * DAY, (n + 1) * DAY) for n in numbers)


def day_numbers(intervals: IntervalSet) -> set[int]:
    return {n for interval in intervals for n in range(interval.start // DAY, interval.end // DAY)}


def definition(name="t", *, grain=Grain.DAY, start=0, end=None, reads=(), **parts) -> TableDefinition:
    """A table of `grain` from day `start` to day `end`; a whole table where grain is None."""
    partition = grain and Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=grain)
    return TableDefinition(
        name=name,
        ddl="",
        query="SELECT 1",
        fingerprint="f",
        mode=Mode.INTERVAL if grain else Mode.FULL,
        columns=(),
        zone="UTC",
        partition=partition or None,
        start=start * DAY if grain else None,
        end=None if end is None else end * DAY,
        reads=tuple(Read(table=read) if isinstance(read, str) else read for read in reads),
        **parts,
    )


def view(of: TableDefinition, *, now, fresh=None, stale=(), seconds=None) -> TableView:
    """A view at day `now`; `fresh` are sets of days (or WHOLE), `stale` are (first, after last, reason)."""
    calendar = Calendar(of.partition.grain, "UTC") if of.partition else None
    table = Table(
        table_id=sum(map(ord, of.name)),
        uuid="",
        lake_table_id=1,
        folder="",
        epoch=1,
        version_id=1,
        origin=Origin.FILE,
        file=None,
        file_sha256=None,
        created_at=0,
        definition=of,
    )
    coverage = Coverage(
        table_id=table.table_id,
        fresh=fresh or IntervalSet(),
        stale=tuple(Stale(interval=Interval(a * DAY, b * DAY), reason=reason) for a, b, reason in stale),
    )
    return TableView(
        table=table,
        calendar=calendar,
        coverage=coverage,
        wanted=wanted(of, calendar, now * DAY),
        seconds_per_interval=seconds,
    )


def world(*views: TableView) -> dict[str, TableView]:
    return {one.definition.name: one for one in views}


WHOLE_SET = IntervalSet.of([WHOLE])
