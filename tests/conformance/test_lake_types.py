"""Every type that a table may store: the extension reads what the file holds, and filters find the same rows."""

from __future__ import annotations

import pytest
from lake_kit import Duck, Project, empty, lake_python

VALUES = {
    "BOOLEAN": ("false", "true"),
    "TINYINT": ("-128", "127"),
    "SMALLINT": ("-32768", "32767"),
    "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"),
    "UTINYINT": ("0", "255"),
    "USMALLINT": ("0", "65535"),
    "UINTEGER": ("0", "4294967295"),
    "UBIGINT": ("9", "18446744073709551615"),
    "FLOAT": ("-0.0", "'inf'", "1.5", "'nan'"),
    "DOUBLE": ("-0.0", "0.1", "1e300", "'-inf'", "'nan'"),
    "DECIMAL(4,1)": ("-999.9", "0.5"),
    "DECIMAL(18,3)": ("-999999999999999.999", "0.001"),
    "DECIMAL(38,0)": ("-99999999999999999999999999999999999999", "123456789012345678901234567890"),
    "DECIMAL(38,10)": ("-1234567890123456789012345678.0123456789", "0.0000000001"),
    "VARCHAR": ("''", "'it''s'", "'Zürich 東京'", "repeat('z', 300)"),
    "JSON": ("""'{"b": [1, null], "a": "ü"}'""", "'3'"),
    "UUID": ("'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    "BLOB": (r"'\x00\xFF'", r"'abc'"),
    "DATE": ("'0044-03-15 (BC)'", "'2013-02-28'", "'12024-01-01'", "'infinity'"),
    "TIME": ("'00:00:00'", "'23:59:59.999999'"),
    "TIMESTAMP": ("'1969-12-31 23:59:59.999999'", "'2013-11-03 01:30:00'", "'infinity'"),
    "TIMESTAMP_S": ("'1969-12-31 23:59:59'", "'2013-11-03 01:30:00'"),
    "TIMESTAMP_MS": ("'1969-12-31 23:59:59.999'", "'2013-11-03 01:30:00.001'"),
    "TIMESTAMP_NS": ("'1969-12-31 23:59:59.999999999'", "'2013-11-03 01:30:00.000000001'"),
    "TIMESTAMPTZ": ("'2013-11-03 01:30:00-04'", "'2013-11-03 01:30:00-05'", "'1969-12-31 23:59:59.5+00'"),
}
"""Edges of each type, as SQL that casts to it."""

STORED = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}


@pytest.fixture(scope="module")
def typed(tmp_path_factory) -> Project:
    """One table with a column of every type: a row per value, and a row of nothing but NULL."""
    lake_python()
    most = max(len(values) for values in VALUES.values())
    columns = ["(DATE '2013-01-01' + i::INTEGER) AS ds"]
    for number, (sql_type, values) in enumerate(VALUES.items()):
        cases = " ".join(f"WHEN {at} THEN CAST({value} AS {sql_type})" for at, value in enumerate(values))
        columns.append(f"CASE i {cases} END AS c{number}")
    columns.append("sum(CASE WHEN i < 2 THEN 9223372036854775807 + i * 0 END) AS huge")
    query = f"SELECT {', '.join(columns)} FROM range({most + 1}) AS r(i) GROUP BY i"
    project = empty(tmp_path_factory.mktemp("types") / "typed")
    project.define("every", f"CREATE MATERIALIZED TABLE every AS\n{query}\n")
    project.mtctl("up", "--once")
    return project


def test_every_type_reads_back_as_the_file_holds_it(typed):
    with typed.attached() as lake, Duck() as own:
        [plain] = typed.tables_at(typed.versions()[-1]).values()
        assert lake.types("every") == own.types(plain)
        assert [kind for _, kind in lake.types("every")][1:-1] == [STORED.get(one, one) for one in VALUES]
        assert lake.types("every")[-1] == ("huge", "DECIMAL(38,0)")
        for column, _ in lake.types("every"):
            assert texts(lake, "every", column) == texts(own, plain, column), column


LATER = [pytest.param(one, marks=pytest.mark.campaign) for one in ("<", ">", "<=", ">=", "IS NOT DISTINCT FROM")]


@pytest.mark.parametrize("operator", ["=", *LATER])
def test_filters_on_every_type_find_the_same_rows(typed, operator):
    with typed.attached() as lake, Duck() as own:
        [plain] = typed.tables_at(typed.versions()[-1]).values()
        for number, (sql_type, values) in enumerate(VALUES.items()):
            for value in values:
                question = f"SELECT ds FROM lake WHERE c{number} {operator} CAST({value} AS {sql_type}) ORDER BY ds"
                found = lake.rows(question.replace("FROM lake", "FROM every"))
                assert found == own.rows(question.replace("FROM lake", f"FROM {plain}")), question
                if operator in {"=", "<=", ">=", "IS NOT DISTINCT FROM"}:
                    assert found, question


def test_null_is_found_in_every_type(typed):
    with typed.attached() as lake, Duck() as own:
        [plain] = typed.tables_at(typed.versions()[-1]).values()
        for number in range(len(VALUES)):
            for word in ("IS NULL", "IS NOT NULL"):
                question = f"SELECT count(*), count(c{number}), min(ds) FROM lake WHERE c{number} {word}"
                found = lake.rows(question.replace("FROM lake", "FROM every"))
                assert found == own.rows(question.replace("FROM lake", f"FROM {plain}")), question
                assert found[0][0] > 0


def test_a_sum_of_integers_keeps_every_digit(typed):
    with typed.attached() as lake:
        assert lake.rows("SELECT huge::VARCHAR FROM every WHERE huge IS NOT NULL ORDER BY ds") == [
            ("9223372036854775807",),
            ("9223372036854775807",),
        ]
        assert texts(lake, "every", f"c{list(VALUES).index('DECIMAL(38,0)')}") == [
            "-99999999999999999999999999999999999999",
            "123456789012345678901234567890",
        ]


@pytest.mark.campaign
def test_a_zero_byte_in_the_extremes_of_a_text_hides_no_row(tmp_path):
    lake_python()
    project = empty(tmp_path / "zero")
    query = "SELECT 'b' || chr(0) || unnest(['x', 'y']) AS v, 1 AS one UNION ALL SELECT 'c' || chr(0), 2"
    project.define("zero", f"CREATE MATERIALIZED TABLE zero AS\n{query}\n")
    project.mtctl("up", "--once")

    with project.attached() as lake, Duck() as own:
        [plain] = project.tables_at(project.versions()[-1]).values()
        for condition in ("v > 'b'", "v >= 'b'", "v < 'c'", "v <= 'c'", "v > 'c'", "v = 'b'", "v < 'd'", "one = 2"):
            question = f"SELECT count(*), count(DISTINCT v) FROM lake WHERE {condition}"
            found = lake.rows(question.replace("FROM lake", "FROM zero"))
            assert found == own.rows(question.replace("FROM lake", f"FROM {plain}")), condition


def test_the_example_question_through_the_extension_uses_statistics_for_pruning(small):
    with small.attached() as lake:
        plan = lake.rows("EXPLAIN ANALYZE SELECT sum(flights) FROM flights_daily WHERE flight_date = DATE '2013-01-05'")
    assert "Total Files Read: 1" in plan[0][1], plan[0][1]


def texts(duck: Duck, relation: str, column: str) -> list[str]:
    text = f"hex({column})" if duck.types(f"(SELECT {column} FROM {relation})")[0][1] == "BLOB" else column
    found = duck.rows(f"SELECT {text}::VARCHAR FROM {relation} WHERE {column} IS NOT NULL ORDER BY ALL")
    return [value for (value,) in found]
