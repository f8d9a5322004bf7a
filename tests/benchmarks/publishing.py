"""One publish against bare SQLite transactions that write as many rows, in turn, in one process and on one disk.

A publish ends the interval's old file, adds the new one with statistics, moves ledger and coverage, ends attempt, task
and instance, and writes the events. One floor inserts the same number of rows into a single table; the other writes the
very same rows where they belong: a twin of the state file gets what ours changes, as bare statements with their values.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import Cost, Ratio, python, text_of

if TYPE_CHECKING:
    import apsw
    from store_kit import Kit

TIMES = 400
WARM = 50
BAR = 3.0


def publishing(folder: Path, _rounds: int) -> list[Ratio]:
    """Measure the median publish."""
    ours, floor, same, rows = json.loads(text_of(python(__file__, str(folder / "publishing"))))
    return [
        Ratio(
            label=f"publish, p50 of {TIMES}: {rows} rows in {1000 * ours:.2f} ms of {1000 * base:.2f} ms, {what}",
            ours=Cost(wall=ours, cpu=ours),
            base=Cost(wall=base, cpu=base),
            bar=f"{BAR:g} x a bare transaction",
            kept=ours <= BAR * base,
        )
        for base, what in ((floor, "in one table"), (same, "in their own tables"))
    ]


# --- in the child ---------------------------------------------------------------------------------------------------


def _measure(folder: Path) -> None:
    import tempfile

    sys.path[:0] = [str(Path(__file__).parents[1] / "contract"), str(Path(__file__).parents[1])]
    from store_kit import day, definition, kit_at

    folder.mkdir(parents=True, exist_ok=True)
    ours, floor, same, rows = [], [], [], []
    with tempfile.TemporaryDirectory(dir=folder) as own:
        kit = kit_at(Path(own))
        bare = _bare(Path(own) / "bare.db")
        table = kit.put(definition("a"))["a"]
        for number in range(WARM + TIMES):
            publication = kit.publication(kit.take(table, [day(number % 30)]), {day(number % 30): f"x{number}"})
            before, began = kit.store._connection.total_changes(), time.perf_counter()
            kit.publish(publication)
            ours.append(time.perf_counter() - began)
            rows.append(kit.store._connection.total_changes() - before)
            floor.append(_insert(bare, rows[-1]))
        twin = _Twin(kit, Path(own) / "twin.db")  # from now on: being heard slows ours
        for number in range(WARM + TIMES):
            publication = kit.publication(kit.take(table, [day(number % 30)]), {day(number % 30): f"y{number}"})
            twin.follow()
            kit.publish(publication)
            same.append(twin.follow())
        assert twin.is_equal(), "the twin did not get the same rows"
        bare.close()
        twin.close()
        kit.store.close()
    print(json.dumps([statistics.median(one[WARM:]) for one in (ours, floor, same, rows)]))


class _Twin:
    """A copy of the state file that is given each change of it, as the statement and the values that made it."""

    def __init__(self, kit: Kit, path: Path) -> None:
        import apsw

        from mtctl.store.connection import _configure

        self._ours = kit.store._connection
        self._ours.execute("VACUUM INTO ?", (str(path),))
        self._twin = apsw.Connection(str(path), statementcachesize=512)
        self._twin.execute("PRAGMA journal_mode = WAL").fetchall()
        _configure(self._twin)
        self._said: list[tuple[str, Any]] = []
        self._ours.exec_trace = self._hear

    def _hear(self, _cursor: object, sql: str, values: Any) -> bool:
        words = sql.split("\n", 1)[-1] if sql.startswith("--") else sql
        if words.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            self._said.append((sql, dict(values) if isinstance(values, Mapping) else values))
        return True

    def follow(self) -> float:
        """Write what was written, in one transaction; return how long it took."""
        said, self._said = self._said, []
        began = time.perf_counter()
        self._twin.execute("BEGIN IMMEDIATE")
        for sql, values in said:
            self._twin.execute(sql, values)
        self._twin.execute("COMMIT")
        return time.perf_counter() - began

    def is_equal(self) -> bool:
        """Return whether both have the same rows in every table."""
        self._ours.exec_trace = None
        names = self._ours.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        asked = [f'SELECT * FROM "{name}"' for (name,) in names]
        return all(
            sorted(map(repr, self._ours.execute(sql).fetchall()))
            == sorted(map(repr, self._twin.execute(sql).fetchall()))
            for sql in asked
        )

    def close(self) -> None:
        """Close the copy."""
        self._twin.close()


def _bare(path: Path) -> apsw.Connection:
    import apsw

    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c TEXT, d TEXT)")
    return connection


def _insert(connection: apsw.Connection, rows: int) -> float:
    values = [(number, number + 1, "some text of a row", "2013-01-01") for number in range(rows)]
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO line (a, b, c, d) VALUES (?, ?, ?, ?)", values)
    connection.execute("COMMIT")
    return time.perf_counter() - began


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))
