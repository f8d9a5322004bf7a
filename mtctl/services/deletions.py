"""Floor 3. Rows that another DuckLake client has deleted: a question to the lake leaves them out, of now or of then.

A refresh does not: it reads what the ledger says of its upstream tables, and `lake repair` takes such deletions of our
tables back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.ports.engine import DeleteFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.ports.store import View


def deleted(view: View, tables: Mapping[int, str], snapshot_id: int) -> dict[int, tuple[DeleteFile, ...]]:
    """Return by lake table what is deleted at a snapshot; `tables` are names by lake table.

    Error `foreign_rows` (ENGINE) where that stands in a form that no Parquet reader reads.
    """
    found: dict[int, tuple[DeleteFile, ...]] = {}
    for one in view.deletions(tables, snapshot_id):
        if one.is_odd:
            raise foreign_rows(tables[one.lake_table_id], f"{one.path}: it says in another form which rows are deleted")
        file = DeleteFile(data=one.data, path=one.path, is_partial=one.is_partial)
        found[one.lake_table_id] = (*found.get(one.lake_table_id, ()), file)
    return found


def foreign_rows(table: str, why: str) -> MtctlError:
    """Return the error of a table whose rows cannot be told from its files."""
    return MtctlError(
        "foreign_rows",
        f"table {table!r} was changed by a foreign client",
        kind=Kind.ENGINE,
        where=why,
        fix="read it with DuckDB: `mtctl attach`, then … AT (VERSION => n)",
    )
