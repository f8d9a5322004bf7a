"""A project in a folder with the real store and the real engine, and short words for what tests do with it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mtctl.app import App, init_project, open_app
from mtctl.core.errors import MtctlError
from mtctl.services.reports import RefreshArgs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mtctl.services.reports import Applied, ApplyPlan, Change, RefreshReport, TableStatus, TaskEvent

DAILY = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-05')
AS SELECT d, count(*) AS n, sum(v)::BIGINT AS total FROM 'data/in.csv' GROUP BY d
"""
"""Four days over the file that `write_days` writes."""


class World:
    """One project, opened once; `reopen` reads its files anew."""

    def __init__(self, root: Path) -> None:
        """Make an empty project."""
        self.root = root
        init_project(root, name="shop", example=False)
        (root / "data").mkdir(exist_ok=True)
        self.notices: list[str] = []
        self._app: App | None = None

    @property
    def app(self) -> App:
        """The project, open."""
        if self._app is None:
            self._app = open_app(self.root, self.notices.append)
        return self._app

    def close(self) -> None:
        """Close the project; the next use opens it again."""
        if self._app is not None:
            self._app.__exit__()
            self._app = None

    def table(self, name: str, text: str) -> Path:
        """Write a definition file."""
        path = self.root / "tables" / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def settings(self, text: str) -> None:
        """Write the project file."""
        self.close()
        (self.root / "mtctl.toml").write_text(text, encoding="utf-8")

    def data(self, name: str, text: str) -> Path:
        """Write a source file."""
        path = self.root / "data" / name
        path.write_text(text, encoding="utf-8")
        return path

    def days(self, values: dict[str, list[int]], name: str = "in.csv") -> Path:
        """Write a CSV of (d, v) with the values of each day."""
        lines = [f"{day},{value}" for day, found in values.items() for value in found]
        return self.data(name, "\n".join(["d,v", *lines]) + "\n")

    def plan(self, *, prune: bool = False, rebuild: tuple[str, ...] = ()) -> ApplyPlan:
        """Plan the files."""
        return self.app.plan(prune=prune, rebuild=rebuild)

    def change(self, name: str, *, prune: bool = False, rebuild: tuple[str, ...] = ()) -> Change:
        """Return one table's part of a plan without problems."""
        plan = self.plan(prune=prune, rebuild=rebuild)
        assert plan.problems == ()
        return next(change for change in plan.changes if change.table == name)

    def problem(self, *, rebuild: tuple[str, ...] = ()) -> MtctlError:
        """Return the only problem of the plan."""
        [problem] = self.plan(rebuild=rebuild).problems
        return problem

    def apply(self, *, prune: bool = False, rebuild: tuple[str, ...] = ()) -> Applied:
        """Plan and apply the files."""
        return self.app.apply(self.plan(prune=prune, rebuild=rebuild))

    def refresh(self, *names: str, **words: Any) -> RefreshReport:
        """Refresh; `events` of the run are kept in `self.events`."""
        self.events: list[TaskEvent] = []
        return self.app.refresh(RefreshArgs(selectors=names, **words), self.events.append)

    def fill(self, *names: str, **words: Any) -> RefreshReport:
        """Refresh, and demand that all of it succeeded."""
        report = self.refresh(*names, **words)
        assert [(found.table, found.error) for found in report.tables if found.error] == []
        assert report.not_ready == ()
        return report

    def up(self, *, apply: bool = True) -> RefreshReport:
        """Run `up --once`."""
        return self.app.up_once(lambda _: None, apply=apply)[1]

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Return the rows of a query, as text."""
        result = self.app.query(sql, None)
        return [tuple(row) for chunk in result.chunks for row in chunk]

    def status(self, name: str) -> TableStatus:
        """Return one line of `status`."""
        [found] = self.app.status((name,)).tables
        return found

    def states(self, name: str) -> dict[str, str]:
        """Return the state of every interval by its label; of stale ones the reason."""
        found = self.app.partitions(name, missing=False, stale=False)
        return {row.interval: row.reason or row.state for row in found}

    def attempts(self, name: str) -> dict[str, str | None]:
        """Return which attempt each published interval comes from."""
        found = self.app.partitions(name, missing=False, stale=False)
        return {row.interval: row.attempt for row in found if row.state != "missing"}


@contextmanager
def fails(code: str, *words: str) -> Iterator[None]:
    """Demand an error with a code whose one line holds all these words."""
    with pytest.raises(MtctlError) as caught:
        yield
    assert caught.value.code == code, str(caught.value)
    for word in words:
        assert word in str(caught.value)


def books(root: Path) -> dict[str, list[list[Any]]]:
    """Return every row of every table of a project's state file, read by a process of its own from a copy."""
    done = subprocess.run([sys.executable, "-c", _BOOKS, str(root / ".mtctl")], capture_output=True, check=True)
    found: dict[str, list[list[Any]]] = json.loads(done.stdout)
    return found


def files_of(root: Path) -> dict[str, bytes]:
    """Return every file of a project outside of `.mtctl/` with its content."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.relative_to(root).parts[0] != ".mtctl"
    }


_BOOKS = """
import json, shutil, sqlite3, sys, tempfile
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    for path in Path(sys.argv[1]).glob("state.db*"):
        shutil.copy(path, folder)
    connection = sqlite3.connect(Path(folder) / "state.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2').fetchall() if len(
        connection.execute(f'PRAGMA table_info("{name}")').fetchall()) > 1 else
        connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in sorted(names)}
    connection.close()
print(json.dumps(rows, default=repr))
"""
