"""A project whose time stands still: the same instants, names and durations at every run, for pictures of screens."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from fakes import FakeClock

from mtctl.app import open_app
from mtctl.tui.app import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.app import App

DAWN = 1_790_000_000_000_000
"""When everything in a still project began, in a year that no fixture computes by itself: 2026-09-21T13:33:20Z."""

STEP = 4_000_000
LATER = 3_600_000_000
_TELLING = ("event", "attempt", "task_instance", "workflow_instance")
_RECENT = 1_500_000_000_000_000


def freeze(root: Path) -> None:
    """Give every instant that a clock has written, every name made of one and every duration a fixed value."""
    with open_app(root, lambda _: None) as app, app._store.write() as tx:
        run: Callable[..., Any] = tx.session.connection.execute  # type: ignore[attr-defined]
        columns = [
            (table, column)
            for (table,) in run("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            for _, column, *_ in run(f'PRAGMA table_info("{table}")')
        ]
        _fix_instants(run, [(table, column) for table, column in columns if column == "at" or column.endswith("_at")])
        _fix_names(run, columns)
        told = [(table, column) for table, column in columns if table in _TELLING]
        _replace(run, told, str(root.parent), "/home/you")
        for table, column in columns:
            if column == "seconds":
                run(f'UPDATE "{table}" SET seconds = 1.5 WHERE seconds IS NOT NULL')
            if column == "snapshot_time":
                run(f"UPDATE \"{table}\" SET snapshot_time = '2026-09-21 13:40:00+00'")


def _fix_instants(run: Callable[..., Any], columns: list[tuple[str, str]]) -> None:
    found: set[int] = set()
    for table, column in columns:
        rows = run(f'SELECT DISTINCT "{column}" FROM "{table}" WHERE typeof("{column}") = \'integer\'')
        found |= {value for (value,) in rows if _RECENT < value < DAWN * 2}
    fixed = {str(value): DAWN + rank * STEP for rank, value in enumerate(sorted(found))}
    for table, column in columns:
        run(
            f'UPDATE "{table}" SET "{column}" = json_extract(?, \'$."\' || "{column}" || \'"\') '
            f'WHERE json_extract(?, \'$."\' || "{column}" || \'"\') IS NOT NULL',
            (json.dumps(fixed), json.dumps(fixed)),
        )


def _fix_names(run: Callable[..., Any], columns: list[tuple[str, str]]) -> None:
    ulids = [
        value
        for table, column in columns
        if column == "ulid"
        for (value,) in run(f'SELECT ulid FROM "{table}" ORDER BY rowid')
    ]
    for number, ulid in enumerate(dict.fromkeys(ulids)):
        _replace(run, columns, ulid, f"01STAND{number:019d}")


def _replace(run: Callable[..., Any], columns: list[tuple[str, str]], old: str, new: str) -> None:
    for table, column in columns:
        run(
            f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
            f"WHERE typeof(\"{column}\") = 'text' AND instr(\"{column}\", ?)",
            (old, new, old),
        )


def still(root: Path, options: Any) -> Dashboard:
    """Return a dashboard of a frozen project, an hour after everything."""
    return Dashboard(partial(_open, root), options)


def _open(root: Path) -> App:
    return open_app(root, lambda _: None, FakeClock(now=DAWN + LATER))
