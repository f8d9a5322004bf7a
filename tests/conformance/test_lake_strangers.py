"""Another DuckLake client with tables of its own in our catalog, allowed by `foreign_writes = true`.

Ours stay ours: whatever touches them is refused as a whole, and so is what belongs to the whole catalog. Of the
extension's own maintenance, expiry, a merge of everything and a checkpoint are refused; merging a table of theirs,
rewriting, cleaning up and removing orphans do what they say to their files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lake_kit import READ_WRITE, Duck, Project, lake_python, small_example

if TYPE_CHECKING:
    from collections.abc import Iterator

LAKE = "nycflights13"
STATE = f"__ducklake_metadata_{LAKE}"

THEIRS = [
    "CREATE TABLE theirs (i INTEGER, t VARCHAR)",
    "INSERT INTO theirs SELECT range, 'x' FROM range(100)",
    "INSERT INTO theirs VALUES (1, 'y')",
    "UPDATE theirs SET t = 'z' WHERE i < 3",
    "DELETE FROM theirs WHERE i = 50",
    "ALTER TABLE theirs ADD COLUMN k DOUBLE",
    "COMMENT ON TABLE theirs IS 'theirs'",
    "CREATE SCHEMA apart",
    "CREATE TABLE apart.other AS SELECT range AS a FROM range(50)",
    "CREATE TABLE gone AS SELECT 1 AS a",
    "DROP TABLE gone",
    f"CALL ducklake_merge_adjacent_files('{LAKE}', 'theirs')",
    f"CALL ducklake_rewrite_data_files('{LAKE}', 'theirs', delete_threshold => 0)",
    f"CALL ducklake_cleanup_old_files('{LAKE}', cleanup_all => true)",
    f"CALL ducklake_delete_orphaned_files('{LAKE}', cleanup_all => true)",
]

REFUSED = [
    "INSERT INTO flights_daily FROM flights_daily LIMIT 1",
    "DELETE FROM flights_daily WHERE carrier = 'UA'",
    "UPDATE flights_daily SET flights = 0",
    "TRUNCATE flights_daily",
    "DROP TABLE flights_daily",
    "CREATE OR REPLACE TABLE flights_daily AS SELECT 1 AS a",
    "ALTER TABLE flights_daily ADD COLUMN theirs INTEGER",
    "ALTER TABLE flights_daily RENAME TO another",
    "ALTER TABLE flights_daily SET PARTITIONED BY (carrier)",
    "COMMENT ON TABLE flights_daily IS 'theirs'",
    "COMMENT ON COLUMN flights_daily.carrier IS 'theirs'",
    f"CALL {LAKE}.set_option('parquet_compression', 'zstd')",
    f"CALL ducklake_expire_snapshots('{LAKE}', older_than => now())",
    f"CALL ducklake_expire_snapshots('{LAKE}', versions => [2])",
    f"CALL ducklake_merge_adjacent_files('{LAKE}')",
    "CHECKPOINT",
    f"DELETE FROM {STATE}.ledger",
    f"INSERT INTO {STATE}.lake_setting VALUES ('a', 'b')",
    f"UPDATE {STATE}.ducklake_data_file SET record_count = 0",
    f"DELETE FROM {STATE}.ducklake_snapshot",
    f"UPDATE {STATE}.ducklake_metadata SET value = '9'",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Project:
    """A lake where another client has done all that it may."""
    lake_python()
    project = small_example(tmp_path_factory.mktemp("shared") / "flights")
    settings(project, "[lake]\n", "[lake]\nforeign_writes = true\n")
    project.mtctl("status")
    with project.attached(READ_WRITE) as duck:
        for statement in THEIRS:
            duck.rows(statement)
    return project


@pytest.fixture(scope="module")
def theirs(shared) -> Iterator[Duck]:
    with shared.attached(READ_WRITE) as duck:
        yield duck


def settings(project: Project, old: str, new: str) -> None:
    path = project.root / "mtctl.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("write", REFUSED, ids=lambda write: write.split("(")[0].strip())
def test_what_touches_our_tables_or_the_whole_catalog_is_refused(shared, theirs, write):
    state = shared.dump()

    assert "mtctl_writer" in theirs.error(write)

    assert shared.dump() == state
    assert theirs.rows("SELECT count(*) FROM theirs") == [(99 + 1,)], "the session goes on"


def test_both_live_side_by_side(shared):
    assert "all there and whole" in shared.mtctl("lake", "check", "--deep")
    assert "main.theirs" in shared.mtctl("table", "list")
    shared.mtctl("refresh", "flights_daily", "--interval", "2013-01-04", "--force")
    shared.mtctl("lake", "expire")
    shared.mtctl("lake", "gc", "--grace", "0")
    shared.mtctl("verify")

    with shared.attached() as reader:
        assert reader.rows("SELECT count(*), sum(i) FROM theirs") == [(100, 4901)]
        assert reader.rows("SELECT count(*) FROM apart.other") == [(50,)]
        newest = shared.versions()[-1]
        for name, files in shared.tables_at(newest).items():
            assert reader.content(name) == reader.content(files), name
        reader.rows(f"SELECT snapshot_id, changes FROM ducklake_snapshots('{LAKE}')")


def test_questions_at_earlier_moments_see_their_tables_as_the_extension_does(shared, theirs):
    for statement in (
        "CREATE TABLE shrinking AS SELECT range AS i, range % 7 AS k FROM range(1000)",
        "DELETE FROM shrinking WHERE k = 3",
        "DELETE FROM shrinking WHERE i < 100",
        "INSERT INTO shrinking SELECT range, 1 FROM range(5000, 5100)",
        "UPDATE shrinking SET k = 9 WHERE i % 50 = 0",
        "DELETE FROM shrinking WHERE k = 1",
    ):
        theirs.rows(statement)
    asked = "SELECT count(*) AS n, sum(i)::BIGINT AS s, sum(k)::BIGINT AS t FROM shrinking"
    seen = set()
    for version in shared.versions()[-6:]:
        [row] = theirs.rows(f"{asked} AT (VERSION => {version})")
        found = shared.mtctl("query", asked, "--at", str(version), "-o", "csv").split()
        assert found == ["n,s,t", ",".join(map(str, row))], version
        seen.add(row)
    assert len(seen) == 6


def test_rows_of_ours_that_the_extension_deletes_behind_the_guard_are_gone_for_every_question(shared):
    asked = "SELECT count(*) AS n, sum(flights)::BIGINT AS s FROM flights_daily"
    before, guards = shared.versions()[-1], shared.guards()
    shared.write(*(f'DROP TRIGGER "{name}"' for name, _ in guards))
    try:
        with shared.attached(READ_WRITE) as duck:
            duck.rows("DELETE FROM flights_daily WHERE carrier = 'UA'")
            duck.rows("DELETE FROM flights_daily WHERE carrier = 'AA' AND flight_date = DATE '2013-01-02'")
            after = shared.versions()[-2:]
            told = {one: duck.rows(f"{asked} AT (VERSION => {one})")[0] for one in (before, *after)}
            views = duck.rows(asked)
    finally:
        shared.write(*(text for _, text in guards))
    assert len(set(told.values())) == 3
    for version, row in told.items():
        found = shared.mtctl("query", asked, "--at", str(version), "-o", "csv").split()
        assert found == ["n,s", ",".join(map(str, row))], version
    now = shared.mtctl("query", asked, "-o", "csv").split()
    assert now == ["n,s", ",".join(map(str, views[0]))]
    with Duck() as duck:
        for statement in shared.mtctl("attach", "--views").splitlines():
            duck.rows(statement)
        assert duck.rows(asked) == views
    words = ("diff", "flights_daily", "--from", str(before), "--to", str(after[1]), "-o", "csv")
    assert len(shared.mtctl(*words).split()) - 1 == told[before][0] - told[after[1]][0]
    shared.mtctl("lake", "repair")
    shared.mtctl("verify")


def test_a_table_of_ours_cannot_take_their_name(shared):
    shared.define("theirs", "CREATE MATERIALIZED TABLE theirs AS SELECT 1 AS a")
    shared.mtctl("apply", code=4)
    (shared.root / "tables" / "theirs.sql").unlink()


def test_a_closed_door_refuses_all_and_leaves_what_is_there(shared):
    with shared.attached(READ_WRITE) as duck:
        duck.rows("INSERT INTO theirs VALUES (7, 'seven', NULL)")
        settings(shared, "foreign_writes = true\n", "")
        shared.mtctl("status")
        assert "mtctl_writer" in duck.error("INSERT INTO theirs VALUES (8, 'eight', NULL)")
        assert duck.rows("SELECT count(*) FROM theirs") == [(101,)]
        settings(shared, "[lake]\n", "[lake]\nforeign_writes = true\n")
        shared.mtctl("status")
        duck.rows("DELETE FROM theirs WHERE i = 7 AND t = 'seven'")
