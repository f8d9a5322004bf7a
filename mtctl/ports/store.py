"""Floor 1. The state file: consistent views and write transactions.

The store has two doors that change anything: `Tx.apply` (states) and `Tx.publish` (data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.ports.board import HasBoard
from mtctl.ports.damage import HasDamage
from mtctl.ports.history import HasPast
from mtctl.ports.near import HasNear
from mtctl.ports.pruning import HasFileBounds
from mtctl.ports.rebuilding import HasRebuilds
from mtctl.ports.retention import HasRetention
from mtctl.ports.rewriting import HasCompaction
from mtctl.ports.sharing import SharesCatalog
from mtctl.ports.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, SourceFile, Table
    from mtctl.core.staged import LedgerRow
    from mtctl.core.states import Outcome, Transition, WorkflowState
    from mtctl.core.table_view import Outline
    from mtctl.core.workflow import Occasion, WorkflowDefinition
    from mtctl.ports.changes import Claimed, NewInstance, NewTable, Publication, Published, Refused
    from mtctl.ports.files import DataFile
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.notices import NoticeRow
    from mtctl.ports.rewinding import Ahead, RewindTx
    from mtctl.ports.tables import LastAttempt, TableTotals
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow
    from mtctl.ports.workflows import Fired, Mark, NewWorkflow, OpenInstance, QueueRow, SkippedFires, WorkflowRow


class View(
    HasDamage, HasBoard, HasNear, HasPast, HasRetention, HasCompaction, HasRebuilds, HasFileBounds, Turns, Protocol
):
    """Reads of one consistent moment."""

    def tables(self, names: Sequence[str] | None = None) -> list[Table]:
        """Return live tables by name order; of `names` only those that exist."""

    def outlines(self) -> list[Outline]:
        """Return what looking takes of the live tables, by name order."""

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

    def instances(
        self,
        *,
        limit: int,
        state: str | None,
        table: str | None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: Instant | None = None,
    ) -> list[InstanceRow]:
        """Return the newest instances first; `since` leaves out those that were made before an instant."""

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

    # --- workflows, fires, queues -------------------------------------------------------------------------------

    def workflows(self, names: Sequence[str] | None = None, *, counts: bool = False) -> list[WorkflowRow]:
        """Return live workflows by name; of `names` only those that exist; with `counts` their instances by state."""

    def due_workflows(self, now: Instant, limit: int) -> list[WorkflowRow]:
        """Return enabled workflows whose `due_at` has come, the longest due first."""

    def next_due(self) -> Instant | None:
        """Return the earliest `due_at` of an enabled workflow."""

    def next_ready(self) -> Instant | None:
        """Return the earliest `ready_at` of a pending task that nobody owns."""

    def open_instances(self, workflow_id: int) -> list[OpenInstance]:
        """Return the instances of a workflow that have not ended, oldest first."""

    def fired(self, workflow_id: int, fire_from: Instant, fire_to: Instant) -> list[InstanceRow]:
        """Return the scheduled instances of a workflow with `fire_from` <= fire_at < `fire_to`."""

    def history(self, workflow_id: int, limit: int) -> tuple[list[InstanceRow], list[SkippedFires]]:
        """Return the newest instances of a workflow, and its newest skipped fires."""

    def workflow_versions(self, workflow_id: int) -> list[tuple[int, WorkflowDefinition, Instant]]:
        """Return all versions of a workflow, oldest first."""

    def applied_workflow_files(self) -> dict[str, tuple[int, str, int | None, int | None]]:
        """Return by file: workflow id, sha256, size, mtime_ns of what was applied from it."""

    def open_intervals(self, table_id: int) -> IntervalSet:
        """Return what the open tasks of a table are going to do."""

    def queues(self) -> list[QueueRow]:
        """Return all queues by name."""

    def queue_limits(self, name: str) -> tuple[str | None, int | None]:
        """Return memory and threads of the runners that work for a queue, None where it leaves them to the project."""

    def instance_by_key(self, key: str) -> InstanceRow | None:
        """Return the instance that was made with an idempotency key."""

    def cancel_requested(self, task_id: int) -> bool:
        """Return whether somebody asked for the end of a task, or of its instance."""

    def pending_tasks(self, instance_id: int | None, limit: int) -> list[TaskRow]:
        """Return pending tasks in the order of their turn, ready or not; of one instance or of all."""

    def last_now(self) -> Instant:
        """Return the greatest time ever written, to the minute: a clock that is far behind it may not write."""

    def ahead(self, now: Instant, after: Instant) -> Ahead:
        """Return what lies ahead of now: open tasks that wait longer than until `after`, and scheduled instances."""

    # --- notices ------------------------------------------------------------------------------------------------

    def events_after(self, event_id: int, limit: int) -> list[EventRow]:
        """Return the oldest events with a greater id, by id."""

    def last_event(self) -> int:
        """Return the id of the newest event, 0 where there is none."""

    def notice_mark(self, name: str) -> int | None:
        """Return how far a reader of the events has come, None where it never looked."""

    def due_notices(self, now: Instant, limit: int) -> list[NoticeRow]:
        """Return notices whose `next_at` has come, the longest due first."""

    def instances_by_id(self, instance_ids: Iterable[int]) -> dict[int, InstanceRow]:
        """Return instances by id."""

    def waiting_instances(self, fire_before: Instant, limit: int) -> list[InstanceRow]:
        """Return open instances of workflows with `fire_at` before an instant that have not begun, oldest first."""

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

    def beat(self, holder_id: int) -> list[int] | None:
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

    def claim(
        self, holder_id: int, *, attempt_ulid: str, instance_id: int | None, task: TaskRow | None = None
    ) -> Claimed | None:
        """Take the next claimable task, of one instance or any ownerless; `task` is what `next_task` said in here."""

    def finish(
        self,
        claimed: Claimed,
        outcome: Outcome,
        *,
        error_code: str,
        error: str,
        transition: Transition,
        rows: int | None = None,
    ) -> bool:
        """End an attempt that did not publish and move its task; False when it is no longer mine.

        A task that refreshes nothing succeeds this way, with the `rows` that it wrote elsewhere.
        """

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

    def advance_below(self, task_id: int) -> None:
        """Let go on what waited for a task that is done."""

    def request_cancel(self, instance_id: int) -> None:
        """Note that an instance is to stop, and cancel its idle tasks."""

    # --- workflows, fires, queues -------------------------------------------------------------------------------

    def put_workflow(self, workflow: NewWorkflow) -> int:
        """Put a workflow in force: new, or a new version; return its id. Raises `workflow_exists` (CONFLICT)."""

    def set_workflow_state(self, workflow_id: int, state: WorkflowState, mark: Mark) -> bool:
        """Enable, disable or complete; False when it was so already."""

    def drop_workflow(self, workflow_id: int) -> None:
        """Drop a workflow: it fires no more; its versions stay for the instances that ran."""

    def touch_workflow_file(self, workflow_id: int, *, file: str, sha256: str, size: int, mtime_ns: int) -> None:
        """Record that a workflow file with the same meaning was seen again."""

    def fire(self, fired: Fired) -> list[int]:
        """Insert what a look at a schedule makes and move the mark; return the ids of the instances made.

        Nothing happens where the version is no longer in force or the mark has moved on: somebody was faster.
        """

    def postpone(self, task_id: int, *, ready_at: Instant, why: str, waits_for: int | None) -> None:
        """Let a pending task wait until an instant, or until the upstream table it waits for is published."""

    def fix_intervals(self, task_id: int, intervals: IntervalSet, count: int) -> None:
        """Write down what a task does, once: every later try does the same."""

    def split_task(self, task_id: int, rest: IntervalSet, count: int) -> int:
        """Take `rest` out of a pending task into a new one beside it, with the same edges; return its id."""

    def put_queue(self, name: str, *, slots: int, memory: str | None, threads: int | None) -> bool:
        """Create or change a queue; True when it is new."""

    def pause_queue(self, name: str, *, paused: bool, why: str) -> bool:
        """Pause or resume; False when it was so already."""

    def delete_queue(self, name: str) -> None:
        """Delete a queue; raises `queue_in_use` (CONFLICT) while open work or a workflow names it."""

    def request_task_cancel(self, task_id: int) -> None:
        """Note that a running task is to stop."""

    def clear_cancel(self, instance_id: int) -> None:
        """Forget the cancel request of an instance and its tasks: they are about to run again."""

    def set_owner(self, instance_id: int, holder_id: int | None) -> None:
        """Give an instance to a holder that is going to run it; None leaves it, detached, to whoever looks for work."""

    def force_tasks(self, task_ids: Iterable[int]) -> None:
        """Let tasks do all of what they are for, fresh or not: a person asked for that again."""

    def advance(self, instance_id: int) -> None:
        """Make what follows by itself from the states of an instance's tasks."""

    def add_note(self, kind: str, *, actor: str, **about: object) -> None:
        """Write an event that no transition makes: a verb of a person with reason; `about` are ids and details."""

    def add_group(self, holder_id: int, process_group: int, started: int) -> None:
        """Record a process group that a holder has started, to be killed when the holder is found dead.

        Raises `lease_lost` (CONFLICT) for a holder that was ended meanwhile.
        """

    def drop_group(self, holder_id: int, process_group: int) -> None:
        """Forget a process group that has ended."""

    def set_notice_mark(self, name: str, event_id: int) -> None:
        """Note how far a reader of the events has come."""

    def add_notice(
        self, *, key: str, channel: str, occasion: Occasion, body: Mapping[str, object], next_at: Instant
    ) -> bool:
        """Insert a notice to be sent at `next_at`; False when its key is there already."""

    def hold_notice(self, notice_id: int, until: Instant) -> None:
        """Let nobody else send a notice before an instant: it is being sent now."""

    def notice_sent(self, notice_id: int) -> None:
        """Count a try and note that the notice was sent."""

    def notice_failed(self, notice_id: int, error: str, next_at: Instant | None) -> None:
        """Count a try and note why it failed; the next is at `next_at`, None gives the notice up."""

    def adopt_path(self, data_path: str, *, moved: tuple[str, str] | None = None) -> None:
        """Rewrite the catalog's absolute data path after the project has moved.

        `moved` are the project's folders before and now, each with a trailing slash: source files below follow.
        """


class Store(SharesCatalog, Protocol):
    """The state file."""

    def read(self) -> AbstractContextManager[View]:
        """Open a consistent view."""

    def write(self) -> AbstractContextManager[Tx]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises."""

    def rewind(self) -> AbstractContextManager[RewindTx]:
        """Open the write transaction that brings back what a clock that was ahead has written: only that verb may."""

    def change_mark(self) -> int:
        """Return a number that changes when another connection has written (SQLite's data version)."""

    def close(self) -> None:
        """Close the connection."""
