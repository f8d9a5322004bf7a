"""The fourteen rules of a hand-written catalog, each of which lost data or gave wrong answers where it was broken.

Here they are asked of the real extension. What the catalog's rows must be is in `contract/test_catalog_rules.py` (rules
2 to 9, 11, 14) and `contract/test_store_schema.py` (12); field ids of files in `contract/test_engine_stage.py` (10);
that no process holds two SQLite libraries in `architecture/` and `e2e/` (1); types and HUGEINT in `test_lake_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lake_kit import READ_WRITE, Duck, Project, Writer, empty, lake_python

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """CREATE MATERIALIZED TABLE numbers
PARTITIONED BY (ds)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-04')
AS SELECT {columns} FROM 'data/numbers.csv'
"""


def write_source(root: Path, *rows: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "numbers.csv").write_text("\n".join(("ds,a,b", *rows)) + "\n", encoding="utf-8")


@pytest.fixture
def numbers(tmp_path) -> Project:
    """Three days of two numbers; the first day holds the greatest, in one file with the others."""
    lake_python()
    project = empty(tmp_path / "numbers")
    write_source(project.root, "2013-01-01,99,-5", "2013-01-02,50,7", "2013-01-03,,7")
    project.define("numbers", TABLE.format(columns="ds, a, b"))
    project.mtctl("up", "--once")
    return project


@pytest.mark.campaign
def test_rule_1_sessions_that_come_and_go_beside_a_writer_lose_no_commit(numbers):
    first = numbers.versions()[-1]
    with Writer(numbers, "numbers") as writer:
        for _ in range(3):
            for options in (READ_WRITE, "(READ_ONLY)"):
                with numbers.attached(options) as lake:
                    assert lake.rows("SELECT count(*) FROM numbers") == [(3,)]

    assert writer.troubles == []
    assert numbers.versions()[-1] - first == writer.done > 0
    numbers.mtctl("verify")


@pytest.mark.campaign
def test_rules_2_to_4_extremes_follow_what_is_there_in_a_session_that_stays(numbers):
    before = numbers.versions()[-1]
    with numbers.attached() as lake:
        assert lake.rows("SELECT max(a), min(a), count(*), count(a) FROM numbers") == [(99, 50, 3, 2)]
        write_source(numbers.root, "2013-01-01,20,-5", "2013-01-02,50,7", "2013-01-03,,700")
        numbers.mtctl("refresh", "numbers", "--force")

        assert lake.rows("SELECT max(a), min(a), count(*), count(a), max(b) FROM numbers") == [(50, 20, 3, 2, 700)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE a = 20") == [(1,)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE b = 700") == [(1,)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE a IS NULL") == [(1,)]
        old = f"FROM numbers AT (VERSION => {before})"
        assert lake.rows(f"SELECT max(a), count(*) FILTER (WHERE a = 99), count(a) {old}") == [(99, 1, 2)]
        assert lake.rows(f"SELECT count(*) {old} WHERE a > 90") == [(1,)]


@pytest.mark.campaign
def test_rule_5_a_session_that_stays_sees_new_columns_and_old_versions_without_them(numbers):
    before = numbers.versions()[-1]
    with numbers.attached() as lake:
        assert [name for name, _ in lake.types("numbers")] == ["ds", "a", "b"]
        numbers.define("numbers", TABLE.format(columns="ds, a, b, a + b AS c"))
        numbers.mtctl("apply")

        assert [name for name, _ in lake.types("numbers")] == ["ds", "a", "b", "c"]
        assert lake.rows("SELECT count(*), count(c) FROM numbers WHERE c IS NULL") == [(3, 0)]
        numbers.mtctl("refresh", "numbers", "--force")
        assert lake.rows("SELECT c FROM numbers WHERE c IS NOT NULL ORDER BY c") == [(57,), (94,)]
        assert [name for name, _ in lake.types(f"numbers AT (VERSION => {before})")] == ["ds", "a", "b"]


@pytest.mark.campaign
def test_rule_6_counts_that_open_no_file_are_exact_after_part_of_a_file_was_replaced(numbers):
    write_source(numbers.root, "2013-01-01,1,1", "2013-01-02,2,2", "2013-01-02,3,3", "2013-01-02,4,4")
    for day in ("2013-01-02", "2013-01-03"):
        numbers.mtctl("refresh", "numbers", "--interval", day, "--force")

    with numbers.attached() as lake:
        counted = lake.rows("SELECT count(*) FROM numbers")
        assert counted == lake.rows("SELECT sum(1)::BIGINT FROM (SELECT ds, a, b FROM numbers)") == [(4,)]
        assert lake.rows("SELECT ds, count(*) FROM numbers GROUP BY ds ORDER BY ds") == [
            ("2013-01-01", 1),
            ("2013-01-02", 3),
        ]
        assert lake.rows("SELECT a FROM numbers WHERE ds = DATE '2013-01-01'") == [(99,)], "what was carried"


@pytest.mark.campaign
def test_rule_7_a_path_stands_in_one_row_and_every_path_is_there(history):
    rows = history.sql(  # a table that was in two schemas has two rows, with one folder
        "SELECT DISTINCT f.data_file_id, m.value || s.path || t.path || f.path FROM ducklake_data_file f"
        " JOIN (SELECT DISTINCT table_id, schema_id, path FROM ducklake_table) t USING (table_id)"
        " JOIN ducklake_schema s USING (schema_id) JOIN ducklake_metadata m ON m.key = 'data_path'"
    )
    paths = [path for _, path in rows]
    assert len(paths) == len(set(paths)) == history.sql("SELECT count(*) FROM ducklake_data_file")[0][0]
    on_disk = {str(path) for path in (history.root / "lake" / "data").rglob("*.parquet")}
    assert set(paths) <= on_disk


@pytest.mark.campaign
def test_rule_8_a_filter_at_the_very_edge_of_the_statistics_finds_its_row(history):
    edges = "SELECT min({0}), max({0}) FROM {1}"
    with history.attached() as lake, Duck() as own:
        for name, relation in history.tables_at(history.versions()[-1]).items():
            for column, kind in own.types(relation):
                [(low, high)] = own.rows(edges.format(f'"{column}"', relation))
                for edge in (low, high):
                    if edge is None:
                        continue
                    value = str(edge).replace("'", "''")
                    condition = f"\"{column}\" = CAST('{value}' AS {kind})"
                    found = lake.rows(f"SELECT count(*) > 0 FROM {name} WHERE {condition}")
                    assert found == [(True,)], (name, condition)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("kind", "expression"),
    [("BIGINT", "VARCHAR"), ("FLOAT", "DOUBLE")],
)
def test_rule_9_a_type_changes_by_a_new_version_and_filters_then_find_the_rows(numbers, kind, expression):
    def define(sql_type):
        numbers.define("numbers", TABLE.format(columns=f"ds, CAST(a AS {sql_type}) AS a"))

    define(kind)
    numbers.mtctl("up", "--once")
    define(expression)
    numbers.mtctl("up", "--once")

    with numbers.attached() as lake:
        assert lake.types("numbers")[1] == ("a", expression)
        assert lake.rows(f"SELECT count(*) FROM numbers WHERE a = CAST(50 AS {expression})") == [(1,)]
        assert lake.rows("SELECT count(*) FROM numbers WHERE a IS NULL") == [(1,)]


@pytest.mark.campaign
def test_rule_10_columns_are_found_by_field_id_whatever_their_order(numbers):
    before = numbers.versions()[-1]
    numbers.define("numbers", TABLE.format(columns="b, ds, a"))
    numbers.mtctl("apply")
    numbers.mtctl("refresh", "numbers", "--force")

    with numbers.attached() as lake, Duck() as own:
        first = lake.rows(f"FROM numbers AT (VERSION => {before}) ORDER BY ds LIMIT 1")
        assert (first, lake.rows("FROM numbers ORDER BY ds LIMIT 1")) == (
            [("2013-01-01", 99, -5)],
            [(-5, "2013-01-01", 99)],
        )
        by_file = [
            own.rows(f"SELECT name, field_id FROM parquet_schema('{path}') WHERE type IS NOT NULL ORDER BY field_id")
            for path in (numbers.root / "lake" / "data").rglob("*.parquet")
        ]
    assert by_file == [[("ds", 1), ("a", 2), ("b", 3)]] * 2


def test_rule_11_nothing_is_left_null_or_unknown_that_the_extension_stumbles_over(history):
    assert history.sql("SELECT count(*) FROM ducklake_data_file WHERE file_size_bytes IS NULL") == [(0,)]
    written_anew = history.sql(
        "SELECT m.value || t.path || f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
        " JOIN ducklake_metadata m ON m.key = 'data_path' WHERE f.row_id_start IS NULL AND t.end_snapshot IS NULL"
    )
    with Duck() as own:
        for (path,) in written_anew:  # their rows bring their ids along
            ids = own.rows(f"SELECT name FROM parquet_schema('{path}') WHERE field_id = 2147483540")
            assert ids == [("_ducklake_internal_row_id",)]
    assert written_anew, "a month was overwritten in a file that holds others too"
    assert history.sql("SELECT count(*) FROM ducklake_column WHERE nulls_allowed IS NULL") == [(0,)]
    assert history.sql("SELECT count(*) FROM ducklake_metadata WHERE scope IS NOT NULL") == [(0,)]
    with history.attached() as lake:
        snapshots = "FROM nycflights13.snapshots() WHERE snapshot_time IS NOT NULL"
        assert lake.rows(f"SELECT count(*) {snapshots}") == [(len(history.versions()),)]


def test_rule_12_the_catalog_tables_are_column_for_column_the_extensions_own(history, tmp_path):
    theirs = tmp_path / "theirs.db"
    with history.attached() as lake:
        lake.rows(f"ATTACH 'ducklake:sqlite:{theirs}' AS theirs (DATA_PATH '{tmp_path}/data')")
        lake.rows("DETACH theirs")

    other = Project(tmp_path)
    query = """SELECT t.name, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk
               FROM sqlite_schema t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name LIKE 'ducklake_%' ORDER BY 1, 2"""
    found = other.sql(query, state=theirs)
    assert len({name for name, *_ in found}) == 28
    assert history.sql(query) == found


def test_rule_12_the_first_rows_are_those_of_the_extension(history, tmp_path):
    theirs = tmp_path / "theirs.db"
    with history.attached() as lake:
        lake.rows(f"ATTACH 'ducklake:sqlite:{theirs}' AS theirs (DATA_PATH '{tmp_path}/data')")
        lake.rows("DETACH theirs")

    other = Project(tmp_path)
    for query in (
        "SELECT schema_version, next_catalog_id, next_file_id FROM ducklake_snapshot WHERE snapshot_id = 0",
        "SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = 0",
        "SELECT schema_id, begin_snapshot, end_snapshot, schema_name FROM ducklake_schema WHERE begin_snapshot = 0",
        "SELECT value FROM ducklake_metadata WHERE key IN ('version', 'encrypted') ORDER BY key",
    ):
        assert history.sql(query) == other.sql(query, state=theirs), query


def test_rule_14_next_ids_exceed_every_id_in_use(history):
    [(catalog_id, file_id)] = history.sql(
        "SELECT next_catalog_id, next_file_id FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1"
    )
    [(greatest,)] = history.sql("SELECT max(table_id) FROM ducklake_table")
    [(greatest_file,)] = history.sql("SELECT max(data_file_id) FROM ducklake_data_file")
    assert catalog_id > greatest > 0
    assert file_id > greatest_file > 0
    order = "SELECT next_catalog_id, next_file_id FROM ducklake_snapshot ORDER BY snapshot_id"
    ids = history.sql(order)
    assert [one for one, _ in ids] == sorted(one for one, _ in ids)
    assert [one for _, one in ids] == sorted(one for _, one in ids)
