from __future__ import annotations

from pathlib import Path

import pytest
from contract.engine_kit import Bench, bench_in, error_of, plain, relation

TABLE = "SELECT i AS n, i % 3 AS k, 'é' || i AS s FROM range(10) t(i)"

SAME = {
    "plain": "SELECT n, k, s FROM t",
    "another spelling": 'SELECT n, k, s FROM "T"',
    "twice under one name": "SELECT a.n, b.k, t.s FROM t a JOIN t b USING (n) JOIN t ON t.n = a.n",
    "an own WITH above it": "WITH u AS (SELECT * FROM t) SELECT n, k, s FROM u",
    "an own WITH of its name": "WITH t AS (SELECT n, k, s FROM t) SELECT n, k, s FROM t",
    "in a subquery of a subquery": "SELECT n, k, (SELECT max(s) FROM (FROM t) i WHERE i.n = o.n) AS s FROM t o",
    "with its schema": "SELECT main.t.n, k, s FROM main.t",
    "both ways of naming it": "SELECT a.n, a.k, b.s FROM main.t a JOIN t b USING (n)",
    "a comment at the end": "SELECT n, k, s FROM t -- the last ) word",
    "a semicolon at the end": "SELECT n, k, s FROM t ;",
    "from first": "FROM t ORDER BY n LIMIT 10",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("relations") / "p")


@pytest.fixture(scope="module")
def table(bench: Bench):
    staged = bench.stage(TABLE)
    return relation("t", bench.columns(TABLE), staged.files[0].path)


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in SAME.items()])
def test_a_query_that_runs_once_reads_its_relations_however_they_are_named(bench: Bench, table, query):
    staged = bench.stage(query, relations=(table,))
    path = staged.files[0].path
    assert plain(f"SELECT n, k, s FROM '{path}' ORDER BY n") == plain(f"{TABLE} ORDER BY n")
    assert bench.query(f"SELECT count(*) FROM ({TABLE})") == [["10"]]


def test_a_query_that_pivots_reads_its_relation(bench: Bench, table):
    assert bench.stage("PIVOT t ON k USING count(*) GROUP BY s", relations=(table,)).rows == 10


def test_a_relation_without_files_is_empty(bench: Bench, table):
    empty = relation("e", table.columns)
    assert bench.stage("SELECT count(*) AS c FROM t JOIN e USING (n)", relations=(table, empty)).rows == 1
    staged = bench.stage("SELECT t.n FROM t ANTI JOIN e USING (n)", relations=(table, empty))
    assert staged.rows == 10


def test_an_error_points_into_the_query_as_it_was_written(bench: Bench, table):
    columns = bench.columns("SELECT 1::BIGINT AS n")
    query = "SELECT n,\n  nowhere AS m\nFROM t"
    error = error_of(lambda: bench.stage(query, relations=(table,), columns=columns))
    assert (error.code, error.where) == ("sql_bind", "line 2, column 3")


def test_what_one_query_reads_is_unknown_to_the_next(bench: Bench, table):
    bench.stage("SELECT n FROM t", relations=(table,))
    assert error_of(lambda: bench.stage("SELECT n FROM t", columns=table.columns[:1])).code == "sql_bind"


def test_nothing_but_its_file_is_left_by_a_stage(bench: Bench, table):
    before = {path.name for path in Path(bench.settings.staging).iterdir()}
    staged = bench.stage("SELECT n FROM t", relations=(table,))
    after = {path.name for path in Path(bench.settings.staging).iterdir()}
    assert after - before == {Path(staged.files[0].path).name}
