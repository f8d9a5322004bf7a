"""Floor 3. Ways into the lake for others: the attaching of the shared catalog, and views over the files themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.names import MAIN, quote, split_name
from mtctl.core.values import replace
from mtctl.ports.sharing import FILE
from mtctl.services.deletions import deleted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mtctl.config import Project
    from mtctl.core.model import Column, Table
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store


def shared_statement(project: Project, store: Store, lake: Lake) -> str:
    """Return the statement that attaches the shared copy, which is there and up to date then.

    Error `lake_not_shared` (INVALID) where the project shares nothing.
    """
    if not project.share:
        raise MtctlError(
            "lake_not_shared",
            "this project keeps its lake to itself",
            kind=Kind.INVALID,
            where=str(project.root / "mtctl.toml"),
            fix='write share = "group" or share = "all" below [lake]',
        )
    from mtctl.services.sharing import settle  # noqa: PLC0415 - only where it is shared

    settle(project, store, lake, even_if_new=True)
    return f"ATTACH {_text(f'ducklake:sqlite:{project.lake / FILE}')} AS {project.name} (READ_ONLY);"


def view_statements(store: Store) -> tuple[str, ...]:
    """Return a view for each table over the files that readers see now, rows that others have deleted left out."""
    with store.read() as view:
        snapshot, tables = view.snapshot(), view.rebuilds().shown(view.tables())
        paths = view.file_paths([table.table_id for table in tables], snapshot)
        gone = deleted(view, {table.lake_table_id: table.definition.name for table in tables}, snapshot)
    by_path = {one.data: one.path for files in gone.values() for one in files}
    return tuple(_view(table, paths[table.table_id], by_path) for table in tables)


def _view(table: Table, paths: Sequence[str], deletes: Mapping[str, str]) -> str:
    columns = table.definition.columns
    gone = {path: deletes[path] for path in paths if path in deletes}
    whole = [path for path in paths if path not in gone]
    parts = [_rows(columns, whole)] if whole or not gone else []
    parts += [_rest(columns, path, delete) for path, delete in gone.items()]
    schema, name = split_name(table.definition.name)
    where = quote(name) if schema == MAIN else f"{quote(schema)}.{quote(name)}"
    first = "" if schema == MAIN else f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}; "
    return f"{first}CREATE OR REPLACE VIEW {where} AS {' UNION ALL '.join(parts)};"


def _rows(columns: Sequence[Column], paths: Sequence[str]) -> str:
    if paths:
        return f"SELECT * FROM read_parquet([{', '.join(map(_text, paths))}], schema = {_schema(columns)})"  # noqa: S608
    nothing = ", ".join(f"NULL::{column.stored_type} AS {quote(column.name)}" for column in columns)
    return f"SELECT {nothing} WHERE false"


def _rest(columns: Sequence[Column], path: str, delete: str) -> str:
    """Return the rows of a file without those whose positions its delete file lists."""
    # Under names of our own: a table may have a column that is called like the one that DuckDB adds.
    named = [replace(column, name=f"c{place}") for place, column in enumerate(columns)]
    shown = ", ".join(f"d.c{place} AS {quote(column.name)}" for place, column in enumerate(columns))
    rows = f"read_parquet([{_text(path)}], schema = {_schema(named)})"
    gone = f"read_parquet({_text(delete)})"
    return f"SELECT {shown} FROM {rows} d ANTI JOIN {gone} g ON d.file_row_number = g.pos"  # noqa: S608 - quoted


def _schema(columns: Sequence[Column]) -> str:
    entries = (
        f"{column.field_id}: {{name: {_text(column.name)}, type: {_text(column.stored_type)}, default_value: NULL}}"
        for column in columns
    )
    return f"MAP {{{', '.join(entries)}}}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def closed_folders(project: Project, mode_of: Callable[[Path], int]) -> tuple[str, ...]:
    """Return the folders above the lake that those with whom it is shared cannot pass."""
    needed = 0o010 if project.share == "group" else 0o001
    above = reversed(project.lake.parents)
    return tuple(str(folder) for folder in above if not mode_of(folder) & needed) if project.share else ()
