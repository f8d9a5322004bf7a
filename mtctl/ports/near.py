"""Floor 1. What a dashboard asks of the store about one thing from near: never more than a screenful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.states import Outcome, TaskState
    from mtctl.core.table_view import Outline
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow


@frozen
class NearInstance:
    """One instance with the first failure of its tasks: `failed_task` and what was said of it, None without one."""

    row: InstanceRow
    failed_task: str | None = None
    error: str | None = None


@frozen
class Try:
    """One attempt as a time line draws it; a running one has neither outcome nor end.

    `snapshot_id` is what it published.
    """

    number: int
    ulid: str
    outcome: str | None
    started_at: Instant
    ended_at: Instant | None
    snapshot_id: int | None = None


@frozen
class NearTask:
    """One task as a time line draws it.

    `tries` are the newest attempts, oldest first. `ready_at` is when nothing above it was to be waited for any more.
    `outline` is of its table in force, None for what is no refresh.
    """

    row: TaskRow
    tries: tuple[Try, ...]
    ready_at: Instant
    outline: Outline | None


@frozen
class NearAttempt:
    """One attempt with the name of its task and what it was pinned to."""

    row: AttemptRow
    task: str
    pinned_snapshot: int | None
    version_id: int | None
    epoch: int | None


@frozen
class NearEvent:
    """One event with the name of its task, empty for one of the instance itself."""

    row: EventRow
    task: str


@frozen
class TaskWords:
    """What is to be said of one task that did not simply succeed."""

    task: str
    state: TaskState
    text: str


@frozen
class RunStats:
    """How the instances of a workflow that ended since a moment went; durations in seconds.

    `recent` are the durations of the newest of them, oldest first. `p50` and `p95` are None where none has ended.
    """

    ended: int
    succeeded: int
    p50: float | None
    p95: float | None
    recent: tuple[float, ...]


@frozen
class NearTable:
    """One table in force: what it holds, how its newest attempt ended, who refreshes it now (None: nobody).

    `any_rebuild` says whether a new version of any table at all is being built.
    """

    outline: Outline
    rows: int
    bytes: int
    files: int
    outcome: Outcome | None
    error: str | None
    success_at: Instant | None
    holder: str | None
    coverage: Coverage
    any_rebuild: bool


@frozen
class FileTotals:
    """The live files of a table in numbers; `small` counts those below a size."""

    files: int
    rows: int
    bytes: int
    small: int
    small_bytes: int
    smallest: int
    greatest: int


@frozen
class NearFile:
    """One live file of a table, with the snapshot that brought it."""

    path: str
    rows: int
    bytes: int
    snapshot_id: int


class Near(Protocol):
    """What dashboards read of one thing within one consistent view."""

    def instance(self, ulid: str) -> NearInstance | None:
        """Return an instance by its whole id."""

    def tasks(self, instance_id: int, states: Sequence[TaskState], offset: int, limit: int) -> list[NearTask]:
        """Return a window of the tasks in some states (none named: in all), in the order in which they were made."""

    def place(self, instance_id: int, task_id: int) -> int:
        """Return how many tasks of an instance were made before one of them."""

    def attempts(self, instance_id: int, task_id: int | None, limit: int) -> list[NearAttempt]:
        """Return the newest attempts of an instance or of one of its tasks, newest first."""

    def events(self, instance_id: int, task_id: int | None, limit: int) -> list[NearEvent]:
        """Return the newest events of an instance or of one of its tasks, newest first."""

    def words(self, instance_id: int, limit: int) -> list[TaskWords]:
        """Return what is to be said of the tasks that failed, wait or were not run: failures first."""

    def definition(self, task_id: int) -> TableDefinition | None:
        """Return the definition that the newest attempt of a task computed, or that in force; None for no refresh."""

    def run_stats(self, workflow_id: int, since: Instant, most: int, recent: int) -> RunStats:
        """Return how the newest `most` instances that ended since a moment went."""

    def newest_states(self, workflow_id: int, limit: int) -> list[tuple[str, TaskState, int]]:
        """Return name, state and number of the tasks of a workflow's newest instance, at most so many lines."""

    def table(self, name: str) -> NearTable | None:
        """Return a table in force by its name."""

    def file_totals(self, table_id: int, small: int) -> FileTotals:
        """Return the live files of a table in numbers; `small` is in bytes."""

    def files(self, table_id: int, limit: int) -> list[NearFile]:
        """Return live files of a table, the newest first."""


class HasNear(Protocol):
    """A view that looks at one thing from near."""

    def near(self) -> Near:
        """Return the reads of one thing from near."""
