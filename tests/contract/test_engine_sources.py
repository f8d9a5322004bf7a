from __future__ import annotations

import os
import socket

import pytest
from contract.engine_kit import Bench, bench_in, error_of

from mtctl.core.errors import Kind


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    top = tmp_path_factory.mktemp("sources")
    (top / "outside").mkdir()
    (top / "shared").mkdir()
    (top / "outside/x.csv").write_text("a\n1\n")
    (top / "shared/y.csv").write_text("a\n7\n")
    for bench in bench_in(top / "p", allowed=(str(top / "shared"),)):
        (bench.root / ".mtctl/state.db").write_bytes(b"SQLite format 3\0" * 10)
        bench.file("data/é/one.parquet", "SELECT 1 AS a, 'x' AS b")
        bench.file("data/é/two.parquet", "SELECT 2 AS a, 'y' AS b")
        bench.file("data/n.json", "SELECT 5 AS a")
        (bench.root / "data/n.csv").write_text("a;b\n3;z\n")
        yield bench


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT sum(a) FROM 'data/é/*.parquet'", [["3"]]),
        ("SELECT 'ü€', one.a FROM 'data/é/one.parquet'", [["ü€", "1"]]),
        ("SELECT f.a FROM 'data/é/one.parquet' f", [["1"]]),
        ("SELECT 'ü€😀' AS é, a FROM read_parquet('data/é/t*.parquet')", [["ü€😀", "2"]]),
        ("SELECT a, b FROM read_csv('data/n.csv', delim = ';')", [["3", "z"]]),
        ("SELECT a FROM 'data/n.json' WHERE a = 5 -- 'data/nothing.csv'", [["5"]]),
        ("SELECT a FROM read_json_auto('data/n.json');", [["5"]]),
        ("WITH c AS (FROM 'data/é/**/one.parquet') SELECT a FROM c", [["1"]]),
        ("PIVOT 'data/é/*.parquet' ON b IN ('x', 'y') USING sum(a)", [["1", "2"]]),
    ],
)
def test_file_literals_are_read_as_a_frozen_list(bench: Bench, query, rows):
    assert bench.query(query) == rows


def test_a_named_source_is_read_by_its_name(bench: Bench):
    source = bench.source("events", "data/é/*.parquet")
    assert bench.query("SELECT sum(events.a) FROM Events", sources=(source,)) == [["3"]]


def test_an_allowed_folder_outside_is_read(bench: Bench):
    assert bench.query(f"FROM '{bench.root.parent}/shared/y.csv'") == [["7"]]


def _links(bench: Bench) -> None:
    state = bench.root / ".mtctl/state.db"
    for name, make in (("soft.csv", os.symlink), ("hard.csv", os.link)):
        path = bench.root / "data" / name
        if not path.is_symlink() and not path.exists():
            make(state, path)
    if not (bench.root / "data/dir").is_symlink():
        (bench.root / "data/dir").symlink_to(bench.root / ".mtctl")


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        (".mtctl/state.db", "source_is_state"),
        ("data/../.mtctl/state.db", "source_is_state"),
        ("data/soft.csv", "source_is_state"),
        ("data/hard.csv", "source_is_state"),
        ("data/dir/state.db", "source_is_state"),
        ("data/dir/none.csv", "source_is_state"),
        (".mtctl/*", "source_is_state"),
        ("/etc/passwd", "sql_access"),
        ("/etc/pass*", "sql_access"),
        ("../outside/x.csv", "sql_access"),
        ("data/../../outside/*.csv", "sql_access"),
        ("lake/data/t-1/x.parquet", "sql_access"),
        ("lake/_staging/x.parquet", "sql_access"),
        ("http://169.254.169.254/x.csv", "sql_access"),
        ("s3://bucket/x.parquet", "sql_access"),
        ("file:///etc/passwd", "sql_access"),
    ],
)
@pytest.mark.parametrize("form", ["FROM '{}'", "SELECT * FROM read_csv('{}')"])
def test_what_is_not_the_projects_is_refused(bench: Bench, literal, code, form):
    _links(bench)
    error = error_of(lambda: bench.query(form.format(literal)))
    assert (error.code, error.kind) == (code, Kind.INVALID)


def test_the_state_is_not_read_through_an_allowed_folder_or_a_named_source(bench: Bench):
    source = bench.source("spy", ".mtctl/state.db")
    assert error_of(lambda: bench.query("FROM spy", sources=(source,))).code == "source_is_state"


def test_python_variables_and_system_files_stay_out_of_reach(bench: Bench):
    error = error_of(lambda: bench.query("SELECT * FROM settings"))
    assert (error.code, error.kind) == ("sql_bind", Kind.INVALID)
    assert "settings" in error.what


def test_the_sandbox_holds_when_the_parser_is_passed_by(bench: Bench):
    # PIVOT is the one form that DuckDB does not serialise: what it names is found among tokens, and DuckDB's own
    # lock stands behind them.
    error = error_of(lambda: bench.query("PIVOT (SELECT * FROM t, '/etc/passwd') ON a USING count(*)"))
    assert error.code in {"sql_access", "sql_bind"}


def test_a_missing_file_and_an_unknown_format_are_told(bench: Bench):
    assert error_of(lambda: bench.query("FROM 'data/none.csv'")).code == "source_missing"
    assert error_of(lambda: bench.query("FROM 'data/no*.csv'")).code == "source_missing"
    (bench.root / "data/x.bin").write_bytes(b"1")
    assert error_of(lambda: bench.query("FROM 'data/x.bin'")).code == "source_format"
    assert error_of(lambda: bench.query("FROM 'data/é'")).code in {"source_is_folder", "source_format"}


def test_a_socket_and_a_pipe_are_no_sources(bench: Bench):
    path = bench.root / "data/pipe.csv"
    os.mkfifo(path)
    try:
        assert error_of(lambda: bench.query("FROM 'data/pipe.csv'")).code == "source_not_file"
    finally:
        path.unlink()
    assert socket.AF_UNIX  # a socket is judged by the same test of the file's kind


def test_errors_point_into_the_query_as_it_was_written(bench: Bench):
    error = error_of(lambda: bench.query("SELECT 'é', nope\nFROM 'data/é/*.parquet'"))
    assert (error.code, error.where) == ("sql_bind", "line 1, column 13")
    error = error_of(lambda: bench.query("SELECT f.a FROM 'data/é/*.parquet' AS f\nWHERE 'é' = nope"))
    assert (error.code, error.where) == ("sql_bind", "line 2, column 13")
    assert error.excerpt == "WHERE 'é' = nope\n            ^"
