"""Floor 4. A list of any length: read a window at a time, counted again when the store has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.ports.board import InstanceWindow
from mtctl.tui.drawn.lines import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.core.listing import Filter
    from mtctl.tui.drawn.lines import Asked, ColumnHead, Line


class WindowedList:
    """What instances, ranges and events share: who inherits says how a window is read and how long the list is."""

    name: str
    heads: Sequence[ColumnHead]
    order: str
    descending = True

    def __init__(self) -> None:
        """Have counted nothing yet."""
        self._kept: tuple[int, Filter, int] | None = None

    def lines(self, app: App, asked: Asked) -> tuple[Line, ...]:
        """Read a window."""
        raise NotImplementedError

    def total(self, app: App, wanted: Filter) -> int:
        """Count what passes a filter."""
        raise NotImplementedError

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a window of the list; one that is not full shows the end, and nothing is counted then."""
        lines, wanted = self.lines(app, asked), asked.wanted
        if self._kept is None or self._kept[:2] != (mark, wanted):
            is_end = len(lines) < asked.limit and (lines or not asked.offset)
            self._kept = mark, wanted, asked.offset + len(lines) if is_end else self.total(app, wanted)
        return Page(total=self._kept[2], offset=asked.offset, lines=lines)


def instance_window(asked: Asked) -> InstanceWindow:
    """Return what is asked of a list as a window over instances, the newest first where no order is asked for."""
    return InstanceWindow(
        wanted=asked.wanted,
        order=asked.order or "id",
        descending=asked.descending,
        offset=asked.offset,
        limit=asked.limit,
    )
