"""Readers that are not mtctl: another user by the shared copy, a DuckDB without extensions, polars and pandas."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from lake_kit import ENV, READ_ONLY, ROOT, Duck, Project, lake_python, small_example

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


SNIPPET = re.compile(r"```python\n(import subprocess\nimport duckdb\n.*?)```", re.DOTALL)
SUMS = {
    "pl": 'found.height, found["flights"].sum()',
    "df": 'len(found), found["flights"].sum()',
    "arrow": 'len(all := found.read_all() if hasattr(found, "read_all") else found), sum(all["flights"].to_pylist())',
}
NEEDS = {"pl": "polars", "df": "pandas", "arrow": "pyarrow"}


@pytest.mark.parametrize("method", SUMS)
def test_the_snippet_of_the_readme_reads_what_duckdb_reads(shared, tmp_path, method):
    probe = f"import pyarrow, {NEEDS[method]}"
    if subprocess.run([lake_python(), "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip(f"{NEEDS[method]} and pyarrow are not where the extension is: mtctl[readers] brings them")
    [snippet] = SNIPPET.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert ".pl()" in snippet
    *before, last = snippet.strip().replace(".pl()", f".{method}()").splitlines()
    program = "\n".join([*before, f"found = {last}", f"print({SUMS[method]})"])
    # A person has `mtctl` on the path.
    command = tmp_path / "mtctl"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mtctl "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = {**ENV, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [lake_python(), "-c", program], capture_output=True, text=True, check=False, cwd=shared.root, env=path
    )
    assert done.returncode == 0, done.stderr
    told = shared.mtctl("query", "SELECT count(*) AS n, sum(flights)::BIGINT AS s FROM flights_daily", "-o", "csv")
    assert done.stdout.split() == told.split()[1].split(",")
