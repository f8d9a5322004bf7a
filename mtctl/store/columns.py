"""Floor 2. Columns of a lake table: field ids, in-place evolution, comments.

A field id is the catalog's column id, counted from 1 per table and never used again: Parquet files are read by it,
so a new column under an old id would show another column's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import conflict
from mtctl.core.evolution import evolution
from mtctl.core.storage import width
from mtctl.core.values import replace
from mtctl.store.nested import add_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column, TableDefinition
    from mtctl.store.catalog import Commit
    from mtctl.store.session import Row


def numbered(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of a new table with field ids from 1."""
    found, free = [], 1
    for column in columns:
        found.append(replace(column, field_id=free))
        free += width(column.stored_type)
    return tuple(found)


def add_columns(commit: Commit, table: int, columns: Sequence[Column]) -> None:
    """Write the columns of a new lake table, with their comments."""
    session = commit.session
    session.run_many(
        "catalog.add_column",
        [_column_row(commit, table, column, position) for position, column in enumerate(columns, start=1)],
    )
    add_parts(commit, table, columns)
    for column in columns:
        if column.comment is not None:
            _add_comment(commit, table, column.field_id, column.comment)


def evolve(commit: Commit, table: int, old: TableDefinition, new: TableDefinition) -> tuple[Column, ...]:
    """Bring a living lake table to a definition's columns in place; return them with their field ids.

    Raises `schema_incompatible` (CONFLICT), with the way out, for what old files cannot serve truly.
    """
    evolved = evolution(old, new)
    if evolved.problem:
        raise _incompatible(new.name, evolved.problem)
    living = {row[0]: row for row in commit.session.rows("catalog.columns", {"table": table})}
    ids = {id(column): was.field_id for was, column in evolved.kept}
    orders = _orders([living[ids[id(column)]][4] if id(column) in ids else None for column in new.columns])
    free = 1 + int(commit.session.value("catalog.greatest_column", {"table": table}))

    for column in evolved.dropped:
        _drop(commit, table, column)
    placed: list[Column] = []
    moved = bool(evolved.dropped)
    for column, order in zip(new.columns, orders, strict=True):
        if id(column) in ids:
            placed.append(replace(column, field_id=ids[id(column)]))
            moved |= _keep(commit, (table, new.name), (placed[-1], order), living[ids[id(column)]])
            continue
        placed.append(replace(column, field_id=free))
        free += width(column.stored_type)
        _add_new(commit, (table, new.name), placed[-1], order)
        moved = True

    if moved:
        commit.note_schema(f"altered_table:{table}", table)
    _set_comments(commit, table, placed)
    return tuple(placed)


def _orders(present: Sequence[int | None]) -> list[int]:
    """Return where each column stands, given where it stood (None: it is new); most stay where they are."""
    orders: list[int] = []
    last = 0
    for one in present:
        order = last + 1 if one is None else one
        if order <= last:
            return list(range(1, len(present) + 1))
        orders.append(order)
        last = order
    return orders


def _drop(commit: Commit, table: int, column: Column) -> None:
    """End a column, with its parts and its comment; its files keep the data, and older snapshots show them."""
    ended = {"snapshot": commit.snapshot, "table": table, "column": column.field_id}
    commit.session.run("evolution.end_column_tree", ended)
    commit.session.run("catalog.end_column_comment", ended)


def _add_new(commit: Commit, table: tuple[int, str], column: Column, order: int) -> None:
    lake_table, name = table
    if not column.nullable and commit.session.value("evolution.has_files", {"table": lake_table}) is not None:
        raise _incompatible(name, f"new column {column.name} is NOT NULL")
    commit.session.run("catalog.add_column", _column_row(commit, lake_table, column, order))
    add_parts(commit, lake_table, [column])


def _keep(commit: Commit, table: tuple[int, str], placed: tuple[Column, int], row: Row) -> bool:
    """Bring the row of a kept column to its place, name and type; return whether it had to change."""
    lake_table, name = table
    column, order = placed
    _, old_name, old_type, old_nullable, old_order = row
    if bool(old_nullable) and not column.nullable:
        asked = {"table": lake_table, "column": column.field_id}
        if commit.session.value("evolution.file_with_nulls", asked) is not None:
            raise _incompatible(name, f"column {column.name} becomes NOT NULL and may hold NULL")
    same_type = old_type.casefold() == column.lake_type.casefold()
    if same_type and (old_name, old_order, bool(old_nullable)) == (column.name, order, column.nullable):
        return False

    commit.session.run(
        "catalog.end_column", {"snapshot": commit.snapshot, "table": lake_table, "column": column.field_id}
    )
    commit.session.run("catalog.add_column", _column_row(commit, lake_table, column, order))
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
