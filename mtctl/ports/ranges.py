"""Floor 1. What a dashboard asks of the store about refreshes of many intervals: progress, tables, tasks of a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.listing import Filter
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState, TaskState, Trigger
    from mtctl.core.table_view import Outline
    from mtctl.ports.board import InstanceWindow


@frozen
class IntervalCounts:
    """How many intervals are how; `waiting` have not begun, held ones among them. A whole table counts as one."""

    done: int
    skipped: int
    failed: int
    cancelled: int
    running: int
    waiting: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.ended + self.running + self.waiting

    @property
    def ended(self) -> int:
        """Those that nothing is done to any more."""
        return self.done + self.skipped + self.failed + self.cancelled


@frozen
class RangeRow:
    """One instance by its intervals.

    `span` reaches from the first to the last of them, None where no table has any; `finest` is the table with the
    shortest. `batches` are tasks. `tried` intervals have taken `seconds` of work and given `rows`.
    """

    instance_id: int
    ulid: str
    title: str
    trigger: Trigger
    state: InstanceState
    workflow: str | None
    cancel_requested: bool
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    counts: IntervalCounts
    tables: int
    batches: int
    running_batches: int
    waiting_batches: int
    span: Interval | None
    finest: Outline | None
    rows: int
    seconds: float
    tried: int


@frozen
class RangeTable:
    """One table of an instance, with its intervals and batches."""

    outline: Outline
    counts: IntervalCounts
    batches: int


@frozen
class RangeTask:
    """One batch of a table. `intervals` None: they are fixed when it is claimed. `error` is of the newest attempt."""

    task_id: int
    table_id: int
    name: str
    state: TaskState
    batch: Interval | None
    intervals: IntervalSet | None
    tries: int
    max_tries: int
    why: str
    error: str


@frozen
class RivalTask:
    """One task that has not ended, with its instance: who else is about to write a table."""

    ulid: str
    title: str
    table: str
    state: TaskState
    batch: Interval | None


class RangeReads(Protocol):
    """What dashboards read of ranges within one consistent view."""

    def window(self, window: InstanceWindow) -> list[RangeRow]:
        """Return a window of the instances that refresh more than one interval of some table, in its order."""

    def total(self, wanted: Filter) -> int:
        """Return how many of those pass a filter."""

    def row(self, ulid: str) -> RangeRow | None:
        """Return an instance by its whole ulid, of however many intervals; None when it is gone."""

    def tables(self, instance_id: int, offset: int, limit: int) -> list[RangeTable]:
        """Return a window of an instance's tables, in the order of their first tasks."""

    def tasks(self, instance_id: int, table_ids: Sequence[int], within: Interval | None) -> list[RangeTask]:
        """Return the tasks of some tables that touch a time, by id; without a time all, of whole tables always."""

    def failed(self, instance_id: int, limit: int) -> list[RangeTask]:
        """Return the first tasks of tables that have failed, by id."""

    def speeds(self, names: Sequence[str], newest: int) -> dict[str, tuple[float, ...]]:
        """Return, by table, seconds an interval of each of its newest successful attempts."""

    def open_tasks(self, names: Sequence[str], within: Interval | None, limit: int) -> list[RivalTask]:
        """Return tasks of tables that have not ended and touch a time, those that run first."""
