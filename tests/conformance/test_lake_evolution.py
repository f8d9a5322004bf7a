"""A reader with one open connection of the real extension sees each change of a table's columns as mtctl does.

Two kinds of look after each change: a session that stays attached all the time, at the newest snapshot and at every
older one, and mtctl's own files read by field id.
"""

from __future__ import annotations

import pytest
from lake_kit import Duck, Project, empty, lake_python

TABLE = """CREATE MATERIALIZED TABLE numbers
PARTITIONED BY (ds)
WITH ({options}'partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-04')
AS SELECT {columns} FROM 'data/numbers.csv'
"""


@pytest.fixture
def numbers(tmp_path) -> Project:
    """Three days of numbers in one file."""
    lake_python()
    project = empty(tmp_path / "numbers")
    (project.root / "data").mkdir()
    rows = ("2013-01-01,99,-5,0.1", "2013-01-02,50,7,0.5", "2013-01-03,,7,-0.1")
    (project.root / "data" / "numbers.csv").write_text("\n".join(("ds,a,b,f", *rows)) + "\n", encoding="utf-8")
    project.define("numbers", table("ds, a::INTEGER AS a, b::SMALLINT AS b, f::FLOAT AS f"))
    project.mtctl("up", "--once")
    return project


def table(columns: str, **options: str) -> str:
    pairs = "".join(f"'{key.replace('_', '.')}' = '{value}', " for key, value in options.items())
    return TABLE.format(columns=columns, options=pairs)


def evolve(project: Project, columns: str, **options: str) -> None:
    project.define("numbers", table(columns, **options))
    project.mtctl("apply")


def compare(project: Project, lake: Duck, own: Duck) -> None:
    """Compare the open session with mtctl's own files: now and at every snapshot."""
    versions = project.versions()
    for snapshot in versions:
        for name, relation in project.tables_at(snapshot).items():
            theirs = f"{name} AT (VERSION => {snapshot})"
            assert lake.content(theirs) == own.content(relation), (name, snapshot)
            assert lake.types(theirs) == own.types(relation), (name, snapshot)
    for name, relation in project.tables_at(versions[-1]).items():
        assert lake.content(name) == own.content(relation), name
        assert lake.types(name) == own.types(relation), name


@pytest.mark.campaign
def test_a_session_that_stays_sees_columns_come_go_move_and_change(numbers):
    with numbers.attached() as lake, Duck() as own:
        compare(numbers, lake, own)
        first = numbers.versions()[-1]

        evolve(numbers, "ds, a::INTEGER AS a, b::SMALLINT AS b, f::FLOAT AS f, a + b AS c")
        assert lake.rows("SELECT a, c FROM numbers ORDER BY ds") == [(99, None), (50, None), (None, None)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE c IS NULL") == [(3,)]
        compare(numbers, lake, own)

        numbers.mtctl("refresh", "numbers", "--interval", "2013-01-02", "--force")
        assert lake.rows("SELECT c FROM numbers ORDER BY ds") == [(None,), (57,), (None,)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE c = 57") == [(1,)]
        compare(numbers, lake, own)

        evolve(numbers, "ds, a::INTEGER AS a, f::FLOAT AS f, a + b AS c")
        assert [name for name, _ in lake.types("numbers")] == ["ds", "a", "f", "c"]
        compare(numbers, lake, own)

        evolve(numbers, "ds, a::INTEGER AS amount, f::FLOAT AS f, a + b AS c", renamed_column_amount="a")
        assert lake.rows("SELECT sum(amount) FROM numbers WHERE amount > 50") == [(99,)]
        compare(numbers, lake, own)

        evolve(numbers, "f::FLOAT AS f, ds, a + b AS c, a::INTEGER AS amount", renamed_column_amount="a")
        assert [name for name, _ in lake.types("numbers")] == ["f", "ds", "c", "amount"]
        compare(numbers, lake, own)

        assert [name for name, _ in lake.types(f"numbers AT (VERSION => {first})")] == ["ds", "a", "b", "f"]
        assert lake.rows(f"SELECT sum(a), sum(b) FROM numbers AT (VERSION => {first})") == [(149, 9)]
    numbers.mtctl("verify")


@pytest.mark.campaign
def test_widened_columns_are_found_by_their_new_values_in_a_session_that_stays(numbers):
    narrow = "ds, a::INTEGER AS a, b::SMALLINT AS b, f::DECIMAL(3,1) AS f"
    wide = "ds, a::BIGINT AS a, b::INTEGER AS b, f::DECIMAL(18,1) AS f"
    numbers.define("other", table(narrow).replace("TABLE numbers", "TABLE other"))
    numbers.mtctl("up", "--once")
    with numbers.attached() as lake, Duck() as own:
        assert lake.rows("SELECT count(*) FROM other WHERE f > 0.1") == [(1,)]
        numbers.define("other", table(wide, evolve="keep").replace("TABLE numbers", "TABLE other"))
        numbers.mtctl("apply")
        assert lake.types("other")[1:] == [("a", "BIGINT"), ("b", "INTEGER"), ("f", "DECIMAL(18,1)")]
        beyond = "a < 3000000000 AND b > -40000 AND f < 12345678.9 AND f > 0.05"
        assert lake.rows(f"SELECT count(*) FROM other WHERE {beyond}") == [(2,)]
        assert lake.rows("SELECT count(*) FROM other WHERE a = 99 OR b = -5 OR f = 0.5") == [(2,)]
        compare(numbers, lake, own)
        numbers.mtctl("refresh", "other", "--interval", "2013-01-01", "--force")
        assert lake.rows(f"SELECT count(*) FROM other WHERE {beyond}") == [(2,)]
        compare(numbers, lake, own)
    numbers.mtctl("verify")


def test_a_new_version_takes_the_place_of_the_old_one_in_a_session_that_stays(numbers):
    with numbers.attached() as lake, Duck() as own:
        [(tables,)] = lake.rows("SELECT list(table_name) FROM duckdb_tables() WHERE schema_name = 'main'")
        first = numbers.versions()[-1]
        numbers.define("numbers", table("ds, a::VARCHAR AS a, f::DOUBLE AS f", refresh_batch="1"))
        numbers.mtctl("apply")
        numbers.mtctl("refresh", "numbers", "--interval", "2013-01-01", "--interval", "2013-01-02")
        # Two of three days are there, and readers see the old version under the name, and only that.
        assert lake.rows("SELECT count(*), sum(a), any_value(typeof(a)) FROM numbers") == [(3, 149, "INTEGER")]
        assert lake.rows("SHOW TABLES") == [("numbers",)]
        assert tables == ["numbers"]
        assert "rebuilding: 2 of 3 intervals" in numbers.mtctl("status")
        half = numbers.versions()[-1]
        compare_named(numbers, lake, own)

        numbers.mtctl("refresh", "numbers")
        shown = numbers.versions()[-1]
        assert lake.types("numbers") == [("ds", "DATE"), ("a", "VARCHAR"), ("f", "DOUBLE")]
        assert lake.rows("SELECT ds::VARCHAR FROM numbers WHERE a = '50'") == [("2013-01-02",)]
        for old in (first, half, shown - 1):
            found = lake.rows(f"SELECT count(*), sum(a), any_value(typeof(a)) FROM numbers AT (VERSION => {old})")
            assert found == [(3, 149, "INTEGER")]
        made = "SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = ?"
        [(changes,)] = numbers.sql(made, shown)
        assert changes.startswith("dropped_table:")
        assert changes.endswith(',created_table:"main"."numbers"')
        compare_named(numbers, lake, own)
        assert lake.rows("SELECT count(*) FROM numbers WHERE f > 0.1") == [(1,)]
    numbers.mtctl("verify")


def compare_named(project: Project, lake: Duck, own: Duck) -> None:
    """Compare the table `numbers` at every snapshot: what mtctl reads under the name, and what the session does."""
    for snapshot in project.versions():
        relations = {name: one for name, one in project.tables_at(snapshot).items() if name == "numbers"}
        for name, relation in relations.items():
            theirs = f"{name} AT (VERSION => {snapshot})"
            assert lake.content(theirs) == own.content(relation), snapshot
            assert lake.types(theirs) == own.types(relation), snapshot
