"""Floor 1. What a dashboard asks of the store: one screenful at a time, however long the list is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.listing import Filter
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.interval import IntervalSet
    from mtctl.core.states import InstanceState
    from mtctl.ports.event_board import EventReads
    from mtctl.ports.queue_board import QueueReads
    from mtctl.ports.ranges import RangeReads
    from mtctl.ports.standing import Standings
    from mtctl.ports.work import InstanceRow

ORDERS = (
    *("id", "title", "state", "trigger", "started", "ended", "duration", "tasks", "rows"),
    *("range", "done", "intervals", "batches", "left"),
)
"""By what instances can be sorted; the second line is what refreshes of many intervals are shown with."""


@frozen
class InstanceWindow:
    """A part of the instances: those that pass `wanted`, by `order`, from the row `offset` on, at most `limit`."""

    wanted: Filter = Filter()
    order: str = "id"
    descending: bool = True
    offset: int = 0
    limit: int = 100


class Board(Protocol):
    """What dashboards read within one consistent view."""

    def instance_window(self, window: InstanceWindow) -> list[InstanceRow]:
        """Return the rows of a window, in its order."""

    def instance_total(self, wanted: Filter) -> int:
        """Return how many instances pass a filter."""

    def instance_counts(self) -> dict[InstanceState, int]:
        """Return how many instances are in each state; those without any are absent."""

    def run_strips(self, table_ids: list[int], length: int) -> dict[int, tuple[str, ...]]:
        """Return the outcomes of the newest attempts of tables, oldest first; the running one is `running`."""

    def ranges(self) -> RangeReads:
        """Return the reads about refreshes of many intervals."""

    def at_work(self, table_id: int) -> tuple[IntervalSet, IntervalSet]:
        """Return what a running task of a table does, and what the last one to end did, if it failed."""

    def standings(self) -> Standings:
        """Return the reads about how all tables stand."""

    def waiting(self) -> QueueReads:
        """Return the reads about one queue."""

    def happened(self) -> EventReads:
        """Return the reads about events."""

    def last_states(self) -> dict[int, InstanceState]:
        """Return the state of the newest instance of each workflow that has one."""


class HasBoard(Protocol):
    """A view that has a board."""

    def board(self) -> Board:
        """Return the reads of dashboards."""
