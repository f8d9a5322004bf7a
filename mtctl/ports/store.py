"""Floor 1. The state file: consistent views and write transactions.

The store has two doors that change anything: `Tx.apply` (states) and `Tx.publish` (data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, SourceFile, Table
    from mtctl.core.staged import LedgerRow
    from mtctl.core.states import Outcome, Transition
    from mtctl.ports.changes import Claimed, NewInstance, NewTable, Publication, Published, Refused
    from mtctl.ports.files import DataFile
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.tables import LastAttempt, TableTotals
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow


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

    def advance_below(self, task_id: int) -> None:
        """Let go on what waited for a task that is done."""

    def request_cancel(self, instance_id: int) -> None:
        """Note that an instance is to stop, and cancel its idle tasks."""

    def adopt_path(self, data_path: str, *, moved: tuple[str, str] | None = None) -> None:
        """Rewrite the catalog's absolute data path after the project has moved.

        `moved` are the project's folders before and now, each with a trailing slash: source files below follow.
        """


class Store(Protocol):
    """The state file."""

    def read(self) -> AbstractContextManager[View]:
        """Open a consistent view."""

    def write(self) -> AbstractContextManager[Tx]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises."""

    def close(self) -> None:
        """Close the connection."""
