"""Builders for tests of the store: definitions, staged results, and whole refreshes without an engine."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import apsw
from fakes import NOON, FakeClock

from mtctl.core.advance import Ending, settle
from mtctl.core.interval import Grain, Interval, IntervalSet
from mtctl.core.keys import calendar_of
from mtctl.core.ledger import digest, read_range
from mtctl.core.model import (
    Column,
    ColumnStats,
    Mode,
    Origin,
    Partition,
    PartitionColumn,
    RangeKind,
    Read,
    SourceFile,
    Staged,
    StagedFile,
    StagedInterval,
    TableDefinition,
)
from mtctl.core.plan import PlannedTask
from mtctl.core.schedule import next_fire, parse_schedule
from mtctl.core.states import Outcome, Trigger, WorkflowState
from mtctl.core.workflow import CommandSpec, TaskKind, WorkflowDefinition, WorkflowTask
from mtctl.ports import (
    Claimed,
    NewInstance,
    NewTable,
    NewTask,
    NewWorkflow,
    Publication,
    Published,
    Refused,
    TaskRow,
)
from mtctl.ports.changes import planned_tasks
from mtctl.services.rewriting import touched_files
from mtctl.store.audit import recompute_coverage, stored_coverage
from mtctl.store.connection import create, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.ports import View
    from mtctl.store.sqlite import SqliteStore

DAY = 86_400_000_000
START = 15_706 * DAY  # 2013-01-01
KEY = Column(name="d", type="DATE", stored_type="DATE", lake_type="date", nullable=True)
VALUE = Column(name="n", type="BIGINT", stored_type="BIGINT", lake_type="int64")

_serial = count(1)


def day(number: int) -> Interval:
    """The n-th day of 2013, from 0."""
    return Interval(START + number * DAY, START + (number + 1) * DAY)


def days(first: int, last: int) -> list[Interval]:
    """The days from first to last, the last one excluded."""
    return [day(number) for number in range(first, last)]


def definition(
    name: str, *, reads: tuple[Read, ...] = (), fingerprint: str = "f1", **changes: object
) -> TableDefinition:
    """An interval table by day with a date and a number."""
    parts: dict[str, object] = {
        "name": name,
        "ddl": f"CREATE MATERIALIZED TABLE {name} AS SELECT 1",
        "query": "SELECT 1",
        "fingerprint": fingerprint,
        "mode": Mode.INTERVAL,
        "columns": (KEY, VALUE),
        "zone": "UTC",
        "partition": Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=Grain.DAY),
        "start": START,
        "reads": reads,
    }
    return TableDefinition(**(parts | changes))  # type: ignore[arg-type]


def full(name: str, *, reads: tuple[Read, ...] = (), fingerprint: str = "f1") -> TableDefinition:
    """A table that is refreshed as a whole."""
    return definition(name, reads=reads, fingerprint=fingerprint, mode=Mode.FULL, partition=None, start=None)


def new(what: TableDefinition, table_id: int | None = None, *, rebuild: bool = False) -> NewTable:
    return NewTable(definition=what, origin=Origin.COMMAND, table_id=table_id, rebuild=rebuild)


def stats(field_id: int, rows: int, low: str | None, high: str | None) -> ColumnStats:
    return ColumnStats(
        field_id=field_id, bytes=64, value_count=rows, null_count=0, min=low, max=high, contains_nan=None
    )


def source(path: str, sha256: str, *, size: int = 10, mtime_ns: int = 1) -> SourceFile:
    return SourceFile(path=path, size=size, mtime_ns=mtime_ns, inode=7, sha256=sha256)


@dataclass
class Kit:
    """A store in a fresh project with one holder."""

    store: SqliteStore
    clock: FakeClock
    path: Path
    holder: int
    rows_each: int = 10

    def put(self, *definitions: TableDefinition) -> dict[str, int]:
        """Put new definitions in force."""
        with self.store.write() as tx:
            return tx.put_tables([new(one) for one in definitions])

    def change(self, table_id: int, what: TableDefinition, *, rebuild: bool = False) -> None:
        with self.store.write() as tx:
            tx.put_tables([new(what, table_id, rebuild=rebuild)])

    def instance(self, *tasks: PlannedTask, holder: int | None = -1, detached: bool = False, tries: int = 3) -> int:
        """Insert an instance; owned by the kit's holder unless said otherwise."""
        owner = self.holder if holder == -1 else holder
        asked = NewInstance(
            ulid=f"I{next(_serial):025d}",
            title="refresh",
            trigger=Trigger.MANUAL,
            manifest={},
            tasks=planned_tasks(tasks, forced=False, max_tries=tries),
            holder_id=owner,
            detached=detached,
        )
        with self.store.write() as tx:
            return tx.add_instance(asked)

    def add(self, *tasks: NewTask, **changes: object) -> int:
        """Insert an instance of any tasks; owned by nobody unless said otherwise."""
        with self.store.write() as tx:
            return tx.add_instance(new_instance(*tasks, **changes))

    def end(self, claimed: Claimed | None, outcome: Outcome = Outcome.SUCCESS, **more: object) -> bool:
        """End an attempt that did not publish, as the law settles it."""
        assert claimed is not None
        ending = Ending(
            task_id=claimed.task.task_id,
            attempt_id=claimed.attempt_id,
            outcome=outcome,
            tries=claimed.task.tries,
            max_tries=claimed.task.max_tries,
            **more,  # type: ignore[arg-type]
        )
        good = outcome is Outcome.SUCCESS
        with self.store.write() as tx:
            return tx.finish(
                claimed,
                outcome,
                error_code="" if good else "broken",
                error="" if good else "boom",
                transition=settle(ending, tx.now),
            )

    def workflow(self, name: str, *tasks: WorkflowTask, **changes: object) -> int:
        """Put a workflow in force by command, enabled, its next fire after now."""
        what = workflow(name, *tasks, **changes)
        fire = next_fire(what.schedule, self.clock.now()) if what.schedule is not None else None
        made = NewWorkflow(
            definition=what, state=WorkflowState.ENABLED, origin="command", next_fire_at=fire, due_at=fire
        )
        with self.store.write() as tx:
            return tx.put_workflow(made)

    def tasks(self, instance_id: int) -> list[TaskRow]:
        with self.store.read() as view:
            return view.tasks(instance_id)

    def states(self, instance_id: int) -> list[str]:
        return [one.state.value for one in self.tasks(instance_id)]

    def claim(self, instance_id: int | None, holder: int | None = None) -> Claimed | None:
        with self.store.write() as tx:
            ulid = f"A{next(_serial):025d}"
            return tx.claim(holder or self.holder, attempt_ulid=ulid, instance_id=instance_id)

    def take(self, table_id: int, intervals: list[Interval]) -> Claimed:
        """Ask for intervals of a table and claim the task."""
        claimed = self.claim(self.instance(task(table_id, intervals)))
        assert claimed is not None
        return claimed

    def publication(
        self,
        claimed: Claimed,
        content: dict[Interval, str],
        *,
        sources: tuple[SourceFile, ...] = (),
        empty: frozenset[Interval] = frozenset(),
        clears: tuple[Interval, ...] | None = None,
    ) -> Publication:
        """One file with all these intervals; those they replace end, or are taken apart for what else they hold."""
        cleared = tuple(content) if clears is None else clears
        with self.store.read() as view:
            touched = touched_files(view, claimed.table, IntervalSet.of(cleared))
            reads = {one: digests(view, claimed, one) for one in content}

        parts: list[StagedInterval] = []
        at = 0
        for one, fingerprint in content.items():
            rows = 0 if one in empty else self.rows_each
            parts.append(_staged(one, at, rows, fingerprint))
            at += rows
        files = (staged_file(at),) if at else ()
        rewritten = tuple(staged_file(sum(part.rows for _, part in one.parts)) for one in touched.rewrites)
        names = [f"{claimed.attempt_ulid}-m{number}.parquet" for number in range(len(rewritten))]
        staged = Staged(
            files=files, intervals=tuple(parts), sources=sources, rows=at, seconds=1.0, rewritten=rewritten
        )
        return Publication(
            claimed=claimed,
            staged=staged,
            files=tuple(f"{claimed.attempt_ulid}-{number}.parquet" for number in range(len(files))),
            ends=touched.ends,
            replaced=touched.replaced(rewritten, names),
            clears=cleared,
            reads=reads,
            seconds=1.0,
        )

    def publish(self, publication: Publication) -> Published | Refused:
        with self.store.write() as tx:
            return tx.publish(publication)

    def refresh(
        self, table_id: int, content: dict[Interval, str], *, sources: tuple[SourceFile, ...] = (), **more: object
    ) -> Published:
        """A whole refresh: asked for, claimed, published."""
        claimed = self.take(table_id, list(content))
        published = self.publish(self.publication(claimed, content, sources=sources, **more))  # type: ignore[arg-type]
        assert isinstance(published, Published)
        return published

    def coverage(self, table_id: int) -> tuple[IntervalSet, dict[Interval, str]]:
        """The stored coverage, after a look that it equals the ledger."""
        with self.store.read() as view:
            stored = stored_coverage(view, table_id)
            assert stored == recompute_coverage(view, table_id)
        return stored.fresh, {one.interval: one.reason for one in stored.stale}

    def sql(self, text: str, *bindings: object) -> list[tuple[object, ...]]:
        """Ask the file itself, through the store's own connection."""
        return self.store._connection.execute(text, bindings).fetchall()


def kit_at(tmp_path: Path, now: int = NOON) -> Kit:
    """Make a project's state file under tmp_path."""
    clock = FakeClock(now)
    path = tmp_path / ".mtctl" / "state.db"
    store = create(path, clock, "test", str(tmp_path / "lake" / "data"))
    return Kit(store=store, clock=clock, path=path, holder=new_holder(store))


def noop(key: int = 0, **changes: object) -> NewTask:
    """A task that refreshes nothing."""
    parts: dict[str, object] = {"key": key, "name": f"n{key}", "kind": TaskKind.COMMAND, "max_tries": 3}
    return NewTask(**(parts | changes))  # type: ignore[arg-type]


def new_instance(*tasks: NewTask, **changes: object) -> NewInstance:
    """A detached instance that nobody owns."""
    parts: dict[str, object] = {
        "ulid": f"I{next(_serial):025d}",
        "title": "run",
        "trigger": Trigger.MANUAL,
        "manifest": {},
        "tasks": tasks,
        "holder_id": None,
        "detached": True,
    }
    return NewInstance(**(parts | changes))  # type: ignore[arg-type]


def program(name: str, **changes: object) -> WorkflowTask:
    """A workflow's task that runs a program."""
    parts: dict[str, object] = {"name": name, "kind": TaskKind.COMMAND, "spec": CommandSpec(argv=("true",))}
    return WorkflowTask(**(parts | changes))  # type: ignore[arg-type]


def workflow(name: str, *tasks: WorkflowTask, schedule: str | None = None, **changes: object) -> WorkflowDefinition:
    """A workflow of programs, by the day or by hand."""
    parts: dict[str, object] = {
        "name": name,
        "tasks": tasks or (program("only"),),
        "zone": "UTC",
        "schedule": None if schedule is None else parse_schedule(schedule, zone="UTC"),
    }
    return WorkflowDefinition(**(parts | changes))  # type: ignore[arg-type]


def new_holder(store: SqliteStore, command: str = "refresh") -> int:
    with store.write() as tx:
        return tx.add_holder(ulid=f"H{next(_serial):025d}", kind="cli", pid=1, pid_started=1, command=command)


def reopened(kit: Kit) -> SqliteStore:
    """Another connection to the same file, as another process would have."""
    return open_store(kit.path, kit.clock)


def task(table_id: int, intervals: list[Interval], *, key: int = 0, after: tuple[int, ...] = ()) -> PlannedTask:
    """A planned task over these intervals."""
    return PlannedTask(
        key=key,
        table=f"t{table_id}",
        table_id=table_id,
        batch=Interval(min(one.start for one in intervals), max(one.end for one in intervals)),
        intervals=IntervalSet.of(intervals),
        count=len(intervals),
        reasons=(("missing", len(intervals)),),
        after=after,
    )


def digests(view: View, claimed: Claimed, interval: Interval) -> tuple[tuple[int, str], ...]:
    """What the services record: per upstream the digest of what the interval reads at the pinned snapshot."""
    found = []
    for read in claimed.table.definition.reads:
        upstream = view.tables([read.table])[0]
        if read.kind in (RangeKind.LATEST, RangeKind.IGNORE):
            found.append((upstream.table_id, ""))
            continue
        reading = read_range(read, interval, upstream.definition, calendar_of(upstream.definition))
        assert reading is not None
        content = view.ledger(upstream.table_id, reading, claimed.snapshot_id)
        parts = [(row.interval.start, row.interval.end, row.fingerprint) for row in content]
        found.append((upstream.table_id, digest(parts)))
    return tuple(found)


def foreign(path: Path) -> apsw.Connection:
    """A connection that does not pass the guard, as any other program's."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(5000)
    return connection


def _staged(
    interval: Interval, at: int, rows: int, fingerprint: str
) -> StagedInterval:
    return StagedInterval(
        interval=interval,
        file=0 if rows else None,
        row_start=at if rows else 0,
        rows=rows,
        fingerprint=fingerprint,
    )


def staged_file(rows: int) -> StagedFile:
    """A file with so many rows."""
    return StagedFile(
        path="/staged/x.parquet",
        rows=rows,
        bytes=rows * 10,
        footer_bytes=100,
        sha256="0" * 64,
        stats=(stats(1, rows, "2013-01-01", "2013-12-31"), stats(2, rows, "0", "9")),
    )
