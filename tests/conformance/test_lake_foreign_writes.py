"""Writes through the real extension, which attaches the lake for writing without being refused: each fails as a whole.

What cannot be kept away is DDL on the tables themselves (`DROP TABLE __ducklake_metadata_….ledger`): no trigger
sees it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from lake_kit import READ_WRITE, Duck, Project, lake_python, small_example

if TYPE_CHECKING:
    from collections.abc import Iterator

LAKE = "nycflights13"
STATE = f"__ducklake_metadata_{LAKE}"

WRITES = [
    "INSERT INTO flights_daily FROM flights_daily LIMIT 1",
    "INSERT INTO flights_daily FROM flights_daily",
    "DELETE FROM flights_daily WHERE carrier = 'UA'",
    "DELETE FROM flights_daily",
    "TRUNCATE flights_daily",
    "UPDATE flights_daily SET flights = 0",
    "MERGE INTO flights_daily AS t USING (SELECT 'UA' AS carrier) AS s USING (carrier) WHEN MATCHED THEN DELETE",
    "CREATE TABLE theirs (i INTEGER)",
    "CREATE TABLE theirs AS SELECT 1 AS i",
    "CREATE VIEW theirs AS SELECT 1 AS i",
    "CREATE SCHEMA theirs",
    "CREATE MACRO theirs(i) AS i + 1",
    "DROP TABLE flights_daily",
    "ALTER TABLE flights_daily ADD COLUMN theirs INTEGER",
    "ALTER TABLE flights_daily RENAME TO theirs",
    "ALTER TABLE flights_daily SET PARTITIONED BY (carrier)",
    "COMMENT ON TABLE flights_daily IS 'theirs'",
    f"CALL {LAKE}.set_option('parquet_compression', 'zstd')",
    f"CALL {LAKE}.set_option('data_inlining_row_limit', '100')",
    f"CALL ducklake_expire_snapshots('{LAKE}', older_than => now())",
    f"CALL ducklake_expire_snapshots('{LAKE}', versions => [2])",
    f"CALL ducklake_merge_adjacent_files('{LAKE}')",
    "CHECKPOINT",
    f"CHECKPOINT {LAKE}",
    f"DELETE FROM {STATE}.ledger",
    f"UPDATE {STATE}.ducklake_data_file SET record_count = 0",
    f"INSERT INTO {STATE}.source_set VALUES (1000, 'theirs')",
    f"DELETE FROM {STATE}.ducklake_tag",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Project:
    """A lake with something to merge and to expire, for writers that must not get in."""
    lake_python()
    project = small_example(tmp_path_factory.mktemp("written") / "flights")
    project.mtctl("refresh", "flights_daily", "--interval", "2013-01-03", "--force")
    return project


@pytest.fixture(scope="module")
def theirs(written) -> Iterator[Duck]:
    """One session with write access; it stays, refused as often as it tries."""
    with written.attached(READ_WRITE) as duck:
        yield duck


def files_of(project: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((project.root / "lake").rglob("*.parquet"))}


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.split("(")[0].strip())
def test_a_foreign_write_is_refused_and_changes_nothing(written, theirs, write):
    state, files = written.dump(), files_of(written)

    found = theirs.error(write)

    assert "mtctl_writer" in found
    assert theirs.rows("SELECT count(*) FROM flights_daily") == [(147,)], "the same session reads on"
    assert written.dump() == state
    # A refused merge leaves its draft behind, which nothing names; ours are all there, byte by byte.
    assert files.items() <= files_of(written).items()


NOTHING_TO_DO = [
    f"CALL ducklake_cleanup_old_files('{LAKE}', cleanup_all => true)",
    f"CALL ducklake_rewrite_data_files('{LAKE}', 'flights_daily', delete_threshold => 0)",
    f"CALL ducklake_flush_inlined_data('{LAKE}')",
    f"CALL ducklake_delete_orphaned_files('{LAKE}', cleanup_all => true)",
]


def test_maintenance_that_finds_nothing_to_do_leaves_everything_as_it_is(written, theirs):
    state, files = written.dump(), files_of(written)

    for call in NOTHING_TO_DO:
        theirs.rows(call)

    assert written.dump() == state
    named = written.sql("SELECT path FROM ducklake_data_file")
    assert {path.rpartition("/")[2] for path in files_of(written)} == {name for (name,) in named}
    assert files_of(written).items() <= files.items()


def test_a_read_only_session_cannot_even_begin(written):
    with written.attached() as reader:
        assert "read-only" in reader.error("DELETE FROM flights_daily")


def test_reading_writes_nothing_into_the_state_file(written):
    state = written.dump()

    for options in (READ_WRITE, "(READ_ONLY)"):
        with written.attached(options) as reader:
            reader.rows("SELECT count(*) FROM flights_daily AT (VERSION => 2)")

    assert written.dump() == state


def test_mtctl_goes_on_beside_a_session_that_is_refused(written, theirs):
    theirs.rows("BEGIN")
    theirs.rows("DELETE FROM flights_daily WHERE carrier = 'UA'")
    written.mtctl("refresh", "flights_daily", "--interval", "2013-01-04", "--force")
    theirs.error("COMMIT")
    theirs.ask("ROLLBACK")

    assert theirs.rows("SELECT count(*) FROM flights_daily") == [(147,)]
    written.mtctl("verify")


def test_gc_removes_what_refused_writers_leave_behind(written, theirs):
    theirs.error(f"CALL ducklake_merge_adjacent_files('{LAKE}')")

    assert "ducklake-" in written.mtctl("lake", "gc", "--grace", "0")
    assert "ducklake-" not in str(list(files_of(written)))
    written.mtctl("verify")


FOREIGN_SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    try:
        connection.execute(statement)
    except sqlite3.Error as error:
        print(error)
    else:
        print("written")
"""


def test_a_plain_sqlite_is_refused_too(written):
    state = written.dump()
    tables = [name for (name,) in written.sql("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables = [name for name in tables if not name.startswith("sqlite_")]
    writes = [f"DELETE FROM {name}" for name in tables]
    writes += ["UPDATE ledger SET rows = 0", "UPDATE ducklake_data_file SET record_count = record_count + 1"]
    command = [sys.executable, "-c", FOREIGN_SQLITE, str(written.state), *writes]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert len(tables) > 45
    assert set(done.stdout.splitlines()) == {"no such function: mtctl_writer"}
    assert written.dump() == state
