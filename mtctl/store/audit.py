"""Floor 2. Computes again from the ledger what the store keeps merged, for `verify` and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, WHOLE, IntervalSet
from mtctl.core.ledger import Coverage, merge_coverage
from mtctl.store.staleness import Judge

if TYPE_CHECKING:
    from mtctl.store.view import SqliteView


def recompute_coverage(view: SqliteView, table_id: int) -> Coverage:
    """Return the coverage of a table as its ledger, its inputs and its definition say now."""
    fresh, stale = Judge(view.session, table_id).sort(view.ledger(table_id, WHOLE))
    return merge_coverage(Coverage(table_id=table_id), fresh, stale)


def stored_coverage(view: SqliteView, table_id: int) -> Coverage:
    """Return the coverage of a table as it is kept; it must equal what `recompute_coverage` gives."""
    return view.coverage().get(table_id, Coverage(table_id=table_id, fresh=EMPTY))


def disagreements(view: SqliteView, table_id: int) -> list[tuple[str, IntervalSet, str]]:
    """Return where the kept coverage of a table differs from its ledger: (check, intervals, detail)."""
    kept, true = stored_coverage(view, table_id), recompute_coverage(view, table_id)
    differs = (kept.fresh - true.fresh) | (true.fresh - kept.fresh) | (kept.stale_set - true.stale_set)
    differs |= true.stale_set - kept.stale_set
    if not differs:
        return []
    detail = "what is kept as fresh or stale is not what the ledger says"
    return [("coverage", differs, detail)]
