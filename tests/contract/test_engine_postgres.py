from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conformance.lake_kit import lake_python
from contract.engine_kit import bench_in, error_of

from mtctl.core.errors import Kind
from mtctl.core.model import Source
from mtctl.core.secret import Hidden

pytestmark = pytest.mark.campaign

PASSWORD = "s3cret pa:ss'@w"  # noqa: S105 - of a server that lives for this test
TABLES = """
CREATE TABLE orders AS SELECT g AS id, (g * 1.5)::NUMERIC(10, 2) AS amount, 'é' AS name FROM generate_series(1, 5) g;
CREATE SCHEMA s; CREATE TABLE s.u AS SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AS at;
"""


def postgres(*words: str, **more) -> subprocess.CompletedProcess[str]:
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return subprocess.run([*as_user, *words], capture_output=True, text=True, check=True, **more)


@pytest.fixture(scope="module")
def server():
    """Yield the connection string, without its password, of a server of our own on a socket."""
    missing = [name for name in ("initdb", "pg_ctl", "psql") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs PostgreSQL's {missing[0]}")
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("needs a user postgres: its server does not run as root")
    folder = Path(tempfile.mkdtemp(prefix="mtctl-pg-"))
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    data = str(folder / "data")
    postgres("initdb", "-D", data, "-A", "scram-sha-256", "-U", "shop", f"--pwfile={folder / 'password'}", cwd="/")
    options = f"-k {folder} -c listen_addresses=''"
    postgres("pg_ctl", "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start", cwd="/")
    try:
        words = ["psql", "-h", str(folder), "-U", "shop", "-v", "ON_ERROR_STOP=1", "-c", TABLES, "postgres"]
        subprocess.run(words, check=True, capture_output=True, env=os.environ | {"PGPASSWORD": PASSWORD})
        yield f"host={folder} user=shop dbname=postgres"
    finally:
        postgres("pg_ctl", "-D", data, "-m", "immediate", "stop", cwd="/")
        shutil.rmtree(folder)


def source(dsn: str, password: str = PASSWORD, **more) -> Source:
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    return Source(text="pg", paths=(), kind="postgres", dsn=Hidden(f"{dsn} password='{quoted}'"), **more)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    python = lake_python()
    name = "duckdb_extension_postgres_scanner"
    probe = f"import sys; from importlib.util import find_spec; sys.exit(not find_spec('{name}'))"
    if subprocess.run([python, "-c", probe], check=False).returncode:
        pytest.skip("needs DuckDB's extension postgres_scanner in the environment of MTCTL_LAKE_PYTHON")
    yield from bench_in(tmp_path_factory.mktemp("postgres") / "p", python=python)


def test_tables_of_a_server_are_read(bench, server):
    pg = source(server)
    assert bench.query("SELECT count(*), sum(amount), max(name) FROM pg.orders", sources=(pg,)) == [["5", "22.50", "é"]]
    assert bench.query("SELECT u.at FROM pg.s.u", sources=(pg,)) == [["2026-01-01 00:00:00+00"]]
    versioned = source(server, version="SELECT max(id) FROM pg.orders")
    staged = bench.stage("SELECT id, amount FROM pg.orders", sources=(versioned,))
    assert staged.rows == 5
    assert [file.path for file in staged.sources] == ["[sources.pg] SELECT max(id) FROM pg.orders"]


def test_the_password_stands_in_no_message_and_no_table(bench, server):
    pg = source(server)
    for query in (
        "PIVOT (FROM pg.orders, duckdb_databases) ON path USING count(*)",
        "SELECT * FROM pg.orders, duckdb_databases()",
        "SELECT * FROM pg.nothing",
        "SELECT CAST(name AS INTEGER) FROM pg.orders",
        "FROM postgres_query('pg', 'SELECT 1')",
    ):
        error = error_of(lambda query=query: bench.query(query, sources=(pg,)))
        assert "s3cret" not in str(error) + error.excerpt
    rows = bench.query("SELECT path FROM pg.orders, duckdb_databases", sources=(pg,))
    shown = {path for [path] in rows if path}
    assert len(shown) == 1
    assert "s3cret" not in shown.pop()


def test_a_server_that_lets_nobody_in_is_told_without_its_secrets(bench, server):
    for pg in (source(server, "wrongpass77"), source("host=/nowhere user=shop dbname=postgres", "wrongpass77")):
        error = error_of(lambda pg=pg: bench.query("FROM pg.orders", sources=(pg,)))
        assert (error.code, error.kind) == ("source_unreachable", Kind.ENGINE)
        assert "wrongpass77" not in str(error)
