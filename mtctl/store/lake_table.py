"""Floor 2. A whole lake table in the catalog: made, renamed, commented, dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.store.catalog import created_table
from mtctl.store.columns import add_columns, numbered

if TYPE_CHECKING:
    from mtctl.core.model import Column, TableDefinition
    from mtctl.store.catalog import Commit

_ENDINGS = ("end_table", "end_columns", "end_tags", "end_column_tags", "end_data_files", "end_delete_files")


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeTable:
    """A lake table just made: its id, its folder below the data path, its columns with field ids."""

    lake_table_id: int
    folder: str
    columns: tuple[Column, ...]


def make(commit: Commit, definition: TableDefinition, uuid: str) -> LakeTable:
    """Make a lake table with its columns.

    Its statistics row is written at once, so that no foreign first insert begins column statistics.
    """
    table = commit.new_catalog_id()
    folder = f"{re.sub('[^0-9A-Za-z_]', '_', definition.name)}-{uuid[:8]}/"
    columns = numbered(definition.columns)

    _add_version(commit, table, uuid, definition.name, folder)
    commit.session.run("catalog.add_table_stats", {"table": table})
    add_columns(commit, table, columns)
    if definition.comment is not None:
        _add_comment(commit, table, definition.comment)
    return LakeTable(lake_table_id=table, folder=folder, columns=columns)


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


def _add_version(commit: Commit, table: int, uuid: str, name: str, folder: str) -> None:
    bindings = {"table": table, "uuid": uuid, "snapshot": commit.snapshot, "name": name, "folder": folder}
    commit.session.run("catalog.add_table", bindings)
    commit.note_schema(created_table(name), table)


def _add_comment(commit: Commit, table: int, text: str) -> None:
    commit.session.run("catalog.add_comment", {"table": table, "snapshot": commit.snapshot, "text": text})
