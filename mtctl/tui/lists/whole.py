"""Floor 4. A list of a project's own things: read whole when the store has changed, then narrowed and sorted here."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mtctl.core.listing import Listed, fits
from mtctl.tui.drawn.lines import Line, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.app import App
    from mtctl.tui.drawn.lines import Asked, ColumnHead

Entry = tuple[Line, Listed, dict[str, Any]]
"""A line, what filters judge of it, and what it sorts by: values, or what works one out; None stands last."""


class WholeList:
    """A list that is read whole and kept until the store changes."""

    def __init__(
        self,
        name: str,
        heads: Sequence[ColumnHead],
        read: Callable[[App], Iterable[Entry]],
        *,
        descending: bool = False,
    ) -> None:
        """Name the list, its columns and how its entries are read; the first column is its order."""
        self.name = name
        self.heads = heads
        self.order = heads[0].key
        self.descending = descending
        self._read = read
        self._kept: tuple[int, list[Entry]] | None = None

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a part of the list."""
        entries = [entry for entry in self._entries(app, mark) if fits(asked.wanted, entry[1])]
        if asked.order:
            keys = [(_key(entry, asked.order), entry) for entry in entries]
            known = [pair for pair in keys if pair[0] is not None]
            known.sort(key=itemgetter(0), reverse=asked.descending)
            entries = [entry for _, entry in known] + [entry for key, entry in keys if key is None]
        part = entries[asked.offset : asked.offset + asked.limit]
        return Page(total=len(entries), offset=asked.offset, lines=tuple(entry[0] for entry in part))

    def states(self, app: App, mark: int) -> dict[str, int]:
        """Return how many of all lines are in each state."""
        return dict(Counter(entry[1].state for entry in self._entries(app, mark)))

    def _entries(self, app: App, mark: int) -> list[Entry]:
        if self._kept is None or self._kept[0] != mark:
            self._kept = mark, list(self._read(app))
        return self._kept[1]


def _key(entry: Entry, order: str) -> Any:
    found = entry[2].get(order)
    return found() if callable(found) else found
