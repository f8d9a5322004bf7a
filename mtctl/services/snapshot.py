"""Floor 3. The planner's view of tables inside one transaction, read table by table as they are asked for.

A tick looks at the tables of what is due, and a claim at one table and what it reads; neither reads them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mtctl.services.loading import table_view

if TYPE_CHECKING:
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, Table
    from mtctl.core.rebuild import Rebuild
    from mtctl.core.table_view import TableView
    from mtctl.ports.store import View


class Snapshot:
    """Tables and their coverage in one transaction, each read once."""

    def __init__(self, view: View) -> None:
        """Keep the view; nothing is read yet."""
        self._view = view
        self._tables: dict[str, Table | None] = {}
        self._coverage: dict[int, Coverage | None] = {}
        self._rebuilds: dict[int, Rebuild] | None = None

    def at(self, now: Instant) -> ViewsAt:
        """Return the tables as they are wanted at an instant."""
        return ViewsAt(self, now)

    def load(self, names: list[str]) -> None:
        """Read many tables at once, those that they read with them."""
        missing = [name for name in names if name not in self._tables]
        if not missing:
            return
        found = {table.definition.name: table for table in self._view.tables(missing)}
        self._tables.update((name, found.get(name)) for name in missing)
        self.load([read.table for table in found.values() for read in table.definition.reads])

    def table(self, name: str) -> Table | None:
        """Return a live table by name."""
        self.load([name])
        return self._tables[name]

    def view(self, name: str, now: Instant) -> TableView | None:
        """Return what is known of a table, wanted as of `now`; None where there is no such table."""
        table = self.table(name)
        if table is None:
            return None
        if table.table_id not in self._coverage:
            self._coverage[table.table_id] = self._view.coverage_of(table.table_id)
        if self._rebuilds is None:
            self._rebuilds = self._view.rebuilding()
        return table_view(table, self._coverage[table.table_id], now, rebuild=self._rebuilds.get(table.table_id))


class ViewsAt(Mapping[str, "TableView"]):
    """The views by table name, made when they are asked for; iterating gives those that were asked for."""

    def __init__(self, snapshot: Snapshot, now: Instant) -> None:
        """Keep the snapshot and the instant that `wanted` is computed for."""
        self._snapshot = snapshot
        self._now = now
        self._made: dict[str, TableView] = {}

    def __getitem__(self, name: str) -> TableView:
        if name not in self._made:
            view = self._snapshot.view(name, self._now)
            if view is None:
                raise KeyError(name)
            self._made[name] = view
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._made))

    def __len__(self) -> int:
        return len(self._made)
