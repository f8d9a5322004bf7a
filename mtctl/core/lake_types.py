"""Floor 0. The types of a catalog's columns as DuckDB spells them: what reading a file by its columns takes.

A nested type stands in several rows, parents before children; they are joined to one type here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.core.storage import PLAIN
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = {kept.lake: name for name, kept in PLAIN.items()} | {
    "int128": "HUGEINT",
    "uint128": "UHUGEINT",
    "timestamp_us": "TIMESTAMP",
    "timetz": "TIME WITH TIME ZONE",
}
"""DuckDB's name for the catalog's word; the last ones only other programs write."""


@frozen
class LakeColumn:
    """One row of the catalog: a column, or a part of a nested one whose `parent` is the column it belongs to."""

    column_id: int
    name: str
    type: str
    nullable: bool = True
    parent: int | None = None


def duckdb_type(column: LakeColumn, rows: Sequence[LakeColumn]) -> str:
    """Return DuckDB's name for a column's type; `rows` are all rows of the table, in their order."""
    kind = column.type.lower()
    if kind not in {"list", "struct", "map"}:
        return shown(kind)
    parts = [row for row in rows if row.parent == column.column_id]
    types = [duckdb_type(part, rows) for part in parts]
    if kind == "list":
        return f"{types[0]}[]"
    if kind == "map":
        return f"MAP({types[0]}, {types[1]})"
    named = ", ".join(f"{quote(part.name)} {kind}" for part, kind in zip(parts, types, strict=True))
    return f"STRUCT({named})"


def shown(lake_type: str) -> str:
    """Return DuckDB's name for a plain type of the catalog, and the bare word of a nested one: its parts are rows."""
    return _NAMES.get(lake_type.lower(), lake_type.upper())
