"""Floor 3. The answers of the services, as plain values that CLI, TUI and gateway show alike.

Instants are microseconds UTC; labels of intervals are texts in the table's zone, made once here so that every skin
shows the same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.errors import MtctlError
    from mtctl.core.health import Health
    from mtctl.core.model import Column, Instant, Mode
    from mtctl.core.states import InstanceState, TaskState
    from mtctl.ports import AttemptRow, EventRow, InstanceRow, TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One table's part of a plan.

    `action` is create, change, evolve, rename, rebuild, metadata, drop, vanished or none.
    `diff` are readable lines (`- old`, `+ new`, `  same`) under headings; `stale` says which intervals become stale
    and why; `notes` are casts, volatile functions, batching, warnings.
    """

    table: str
    action: str
    file: str | None
    diff: tuple[str, ...] = ()
    stale: str = ""
    notes: tuple[str, ...] = ()
    wanted: str = ""
    intervals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPlan:
    """What `apply` would do. `pending` is true when anything would change; `problems` are errors that stop it."""

    changes: tuple[Change, ...]
    problems: tuple[MtctlError, ...]
    pending: bool
    secret: Any = field(default=None, repr=False, compare=False)  # what apply needs, not for showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What `apply` did."""

    changes: tuple[Change, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """One line of `status` and `table list`. Counts are grain intervals (1 for a whole table).

    `missing` and `stale` are short texts of ranges (empty when none); `why` names the reasons of staleness;
    `coverage` is the strip text.
    """

    table: str
    health: Health
    mode: Mode
    grain: str | None
    wanted: int
    fresh: int
    missing_count: int
    stale_count: int
    missing: str
    stale: str
    why: str
    rows: int
    bytes: int
    files: int
    last_success_at: Instant | None
    last_outcome: str | None
    last_error: str | None
    running: str | None
    schedule: str | None
    freshness: str | None
    origin: str
    file: str | None
    comment: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Health of the whole project. `changed_sources` and `unapplied` are found by stat and hash only."""

    project: str
    tables: tuple[TableStatus, ...]
    changed_sources: tuple[str, ...]
    unapplied: tuple[str, ...]
    vanished: tuple[str, ...]
    running: tuple[InstanceRow, ...]
    snapshot_id: int
    at: Instant = 0  # when it was looked


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDetail:
    """Everything `table show` prints."""

    status: TableStatus
    ddl: str
    query: str
    columns: tuple[Column, ...]
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    sources: tuple[str, ...]
    zone: str
    start: str | None
    end: str | None
    refresh_mode: str | None
    coverage: str
    batchable: bool
    params: tuple[str, ...]
    volatile: tuple[str, ...]
    options: Mapping[str, str]
    fingerprint: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRow:
    """One interval of `table partitions`. `state`: fresh, stale, missing."""

    interval: str
    start: Instant
    end: Instant
    state: str
    reason: str
    rows: int | None
    file: str | None
    attempt: str | None
    refreshed_at: Instant | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshArgs:
    """What `refresh` was asked for, as parsed words; intervals are texts because each table has its own grain."""

    selectors: tuple[str, ...] = ()
    everything: bool = False
    intervals: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    partition: tuple[tuple[str, str], ...] = ()
    full: bool = False
    upstream: bool = False
    downstream: bool = False
    force: bool = False
    batch: int | None = None
    detach: bool = False
    dry_run: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One batch of a dry run."""

    table: str
    interval: str
    intervals: int
    reasons: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """What a refresh did to one table. `state`: success, failed, cancelled, skipped, up_to_date."""

    table: str
    state: str
    intervals: int
    tasks: int
    rows: int
    seconds: float
    error: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """The end of a `refresh` or `up --once`.

    `instance` is None when nothing was to be done or with `--dry-run`. `not_ready` are lines `table interval: needs …`,
    `notes` are hints for stderr (left-out open intervals, up to date tables).
    """

    instance: str | None
    state: InstanceState | None
    plan: tuple[PlannedStep, ...]
    tables: tuple[TableResult, ...]
    not_ready: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    interrupted: bool = False
    detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """Progress for stderr, sent while an instance runs.

    `kind`: claimed, progress, success, failed, cancelled, skipped, lost, superseded, waiting.
    `number` of `total` counts intervals of the instance that ended so far.
    """

    kind: str
    table: str
    interval: str
    intervals: int
    done: int
    total: int
    rows: int = 0
    seconds: float = 0.0
    percent: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceDetail:
    """Everything `instance show` prints."""

    instance: InstanceRow
    tasks: tuple[TaskRow, ...]
    attempts: tuple[AttemptRow, ...]
    events: tuple[EventRow, ...]
    labels: Mapping[int, str]  # task id → interval label
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing `verify` found wrong: which check, which table, which intervals, what differs."""

    table: str
    check: str
    intervals: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` looked at and found."""

    tables: int
    files: int
    intervals: int
    rows: int
    bytes: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GcReport:
    """What `lake gc` removed (or would)."""

    removed: tuple[str, ...]
    bytes: int
    kept_young: int
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `init` wrote."""

    root: str
    name: str
    files: tuple[str, ...]
    example: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCount:
    """How many tasks are in a state, for lists."""

    state: TaskState
    count: int
