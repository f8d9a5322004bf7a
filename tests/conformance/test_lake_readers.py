"""Readers that are not mtctl: another user by the shared copy, a DuckDB without extensions, polars and pandas."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from lake_kit import READ_ONLY, Duck, Project, lake_python, small_example

OTHER = """
import os, sys
import duckdb
connection = duckdb.connect(config={"autoinstall_known_extensions": False})
loads, rest = [], []
for statement in sys.stdin.read().splitlines():
    (loads if statement.startswith("LOAD") else rest).append(statement)
for statement in (*loads, "SELECT 1"):
    connection.execute(statement).fetchall()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for statement in rest:
    connection.execute(statement)
print(connection.fetchall())
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Project:
    project = small_example(tmp_path_factory.mktemp("shared") / "flights")
    path = project.root / "mtctl.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("[lake]\n", '[lake]\nshare = "all"\n'), encoding="utf-8")
    project.mtctl("refresh", "flights_daily", "--interval", "2013-01-04", "--force")
    return project


def test_a_plain_duckdb_reads_views_over_the_files(shared):
    script = shared.mtctl("attach", "--views")
    with Duck() as duck:
        for statement in script.splitlines():
            duck.rows(statement)
        newest = shared.versions()[-1]
        for name, files in shared.tables_at(newest).items():
            assert duck.content(name) == duck.content(files), name
            assert duck.types(name) == duck.types(files), name


def test_the_shared_copy_is_the_lake(shared):
    lake_python()
    statements = shared.mtctl("attach", "--shared", python=lake_python()).splitlines()
    with Duck(lake_python()) as duck:
        for statement in statements:
            duck.rows(statement)
        duck.rows("USE nycflights13")
        for name, files in shared.tables_at(shared.versions()[-1]).items():
            assert duck.content(name) == duck.content(files), name
        shared.mtctl("refresh", "flights_daily", "--interval", "2013-01-05", "--force")
        assert duck.rows("SELECT count(*) FROM flights_daily") == [(147,)], "an old copy goes on"
    with Duck(lake_python()) as duck:
        for statement in statements:
            duck.rows(statement.replace(READ_ONLY, ""))
        assert "copy of the catalog" in duck.error("DELETE FROM nycflights13.flights_daily")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_the_shared_copy_and_not_the_state(shared):
    lake_python()
    for folder in shared.root.parents:
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    shared.root.chmod(0o711)

    def asked(*options: str) -> subprocess.CompletedProcess[str]:
        text = shared.mtctl("attach", *options, python=lake_python())
        script = f"{text}SELECT count(*) FROM nycflights13.flights_daily"
        command = [lake_python(), "-c", OTHER]
        return subprocess.run(command, input=script, capture_output=True, text=True, check=False, cwd="/")

    found = asked("--shared")
    assert found.stdout == "[(147,)]\n", found.stderr
    assert asked().returncode != 0


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_arrow_libraries_read_what_duckdb_reads(shared, library):
    if find_spec(library) is None or find_spec("pyarrow") is None:
        pytest.skip(f"{library} and pyarrow are not installed")
    program = f"""
import duckdb, subprocess, sys
connection = duckdb.connect()
connection.execute(sys.stdin.read())
found = connection.sql("FROM flights_daily").{"pl" if library == "polars" else "df"}()
print(len(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input=shared.mtctl("attach", "--views"), capture_output=True, text=True,
        check=True,
    )
    assert done.stdout == "147\n"
