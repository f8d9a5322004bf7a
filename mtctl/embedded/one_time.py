"""Floor 4. Asks for one refresh of one table, as Flink's REFRESH and as its periodic refresh do: an overwrite.

The instance belongs to the table's own workflow, enabled or not, and waits for whoever runs next. What the partitions
are and what a schedule time means is decided in the transaction that inserts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import DEFAULTS, parse_freshness
from mtctl.core.interval import WHOLE, Grain, Interval, IntervalSet
from mtctl.core.model import Partition
from mtctl.core.names import printable
from mtctl.core.partition import flink_partition_values, interval_of_values
from mtctl.core.schedule import previous_fire
from mtctl.core.states import Trigger
from mtctl.core.table_calendar import calendar_of, partition_calendar
from mtctl.core.values import replace
from mtctl.core.workflow_settings import settings_of
from mtctl.core.workflow_tasks import read_task
from mtctl.core.zones import first_at
from mtctl.services.making import Occurrence, make_instance
from mtctl.services.naming import unknown_table
from mtctl.services.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mtctl.core.freshness import Freshness
    from mtctl.core.model import Instant, Table, TableDefinition
    from mtctl.core.schedule import Schedule
    from mtctl.ports.store import Store, Tx
    from mtctl.ports.workflows import WorkflowRow

_WHOLE = IntervalSet.of([WHOLE])
_SECONDS = "yyyy-MM-dd HH:mm:ss"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAsked:
    """One refresh: `partitions` count for a one-time refresh, `schedule_time` (wall time) for a periodic one.

    `full_name` is the table's name as messages show it, `task` the keys of the task as in a workflow file.
    """

    table: str
    full_name: str
    partitions: Mapping[str, str]
    is_periodic: bool
    schedule_time: str | None
    task: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What of a table is refreshed, and the data interval that its variables are of."""

    intervals: IntervalSet
    start: Instant
    end: Instant


class OneTimeRefreshes:
    """Inserts the instances."""

    def __init__(
        self, store: Store, new_ulid: Callable[[], str], observe: Callable[[Iterable[str]], None], actor: str
    ) -> None:
        """Keep the ports; `observe` looks at the source files of tables by name, `actor` is who asks."""
        self._store = store
        self._new_ulid = new_ulid
        self._observe = observe
        self._actor = actor

    def ask(self, asked: RefreshAsked) -> tuple[str, tuple[str, ...]]:
        """Insert the instance; return its ulid and the options that are kept and have no effect.

        Errors `table_unknown`, `partition_unknown`, `partition_type`, `partition_value`, `partition_undetermined`,
        `schedule_time`, and those of the task's keys.
        """
        _check_texts(asked)
        self._observe([asked.table])
        with self._store.write() as tx:
            snapshot = Snapshot(tx)
            table = snapshot.table(asked.table)
            if table is None:
                raise unknown_table(asked.table, (one.definition.name for one in tx.tables()))
            row = next(one for one in tx.workflows([asked.table]) if one.definition.table == asked.table)
            scope = _scope(table, row, asked, snapshot, tx.now)
            return self._insert(tx, row, asked, scope, snapshot)

    def _insert(
        self, tx: Tx, row: WorkflowRow, asked: RefreshAsked, scope: _Scope, snapshot: Snapshot
    ) -> tuple[str, tuple[str, ...]]:
        definition = row.definition
        task = read_task(dict(asked.task), 1, definition.variables, f"refresh of {asked.table}")
        ignored = settings_of(task.settings, where="execution_config").ignored
        # Not the table's own any more: an instance is made also where nothing is to be done, for there is a handle.
        once = replace(definition, tasks=(task,), table=None, continuous=False)
        occurrence = Occurrence(
            trigger=Trigger.MANUAL,
            rank=0,
            logical_date=scope.start,
            fire_at=scope.end,
            title=_title(asked),
            intervals={asked.table: scope.intervals},
            forced=True,
        )
        new = make_instance(replace(row, definition=once), occurrence, snapshot, tx.open_intervals, self._new_ulid)
        if new is None:
            raise RuntimeError(f"no instance was made for {asked.table}")
        instance_id = tx.add_instance(new)
        tx.add_note(
            "refresh_asked",
            actor=self._actor,
            workflow_id=row.workflow_id,
            instance_id=instance_id,
            workflow=row.name,
            periodic=asked.is_periodic,
        )
        return new.ulid, ignored


def _check_texts(asked: RefreshAsked) -> None:
    """Refuse values that are no texts, in Flink's words: an unquoted 5 names no partition."""
    wrong = [key for key, value in asked.partitions.items() if not isinstance(value, str)]
    if wrong and not asked.is_periodic:
        raise MtctlError(
            "partition_type",
            "Currently, refreshing materialized table only supports referring to char, varchar and string type "
            "partition keys. All specified partition keys in partition specs with unsupported types are:\n\n"
            + "\n".join(printable(str(key)) for key in wrong),
            kind=Kind.USAGE,
            where="partitions",
            fix="give the values as texts",
        )


def _scope(table: Table, row: WorkflowRow, asked: RefreshAsked, snapshot: Snapshot, now: Instant) -> _Scope:
    if asked.is_periodic:
        return _periodic(table.definition, row.definition.schedule, asked, now)
    named = _named(table.definition, asked.partitions) if asked.partitions else None
    if named is not None:
        return _Scope(intervals=IntervalSet.of([named]), start=named.start, end=named.end)
    if calendar_of(table.definition) is None:
        return _Scope(intervals=_WHOLE, start=now, end=now)
    view = snapshot.view(asked.table, now)
    return _Scope(intervals=view.wanted if view is not None else IntervalSet.of([]), start=now, end=now)


def _named(definition: TableDefinition, partitions: Mapping[str, str]) -> Interval | None:
    """Return what the values name, None where the table is refreshed as a whole whatever they are."""
    partition = definition.partition or Partition(columns=(), grain=Grain.DAY)
    calendar = partition_calendar(partition, definition.zone) if partition.columns else None
    if calendar is None:
        raise _unknown_keys(partitions)
    found = interval_of_values(partition, partitions, calendar, field="partitions")
    return found if calendar_of(definition) is not None else None


def _unknown_keys(partitions: Mapping[str, str]) -> MtctlError:
    listed = "\n".join(map(printable, partitions))
    return MtctlError(
        "partition_unknown",
        f"The partition spec contains unknown partition keys:\n\n{listed}\n\nAll known partition keys are:\n\n",
        kind=Kind.USAGE,
        where="partitions",
        fix="leave the partitions out: the table has none",
    )


def _periodic(definition: TableDefinition, schedule: Schedule | None, asked: RefreshAsked, now: Instant) -> _Scope:
    """Return what a periodic refresh at the schedule time overwrites; the partitions asked for do not count.

    Flink does the one partition that holds schedule time less freshness. Here it is that one and all that follow and
    have ended by the schedule time, so that a freshness longer than the grain leaves no partition stale.
    """
    calendar, zone = calendar_of(definition), definition.zone
    columns = definition.partition.columns if definition.partition is not None and calendar is not None else ()
    texts = flink_partition_values(
        asked.schedule_time,
        _freshness(definition),
        dict.fromkeys((column.name for column in columns), _SECONDS),
        zone,
        asked.full_name,
    )
    if calendar is None or asked.schedule_time is None:
        return _Scope(intervals=_WHOLE, start=now, end=now)
    fire = first_at(datetime.fromisoformat(asked.schedule_time), zone)
    before = first_at(datetime.fromisoformat(next(iter(texts.values()))), zone)
    if definition.freshness is None and schedule is not None:
        earlier = previous_fire(schedule, fire)
        before = earlier if earlier is not None else before
    start = calendar.floor(before)
    end = max(calendar.next(start), calendar.floor(fire))
    return _Scope(intervals=IntervalSet.of([Interval(start, end)]), start=before, end=fire)


def _freshness(definition: TableDefinition) -> Freshness:
    """Return the freshness of a table, Flink's default where it has none."""
    if definition.freshness is None:
        return DEFAULTS.full if definition.refresh_mode == "FULL" else DEFAULTS.continuous
    _, number, unit = definition.freshness.split()
    return parse_freshness(number.strip("'"), unit)


def _title(asked: RefreshAsked) -> str:
    if asked.is_periodic:
        return f"periodic refresh of {asked.table} at {printable((asked.schedule_time or '')[:40])}"
    named = " ".join(f"{printable(str(key))}={printable(value[:80])}" for key, value in asked.partitions.items())
    return f"one-time refresh of {asked.table}{f' {named}' if named else ''}"
