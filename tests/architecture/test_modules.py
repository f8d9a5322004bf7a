"""Which modules a command loads: what is slow, and what must never share a process, stays out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import json, os, sys
from mtctl.__main__ import _run
kept, sys.stdout = sys.stdout, open(os.devnull, "w")
code = _run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=kept)
"""

SLOW = {"duckdb", "sqlite3", "rich", "textual", "pydantic", "croniter", "pyarrow", "numpy", "pandas"}
ENGINE = {"duckdb", "sqlite3", "textual", "pydantic"}


def loaded_by(folder, *words, **environment):
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stdout)
    assert code == 0, done.stderr
    return set(modules)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    loaded_by(folder, "init", str(folder))
    text = "CREATE MATERIALIZED TABLE numbers AS SELECT range AS n FROM range(10)"
    (folder / "tables" / "numbers.sql").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def filled(project):
    loaded_by(project, "up", "--once")
    return project


@pytest.mark.parametrize("words", [("--version",), ("-V",)])
def test_the_version_is_answered_before_the_option_parser_is_loaded(tmp_path, words):
    assert not loaded_by(tmp_path, *words) & (SLOW | {"typer", "apsw", "mtctl.cli"})


@pytest.mark.parametrize("words", [("re",), ("table", "sh"), ("refresh", "--")])
def test_completion_is_answered_before_the_option_parser_is_loaded(tmp_path, words):
    assert not loaded_by(tmp_path, *words, _MTCTL_COMPLETE="bash") & (SLOW | {"typer"})


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "-o", "json"),
        ("refresh", "--all"),
        ("refresh", "--all", "--dry-run"),
        ("table", "list"),
        ("table", "show", "numbers"),
        ("table", "partitions", "numbers"),
        ("instance", "list"),
    ],
    ids=" ".join,
)
def test_a_command_that_only_looks_loads_nothing_slow(filled, words):
    modules = loaded_by(filled, *words)
    assert "apsw" in modules  # it did look
    assert not modules & SLOW
    assert "mtctl.engine.client" not in modules


@pytest.mark.parametrize("words", [("status",), ("refresh", "--all"), ("tick",)], ids=" ".join)
def test_what_is_run_all_day_makes_no_dataclass_and_loads_no_hashes(filled, words):
    # What is measured is CPU as a multiple of a bare interpreter: each of these costs half of one.
    modules = loaded_by(filled, *words)
    assert not modules & {"dataclasses", "inspect", "hashlib", "typer"}


@pytest.mark.parametrize(
    "words",
    [("plan",), ("apply",), ("refresh", "numbers", "--force"), ("query", "SELECT count(*) FROM numbers"), ("verify",)],
    ids=" ".join,
)
def test_a_command_with_a_runner_never_loads_the_engine_itself(filled, words):
    modules = loaded_by(filled, *words)
    assert "mtctl.engine.client" in modules or words[0] in {"plan", "apply"}
    assert not modules & ENGINE
