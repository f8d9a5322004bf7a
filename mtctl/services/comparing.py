"""Floor 3. Compares a table in force with its new definition: what changes, what that makes stale, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.evolution import is_same_query
from mtctl.core.ledger import Coverage
from mtctl.core.rebuild import progress
from mtctl.core.values import replace
from mtctl.services.changes import Asking, Comparison, Cost, compared, given_up, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.evolution import Evolution
    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Table, TableDefinition
    from mtctl.core.rebuild import Rebuild
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine
    from mtctl.ports.store import Store
    from mtctl.services.reports.tables import HeldUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares definitions, in reach of the parser and of the history that says what a refresh costs."""

    store: Store
    engine: Callable[[], Engine]
    clock: Clock

    def compare(
        self, table: Table, new: TableDefinition, file: str | None, fresh: IntervalSet, *, rebuild: bool = False
    ) -> Comparison:
        """Return what a changed definition means for a table of which these intervals are fresh.

        What cannot be done to a version that is being built may be done to the one that readers see.
        """
        old = table.definition
        found = compared(old, new, file, fresh, self._asking(table, old, new))
        if not rebuild and (found.problem or not found.incompatible):
            return found
        pending = self._pending(table)
        if pending is not None:
            fresh, old = pending.fresh, replace(pending.shown, name=old.name)
            former = compared(old, new, file, fresh, self._asking(table, old, new))
            if not rebuild and not former.incompatible:
                return given_up(former)
        return rebuilt(old, new, file, fresh, self._asking(table, old, new), found.incompatible)

    def rebuilding(self) -> tuple[tuple[str, int, int], ...]:
        """Return the tables whose new version is being built: (name, intervals that it has, intervals it needs)."""
        with self.store.read() as view:
            pending = view.rebuilding()
            tables, coverage = (view.tables(), view.coverage()) if pending else ([], {})
        found = []
        for table in tables:
            if table.table_id in pending:
                held = coverage.get(table.table_id) or Coverage(table_id=table.table_id)
                at = progress(table.definition, pending[table.table_id].needed, held)
                found.append((table.definition.name, at.done, at.total))
        return tuple(found)

    def held_up(self) -> dict[str, HeldUp]:
        """Return by table what keeps a new version that is being built from taking the old one's place."""
        from mtctl.services.loading import load_looks  # noqa: PLC0415 - few tables are being rebuilt
        from mtctl.services.rebuilding import troubles  # noqa: PLC0415 - the same

        with self.store.read() as view:
            if not view.rebuilding():
                return {}
            looks = load_looks(view, self.clock.now())
            found = troubles(view, ((look.outline.table_id, look.outline, look) for look in looks.values()))
        names = {look.outline.table_id: name for name, look in looks.items()}
        return {names[table_id]: held for table_id, held in found.items()}

    def _asking(self, table: Table, old: TableDefinition, new: TableDefinition) -> Asking:
        def same(evolved: Evolution) -> bool:
            first, second = self.engine().shapes([old.query, new.query])
            return is_same_query(evolved, (old, first), (new, second))

        def cost() -> Cost:
            with self.store.read() as view:
                totals = view.totals().get(table.table_id)
                seconds = view.seconds_per_interval([table.table_id]).get(table.table_id)
            return Cost(rows=0 if totals is None else totals.rows, seconds_per_interval=seconds)

        return Asking(now=self.clock.now(), same=same, cost=cost)

    def _pending(self, table: Table) -> Rebuild | None:
        with self.store.read() as view:
            return view.rebuilding().get(table.table_id)
