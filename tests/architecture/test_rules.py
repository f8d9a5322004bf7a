"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "mtctl").rglob("*.py"))
MAX_LINES = 450
MAX_FUNCTION = 62
GENERATED = {"completion_data.py"}
FORBIDDEN_NAMES = {"utils", "common", "base", "manager", "helpers", "handler", "info"}


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_module_says_its_floor_and_stays_small(path: Path) -> None:
    text = text_of(path)
    tree = ast.parse(text)
    says = ast.get_docstring(tree) or ""
    beside = path.parent.name == "mtctl"
    assert beside or re.match(r"Floor [0-4]\b", says) or path.name == "__init__.py", "docstring begins with 'Floor N.'"
    assert says, "no docstring"
    assert path.stem not in FORBIDDEN_NAMES
    if path.name in GENERATED:
        return
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION, f"{node.name} is too long"


def test_the_import_contracts_hold() -> None:
    script = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_time_is_read_in_the_clock_only(path: Path) -> None:
    if path.name == "clock.py":
        return
    found = re.findall(r"\b(?:time\.time|time\.time_ns|datetime\.now|datetime\.utcnow|date\.today)\(", text_of(path))
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_only_the_runner_imports_the_engine_and_nothing_the_other_sqlite(path: Path) -> None:
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text_of(path)))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
        )
    }
    assert "sqlite3" not in names
    assert not {"duckdb", "apsw"} <= names
    if "duckdb" in names:
        assert path.parent.name == "engine"


def test_american_spelling_of_cancelled_is_nowhere() -> None:
    files = [*MODULES, ROOT / "README.md", *(ROOT / "man").glob("*.1")]
    assert [label(path) for path in files if re.search(r"\bcanceled\b", text_of(path))] == []


def test_the_cli_never_publishes() -> None:
    for path in (ROOT / "mtctl" / "cli").glob("*.py"):
        assert ".publish(" not in text_of(path), label(path)
