"""Floor 3. The columns of one table at two moments: which are the same column, and what became of the others.

Within one lake table a column is its field id, so that a renamed one stays itself; a rebuild gave the table a new lake
table, and then the names decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.services.reports.diffing import ColumnChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The columns that both moments have, in the later one's order, and what differs between all of them."""

    before: tuple[Column, ...]
    after: tuple[Column, ...]
    changes: tuple[ColumnChange, ...]


def shared(before: Sequence[Column], after: Sequence[Column], *, same_lake: bool) -> Shared:
    """Return the columns that two moments of a table share; `same_lake` where both are the same lake table."""
    old: Mapping[object, Column] = {_identity(column, same_lake=same_lake): column for column in before}
    pairs: list[tuple[Column, Column]] = []
    changes: list[ColumnChange] = []
    for column in after:
        former = old.get(_identity(column, same_lake=same_lake))
        if former is None:
            changes.append(ColumnChange(column=column.name, change="added", detail=column.stored_type))
            continue
        pairs.append((former, column))
        if former.name != column.name:
            changes.append(ColumnChange(column=column.name, change="renamed", detail=former.name))
        if former.stored_type != column.stored_type:
            types = f"{former.stored_type} → {column.stored_type}"
            changes.append(ColumnChange(column=column.name, change="retyped", detail=types))
    kept = {id(former) for former, _ in pairs}
    changes += [
        ColumnChange(column=column.name, change="removed", detail=column.stored_type)
        for column in before
        if id(column) not in kept
    ]
    return Shared(
        before=tuple(former for former, _ in pairs), after=tuple(column for _, column in pairs), changes=tuple(changes)
    )


def _identity(column: Column, *, same_lake: bool) -> object:
    return column.field_id if same_lake else column.name.lower()
