"""Exports and scripts through the real runner: what they write, and what they may not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from contract.engine_kit import Bench, bench_in, error_of, plain, relation

from mtctl.core.errors import Kind
from mtctl.ports.engine import Exported, ExportRequest, Scripted, ScriptRequest

SLOW = "SELECT count(*) AS c FROM range(10000000) a, range(100000) b WHERE (a.range + b.range) % 3 = 1"


@pytest.fixture
def bench(tmp_path):
    allowed = (str(tmp_path / "out"), str(tmp_path / "p/reports"))
    (tmp_path / "out").mkdir()
    yield from bench_in(tmp_path / "p", allowed=allowed)


def export(bench: Bench, query: str, path: str, **more) -> Exported:
    request = ExportRequest(
        query=query,
        path=path,
        format=more.pop("format", "parquet"),
        zone=more.pop("zone", "UTC"),
        relations=more.pop("relations", ()),
        sources=more.pop("sources", ()),
        params=more.pop("params", {}),
    )
    return bench.client.export(request, more.pop("on_progress", lambda _: None))


def script(bench: Bench, text: str, database: str = "reports/b.duckdb", **params) -> Scripted:
    request = ScriptRequest(script=text, database=database, zone="UTC", params=params)
    return bench.client.script(request, lambda _: None)


def listed(bench: Bench) -> list[str]:
    return sorted(path.name for path in (bench.root / "reports").iterdir())


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_a_select_becomes_a_file_of_each_format(bench: Bench, kind):
    done = export(bench, "SELECT range AS n, 'ü' AS t FROM range(3) -- end", f"reports/deep/x.{kind}", format=kind)
    path = bench.root / "reports/deep" / f"x.{kind}"
    assert (done.path, done.rows, done.bytes) == (str(path), 3, path.stat().st_size)
    assert plain(f"SELECT * FROM '{path}' ORDER BY n") == [["0", "ü"], ["1", "ü"], ["2", "ü"]]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [f"x.{kind}"]


def test_an_export_reads_tables_sources_and_parameters(bench: Bench):
    bench.file("data/in.parquet", "SELECT range AS n FROM range(10)")
    columns = bench.columns("SELECT 1::BIGINT AS k")
    staged = bench.stage("SELECT 7::BIGINT AS k", columns=columns)
    done = export(
        bench,
        "SELECT n, k FROM 'data/in.parquet', main.t WHERE n >= $low",
        "reports/x.csv",
        format="csv",
        relations=(relation("t", columns, staged.files[0].path),),
        params={"low": 8},
    )
    assert done.rows == 2
    assert (bench.root / "reports/x.csv").read_text() == "n,k\n8,7\n9,7\n"


def test_a_failing_export_leaves_the_old_file_and_nothing_else(bench: Bench):
    export(bench, "SELECT 1 AS a", "reports/x.csv", format="csv")
    (bench.root / "reports/x.csv").chmod(0o640)
    sql = "SELECT CASE WHEN range < 200000 THEN 1 ELSE CAST('x' || range AS INTEGER) END AS c FROM range(300000)"
    error = error_of(lambda: export(bench, sql, "reports/x.csv", format="csv"))
    assert (error.code, error.kind) == ("query_failed", Kind.FAILED)
    assert (bench.root / "reports/x.csv").read_text() == "a\n1\n"
    assert listed(bench) == ["x.csv"]
    export(bench, "SELECT 2 AS a", "reports/x.csv", format="csv")
    assert (bench.root / "reports/x.csv").read_text() == "a\n2\n"
    assert (bench.root / "reports/x.csv").stat().st_mode & 0o777 == 0o640


def test_a_cancelled_export_leaves_nothing_and_the_runner_goes_on(bench: Bench):
    seen = threading.Event()

    def cancel_once(_):
        if not seen.is_set():
            seen.set()
            threading.Thread(target=bench.client.cancel).start()

    error = error_of(lambda: export(bench, SLOW, "reports/x.parquet", on_progress=cancel_once))
    assert error.code == "cancelled"
    assert listed(bench) == []
    assert bench.query("SELECT 1") == [["1"]]


def test_what_a_killed_runner_left_is_removed_by_the_next_export(bench: Bench):
    (bench.root / "reports").mkdir()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for pid in (dead.stdout.decode().strip(), str(os.getpid())):
        (bench.root / f"reports/.mtctl-{pid}-1-x.csv").touch()
    export(bench, "SELECT 1 AS a", "reports/x.csv", format="csv")
    assert listed(bench) == [f".mtctl-{os.getpid()}-1-x.csv", "x.csv"]


@pytest.mark.parametrize(
    "path",
    [
        "x.csv",
        "tables/x.csv",
        "reports/../mtctl.toml",
        "lake/data/x.parquet",
        ".mtctl/x.csv",
        "/etc/x.csv",
        "s3://bucket/x.csv",
        "",
        "reports/",
        "reports",
        "reports/away/x.csv",
        "reports/link.csv",
        "reports/state.db",
        "reports/folder",
    ],
)
def test_paths_outside_of_the_allowed_folders_are_refused(bench: Bench, path):
    reports = bench.root / "reports"
    (reports / "folder").mkdir(parents=True)
    (reports / "away").symlink_to(bench.root)
    (reports / "link.csv").symlink_to(bench.root / "mtctl.toml")
    (bench.root / ".mtctl/state.db").write_text("state")
    os.link(bench.root / ".mtctl/state.db", reports / "state.db")
    before = sorted(str(found) for found in bench.root.rglob("*") if "tmp" not in found.parts)
    error = error_of(lambda: export(bench, "SELECT 1 AS a", path, format="csv"))
    assert (error.code, error.kind) == ("target_access", Kind.INVALID)
    assert error_of(lambda: script(bench, "SELECT 1", path)).code == "target_access"
    assert sorted(str(found) for found in bench.root.rglob("*") if "tmp" not in found.parts) == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT 1; SELECT 2", "sql_multiple"),
        ("CREATE TABLE t (a INTEGER)", "sql_not_select"),
        ("COPY (SELECT 1) TO '/tmp/x'", "sql_not_select"),
        ("SELECT * FROM '/etc/passwd.csv'", "sql_access"),
        ("SELECT * FROM read_csv('.mtctl/state.db')", "source_is_state"),
        ("SELECT nothing", "sql_bind"),
    ],
)
def test_an_export_obeys_the_rules_of_queries(bench: Bench, query, code):
    assert error_of(lambda: export(bench, query, "reports/x.csv", format="csv")).code == code
    assert not (bench.root / "reports").exists() or listed(bench) == []


def test_a_script_runs_whole_in_its_own_database(bench: Bench, tmp_path):
    database = str(tmp_path / "out/b.duckdb")
    text = (
        "CREATE TABLE t (d DATE, n INTEGER); INSERT INTO t VALUES ($day::DATE, 1), (NULL, $n); UPDATE t SET n = n + 1;"
    )
    assert script(bench, text, database, day="2026-03-01", n=5) == Scripted(statements=3, rows=4)
    again = script(
        bench, "DELETE FROM t WHERE d IS NULL; SELECT * FROM t; INSERT INTO t VALUES (NULL, 9) RETURNING n", database
    )
    assert again == Scripted(statements=3, rows=1)
    assert plain(f"ATTACH '{database}' AS b (READ_ONLY)", "SELECT * FROM b.t ORDER BY n") == [
        ["2026-03-01", "2"],
        [None, "9"],
    ]


def test_a_script_that_fails_changes_nothing(bench: Bench, tmp_path):
    database = str(tmp_path / "out/b.duckdb")
    script(bench, "CREATE TABLE t AS SELECT 1 AS n", database)
    error = error_of(lambda: script(bench, "INSERT INTO t VALUES (2); -- ü\n  SELECT nothing FROM t", database))
    assert (error.code, error.kind) == ("sql_bind", Kind.INVALID)
    assert error.where == "statement 2, line 2, column 10"
    assert plain(f"ATTACH '{database}' AS b (READ_ONLY)", "SELECT * FROM b.t") == [["1"]]


@pytest.mark.parametrize(
    "text",
    [
        "ATTACH 'reports/c.duckdb' AS c",
        "COPY t TO 'reports/x.csv'",
        "COPY t FROM 'data/x.csv'",
        "LOAD json",
        "INSTALL httpfs",
        "SET threads = 1",
        "PRAGMA database_list; COMMIT",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "CALL pragma_version()",
        "EXPORT DATABASE 'reports/e'",
        "USE memory",
        "CHECKPOINT",
        "CREATE SECRET s (TYPE http)",
        "create or replace persistent secret s (TYPE http)",
    ],
)
def test_statements_that_reach_elsewhere_are_refused_unread(bench: Bench, text):
    error = error_of(lambda: script(bench, f"CREATE TABLE t (a INTEGER); {text}"))
    assert (error.code, error.kind) == ("script_statement", Kind.INVALID)
    assert not (bench.root / "reports").exists()


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t AS SELECT * FROM read_csv('/etc/passwd', header = false)",
        "CREATE TABLE t AS SELECT * FROM 'data/in.csv'",
        "SELECT * FROM read_text('mtctl.toml')",
        "SELECT * FROM glob('*')",
    ],
)
def test_a_script_reads_no_other_file(bench: Bench, text, tmp_path):
    (bench.root / "data/in.csv").write_text("a\n1\n")
    assert error_of(lambda: script(bench, text, str(tmp_path / "out/b.duckdb"))).code == "sql_access"


def test_a_locked_database_is_told_with_its_process_and_may_be_tried_again(bench: Bench, tmp_path):
    database = tmp_path / "out/b.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"open\n"
    error = error_of(lambda: script(bench, "SELECT 1", str(database)))
    assert (error.code, error.kind) == ("source_locked", Kind.BUSY)
    assert f"process {other.pid} " in error.what
    other.communicate()
    assert script(bench, "SELECT 1", str(database)).statements == 1


def test_a_file_that_is_no_database_is_left_alone(bench: Bench, tmp_path):
    (tmp_path / "out/b.duckdb").write_text("a,b\n1,2\n" * 3000)
    error = error_of(lambda: script(bench, "SELECT 1", str(tmp_path / "out/b.duckdb")))
    assert (error.code, error.kind) == ("database_format", Kind.INVALID)
    assert (tmp_path / "out/b.duckdb").read_text() == "a,b\n1,2\n" * 3000


def test_a_script_can_be_cancelled(bench: Bench, tmp_path):
    script(bench, "CREATE TABLE t (c BIGINT)", str(tmp_path / "out/b.duckdb"))
    request = ScriptRequest(
        script=f"INSERT INTO t VALUES (1); INSERT INTO t {SLOW}",
        database=str(tmp_path / "out/b.duckdb"),
        zone="UTC",
        params={},
    )
    error = error_of(
        lambda: bench.client.script(request, lambda _: threading.Thread(target=bench.client.cancel).start())
    )
    assert error.code == "cancelled"
    database = tmp_path / "out/b.duckdb"
    assert plain(f"ATTACH '{database}' AS b (READ_ONLY)", "SELECT count(*) FROM b.t") == [["0"]]
