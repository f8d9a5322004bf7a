"""The guard's two positions, as another program meets them: closed, and open for tables of other clients."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, days, definition, kit_at

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)

OTHER = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute(f"PRAGMA trusted_schema = {sys.argv[2]}")
connection.execute("BEGIN IMMEDIATE")
for statement in sys.argv[3:]:
    try:
        connection.execute(statement)
    except apsw.Error as error:
        text = str(error)
        print(next(one for one in ("no such function", "mtctl_writer", text) if one in text))
    else:
        print("written")
connection.execute("ROLLBACK")
"""

FREE = (
    "INSERT INTO ducklake_snapshot VALUES (1000, '2026-01-01 00:00:00+00', 9, 100, 100)",
    "INSERT INTO ducklake_table VALUES (90, 'u', 1000, NULL, 0, 'theirs', 'theirs/', 1)",
    "INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path) VALUES (90, 90, 1000, 'a')",
    "UPDATE ducklake_data_file SET end_snapshot = 1001 WHERE table_id = 90",
    "DELETE FROM ducklake_data_file WHERE table_id = 90",
    "INSERT INTO ducklake_schema VALUES (91, 'u', 1000, NULL, 'apart', 'apart/', 1)",
    "DELETE FROM ducklake_schema WHERE schema_id = 91",
)
KEPT = (
    "UPDATE ducklake_data_file SET record_count = 0",
    "DELETE FROM ducklake_data_file",
    "INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path) VALUES (91, 1, 1000, 'a')",
    "UPDATE ducklake_column SET column_name = 'x'",
    "DELETE FROM ducklake_table",
    "UPDATE ducklake_schema SET schema_name = 'x'",
    "UPDATE ducklake_metadata SET value = '1.1'",
    "DELETE FROM ducklake_snapshot",
    "UPDATE ducklake_snapshot_changes SET author = 'x'",
    "UPDATE ledger SET rows = 0",
    "DELETE FROM lake_setting",
)


def written(kit: Kit, trusted: str, *statements: str) -> list[str]:
    command = [sys.executable, "-c", OTHER, str(kit.path), trusted, *statements]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("trusted", ["on", "off"])
def test_a_closed_guard_refuses_everything_however_much_the_schema_is_trusted(kit: Kit, trusted: str) -> None:
    kit.refresh(kit.put(definition("t"))["t"], dict.fromkeys(days(0, 3), "f"))
    assert set(written(kit, trusted, *FREE, *KEPT)) == {"no such function"}


@pytest.mark.parametrize("trusted", ["on", "off"])
def test_an_open_guard_refuses_what_touches_our_tables(kit: Kit, trusted: str) -> None:
    table = kit.put(definition("t"))["t"]
    kit.refresh(table, dict.fromkeys(days(0, 3), "f"))
    with kit.store.write() as tx:
        tx.damage().let_foreigners_write(allowed=True)

    assert written(kit, trusted, *FREE) == ["written"] * len(FREE)
    assert set(written(kit, trusted, *KEPT)) == {"mtctl_writer", "no such function"}
    kit.refresh(table, dict.fromkeys(days(3, 5), "f"))

    with kit.store.write() as tx:
        assert tx.foreign_writes()
        tx.damage().let_foreigners_write(allowed=False)
        assert not tx.foreign_writes()
    assert set(written(kit, trusted, *FREE, *KEPT)) == {"no such function"}
