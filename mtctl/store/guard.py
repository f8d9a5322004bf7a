"""Floor 2. Keeps every other program from writing the state file.

Triggers call a function that only our own connections have: a foreign write fails before anything changes, reading
stays free. It must be marked innocuous, or `trusted_schema=OFF` would refuse it to us too.

They call it with the schema that they belong to. So a process of an older mtctl, which had the file open when it was
upgraded, can no longer write it either: it refuses a version that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from mtctl.core.names import quote
from mtctl.store.check import SCHEMA_VERSION
from mtctl.store.troubles import state_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GUARDED = (
    "attempt",
    "coverage",
    "data_file_digest",
    "event",
    "holder",
    "holder_group",
    "lake_gap",
    "lake_setting",
    "lake_table_of",
    "lake_upkeep",
    "lake_version",
    "lease",
    "ledger",
    "materialized_table",
    "notice",
    "pin",
    "project",
    "queue",
    "reader_mark",
    "rebuild",
    "replaced_file",
    "skipped_fire",
    "source_file",
    "source_set",
    "source_set_file",
    "table_read",
    "table_version",
    "task_edge",
    "task_instance",
    "workflow",
    "workflow_instance",
    "workflow_version",
    "ducklake_column",
    "ducklake_column_mapping",
    "ducklake_column_tag",
    "ducklake_data_file",
    "ducklake_delete_file",
    "ducklake_file_column_stats",
    "ducklake_file_partition_value",
    "ducklake_file_variant_stats",
    "ducklake_files_scheduled_for_deletion",
    "ducklake_inlined_data_tables",
    "ducklake_macro",
    "ducklake_macro_impl",
    "ducklake_macro_parameters",
    "ducklake_metadata",
    "ducklake_name_mapping",
    "ducklake_partition_column",
    "ducklake_partition_info",
    "ducklake_schema",
    "ducklake_schema_versions",
    "ducklake_snapshot",
    "ducklake_snapshot_changes",
    "ducklake_sort_expression",
    "ducklake_sort_info",
    "ducklake_table",
    "ducklake_table_column_stats",
    "ducklake_table_stats",
    "ducklake_tag",
    "ducklake_view",
)
"""All tables: nobody else may write any of them. What drops a table asks no trigger."""

_FUNCTION = "mtctl_writer"

SOURCE_ID = "mtctl"
"""What SQLite's own function `sqlite_source_id` answers on our connections, see `foreign_guard`."""


def register(connection: apsw.Connection) -> None:
    """Let this connection pass the guard of schemas up to its own."""
    connection.create_scalar_function(_FUNCTION, _passes, 1, flags=apsw.SQLITE_INNOCUOUS)
    connection.create_scalar_function("sqlite_source_id", _source_id, 0, flags=apsw.SQLITE_INNOCUOUS)


def triggers(tables: Iterable[str] = GUARDED) -> Iterator[str]:
    """Yield the statements that put the guard on tables, every guarded one unless told."""
    for table in tables:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            name = quote(f"guard_{table}_{verb.lower()}")
            asks = f"SELECT {_FUNCTION}({SCHEMA_VERSION})"
            yield f"CREATE TRIGGER {name} BEFORE {verb} ON {quote(table)} BEGIN {asks}; END"


def _source_id(*_: object) -> str:
    return SOURCE_ID


def _passes(*asked: object) -> int:
    version = asked[0]
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        what = f"a newer mtctl has upgraded the state file to schema {version} while this process ran"
        raise state_error("state_newer", what, "state.db", "start this process again with the newer mtctl")
    return 1
