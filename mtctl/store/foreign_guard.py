"""Floor 2. The guard with its door open: other DuckLake clients may keep tables of their own in the catalog.

What touches our tables is refused as before, row by row. The function of the closed guard will not do for that: SQLite
looks it up before it knows which rows a statement touches. So these triggers ask a function that every SQLite has and
that answers otherwise on our own connections only.

Removing snapshots is refused altogether: a snapshot belongs to all tables, and how long one stays is our retention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.store.guard import GUARDED, SOURCE_ID, triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.store.session import Session

_OURS = "(SELECT lake_table_id FROM lake_table_of)"
_SCHEMAS = f"(SELECT 0 UNION ALL SELECT schema_id FROM ducklake_table WHERE table_id IN {_OURS})"  # noqa: S608 - ours
_VERBS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}

_KEYS = {
    "ducklake_column": "table_id",
    "ducklake_column_mapping": "table_id",
    "ducklake_column_tag": "table_id",
    "ducklake_data_file": "table_id",
    "ducklake_delete_file": "table_id",
    "ducklake_file_column_stats": "table_id",
    "ducklake_file_partition_value": "table_id",
    "ducklake_file_variant_stats": "table_id",
    "ducklake_inlined_data_tables": "table_id",
    "ducklake_partition_column": "table_id",
    "ducklake_partition_info": "table_id",
    "ducklake_schema_versions": "table_id",
    "ducklake_sort_expression": "table_id",
    "ducklake_sort_info": "table_id",
    "ducklake_table": "table_id",
    "ducklake_table_column_stats": "table_id",
    "ducklake_table_stats": "table_id",
    "ducklake_tag": "object_id",
}
"""By which column the rows of a catalog table belong to a lake table; ids of tables, schemas and views differ."""

_KEPT = {"ducklake_metadata": _VERBS, "ducklake_snapshot": ("UPDATE", "DELETE"), "ducklake_snapshot_changes": (
    "UPDATE", "DELETE",
)}  # fmt: skip
"""What belongs to the whole catalog: these verbs are refused whatever the row."""


def is_open(session: Session) -> bool:
    """Return whether other clients may write tables of their own."""
    return session.row("catalog.foreign_writes") is not None


def let_foreigners_write(session: Session, *, allowed: bool) -> None:
    """Open or close the door: the guard is put up anew, and every connection sees it with its next statement."""
    for (name,) in session.rows("damage.guards"):
        session.connection.execute(f"DROP TRIGGER {quote(str(name))}")
    session.run("damage.forget_foreign_writes")
    if allowed:
        session.run("damage.note_foreign_writes")
    for statement in all_triggers(is_open=allowed):
        session.connection.execute(statement)


def all_triggers(*, is_open: bool) -> Iterator[str]:
    """Yield the statements of the whole guard, with the door open or closed."""
    if not is_open:
        yield from triggers()
        return
    yield from triggers(tuple(table for table in GUARDED if not table.startswith("ducklake_")))
    for table, column in _KEYS.items():
        for verb, rows in _VERBS.items():
            touched = " OR ".join(f"{row}.{column} IN {_OURS}" for row in rows)
            yield _trigger(table, verb, f"({touched})")
    for table, verbs in _KEPT.items():
        for verb in verbs:
            yield _trigger(table, verb, "true")
    for verb in ("UPDATE", "DELETE"):
        yield _trigger("ducklake_schema", verb, f"OLD.schema_id IN {_SCHEMAS}")


def _trigger(table: str, verb: str, when: str) -> str:
    name = quote(f"guard_{table}_{verb.lower()}")
    asks = f"{when} AND sqlite_source_id() IS NOT '{SOURCE_ID}'"
    says = "SELECT RAISE(ABORT, 'mtctl_writer: this belongs to mtctl, another client may only read it')"
    return f"CREATE TRIGGER {name} BEFORE {verb} ON {quote(table)} WHEN {asks} BEGIN {says}; END"
