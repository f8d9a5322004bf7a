"""One publish against a bare SQLite transaction that writes as many rows, in turn, in one process and on one disk.

A publish ends the interval's old file, adds the new one with statistics, moves ledger and coverage, ends attempt, task
and instance, and writes the events. The floor inserts the same number of rows into one table.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, python, text_of

if TYPE_CHECKING:
    import apsw

TIMES = 400
WARM = 50
BAR = 3.0


def publishing(folder: Path, _rounds: int) -> list[Ratio]:
    """Measure the median publish."""
    ours, floor, rows = json.loads(text_of(python(__file__, str(folder / "publishing"))))
    return [
        Ratio(
            label=f"publish, p50 of {TIMES}: {rows} rows in {1000 * ours:.2f} ms of {1000 * floor:.2f} ms",
            ours=Cost(wall=ours, cpu=ours),
            base=Cost(wall=floor, cpu=floor),
            bar=f"{BAR:g} x a bare transaction",
            kept=ours <= BAR * floor,
        )
    ]


# --- in the child ---------------------------------------------------------------------------------------------------


def _measure(folder: Path) -> None:
    import tempfile

    sys.path[:0] = [str(Path(__file__).parents[1] / "contract"), str(Path(__file__).parents[1])]
    from store_kit import day, definition, kit_at

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        kit = kit_at(Path(own))
        bare = _bare(Path(own) / "bare.db")
        table = kit.put(definition("a"))["a"]
        ours, floor, rows = [], [], []
        for number in range(WARM + TIMES):
            publication = kit.publication(kit.take(table, [day(number % 30)]), {day(number % 30): f"x{number}"})
            before, began = kit.store._connection.total_changes(), time.perf_counter()
            kit.publish(publication)
            ours.append(time.perf_counter() - began)
            rows.append(kit.store._connection.total_changes() - before)
            floor.append(_insert(bare, rows[-1]))
        bare.close()
        kit.store.close()
    print(json.dumps([statistics.median(ours[WARM:]), statistics.median(floor[WARM:]), statistics.median(rows[WARM:])]))


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
