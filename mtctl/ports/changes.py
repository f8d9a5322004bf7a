"""Floor 1. What goes into the store and what comes of it: tables, instances, claims, publications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mtctl.core.workflow import TaskKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.model import Instant, Origin, Table, TableDefinition
    from mtctl.core.plan import PlannedTask
    from mtctl.core.staged import Staged
    from mtctl.core.states import Outcome, Transition, Trigger
    from mtctl.ports.rewriting import Replaced
    from mtctl.ports.work import TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTable:
    """A definition to put in force: new (`table_id` None), changed, or rebuilt (old data dropped, new lake table).

    Where the fingerprint changes, what is published becomes stale, unless the change `keeps` it right. A table that is
    being rebuilt is the new version already; with `abandon` that is dropped and the change is one of the old version.
    """

    definition: TableDefinition
    origin: Origin
    file: str | None = None
    file_sha256: str | None = None
    file_size: int | None = None
    file_mtime_ns: int | None = None
    table_id: int | None = None
    rebuild: bool = False
    keeps: bool = False
    abandon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """One task to insert, after the tasks whose keys are in `after` (earlier ones of the same instance).

    `intervals` None, in a refresh: what is due when it is first claimed. `spec` is the frozen task of a workflow as the
    worker takes it (empty for a refresh that only names a table). `timeout` is in microseconds, None for ever.
    """

    key: int
    name: str
    kind: TaskKind = TaskKind.REFRESH
    table_id: int | None = None
    batch: Interval | None = None
    intervals: IntervalSet | None = None
    count: int = 1
    reasons: tuple[tuple[str, int], ...] = ()
    after: tuple[int, ...] = ()
    forced: bool = False
    queue: str = "default"
    priority: int = 0
    max_tries: int = 1
    timeout: int | None = None
    retry_lost: bool = True
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """An instance to insert with its tasks in `created`; `advance` and `apply` follow in the same transaction.

    `rank`: 0 manual, 1 scheduled, 2 catch-up, 3 backfill. `serial` ones wait until older instances of their workflow
    have ended. `key` is the idempotency key of whoever asked: an instance with that key exists once. `fire_at` ends
    the data interval that `logical_date` begins. `variables` are resolved values by name.
    """

    ulid: str
    title: str
    trigger: Trigger
    manifest: Mapping[str, Any]
    tasks: tuple[NewTask, ...]
    holder_id: int | None
    detached: bool
    queue: str = "default"
    priority: int = 0
    workflow_id: int | None = None
    version: int | None = None
    logical_date: Instant | None = None
    fire_at: Instant | None = None
    batch: str | None = None
    key: str | None = None
    rank: int = 0
    serial: bool = False
    max_parallel: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    notify: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


def planned_tasks(tasks: Iterable[PlannedTask], *, forced: bool, max_tries: int) -> tuple[NewTask, ...]:
    """Return the tasks of a refresh plan as tasks to insert."""
    return tuple(
        NewTask(
            key=task.key,
            name=task.table,
            table_id=task.table_id,
            batch=task.batch,
            intervals=task.intervals,
            count=task.count,
            reasons=task.reasons,
            after=task.after,
            forced=forced,
            max_tries=max_tries,
        )
        for task in tasks
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task instance just taken: it is `running` under a fresh attempt whose id is the fence."""

    attempt_id: int
    attempt_ulid: str
    task: TaskRow
    snapshot_id: int
    requested_at: Instant
    table_or_none: Table | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    cancel_requested: bool = False

    @property
    def table(self) -> Table:
        """The table of a refresh; a task of another kind has none, and asking is a bug."""
        if self.table_or_none is None:
            raise RuntimeError(f"task {self.task.name} refreshes no table")
        return self.table_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one attempt makes visible, all or nothing.

    `files` are the staged files under their final names (relative to the table folder), in the order that
    `staged.intervals[i].file` counts; `ends` the live file ids that the new files replace, `replaced` what of
    these files stays, as new files: they hold other intervals too; `clears` the intervals whose ledger rows end (the
    batch, or WHOLE); `reads` per upstream table id the digests of what was read for each interval;
    `columns_by_field` maps nothing: columns come from the definition in force at `version_id`.
    """

    claimed: Claimed
    staged: Staged
    files: tuple[str, ...]
    ends: tuple[int, ...]
    clears: tuple[Interval, ...]
    reads: Mapping[Interval, tuple[tuple[int, str], ...]]
    seconds: float
    replaced: tuple[Replaced, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish did: the snapshot (None when nothing visible changed), rows, and what it made stale."""

    snapshot_id: int | None
    rows: int
    changed: IntervalSet
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a publish did not happen: `lost` (the attempt is no longer mine) or `superseded` (table or file moved)."""

    outcome: Outcome
    why: str
