from __future__ import annotations

import pytest
from contract.engine_kit import Bench, bench_in, error_of

from mtctl.core.errors import Kind


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("parse") / "p")


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT * FROM a JOIN main.b USING (x), shop.main.c", ("a", "main.b", "shop.main.c")),
        ("WITH a AS (SELECT * FROM b) SELECT * FROM a", ("b",)),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", ("a",)),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r", ()),
        ("SELECT (SELECT max(x) FROM s) FROM t WHERE y IN (FROM u)", ("s", "t", "u")),
        ('SELECT * FROM "Strange Name"', ("Strange Name",)),
        ("FROM a UNION ALL FROM b", ("a", "b")),
        ("VALUES (1), (2)", ()),
        ("SELECT * FROM range(3) r, unnest([1]) u", ()),
        ("TABLE a", ("a",)),
        ("UNPIVOT a ON x, y INTO NAME n VALUE v", ("a",)),
        ("PIVOT a ON b IN ('x') USING sum(c)", None),
    ],
)
def test_tables_are_found(bench: Bench, query, tables):
    assert bench.parse(query).tables == tables


def test_literals_parameters_functions_and_volatile_ones_are_found(bench: Bench):
    parsed = bench.parse(
        "SELECT 'é€', now(), random(), sum(x), $interval_start, current_date "
        "FROM 'a/*.parquet', read_csv('b''c.csv', delim = ';') WHERE y = $logical_date"
    )
    assert parsed.literals == ("a/*.parquet", "b'c.csv")
    assert parsed.params == ("interval_start", "logical_date")
    assert {"now", "random", "sum"} <= set(parsed.functions)
    assert parsed.volatile == ("current_date", "now", "random")


def test_canonical_ignores_comments_space_and_keyword_case_only(bench: Bench):
    base = bench.parse("SELECT a FROM t -- end\n;").canonical
    assert bench.parse("select /* x */ a\n  from t").canonical == base
    assert bench.parse("select b from t").canonical != base
    assert bench.parse("select 'A' from t").canonical != bench.parse("select 'a' from t").canonical
    assert bench.parse("select 'a  b' from t").canonical != bench.parse("select 'a b' from t").canonical


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "sql_empty"),
        ("-- nothing\n/* at all */", "sql_empty"),
        (";", "sql_empty"),
        ("SELECT 1; DROP TABLE t", "sql_multiple"),
        ("SELECT 1; SELECT 2", "sql_multiple"),
        ("DROP TABLE t", "sql_not_select"),
        ("ATTACH 'x.db'", "sql_not_select"),
        ("COPY t TO 'x.csv'", "sql_not_select"),
        ("INSTALL httpfs", "sql_not_select"),
        ("LOAD httpfs", "sql_not_select"),
        ("PRAGMA version", "sql_not_select"),
        ("SET threads = 1", "sql_not_select"),
        ("CALL duckdb_settings()", "sql_not_select"),
        ("INSERT INTO t VALUES (1)", "sql_not_select"),
        ("CREATE MACRO m() AS 1", "sql_not_select"),
        ("EXPORT DATABASE 'x'", "sql_not_select"),
        ("EXPLAIN SELECT 1", "sql_not_select"),
        ("SHOW TABLES", "sql_not_select"),
        ("SELECT * FROM (SHOW TABLES)", "sql_not_select"),
        ("SELECT FROM WHERE", "sql_syntax"),
        ("SELECT 'a\0b'", "sql_syntax"),
        ("SELECT * FROM read_text('/etc/passwd')", "sql_access"),
        ("SELECT * FROM read_blob('x')", "sql_access"),
        ("SELECT * FROM glob('*')", "sql_access"),
        ("SELECT * FROM sniff_csv('x')", "sql_access"),
        ("SELECT * FROM duckdb_settings()", "sql_access"),
        ("SELECT * FROM pragma_database_list()", "sql_access"),
        ("SELECT * FROM parquet_metadata('x')", "sql_access"),
        ("PIVOT (FROM read_text('/etc/passwd')) ON filename USING count(*)", "sql_access"),
        ("SELECT * FROM read_csv('a' || 'b')", "source_not_literal"),
        ("SELECT * FROM read_csv(['a', 'b'])", "source_not_literal"),
        ("SELECT * FROM read_parquet(x)", "source_not_literal"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "sql_depth"),
        ("SELECT " + "1+" * 3000 + "1", "sql_depth"),
        ("SELECT '" + "x" * 10_000_001 + "'", "sql_too_large"),
    ],
)
def test_anything_but_one_plain_select_is_refused(bench: Bench, query, code):
    error = error_of(lambda: bench.parse(query))
    assert (error.code, error.kind) == (code, Kind.INVALID)
    assert "\n" not in str(error)


def test_a_syntax_error_shows_line_column_and_caret_in_characters(bench: Bench):
    error = error_of(lambda: bench.parse("SELECT 'é'\n, 'ü€', , 1"))
    assert error.where == "line 2, column 9"
    assert error.excerpt == ", 'ü€', , 1\n        ^"
