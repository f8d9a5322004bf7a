"""Floor 2. Nested columns in the catalog: a row for each part, under the row of what it is a part of.

The ids of the parts follow the column's own, depth first; files are written by the same rule, so a type that changes
anywhere inside is another type. Renaming or moving the column leaves the rows of its parts alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.storage import fields, is_nested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.model import Column
    from mtctl.store.catalog import Commit


def add_parts(commit: Commit, table: int, columns: Iterable[Column]) -> None:
    """Write the rows of all that is in nested columns, whose own rows are written."""
    parts = [part for column in columns if is_nested(column.stored_type) for part in _parts(column)]
    if not parts:
        return
    rows = [
        {"snapshot": commit.snapshot, "table": table, "column": one, "parent": above, "name": name, "type": lake_type}
        for one, above, name, lake_type in parts
    ]
    commit.session.run_many("nested.add_part", rows)


def _parts(column: Column) -> list[tuple[int, int | None, str, str]]:
    """Return (id, id of what it is a part of, name, DuckLake's word) of each part."""
    found = fields(column.name, column.field_id, column.stored_type)
    return [(part.field_id, part.parent_id, part.path[-1], part.lake_type) for part in found[1:]]
