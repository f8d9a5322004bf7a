"""Floor 2. Columns of a lake table: field ids, in-place evolution, comments.

A field id is the catalog's column id, counted from 1 per table and never used again: Parquet files are read by it,
so a new column under an old id would show another column's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import conflict
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column
    from mtctl.store.catalog import Commit
    from mtctl.store.session import Row


def numbered(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of a new table with field ids from 1."""
    return tuple(replace(column, field_id=number) for number, column in enumerate(columns, start=1))


def add_columns(commit: Commit, table: int, columns: Sequence[Column]) -> None:
    """Write the columns of a new lake table, with their comments."""
    session = commit.session
    session.run_many(
        "catalog.add_column",
        [_column_row(commit, table, column, position) for position, column in enumerate(columns, start=1)],
    )
    for column in columns:
        if column.comment is not None:
            _add_comment(commit, table, column.field_id, column.comment)


def evolve(commit: Commit, table: int, name: str, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Bring a living lake table to these columns in place; return them with their field ids.

    Added nullable columns and a new order are all that old files can serve truly; anything else raises
    `schema_incompatible` (CONFLICT) with the way out.
    """
    session = commit.session
    old = {row[1].casefold(): row for row in session.rows("catalog.columns", {"table": table})}
    free = 1 + int(session.value("catalog.greatest_column", {"table": table}))

    placed: list[Column] = []
    moved = False
    for position, column in enumerate(columns, start=1):
        row = old.pop(column.name.casefold(), None)
        if row is None:
            placed.append(replace(column, field_id=free))
            free += 1
            _add_new(commit, table, name, placed[-1], position)
            moved = True
            continue
        placed.append(replace(column, field_id=row[0]))
        moved |= _keep(commit, table, name, (placed[-1], position), row)
    for row in old.values():
        raise _incompatible(name, f"column {row[1]} is gone")

    if moved:
        commit.note_schema(f"altered_table:{table}", table)
    _set_comments(commit, table, placed)
    return tuple(placed)


def _add_new(commit: Commit, table: int, name: str, column: Column, position: int) -> None:
    if not column.nullable:
        raise _incompatible(name, f"new column {column.name} is NOT NULL")
    commit.session.run("catalog.add_column", _column_row(commit, table, column, position))


def _keep(commit: Commit, table: int, name: str, placed: tuple[Column, int], row: Row) -> bool:
    """Move a kept column to its place and spelling; return whether its row had to change."""
    column, position = placed
    _, old_name, old_type, old_nullable, old_position = row
    if old_type.casefold() != column.lake_type.casefold():
        raise _incompatible(name, f"column {column.name} changes from {old_type} to {column.lake_type}")
    if bool(old_nullable) != column.nullable:
        raise _incompatible(name, f"column {column.name} changes whether it may be NULL")
    if (old_name, old_position) == (column.name, position):
        return False

    commit.session.run(
        "catalog.end_column", {"snapshot": commit.snapshot, "table": table, "column": column.field_id}
    )
    commit.session.run("catalog.add_column", _column_row(commit, table, column, position))
    return True


def _set_comments(commit: Commit, table: int, columns: Sequence[Column]) -> None:
    old: dict[int, str] = dict(commit.session.rows("catalog.column_comments", {"table": table}))
    for column in columns:
        if old.get(column.field_id) == column.comment:
            continue
        ended = {"snapshot": commit.snapshot, "table": table, "column": column.field_id}
        commit.session.run("catalog.end_column_comment", ended)
        if column.comment is not None:
            _add_comment(commit, table, column.field_id, column.comment)
        commit.note_schema(f"altered_table:{table}")


def _add_comment(commit: Commit, table: int, column: int, text: str) -> None:
    bindings = {"snapshot": commit.snapshot, "table": table, "column": column, "text": text}
    commit.session.run("catalog.add_column_comment", bindings)


def _column_row(commit: Commit, table: int, column: Column, position: int) -> dict[str, object]:
    return {
        "column": column.field_id,
        "snapshot": commit.snapshot,
        "table": table,
        "position": position,
        "name": column.name,
        "type": column.lake_type,
        "nullable": int(column.nullable),
    }


def _incompatible(name: str, what: str) -> Exception:
    return conflict("schema_incompatible", f"{name}: {what}", fix=f"rebuild the table: `mtctl apply --rebuild {name}`")
