"""Which modules a command on a real project loads; budgets are sets of modules, never milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mtctl

ROOT = Path(mtctl.__file__).parents[1]
HEAVY = {"duckdb", "rich", "textual", "pydantic", "croniter", "sqlite3", "asyncio", "http", "socket"}
PROGRAM = """
import atexit, json, pathlib, runpy, sys
report = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: report.write_text(json.dumps(sorted(sys.modules))))
runpy.run_module("mtctl", run_name="__main__", alter_sys=True)
"""


def mtctl_run(words: list[str], loaded: Path) -> tuple[int, set[str]]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(loaded), *words], env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, set(json.loads(loaded.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example, filled."""
    root = tmp_path_factory.mktemp("example") / "flights"
    for words in (["init", "--example", str(root)], ["-C", str(root), "up", "--once"]):
        code, _ = mtctl_run(words, root.parent / "loaded")
        assert code == 0
    return root


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "--check", "-o", "json"],
        ["refresh", "--all"],
        ["up", "--once", "--no-apply"],
        ["table", "list"],
        ["table", "show", "flights_daily"],
        ["table", "partitions", "flights_daily", "-o", "csv"],
        ["instance", "list"],
        ["lake", "gc", "--dry-run"],
        ["attach"],
    ],
)
def test_looking_and_having_nothing_to_do_load_no_engine_and_no_drawing(project: Path, words: list[str]) -> None:
    code, loaded = mtctl_run(["-C", str(project), *words], project.parent / "loaded")
    assert code == 0
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "words", [["query", "SELECT 1 AS a"], ["refresh", "flights_daily", "--force", "--interval", "2013-02"], ["verify"]]
)
def test_the_holder_never_has_the_engine_beside_the_state(project: Path, words: list[str]) -> None:
    code, loaded = mtctl_run(["-C", str(project), *words], project.parent / "loaded")
    assert code == 0
    assert "apsw" in loaded
    assert not loaded & {"duckdb", "sqlite3"}
