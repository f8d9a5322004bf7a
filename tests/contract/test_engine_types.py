from __future__ import annotations

from importlib.metadata import version

import pytest
from contract.engine_kit import Bench, bench_in, day_intervals, error_of, native, plain, relation

from mtctl.core.errors import Kind
from mtctl.core.values import replace


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("types") / "p")


HOURS = 23 if version("duckdb").startswith("2.") else 1193
"""The most hours that an INTERVAL keeps in Parquet: DuckDB 2 turns 24 of them into a day."""

EXTREMES = {
    "BOOLEAN": ("true", "false"),
    "TINYINT": ("-128", "127"),
    "SMALLINT": ("-32768", "32767"),
    "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"),
    "UTINYINT": ("0", "255"),
    "USMALLINT": ("0", "65535"),
    "UINTEGER": ("0", "4294967295"),
    "UBIGINT": ("0", "18446744073709551615"),
    "FLOAT": ("1.1754944e-38", "3.4028235e+38", "nan", "inf", "-0.0", "1.5", "0.1"),
    "DOUBLE": ("2.2250738585072014e-308", "1.7976931348623157e+308", "nan", "-inf", "0.1", "1e-07", "1e300"),
    "DECIMAL(5,2)": ("-999.99", "999.99", "0.10"),
    "DECIMAL(18,3)": ("-999999999999999.999", "1.000"),
    "DECIMAL(38,0)": ("-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    "VARCHAR": ("", "ü€😀", "z" * 300),
    "JSON": ('{"a":1}', "[1]"),
    "UUID": ("00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "BLOB": ("\\x00\\xFF", "abc"),
    "DATE": ("0044-03-15 (BC)", "9999-12-31", "infinity", "2013-01-01"),
    "TIME": ("00:00:00", "23:59:59.999999", "01:02:03.4567"),
    "TIMESTAMP": ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "-infinity"),
    "TIMESTAMP_S": ("1969-12-31 23:59:59", "9999-12-31 23:59:59"),
    "TIMESTAMP_MS": ("1969-12-31 23:59:59.999", "9999-12-31 23:59:59.999"),
    "TIMESTAMP_NS": ("1677-09-22 00:00:00", "2262-04-11 23:47:16.854775"),
    "TIMESTAMP WITH TIME ZONE": ("0001-01-02 00:00:00+00", "9999-12-30 23:59:59.999999+00", "2013-01-01 05:00:00-05"),
    "INTERVAL": ("0 seconds", "1 month", "178956970 years 7 months", "2147483647 days", f"{HOURS} hours 0.001 seconds"),
    "GEOMETRY": ("POINT EMPTY", "POINT Z (1 2 3)", "LINESTRING (0 0, 1e300 -0.5)"),
    "INTEGER[]": ("[]", "[NULL]", "[-2147483648, 2147483647]"),
    "VARCHAR[][]": ("[[], NULL, [NULL, '', 'NULL', ü€😀]]", "[[a], [b, c]]", "[[a, b], [c]]"),
    'STRUCT("a" BIGINT, "b c" STRUCT("d" DOUBLE, "e" DATE[]))': (
        "{'a': 9007199254740993, 'b c': {'d': nan, 'e': [0044-03-15 (BC), infinity]}}",
        "{'a': NULL, 'b c': NULL}",
        "{'a': -9223372036854775808, 'b c': {'d': -inf, 'e': NULL}}",
    ),
    "MAP(VARCHAR, DECIMAL(38,0))": ("{}", "{a=NULL}", "{ü=-99999999999999999999999999999999999999, b=1}"),
    'STRUCT("t" TIMESTAMP WITH TIME ZONE, "j" JSON)[]': ("[{'t': 2013-01-01 05:00:00-05, 'j': 1}]", "[NULL]", "[]"),
}


@pytest.mark.parametrize("sql_type", EXTREMES)
def test_every_type_comes_back_and_its_statistics_are_recomputed(bench: Bench, sql_type):
    texts = (value.replace("'", "''") for value in EXTREMES[sql_type])
    values = ", ".join(f"({n}, CAST('{text}' AS {sql_type}))" for n, text in enumerate(texts))
    query = f"FROM (VALUES (99, NULL::{sql_type}), {values}) t(n, c)"
    columns = bench.columns(query)
    staged = bench.stage(query, columns=columns)
    table = relation("t", columns, staged.files[0].path)
    rows = "SELECT n, CAST(c AS VARCHAR), typeof(c) FROM {} ORDER BY n"
    assert bench.query(rows.format("t"), table) == bench.query(rows.format(f"({query})"))
    measured = bench.measure(staged, 0, columns)
    assert measured.fingerprints == (staged.intervals[0].fingerprint,)
    told = {one.field_id for one in staged.files[0].stats}
    assert told <= {one.field_id for one in measured.stats}
    holds = [one for one in measured.stats if one.field_id in told]
    for found, reported in zip(holds, staged.files[0].stats, strict=True):
        assert (found.field_id, found.value_count, found.null_count) == (
            reported.field_id, reported.value_count, reported.null_count,
        )  # fmt: skip
        for part in ("min", "max", "contains_nan"):
            said, holds = getattr(reported, part), getattr(found, part)
            assert None in {said, holds} or said == holds, (part, said, holds)
    [surveyed] = bench.survey(staged, columns)
    assert surveyed is not None
    assert surveyed.fingerprints == measured.fingerprints
    by_id = {one.field_id: one for one in surveyed.stats}
    for reported in staged.files[0].stats:
        found = by_id[reported.field_id]
        bounds = {part: getattr(reported, part) for part in ("min", "max") if getattr(reported, part) is None}
        assert replace(found, bytes=reported.bytes, **bounds) == reported


def test_hugeint_is_exact_and_overflow_fails(bench: Bench):
    staged = bench.stage("SELECT 12345678901234567890123456789012345678::HUGEINT AS h")
    assert plain(f"SELECT h, typeof(h) FROM '{staged.files[0].path}'") == [
        ["12345678901234567890123456789012345678", "DECIMAL(38,0)"]
    ]
    error = error_of(lambda: bench.stage("SELECT 170141183460469231731687303715884105727::HUGEINT AS h"))
    assert (error.code, error.kind) == ("query_failed", Kind.FAILED)


@pytest.mark.parametrize(
    "value",
    ["-1 month", "-1 day", "-1 second", "1 month -1 second", "0.0001 seconds", "0.0000015 seconds", "1194 hours",
     "2562047 hours"],
)  # fmt: skip
def test_an_interval_that_parquet_would_change_fails_the_attempt(bench: Bench, value):
    error = error_of(lambda: bench.stage(f"FROM (VALUES (INTERVAL '1 day'), (INTERVAL '{value}')) t(\"it's\")"))
    assert (error.code, error.kind) == ("value_inexact", Kind.FAILED)
    assert '"it\'s"' in error.what
    assert 'CAST("it\'s" AS VARCHAR)' in error.fix


def test_an_interval_is_guarded_in_an_interval_table_too(bench: Bench):
    days_of = "range(DATE '2013-01-01', DATE '2013-01-03', INTERVAL 1 DAY) t(d)"
    query = f"SELECT d::DATE AS ds, to_milliseconds(i * 0.5) AS v FROM {days_of}, range(2) r(i)"
    days = day_intervals("2013-01-01", "2013-01-03")
    error = error_of(lambda: bench.stage(query, native("ds", "DATE"), days))
    assert (error.code, "00:00:00.0005" in error.what) == ("value_inexact", True)


NESTED = {
    "INTEGER[]": ("NULL", "[]", "[NULL]", "[0]", "[0, 0]", "[0, NULL]", "[NULL, 0]", "[1, 2]", "[2, 1]"),
    "INTEGER[][]": ("[]", "[[]]", "[NULL]", "[[NULL]]", "[[1], [2]]", "[[1, 2]]", "[[1, 2], []]", "[[], [1, 2]]"),
    "STRUCT(a INTEGER, b INTEGER)": (
        "NULL",
        "{'a': NULL, 'b': NULL}",
        "{'a': 1, 'b': 2}",
        "{'a': 2, 'b': 1}",
        "{'a': 1, 'b': 1}",
        "{'a': 2, 'b': 2}",
        "{'a': 1, 'b': NULL}",
        "{'a': NULL, 'b': 1}",
    ),
    "MAP(INTEGER, INTEGER)": (
        "NULL",
        "MAP {}",
        "MAP {1: NULL}",
        "MAP {1: 2}",
        "MAP {2: 1}",
        "MAP {1: 2, 2: 1}",
        "MAP {1: 1, 2: 2}",
        "MAP {2: 2, 1: 1}",
    ),
    "STRUCT(a VARCHAR[], b STRUCT(c VARCHAR))": (
        "NULL",
        "{'a': NULL, 'b': NULL}",
        "{'a': [], 'b': NULL}",
        "{'a': [NULL], 'b': NULL}",
        "{'a': ['NULL'], 'b': NULL}",
        "{'a': NULL, 'b': {'c': NULL}}",
        "{'a': ['x, y'], 'b': NULL}",
        "{'a': ['x', 'y'], 'b': NULL}",
    ),
    "INTERVAL": ("NULL", "INTERVAL 1 MONTH", "INTERVAL 30 DAY", f"INTERVAL {HOURS} HOUR", "INTERVAL 1 DAY"),
}


@pytest.mark.parametrize("sql_type", NESTED)
def test_nested_values_that_differ_have_fingerprints_that_differ(bench: Bench, sql_type):
    found = {}
    columns = bench.columns(f"SELECT NULL::{sql_type} AS v")
    for value in NESTED[sql_type]:
        staged = bench.stage(f"SELECT {value}::{sql_type} AS v", columns=columns)
        found[value] = staged.intervals[0].fingerprint
    assert len(set(found.values())) == len(found), found


def test_a_double_inside_of_a_nested_value_is_rounded_like_any_other(bench: Bench):
    def of(value: str) -> str:
        query = f"SELECT [{{'a': {value}::DOUBLE}}] AS l, MAP {{'k': [{value}::DOUBLE]}} AS m"
        return bench.stage(query).intervals[0].fingerprint

    assert of("0.1 + 0.2::DOUBLE") == of("0.3") != of("0.30001")
    assert of("-0.0") == of("0.0")


def test_nested_columns_are_read_by_name_within_a_column_found_by_id(bench: Bench):
    staged = bench.stage("SELECT 1 AS n, {'a': 1, 'b': ['x']} AS st, [{'k': 2}] AS l")
    columns = bench.columns("SELECT [{'k': 2}] AS l, {'a': 1, 'b': ['x']} AS renamed")
    columns = (replace(columns[0], field_id=6), replace(columns[1], field_id=2))
    late = replace(bench.columns("SELECT MAP {1: {'x': [1]}} AS late")[0], field_id=20)
    table = relation("t", (*columns, late), staged.files[0].path)
    assert bench.query("SELECT l, renamed.a, renamed.b[1], late, typeof(late) FROM t", table) == [
        ["[{'k': 2}]", "1", "x", None, "MAP(INTEGER, STRUCT(x INTEGER[]))"]
    ]


def test_statistics_of_parts_count_rows_or_are_not_there(bench: Bench):
    query = "FROM (VALUES ({'a': 1, 'l': [1, 2, 3]}, MAP {1: 2}), (NULL, NULL), ({'a': 7, 'l': []}, MAP {})) t(st, m)"
    staged = bench.stage(query)
    assert [(one.field_id, one.value_count, one.null_count, one.min, one.max) for one in staged.files[0].stats] == [
        (2, 2, 1, "1", "7")
    ]
