"""Floor 2. What readers see of a table while a new version of it is built: the books of the old one.

The old version's live ledger rows stand under the id of a row of their own, which is listed nowhere.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.values import frozen, replace
from mtctl.store.definition import decode

if TYPE_CHECKING:
    from mtctl.core.model import TableDefinition
    from mtctl.store.session import Session

_decode = lru_cache(maxsize=256)(decode)


@frozen
class Shown:
    """The old version of one table: whose id its books have, its lake table and folder, its definition."""

    shown_id: int
    begun_snapshot: int
    needed: str
    since_version: int
    begun_at: int


def shown_of(session: Session, table_id: int) -> Shown | None:
    """Return what readers see in place of a table; None where they see the table itself."""
    row = session.row("rebuild.of", {"table_id": table_id})
    if row is None:
        return None
    return Shown(shown_id=row[0], begun_snapshot=row[1], needed=row[2], since_version=row[3], begun_at=row[4])


def shown_definition(session: Session, shown_id: int, name: str) -> TableDefinition:
    """Return the definition that readers see, under the table's present name."""
    row = session.row("tables.table", {"table_id": shown_id})
    if row is None:
        raise KeyError(shown_id)
    return replace(_decode(row[-1]), name=name)
