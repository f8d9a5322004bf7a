"""Every type that a table may store: the extension reads what the file holds, and filters find the same rows."""

from __future__ import annotations

import json

import pytest
from lake_kit import Duck, Project, empty, lake_python

VALUES = {
    "BOOLEAN": ("false", "true"),
    "TINYINT": ("-128", "127"),
    "SMALLINT": ("-32768", "32767"),
    "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9007199254740993", "9007199254740992", "9223372036854775807"),
    "UTINYINT": ("0", "255"),
    "USMALLINT": ("0", "65535"),
    "UINTEGER": ("0", "4294967295"),
    "UBIGINT": ("9", "18446744073709551615"),
    "FLOAT": ("-0.0", "'inf'", "1.5", "'nan'", "0.0", "3.4028235e+38", "1.1754944e-38"),
    "DOUBLE": ("-0.0", "0.1", "1e300", "'-inf'", "'nan'", "9007199254740992", "0.0"),
    "DECIMAL(4,1)": ("-999.9", "0.5", "-0.1"),
    "DECIMAL(18,3)": ("-999999999999999.999", "0.001"),
    "DECIMAL(38,0)": ("-99999999999999999999999999999999999999", "123456789012345678901234567890"),
    "DECIMAL(38,10)": ("-1234567890123456789012345678.0123456789", "0.0000000001"),
    "VARCHAR": (
        "''",
        "'it''s'",
        "'Zürich 東京'",
        "repeat('z', 300)",
        "repeat('z', 255)",
        "repeat('é', 200)",
        "'a' || chr(0) || 'b'",
    ),
    "JSON": ("""'{"b": [1, null], "a": "ü"}'""", "'3'"),
    "UUID": ("'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    "BLOB": (r"'\x00\xFF'", r"'abc'", r"''", r"repeat('\xFF'::BLOB, 300)"),
    "DATE": ("'0044-03-15 (BC)'", "'2013-02-28'", "'12024-01-01'", "'infinity'", "'-infinity'", "'0001-01-01'"),
    "TIME": ("'00:00:00'", "'23:59:59.999999'", "'24:00:00'", "'01:02:03.45'"),
    "TIMESTAMP": (
        "'1969-12-31 23:59:59.999999'",
        "'2013-11-03 01:30:00'",
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 (BC) 01:02:03'",
        "'294247-01-10 04:00:54.775806'",
        "'2013-11-03 01:30:00.5'",
    ),
    "TIMESTAMP_S": ("'1969-12-31 23:59:59'", "'2013-11-03 01:30:00'", "'12013-11-03 01:30:00'"),
    "TIMESTAMP_MS": ("'1969-12-31 23:59:59.999'", "'2013-11-03 01:30:00.001'", "'2013-11-03 01:30:00'"),
    "TIMESTAMP_NS": (
        "'1969-12-31 23:59:59.999999999'",
        "'2013-11-03 01:30:00.000000001'",
        "'1677-09-22 00:00:00'",
        "'2262-04-11 23:47:16.854775806'",
    ),
    "TIMESTAMPTZ": (
        "'2013-11-03 01:30:00-04'",
        "'2013-11-03 01:30:00-05'",
        "'1969-12-31 23:59:59.5+00'",
        "'infinity'",
        "'0044-03-15 (BC) 01:02:03+00'",
        "'12013-01-01 00:00:00+00'",
    ),
    "INTERVAL": ("'0 seconds'", "'1 month'", "'30 days'", "'178956970 years 7 months'", "'1193 hours 0.001 seconds'"),
    "GEOMETRY": ("'POINT EMPTY'", "'POINT Z (1 2 3)'", "'LINESTRING (0 0, 1e300 -0.5)'"),
    "INTEGER[]": ("[]", "[NULL]", "[-2147483648, 2147483647]", "[1, NULL]"),
    "VARCHAR[][]": ("[['a'], [], NULL, ['NULL', NULL, '']]", "[]", "[NULL]", "[[repeat('é', 200)]]"),
    'STRUCT(a BIGINT, "b c" STRUCT(d DOUBLE, e DATE[]))': (
        "{'a': 9007199254740993, 'b c': {'d': 'nan', 'e': ['infinity', '0044-03-15 (BC)']}}",
        "{'a': NULL, 'b c': NULL}",
        "{'a': 1, 'b c': {'d': NULL, 'e': NULL}}",
        "{'a': -9223372036854775808, 'b c': {'d': '-inf', 'e': []}}",
    ),
    "MAP(VARCHAR, DECIMAL(38,0))": ("MAP {}", "MAP {'a': NULL}", f"MAP {{'ü': -{'9' * 38}, '': 1}}"),
    "STRUCT(t TIMESTAMPTZ, j JSON)[]": ("[{'t': '2013-11-03 01:30:00-04', 'j': '[1]'}]", "[NULL]", "[]"),
}
"""Edges of each type, as SQL that casts to it."""

ZONES = ("UTC", "America/New_York", "Asia/Kathmandu")


@pytest.fixture(scope="module")
def typed(tmp_path_factory) -> Project:
    """One table with a column of every type: a row per value, and one of nothing but NULL, each in a file of its own.

    So a file's least value is its greatest, and a statistic that is wrong by anything hides a row.
    """
    lake_python()
    project = empty(tmp_path_factory.mktemp("types") / "typed")
    settings = project.root / "mtctl.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[lake]\ntarget_file_rows = 1\n", encoding="utf-8")
    options = f"'partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '{DAYS[-1]}'"
    head = f"CREATE MATERIALIZED TABLE every\nPARTITIONED BY (ds)\nWITH ({options})\nAS"
    project.define("every", f"{head} {query()}\n")
    project.mtctl("up", "--once")
    assert project.sql("SELECT count(*) FROM ducklake_data_file") == [(len(DAYS) - 1,)]
    return project


DAYS = [f"2013-01-{day:02}" for day in range(1, 3 + max(len(values) for values in VALUES.values()))]


def query() -> str:
    """Return the SELECT that computes every value."""
    columns = ["(DATE '2013-01-01' + i::INTEGER) AS ds"]
    for number, (sql_type, values) in enumerate(VALUES.items()):
        cases = " ".join(f"WHEN {at} THEN CAST({value} AS {sql_type})" for at, value in enumerate(values))
        columns.append(f"CASE i {cases} END AS c{number}")
    columns.append("sum(CASE WHEN i < 2 THEN 9223372036854775807 + i * 0 END) AS huge")
    return f"SELECT {', '.join(columns)} FROM range({len(DAYS) - 1}) AS r(i) GROUP BY i"


def test_every_type_reads_back_as_it_was_computed(typed):
    texts = "SELECT COLUMNS(* EXCLUDE ds)::VARCHAR FROM {} ORDER BY ds"
    [plain] = typed.tables_at(typed.versions()[-1]).values()
    with typed.attached() as lake, Duck() as own:
        computed = own.rows(texts.format(f"({query()})"))
        assert own.rows(texts.format(plain)) == computed
        assert lake.rows(texts.format("every")) == computed
        assert lake.types("every") == own.types(plain)
        assert lake.types("every")[:-1] == own.types(f"({query()})")[:-1]
        assert lake.types("every")[-1] == ("huge", "DECIMAL(38,0)")
    found = json.loads(typed.mtctl("query", texts.format("every"), "-o", "json"))["data"]
    assert [tuple(row.values()) for row in found] == computed
    typed.mtctl("verify")


def conditions(*operators: str) -> list[str]:
    """Return comparisons of every column with every one of its values, and of the parts of a STRUCT with some."""
    plain = [
        f"c{number} {operator} CAST({value} AS {sql_type})"
        for number, (sql_type, values) in enumerate(VALUES.items())
        for value in values
        if "chr(0)" not in value  # the extension cannot parse a constant with NUL, and says so
        for operator in operators
    ]
    struct = next(f"c{number}" for number, one in enumerate(VALUES) if one.startswith("STRUCT(a"))
    parts = [
        f"{struct}.{part} {operator} {value}"
        for part, value in (("a", "9007199254740993"), ("a", "1"), ('"b c".d', "'nan'::DOUBLE"), ('"b c".d', "0"))
        for operator in operators
    ]
    return [*plain, *parts]


def ask(duck: Duck, relation: str, asked: list[str]) -> list[tuple]:
    """Return the days that each condition finds, by one statement with a pushed-down filter for each."""
    found = []
    for first in range(0, len(asked), 25):
        selects = (
            f"SELECT {number}, list(ds ORDER BY ds)::VARCHAR FROM {relation} WHERE {one}"
            for number, one in enumerate(asked[first : first + 25])
        )
        rows = dict(duck.rows(" UNION ALL ".join(selects)))
        found += [(one, rows[number]) for number, one in enumerate(asked[first : first + 25])]
    return found


EVERY = ("=", "<", ">", "<=", ">=", "<>", "IS NOT DISTINCT FROM")
LATER = [pytest.param(zone, EVERY, marks=pytest.mark.campaign) for zone in ZONES]


@pytest.mark.parametrize(("zone", "operators"), [("UTC", ("=",)), *LATER])
def test_filters_on_every_type_find_the_same_rows(typed, zone, operators):
    nulls = [f"c{number} {word}" for number in range(len(VALUES)) for word in ("IS NULL", "IS NOT NULL")]
    asked = [*conditions(*operators), *nulls]
    with typed.attached() as lake, Duck() as own:
        for duck in (lake, own):
            duck.rows(f"SET TimeZone = '{zone}'")
        [plain] = typed.tables_at(typed.versions()[-1]).values()
        found = ask(lake, "every", asked)
        assert found == ask(own, plain, asked)
    assert all(days is not None for condition, days in found if " = " in condition and "." not in condition)


def test_a_sum_of_integers_keeps_every_digit(typed):
    with typed.attached() as lake:
        assert lake.rows("SELECT huge::VARCHAR FROM every WHERE huge IS NOT NULL ORDER BY ds") == [
            ("9223372036854775807",),
            ("9223372036854775807",),
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
