"""Floor 1. What the services ask of the outside: clock, store, lake, engine.

Only shapes and protocols stand here. Adapters (floor 2) implement them without knowing each other or the services;
`app` joins them. The store has two doors that change anything: `Tx.apply` (states) and `Tx.publish` (data).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from threading import Event

    from mtctl.core.errors import MtctlError
    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import (
        Column,
        ColumnStats,
        EmptyPolicy,
        Instant,
        LedgerRow,
        NullPolicy,
        Origin,
        Partition,
        Source,
        SourceFile,
        Staged,
        StagedFile,
        Table,
        TableDefinition,
    )
    from mtctl.core.plan import PlannedTask
    from mtctl.core.states import InstanceState, Outcome, TaskState, Transition, Trigger

# --- clock ------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Time, passed in so that tests own it."""

    def now(self) -> Instant:
        """Return the wall clock, microseconds since 1970 UTC."""

    def boottime(self) -> int:
        """Return nanoseconds since boot, counting suspend (CLOCK_BOOTTIME); leases compare only this."""

    def boot_id(self) -> str:
        """Return the id of this boot; leases of another boot are void."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set or the seconds have passed; return whether it is set."""


# --- engine -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What the engine's parser finds in one SELECT, without looking anything up.

    `tables` are the relation names it reads (as written, dotted, CTE names left out, in order of appearance),
    None where the parser cannot tell (PIVOT). `literals` are path literals of file sources; `params` the named
    parameters (without `$`); `canonical` a text that is equal for queries that differ only in comments, white
    space and keyword case. `functions` are the names of all functions called, lower case.
    """

    tables: tuple[str, ...] | None
    literals: tuple[str, ...]
    params: tuple[str, ...]
    functions: tuple[str, ...]
    volatile: tuple[str, ...]
    canonical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or source that a query may name.

    `names` are all the spellings it answers to (`t`, `main.t`, `project.main.t`). `columns` give its schema; `files`
    its pinned Parquet files (absolute paths), read by field id; a relation without files is empty.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRequest:
    """One query to describe: the relations in reach are those of the request and earlier ones of the batch.

    `publish_as` lets later requests of the same call read this one's columns under these names.
    `bind` is an interval to bind to interval parameters.
    """

    query: str
    zone: str
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    params: Mapping[str, object]
    publish_as: tuple[str, ...] = ()
    declared: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The columns that a query yields, with stored types and casts (`Column.note`)."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One interval of a batch: the instants, and the local wall texts of its edges in the table's zone."""

    interval: Interval
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Rows to move out of a live file that is being rewritten: [row_start, row_start + rows) per interval."""

    path: str
    intervals: tuple[tuple[Interval, int, int, str], ...]  # interval, row_start, rows, fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRequest:
    """One attempt's work: compute the intervals (or everything) and write Parquet files into `folder`.

    `slices` are the contiguous intervals to compute, in order (empty for a full table); `statements` groups them:
    each inner tuple is computed by one statement with its own parameters (a single group when the query names no
    interval variable). `params` gives, per statement, the values of the parameters that the query names. Files are
    named `<file_prefix>-<n>.parquet`. `carry` names what else must go into the new files.
    """

    query: str
    zone: str
    columns: tuple[Column, ...]
    partition: Partition | None
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    slices: tuple[Slice, ...]
    statements: tuple[tuple[int, int], ...]
    params: tuple[Mapping[str, object], ...]
    carry: tuple[Carry, ...]
    folder: str
    file_prefix: str
    target_rows: int
    target_bytes: int
    null_policy: NullPolicy
    on_empty: EmptyPolicy
    known: tuple[SourceFile, ...] = ()  # files hashed before; size, mtime and inode equal spares hashing again


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is: share of the query done in percent (None unknown) and rows so far."""

    percent: float | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """A streamed result: column names, DuckDB types, and rows of text (None for NULL), a chunk at a time."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    chunks: Iterator[list[list[str | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """One live data file to recompute: what `verify` compares with ledger and catalog."""

    path: str
    columns: tuple[Column, ...]
    ranges: tuple[tuple[int, int], ...]  # (row_start, rows) per interval, to fingerprint each
    zone: str
    partition: Partition | None
    intervals: tuple[Interval, ...] = ()  # per range, where the partition says that its rows must belong


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a file really holds. `strays` are, per range, how many of its rows belong to another interval."""

    rows: int
    bytes: int
    footer_bytes: int
    sha256: str
    fingerprints: tuple[str, ...]
    stats: tuple[Any, ...]  # tuple[ColumnStats, ...] recomputed from the data
    strays: tuple[int, ...] = ()


class Engine(Protocol):
    """The runner behind its pipe. Every method raises `MtctlError` (kinds INVALID, ENGINE, FAILED)."""

    def parse(self, queries: Sequence[str]) -> list[Parsed | MtctlError]:
        """Parse queries; each must be exactly one SELECT. No look-ups, nothing runs."""

    def describe(self, requests: Sequence[DescribeRequest]) -> list[Description | MtctlError]:
        """Describe queries in the given order without running them."""

    def stage(self, request: StageRequest, on_progress: Callable[[Progress], None]) -> Staged:
        """Compute one batch and write its files, fsynced, into the staging folder."""

    def query(
        self,
        sql: str,
        relations: Sequence[Relation],
        sources: Sequence[Source],
        zone: str,
        limit: int | None,
        params: Mapping[str, object],
    ) -> QueryResult:
        """Run one read-only SELECT and stream its rows as text."""

    def measure(self, request: MeasureRequest) -> Measured:
        """Recompute count, size, sha256, fingerprints and statistics of one live file."""

    def cancel(self) -> None:
        """Interrupt what runs (callable from another thread); the call that ran it raises `cancelled`."""

    def close(self) -> None:
        """End the runner and its process group."""


# --- store: values ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAttempt:
    """The newest ended attempt of a table, for health: None fields where there was none."""

    table_id: int
    outcome: Outcome
    ended_at: Instant
    seconds: float | None
    intervals: int
    rows: int | None
    error_code: str | None
    error: str | None
    last_success_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTotals:
    """What a table holds now: live rows, bytes and files of the lake."""

    table_id: int
    rows: int
    bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One live data file of the lake: its catalog row and its sha256; `path` is absolute."""

    file_id: int
    table_id: int
    path: str
    rows: int
    bytes: int
    footer_bytes: int | None
    row_id_start: int
    begin_snapshot: int
    sha256: str | None
    stats: tuple[ColumnStats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One workflow instance as lists show it; `tasks` counts task instances by state."""

    instance_id: int
    ulid: str
    title: str
    trigger: Trigger
    state: InstanceState
    queue: str
    holder: str | None
    detached: bool
    cancel_requested: bool
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    tasks: tuple[tuple[TaskState, int], ...]
    rows: int
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task instance with its newest attempt."""

    task_id: int
    instance_id: int
    name: str
    table_id: int | None
    batch: Interval | None
    intervals: IntervalSet
    interval_count: int
    reasons: tuple[tuple[str, int], ...]
    forced: bool
    state: TaskState
    why: str
    tries: int
    max_tries: int
    ready_at: Instant
    upstream: tuple[int, ...]
    attempt_id: int | None
    started_at: Instant | None
    ended_at: Instant | None
    rows: int | None
    seconds: float | None
    error_code: str | None
    error: str | None
    holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt, for `instance show`."""

    attempt_id: int
    ulid: str
    task_id: int
    number: int
    holder: str
    outcome: Outcome | None
    started_at: Instant
    ended_at: Instant | None
    snapshot_id: int | None
    intervals: int
    rows: int | None
    bytes: int | None
    seconds: float | None
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTable:
    """A definition to put in force: new (`table_id` None), changed, or rebuilt (old data dropped, new lake table).

    `bump` raises the epoch and marks all coverage stale with `stale_reason` (a changed fingerprint).
    """

    definition: TableDefinition
    origin: Origin
    file: str | None = None
    file_sha256: str | None = None
    file_size: int | None = None
    file_mtime_ns: int | None = None
    table_id: int | None = None
    rebuild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """An instance to insert with its tasks in `created`; `advance` and `apply` follow in the same transaction."""

    ulid: str
    title: str
    trigger: Trigger
    manifest: Mapping[str, Any]
    tasks: tuple[PlannedTask, ...]
    forced: bool
    holder_id: int | None
    detached: bool
    max_tries: int
    queue: str = "default"
    priority: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task instance just taken: it is `running` under a fresh attempt whose id is the fence."""

    attempt_id: int
    attempt_ulid: str
    task: TaskRow
    table: Table
    snapshot_id: int
    requested_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one attempt makes visible, all or nothing.

    `files` are the staged files under their final names (relative to the table folder), in the order that
    `staged.intervals[i].file` counts; `ends` the live file ids that the new files replace; `clears` the intervals
    whose ledger rows end (the batch, or WHOLE); `reads` per upstream table id the digests of what was read for each
    interval; `columns_by_field` maps nothing: columns come from the definition in force at `version_id`.
    """

    claimed: Claimed
    staged: Staged
    files: tuple[str, ...]
    ends: tuple[int, ...]
    clears: tuple[Interval, ...]
    reads: Mapping[Interval, tuple[tuple[int, str], ...]]
    seconds: float


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderInfo:
    """A process that may hold leases."""

    holder_id: int
    ulid: str
    kind: str
    pid: int
    pid_started: int
    boot_id: str
    command: str
    runner_group: int | None
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One line of the append-only log."""

    event_id: int
    at: Instant
    kind: str
    table_id: int | None
    instance_id: int | None
    task_id: int | None
    attempt_id: int | None
    detail: Mapping[str, Any]


# --- store: protocols -----------------------------------------------------------------------------------------------


class View(Protocol):
    """Reads of one consistent moment."""

    def tables(self, names: Sequence[str] | None = None) -> list[Table]:
        """Return live tables by name order; of `names` only those that exist."""

    def coverage(self) -> dict[int, Coverage]:
        """Return the merged coverage of every table that has any."""

    def coverage_of(self, table_id: int) -> Coverage | None:
        """Return the merged coverage of one table."""

    def ledger(self, table_id: int, within: Interval, snapshot_id: int | None = None) -> list[LedgerRow]:
        """Return the ledger rows overlapping `within`, live now or at a snapshot, by start."""

    def data_files(self, table_id: int, snapshot_id: int | None = None) -> list[DataFile]:
        """Return the live data files of a table with sha256 and statistics, by id."""

    def file_paths(self, table_ids: Iterable[int], snapshot_id: int) -> dict[int, tuple[str, ...]]:
        """Return the absolute paths of the data files of tables at a snapshot."""

    def data_path(self) -> str:
        """Return the lake's data path as the catalog says it: absolute, with a trailing slash."""

    def snapshot(self) -> int:
        """Return the newest snapshot id."""

    def totals(self) -> dict[int, TableTotals]:
        """Return what every table holds."""

    def last_attempts(self) -> dict[int, LastAttempt]:
        """Return the newest ended attempt of every table."""

    def table(self, table_id: int) -> Table | None:
        """Return one live table by id."""

    def next_task(self, instance_id: int | None) -> TaskRow | None:
        """Return the task that `claim` would take now: of one instance, or of any ownerless one."""

    def running(self) -> dict[int, TaskRow]:
        """Return the running task by table id, with the words of its holder."""

    def seconds_per_interval(self, table_ids: Iterable[int]) -> dict[int, float]:
        """Return, from recent successful attempts, seconds per interval."""

    def sources(self, table_ids: Iterable[int]) -> dict[int, list[SourceFile]]:
        """Return, per table, the file versions that its live ledger rows were built from."""

    def built_from(self, table_id: int) -> list[tuple[IntervalSet, frozenset[str]]]:
        """Return the live intervals that still count, grouped by the paths of the files that they were built from."""

    def current_sources(self) -> list[SourceFile]:
        """Return the current version of every file that live ledger rows of live tables were built from."""

    def outdated_sources(self, table_id: int) -> IntervalSet:
        """Return the intervals built from a file version that is no longer current."""

    def applied_files(self) -> dict[str, tuple[int, str, int | None, int | None]]:
        """Return by file: table id, sha256, size, mtime_ns of what was applied from it."""

    def instances(self, *, limit: int, state: str | None, table: str | None) -> list[InstanceRow]:
        """Return the newest instances first."""

    def instance(self, ulid_prefix: str) -> list[InstanceRow]:
        """Return instances whose ulid begins with the prefix (upper-cased), at most 10."""

    def tasks(self, instance_id: int) -> list[TaskRow]:
        """Return the tasks of an instance, by id, with upstream ids."""

    def attempts(self, instance_id: int) -> list[AttemptRow]:
        """Return the attempts of an instance, by id."""

    def attempt_marks(self, table_id: int) -> dict[int, tuple[str, Instant | None]]:
        """Return ulid and end of every attempt that live ledger rows of a table name."""

    def events(self, instance_id: int) -> list[EventRow]:
        """Return the events of an instance, by id."""

    def holders(self) -> list[HolderInfo]:
        """Return the holders that have not ended."""

    def expired_holders(self) -> list[HolderInfo]:
        """Return holders with an open attempt whose lease has run out or belongs to another boot."""

    def audit(self, table_id: int) -> list[tuple[str, IntervalSet, str]]:
        """Return where the store's own books disagree about a table: (check, intervals, detail)."""

    def known_paths(self) -> set[str]:
        """Return every data file path (absolute) that the catalog, a schedule for deletion or a pin names."""

    def live_attempt_ulids(self) -> set[str]:
        """Return the ulids of attempts without an outcome: their staged files are not strays."""


class Tx(View, Protocol):
    """One write transaction; `now` is its one time."""

    now: Instant

    def add_holder(self, *, ulid: str, kind: str, pid: int, pid_started: int, command: str) -> int:
        """Register this process; return its holder id."""

    def set_runner_group(self, holder_id: int, group: int | None) -> None:
        """Record the process group of the holder's runner, to be killed when the holder is found dead."""

    def end_holder(self, holder_id: int) -> None:
        """Mark a holder as gone; its pins go."""

    def beat(self, holder_id: int) -> list[int]:
        """Renew all leases and pins of the holder; return the ids of its attempts that are still its own."""

    def lose(self, holder_id: int) -> None:
        """End a dead holder: its open attempts are `lost`, its undetached instances' open tasks `cancelled`."""

    def put_tables(self, tables: Sequence[NewTable]) -> dict[str, int]:
        """Put definitions in force in one lake snapshot: catalog tables and columns, versions, reads, workflows."""

    def drop_tables(self, table_ids: Sequence[int]) -> None:
        """Drop tables: catalog, ledger, coverage, workflow; epochs rise."""

    def touch_file(self, table_id: int, *, file: str, sha256: str, size: int, mtime_ns: int) -> None:
        """Record that a file with the same meaning was seen again."""

    def add_instance(self, instance: NewInstance) -> int:
        """Insert an instance with tasks and edges, advance it, return its id."""

    def apply(self, transitions: Sequence[Transition]) -> None:
        """Change task states: guarded update, event row, roll-up. The only way. Raises `state_conflict`."""

    def claim(self, holder_id: int, *, attempt_ulid: str, instance_id: int | None) -> Claimed | None:
        """Take the next claimable task (queue, pause, one writer per table), of one instance or of any ownerless."""

    def finish(
        self, claimed: Claimed, outcome: Outcome, *, error_code: str, error: str, transition: Transition
    ) -> bool:
        """End an attempt that did not publish and move its task; False when it is no longer mine."""

    def publish(self, publication: Publication) -> Published | Refused:
        """Make an attempt's data visible: the only way."""

    def pin(self, holder_id: int, snapshot_id: int, purpose: str) -> int:
        """Keep a snapshot for a reader."""

    def unpin(self, pin_id: int) -> None:
        """Let a snapshot go."""

    def observe_sources(self, files: Sequence[SourceFile]) -> None:
        """Record the present version of files; intervals built from other versions become stale with that reason."""

    def invalidate(self, table_id: int, intervals: IntervalSet, reason: str) -> None:
        """Make live intervals stale for a reason, until they are published again; the first reason stays."""

    def advance(self, instance_id: int) -> None:
        """Draw the consequences of ended tasks for the others of the instance, and roll it up."""

    def request_cancel(self, instance_id: int) -> None:
        """Note that an instance is to stop, and cancel its idle tasks."""

    def adopt_path(self, data_path: str, *, moved: tuple[str, str] | None = None) -> None:
        """Rewrite the catalog's absolute data path after the project has moved.

        `moved` are the project's folders before and now, each with a trailing slash: source files below follow.
        """


class Liveness(Protocol):
    """Who of the holders on this machine is alive."""

    def hold(self, ulid: str) -> None:
        """Show this process as alive under a holder ulid, until it dies."""

    def release(self) -> None:
        """Stop doing so."""

    def is_alive(self, holder: HolderInfo) -> bool:
        """Return whether a holder lives."""

    def bury(self, holder: HolderInfo) -> None:
        """End what a dead holder left running."""


class Lake(Protocol):
    """The Parquet files on disk."""

    def place(self, files: Sequence[StagedFile], folder: str) -> tuple[str, ...]:
        """Rename staged files into a table's folder, fsync it, and return their names there."""

    def discard(self, paths: Iterable[str]) -> None:
        """Remove files (absolute paths) that nobody can see; missing ones are fine."""

    def listing(self, *, older_than_s: float) -> tuple[list[tuple[str, int]], int]:
        """Return all files below data and staging (path, bytes) that are old enough, and how many are too young."""


class Store(Protocol):
    """The state file."""

    def read(self) -> AbstractContextManager[View]:
        """Open a consistent view."""

    def write(self) -> AbstractContextManager[Tx]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises."""

    def close(self) -> None:
        """Close the connection."""
