"""Floor 2. A whole lake table in the catalog: made, renamed, commented, dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from mtctl.core.errors import conflict
from mtctl.core.names import quote, split_name
from mtctl.store.catalog import created_table
from mtctl.store.columns import add_columns, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column, TableDefinition
    from mtctl.store.catalog import Commit

_ENDINGS = ("end_table", "end_columns", "end_tags", "end_column_tags", "end_data_files", "end_delete_files")


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeTable:
    """A lake table just made: its id, its folder below the data path, its columns with field ids."""

    lake_table_id: int
    folder: str
    columns: tuple[Column, ...]


def folder_of(name: str, uuid: str) -> str:
    """Return the folder of a lake table below the data path."""
    return f"{re.sub('[^0-9A-Za-z_]', '_', name)}-{uuid[:8]}/"


def make(commit: Commit, definition: TableDefinition, uuid: str, *, keeps_ids: bool = False) -> LakeTable:
    """Make a lake table with its columns, which get their field ids here unless files that have them come with it.

    Its statistics row is written at once, so that no foreign first insert begins column statistics.
    """
    table = commit.new_catalog_id()
    folder = folder_of(definition.name, uuid)
    columns = definition.columns if keeps_ids else numbered(definition.columns)

    _add_version(commit, table, uuid, definition.name, folder)
    fill(commit, table, columns, definition.comment)
    return LakeTable(lake_table_id=table, folder=folder, columns=columns)


def fill(commit: Commit, table: int, columns: Sequence[Column], text: str | None) -> None:
    """Write what belongs to the row of a new lake table: its statistics row, columns, comments."""
    commit.session.run("catalog.add_table_stats", {"table": table})
    add_columns(commit, table, columns)
    if text is not None:
        _add_comment(commit, table, text)


def rename(commit: Commit, table: int, name: str) -> None:
    """Give a lake table another name; id, uuid, folder and files stay."""
    row = commit.session.row("catalog.table_version", {"table": table})
    if row is None:
        return
    commit.session.run("catalog.end_table", {"table": table, "snapshot": commit.snapshot})
    _add_version(commit, table, row[0], name, row[1])


def comment(commit: Commit, table: int, text: str | None) -> None:
    """Set or take away the comment of a lake table."""
    if commit.session.value("catalog.comment", {"table": table}) == text:
        return
    commit.session.run("catalog.end_comment", {"table": table, "snapshot": commit.snapshot})
    if text is not None:
        _add_comment(commit, table, text)
    commit.note_schema(f"altered_table:{table}")


def drop(commit: Commit, table: int) -> None:
    """End a lake table with its columns, comments and files; older snapshots keep showing it."""
    for ending in _ENDINGS:
        commit.session.run(f"catalog.{ending}", {"table": table, "snapshot": commit.snapshot})
    commit.note_schema(f"dropped_table:{table}")


def schema_id(commit: Commit, name: str) -> int:
    """Return the id of a live schema of the lake, made at its first use; error `schema_foreign` for another client's.

    Our tables lie where all of them lie; a schema of another client has a folder.
    """
    session = commit.session
    found = session.row("catalog.live_schema", {"name": name})
    if found is not None and found[1]:
        what = f"another DuckLake client has made the schema {name} in the catalog"
        raise conflict("schema_foreign", what, fix="choose another schema, or drop theirs with their client")
    if found is not None:
        return int(found[0])
    schema = commit.new_catalog_id()
    row = {"schema": schema, "uuid": str(uuid4()), "snapshot": commit.snapshot, "name": name}
    session.run("catalog.add_new_schema", row)
    commit.note_schema(f"created_schema:{quote(name)}")
    return schema


def _add_version(commit: Commit, table: int, uuid: str, name: str, folder: str) -> None:
    schema, plain = split_name(name)
    place = {"schema": schema_id(commit, schema), "name": plain}
    if commit.session.row("damage.foreign_name", place) is not None:
        what = f"another DuckLake client has a table or view {name} in the catalog"
        raise conflict("table_foreign", what, fix="choose another name, or drop theirs with their client")
    row = {"table": table, "uuid": uuid, "snapshot": commit.snapshot, "folder": folder}
    commit.session.run("catalog.add_table", place | row)
    commit.note_schema(created_table(schema, plain), table)


def _add_comment(commit: Commit, table: int, text: str) -> None:
    commit.session.run("catalog.add_comment", {"table": table, "snapshot": commit.snapshot, "text": text})
