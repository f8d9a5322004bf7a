from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading

import pytest
from conformance.lake_kit import lake_python
from contract.engine_kit import Bench, bench_in, error_of, plain

from mtctl.clock import SystemClock
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import Source
from mtctl.core.secret import Hidden
from mtctl.engine.connection_string import password_apart, passwords_of
from mtctl.engine.locks import locked_by
from mtctl.engine.patience import Patience
from mtctl.ports import DescribeRequest

SHOP = (
    "CREATE TABLE orders AS SELECT range AS id, range * 2 AS amount FROM range(10)",
    "CREATE SCHEMA s",
    "CREATE TABLE s.u AS SELECT 'é' AS x",
    "CREATE VIEW big AS FROM orders WHERE amount > 10",
    "CREATE VIEW leak AS SELECT content FROM read_text('/etc/hostname')",
    "CREATE MACRO reach() AS (SELECT 1)",
)

_HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    for bench in bench_in(tmp_path_factory.mktemp("databases") / "p"):
        path = bench.root / "data/shop.duckdb"
        plain(f"ATTACH '{path}' AS shop", "USE shop", *SHOP, "SELECT 1")
        yield bench


def database(bench: Bench, path: str = "data/shop.duckdb", **more) -> Source:
    name, kind = more.pop("name", "shop"), more.pop("kind", "duckdb")
    return Source(text=name, paths=(str(bench.root / path),), kind=kind, **more)


class Holder:
    """Another program that has a database file open for writing."""

    def __init__(self, path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate("")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT sum(amount) FROM shop.orders", [["90"]]),
        ("SELECT sum(o.amount) FROM Shop.main.orders AS o", [["90"]]),
        ("SELECT shop.s.u.x FROM shop.s.u", [["é"]]),
        ("SELECT count(*) FROM shop.big", [["4"]]),
        ("WITH shop AS (SELECT 1 AS a) SELECT a, count(*) FROM shop, shop.orders GROUP BY a", [["1", "10"]]),
        ("PIVOT (SELECT id FROM shop.orders WHERE id < 2) ON id IN (0, 1) USING sum(id)", [["0", "1"]]),
    ],
)
def test_tables_of_a_database_are_read_under_its_name(bench: Bench, query, rows):
    assert sorted(bench.query(query, sources=(database(bench),)), key=str) == sorted(rows, key=str)


def test_a_database_is_staged_and_described(bench: Bench):
    sources = (database(bench),)
    assert bench.stage("SELECT id, amount FROM shop.orders", sources=sources).rows == 10
    assert [column.type for column in bench.columns("SELECT x FROM shop.s.u", sources=sources)] == ["VARCHAR"]


def test_a_database_is_let_go_of_before_the_answer(bench: Bench):
    source = database(bench)
    bench.query("SELECT 1 FROM shop.orders", sources=(source,))
    with Holder(source.paths[0]):
        pass
    bench.stage("SELECT id FROM shop.orders", sources=(source,))
    with Holder(source.paths[0]):
        error = error_of(lambda: bench.query("SELECT 1 FROM shop.orders"))
    assert error.code == "sql_bind"  # nothing is attached any more


def test_nothing_but_the_attached_is_open(bench: Bench):
    source = database(bench)
    for query, code in (
        ("SELECT * FROM shop.leak", "sql_access"),
        ("SELECT * FROM shop.orders, read_text('/etc/hostname')", "sql_access"),
        ("PIVOT (FROM shop.orders, duckdb_databases) ON path USING count(*)", "sql_access"),
        ("PIVOT (FROM shop.orders, query('FROM duckdb_settings()')) ON name USING count(*)", "sql_access"),
        ('PIVOT (FROM shop.orders, "sqlite_scan"(\'x\', \'y\')) ON id USING count(*)', "sql_access"),
    ):
        error = error_of(lambda query=query: bench.query(query, sources=(source,)))
        assert (error.code, error.kind) == (code, Kind.INVALID), query


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_path_that_leads_to_the_state_is_refused(bench: Bench, kind):
    state = bench.root / ".mtctl/state.db"
    state.touch()
    (bench.root / ".mtctl/state.db-wal").touch()
    for name, make in (("soft.db", os.symlink), ("hard.db", os.link)):
        path = bench.root / f"data/{kind}-{name}"
        make(state, path)
    beside = bench.root / f"data/{kind}-beside.db"
    beside.touch()
    os.link(bench.root / ".mtctl/state.db-wal", f"{beside}-wal")
    for path in (".mtctl/state.db", f"data/{kind}-soft.db", f"data/{kind}-hard.db", f"data/{kind}-beside.db"):
        source = database(bench, path, kind=kind)
        assert error_of(lambda source=source: bench.query("FROM shop.t", sources=(source,))).code == "source_is_state"


def test_what_cannot_be_a_database_is_told(bench: Bench):
    (bench.root / "data/text.duckdb").write_text("no database")
    for path, code, kind in (
        ("data/none.duckdb", "source_missing", Kind.ENGINE),
        ("data/text.duckdb", "source_unreadable", Kind.ENGINE),
        ("/etc/passwd", "sql_access", Kind.INVALID),
        ("../outside.duckdb", "sql_access", Kind.INVALID),
    ):
        source = database(bench, path)
        error = error_of(lambda source=source: bench.query("FROM shop.t", sources=(source,)))
        assert (error.code, error.kind) == (code, kind)


def test_what_is_no_sqlite_file_is_told_with_its_path(bench: Bench):
    (bench.root / "data/text.db").write_text("no database either")
    source = database(bench, "data/text.db", kind="sqlite")
    error = error_of(lambda: bench.query("FROM shop.t", sources=(source,)))
    assert error.code in {"source_unreadable", "extension_missing"}
    if error.code == "source_unreadable":
        assert error.where == source.paths[0]
        assert "SQLite file" in error.fix


def test_a_database_that_is_missing_spoils_only_what_reads_it(bench: Bench):
    queries = ("SELECT id FROM shop.orders", "SELECT a FROM gone.t", "SELECT 1 AS b")
    sources = (database(bench), database(bench, "data/none.duckdb", name="gone"))
    requests = [DescribeRequest(query=q, zone="UTC", relations=(), sources=sources, params={}) for q in queries]
    found = [
        answer.code if isinstance(answer, MtctlError) else answer.columns[0].name
        for answer in bench.client.describe(requests)
    ]
    assert found == ["id", "source_missing", "b"]


def test_a_file_that_somebody_writes_is_told_with_program_and_process(bench: Bench):
    source = database(bench)
    with Holder(source.paths[0]) as holder:
        error = error_of(lambda: bench.query("FROM shop.orders", sources=(source,)))
        assert (error.code, error.kind) == ("source_locked", Kind.BUSY)
        assert error.details["pid"] == holder.process.pid
        assert "python" in error.what


def test_a_patient_caller_waits_for_the_file_and_says_for_whom(bench: Bench):
    source, said = database(bench), []
    holder = Holder(source.paths[0])

    def say(line: str) -> None:
        said.append(line)
        holder.process.communicate("")

    bench.client.wait_for_sources(Patience(SystemClock(), 30, say))
    try:
        assert bench.query("SELECT count(*) FROM shop.orders", sources=(source,)) == [["10"]]
        with Holder(source.paths[0]) as holder:
            assert bench.columns("SELECT id FROM shop.orders", sources=(source,))
    finally:
        bench.client.wait_for_sources(None)
    assert len(said) == 2
    assert said[0].startswith("waiting at most 30 s: the source 'shop' is open for writing in process")


def test_a_cancel_ends_the_waiting(bench: Bench):
    source = database(bench)

    def say(_: str) -> None:
        threading.Thread(target=bench.client.cancel).start()

    bench.client.wait_for_sources(Patience(SystemClock(), 30, say))
    try:
        with Holder(source.paths[0]):
            error = error_of(lambda: bench.query("FROM shop.orders", sources=(source,)))
    finally:
        bench.client.wait_for_sources(None)
    assert error.code == "cancelled"
    assert bench.query("SELECT 1") == [["1"]]


def test_a_version_is_recorded_with_what_was_read(bench: Bench):
    def version(select: str):
        staged = bench.stage("SELECT id FROM shop.orders", sources=(database(bench, version=select),))
        return [(file.path, file.sha256) for file in staged.sources]

    [(path, first)] = version("SELECT max(id), TIMESTAMPTZ '2026-01-01' FROM shop.orders;")
    assert path == "[sources.shop] SELECT max(id), TIMESTAMPTZ '2026-01-01' FROM shop.orders;"
    assert version("SELECT max(id), TIMESTAMPTZ '2026-01-01' FROM shop.orders;")[0][1] == first
    assert version("SELECT min(id), TIMESTAMPTZ '2026-01-01' FROM shop.orders;")[0][1] != first
    assert error_of(lambda: version("SELECT id FROM shop.orders")).code == "source_version"


def test_a_missing_extension_is_told_with_the_way_to_it(tmp_path):
    probe = "import duckdb; duckdb.connect().execute('LOAD sqlite_scanner')"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0:
        pytest.skip("the extension is installed here")
    for bench in bench_in(tmp_path / "p"):
        sqlite3.connect(bench.root / "data/crm.db").execute("CREATE TABLE t (a INTEGER)").connection.close()
        source = database(bench, "data/crm.db", kind="sqlite")
        error = error_of(lambda bench=bench, source=source: bench.query("FROM shop.t", sources=(source,)))
        assert (error.code, error.kind) == ("extension_missing", Kind.ENGINE)
        assert "'duckdb-extension-sqlite-scanner==1.5.5'" in error.fix


def test_a_sqlite_file_is_read_and_its_functions_stay_closed(tmp_path):
    for bench in bench_in(tmp_path / "p", python=str(lake_python())):
        for name in ("crm", "other"):
            connection = sqlite3.connect(bench.root / f"data/{name}.db")
            connection.execute("CREATE TABLE t (a INTEGER, b TEXT)")
            connection.execute("INSERT INTO t VALUES (1, 'x')")
            connection.commit()
            connection.close()
        crm = database(bench, "data/crm.db", kind="sqlite", name="crm")
        assert bench.query("SELECT a, b FROM crm.t", sources=(crm,)) == [["1", "x"]]
        assert bench.stage("SELECT a, b FROM crm.main.t", sources=(crm,)).rows == 1

        other = bench.root / "data/other.db"
        shop = bench.root / "data/shop.duckdb"
        python = [str(lake_python()), "-c", _WITH_EXTENSION, str(shop), str(other)]
        subprocess.run(python, check=True)
        for query in (
            f"FROM crm.t, sqlite_scan('{other}', 't')",
            f"PIVOT (FROM crm.t, \"sqlite_scan\"('{other}', 't') o) ON a USING count(*)",
            "FROM crm.t, shop.reaching",
            "SELECT shop.main.reach() FROM crm.t, shop.orders",
        ):
            sources = (crm, database(bench))
            error = error_of(lambda query=query, sources=sources, bench=bench: bench.query(query, sources=sources))
            assert error.code == "sql_access", query


_WITH_EXTENSION = """
import sys, duckdb
from importlib.util import find_spec
from pathlib import Path
folder = find_spec("duckdb_extension_sqlite_scanner").submodule_search_locations[0]
connection = duckdb.connect(sys.argv[1])
connection.execute(f"LOAD '{next(Path(folder).rglob('*.duckdb_extension'))}'")
connection.execute("CREATE TABLE orders AS SELECT 1 AS id")
connection.execute(f"CREATE VIEW reaching AS FROM sqlite_scan('{sys.argv[2]}', 't')")
connection.execute(f"CREATE MACRO reach() AS (SELECT count(*) FROM sqlite_scan('{sys.argv[2]}', 't'))")
"""


@pytest.mark.parametrize(
    ("dsn", "plain_text", "password"),
    [
        ("host=h user=u", "host='h' user='u' connect_timeout='10'", None),
        (r"host=h password='a b\'c' connect_timeout=3", "host='h' connect_timeout='3'", "a b'c"),
        (
            "postgresql://u:a%20b%3A@h:5433/d?sslmode=require",
            "user='u' host='h' port='5433' dbname='d' sslmode='require' connect_timeout='10'",
            "a b:",
        ),
        ("postgres://[::1]/d", "host='::1' dbname='d' connect_timeout='10'", None),
        ("postgres://h/d?password=secret1", "host='h' dbname='d' connect_timeout='10'", "secret1"),
        ("not a string", "not a string", None),
    ],
)
def test_the_password_is_taken_out_of_a_connection_string(dsn, plain_text, password):
    assert password_apart(dsn) == (plain_text, password)
    assert passwords_of(dsn) == ((password,) if password else ())


def test_a_secret_shows_nowhere():
    source = Source(text="pg", paths=(), kind="postgres", dsn=Hidden("password=hunter22"))
    assert "hunter22" not in repr(source)
    assert json.dumps([source.dsn]) == '["password=hunter22"]'  # but it goes over the pipe


def test_who_holds_a_file_is_read_from_the_message():
    words = 'Could not set lock on file "x": Conflicting lock is held in /usr/bin/my tool (v2) (PID 12). See also'
    assert locked_by(words) == ("/usr/bin/my tool (v2)", 12)
    assert locked_by("Could not set lock on file").pid is None
    assert locked_by("no such file") is None
