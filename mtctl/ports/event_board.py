"""Floor 1. What a dashboard asks of the store about events: one screenful at a time, of the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.listing import Filter
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.ports.work import EventRow

NEWEST = 10_000
"""How many of the newest events are looked at."""


ORDERS = ("at", "kind", "actor", "detail")
"""By what events can be sorted."""


@frozen
class EventWindow:
    """A part of the newest events: those that pass `wanted`, by `order`, from the row `offset` on, at most `limit`.

    An event's state is its kind; its words are its kind, who did it and what it says.
    """

    wanted: Filter = Filter()
    order: str = "at"
    descending: bool = True
    offset: int = 0
    limit: int = 100


class EventReads(Protocol):
    """What dashboards read of events within one consistent view."""

    def window(self, window: EventWindow) -> list[EventRow]:
        """Return the rows of a window, in its order."""

    def total(self, wanted: Filter) -> int:
        """Return how many of the newest events pass a filter."""
