"""The real DuckLake extension beside mtctl: child processes, projects, and mtctl's own view of a snapshot.

The environment with the extension is named by MTCTL_LAKE_PYTHON (a Python with `mtctl[ducklake]`), else it is the one
that runs the tests, else what needs it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import apsw
import pytest

import mtctl
from mtctl.clock import SystemClock
from mtctl.store.connection import open_store

ROOT = Path(mtctl.__file__).parents[1]
CHILD = Path(__file__).with_name("lake_child.py")
ENV = {**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
READ_ONLY, READ_WRITE = "(READ_ONLY)", ""


@cache
def lake_python() -> str:
    """Return the Python of the environment with the extension; skip the test where there is none."""
    named = os.environ.get("MTCTL_LAKE_PYTHON")
    if named is not None:
        return named
    if find_spec("duckdb_extension_ducklake") is None:
        pytest.skip("needs the DuckLake extension: MTCTL_LAKE_PYTHON names no Python with mtctl[ducklake]")
    return sys.executable


class Duck:
    """A DuckDB in a child process."""

    def __init__(self, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def ask(self, sql: str) -> dict:
        self._process.stdin.write(json.dumps(sql) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def rows(self, sql: str) -> list[tuple]:
        answer = self.ask(sql)
        assert "error" not in answer, f"{answer['error']}\n{sql}"
        return [tuple(row) for row in answer["rows"]]

    def error(self, sql: str) -> str:
        answer = self.ask(sql)
        assert "error" in answer, f"this should have been refused: {sql}"
        return str(answer["error"])

    def content(self, relation: str) -> tuple[int, str | None]:
        """Return the number of rows and a digest of all of them with names and values, whatever their order."""
        rows = f"SELECT to_json(r)::VARCHAR AS one FROM (FROM {relation}) AS r"
        [found] = self.rows(f"SELECT count(*), md5(string_agg(one, '\n' ORDER BY one)) FROM ({rows})")
        return found

    def types(self, relation: str) -> list[tuple]:
        return [row[:2] for row in self.rows(f"DESCRIBE FROM {relation}")]


@dataclass
class Project:
    """A project folder and what may be asked of it."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / ".mtctl" / "state.db"

    def mtctl(self, *words: str, code: int = 0, python: str = sys.executable) -> str:
        command = [python, "-m", "mtctl", "-C", str(self.root), *words]
        done = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def define(self, name: str, text: str) -> None:
        (self.root / "tables").mkdir(exist_ok=True)
        (self.root / "tables" / f"{name}.sql").write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / "tables" / f"{name}.sql"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def attached(self, options: str = READ_ONLY) -> Duck:
        """Return a DuckDB with the lake attached by the very statements that `mtctl attach` prints, and in use."""
        statements = self.mtctl("attach", python=lake_python()).splitlines()
        duck = Duck(lake_python())
        for statement in statements:
            duck.rows(statement.replace(READ_ONLY, options))
        assert [text.split()[0] for text in statements] == ["LOAD", "LOAD", "ATTACH"]
        [(name,)] = duck.rows("SELECT database_name FROM duckdb_databases() WHERE type = 'ducklake'")
        duck.rows(f"USE {name}")
        return duck

    def sql(self, text: str, *bindings: object, state: Path | None = None) -> list[tuple]:
        """Read the state file as an independent eye: by no method of the store."""
        connection = apsw.Connection(str(state or self.state), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(30_000)
        found = connection.execute(text, bindings).fetchall()
        connection.close()
        return found

    def dump(self, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple]]:
        """Return everything that the state file holds."""
        tables = self.sql("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        schema = self.sql("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2")
        content = {name: sorted(self.sql(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}
        return {"schema": schema} | {name: rows for name, rows in content.items() if name not in without}

    def guards(self) -> list[tuple[str, str]]:
        """Return the triggers that keep other clients out, with the statements that make them."""
        return self.sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'guard_*'")

    def write(self, *statements: str) -> None:
        """Run statements on the state file past the store, as nobody should."""
        connection = apsw.Connection(str(self.state))
        connection.set_busy_timeout(30_000)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def versions(self) -> list[int]:
        return [one for (one,) in self.sql("SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")]

    def tables_at(self, snapshot: int) -> dict[str, str]:
        """Return by name what mtctl itself holds each table to be at a snapshot: its files, read by field id."""
        text = """SELECT t.table_name, t.table_id, o.table_id FROM ducklake_table t JOIN lake_table_of o
                  ON o.lake_table_id = t.table_id JOIN ducklake_schema s USING (schema_id)
                  WHERE s.schema_name <> '_mtctl'
                  AND t.begin_snapshot <= ?1 AND ifnull(t.end_snapshot, 1 << 60) > ?1 ORDER BY 1"""
        store = open_store(self.state, SystemClock())
        found = {}
        for name, lake_id, table_id in self.sql(text, snapshot):
            with store.read() as view:
                files = view.file_paths([table_id], snapshot)[table_id]
            found[name] = self._relation(lake_id, snapshot, files)
        store.close()
        return found

    def changes_at(self, name: str, snapshot: int) -> list[tuple]:
        """Return what the ledger says that a snapshot changed: (start, insert or delete, path of the whole file)."""
        text = """SELECT l.start_at, iif(l.begin_snapshot = ?2, 'insert', 'delete'), s.value || m.folder || f.path
                  FROM ledger l JOIN materialized_table m USING (table_id)
                  JOIN ducklake_data_file f ON f.data_file_id = l.file_id AND f.record_count = l.rows
                  JOIN ducklake_metadata s ON s.key = 'data_path'
                  WHERE m.name = ?1 AND (l.begin_snapshot = ?2 OR l.end_snapshot = ?2) ORDER BY 1, 2"""
        return self.sql(text, name, snapshot)

    def _relation(self, lake_id: int, snapshot: int, files: tuple[str, ...]) -> str:
        text = """SELECT column_id, column_name, column_type, parent_column FROM ducklake_column
                  WHERE table_id = ?1 AND begin_snapshot <= ?2 AND ifnull(end_snapshot, 1 << 60) > ?2
                  ORDER BY column_order"""
        rows = self.sql(text, lake_id, snapshot)
        columns = [(row[0], row[1], sql_type(row, rows)) for row in rows if row[3] is None]
        if not files:
            nothing = ", ".join(f'NULL::{kind} AS "{name}"' for _, name, kind in columns)
            return f"(SELECT {nothing} WHERE false)"
        parts = (f"{i}: {{name: '{name}', type: '{kind}', default_value: NULL}}" for i, name, kind in columns)
        entries, listed = ", ".join(parts), ", ".join(f"'{path}'" for path in files)
        came = self.sql("SELECT path FROM ducklake_data_file WHERE partial_max > ?", snapshot)
        partial = {path for path in files if any(path.endswith(f"/{name}") for (name,) in came)}
        if not partial:
            return f"read_parquet([{listed}], schema = MAP {{{entries}}})"
        # Files that others were merged into: each row says in which snapshot it came.
        names = ", ".join(f'"{name}"' for _, name, _ in columns)
        parts = []
        for path in files:
            more = ", 2147483539: {name: '_came', type: 'BIGINT', default_value: NULL}" if path in partial else ""
            where = f" WHERE _came <= {snapshot}" if path in partial else ""
            parts.append(f"SELECT {names} FROM read_parquet(['{path}'], schema = MAP {{{entries}{more}}}){where}")
        return f"({' UNION ALL '.join(parts)})"


def sql_type(row: tuple, rows: list[tuple]) -> str:
    """Return DuckDB's spelling of a column's type from its row (id, name, type, parent) and those of its parts."""
    own, _, kind, _ = row
    parts = [(part[1], sql_type(part, rows)) for part in rows if part[3] == own]
    match kind:
        case "list":
            return f"{parts[0][1]}[]"
        case "map":
            return f"MAP({parts[0][1]}, {parts[1][1]})"
        case "struct":
            named = (f'"{name}" {inner}' for name, inner in parts)
            return f"STRUCT({', '.join(named)})"
    return SQL_TYPES.get(kind, kind)


SQL_TYPES = {
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
"""DuckLake's spelling to DuckDB's, where upper case alone does not do; independent of the product's table."""


def empty(root: Path, *options: str) -> Project:
    """Create a project without tables."""
    command = [sys.executable, "-m", "mtctl", "init", *options, str(root)]
    subprocess.run(command, env=ENV, capture_output=True, check=True)
    return Project(root)


def example(root: Path) -> Project:
    """Create the example project, not yet filled."""
    return empty(root, "--example")


def small_example(root: Path) -> Project:
    """Create and fill ten days of the example, each day in a file of its own."""
    project = example(root)
    for name in ("monthly_punctuality", "route_leaderboard"):
        (root / "tables" / f"{name}.sql").unlink()
    (root / "workflows" / "nightly.toml").unlink()
    settings = root / "mtctl.toml"
    text = settings.read_text(encoding="utf-8").replace('"2014-01-01"', '"2013-01-11"')
    settings.write_text(text + "\n[lake]\ntarget_file_rows = 1\n", encoding="utf-8")
    project.mtctl("up", "--once")
    return project


class Writer:
    """Another mtctl process that refreshes again and again until told to stop; each refresh is a process of its own."""

    def __init__(self, project: Project, *words: str) -> None:
        self._project = project
        self._words = words
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.done = 0
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._project.mtctl("refresh", *self._words, "--force")
            except AssertionError as error:
                self.troubles.append(str(error))
                return
            self.done += 1
