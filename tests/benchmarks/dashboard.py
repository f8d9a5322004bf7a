"""The dashboard over 100,000 instances: `python tests/benchmarks/dashboard.py [--instances N]`.

Printed: CPU to the first frame beyond importing Textual, a key to its paint, statements and rows of a redraw (counted
by the profile hook of SQLite), resident memory. All in one process without a terminal, as Textual's own tests run it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mtctl.app import init_project, open_app

STATES = ("success", "failed", "cancelled", "success", "success")


def fill(root: Path, instances: int) -> None:
    """Write instances that look like those of fifty workflows over a year, with their one task each."""
    init_project(root, name="shop", example=False)
    with open_app(root, lambda _: None) as app, app._store.write() as tx:
        run = tx.session.connection.execute  # type: ignore[attr-defined]
        for number in range(instances):
            begin = 1_700_000_000_000_000 + number * 300_000_000
            run(
                "INSERT INTO workflow_instance (instance_id, ulid, trigger, title, manifest, state, queue, created_at, "
                "started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, 'default', ?, ?, ?)",
                (number + 1, f"{number:026d}", "manual", f"flow_{number % 50}", '{"pad": "' + "x" * 400 + '"}',
                 STATES[number % 5], begin, begin, begin + number % 77 * 1_000_000),
            )  # fmt: skip
            run(
                "INSERT INTO task_instance (instance_id, name, kind, state, queue, ready_at, started_at, ended_at) "
                "VALUES (?, 'load', 'command', ?, 'default', ?, ?, ?)",
                (number + 1, STATES[number % 5], begin, begin, begin + 1),
            )


class Counter:
    """Statements of one connection and the rows that came out of them."""

    def __init__(self, connection: Any) -> None:
        """Begin to count."""
        self.statements = 0
        self.rows = 0
        connection.set_profile(self._profiled)
        connection.set_row_trace(self._row)

    def reset(self) -> None:
        """Begin anew."""
        self.statements = self.rows = 0

    def _profiled(self, sql: str, _: int) -> None:
        self.statements += not sql.startswith(("BEGIN", "COMMIT", "PRAGMA"))

    def _row(self, _: Any, row: Any) -> Any:
        self.rows += 1
        return row


async def measure(root: Path) -> None:
    """Open the dashboard on its list of instances and press keys."""
    from mtctl.tui.app import Dashboard
    from mtctl.tui.bars import Options

    before = time.process_time()
    counters: list[Counter] = []

    def opened() -> Any:
        app = open_app(root, lambda _: None)
        counters.append(Counter(app._store._connection))  # type: ignore[attr-defined]
        return app

    dashboard = Dashboard(opened, Options(first="instances"))
    async with dashboard.run_test(size=(120, 40)) as pilot:
        while not dashboard.grid.current:
            await pilot.pause(0)
        print(f"first frame          {time.process_time() - before:6.2f} s CPU beyond the import   (bar 1 s)")
        for label, keys in (("key down", ["j"] * 20), ("page down", ["pagedown"] * 20), ("to the end", ["G", "g"] * 5)):
            times = []
            for key in keys:
                began = time.perf_counter()
                await pilot.press(key)
                while dashboard.grid.current is None:
                    await pilot.pause(0)
                times.append((time.perf_counter() - began) * 1e3)
            print(f"{label:<20} {statistics.median(times):6.1f} ms median, {max(times):.1f} ms greatest   (bar 50 ms)")
        await pilot.pause(0.5)
        counters[0].reset()
        began = time.process_time()
        await dashboard._reload()
        took = (time.process_time() - began) * 1e3
        print(
            f"a redraw             {counters[0].statements:6d} statements, {counters[0].rows} rows, {took:.1f} ms CPU"
            "   (bar 5 statements, 200 rows)"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory               {peak:6.0f} MB resident at most   (bar 150 MB)")


def main() -> None:
    """Fill a project and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=100_000)
    options = parser.parse_args()
    import textual.app
    import textual.widgets  # noqa: F401 - their import is not ours

    with tempfile.TemporaryDirectory(prefix="mtctl-bench-") as folder:
        root = Path(folder, "shop")
        fill(root, options.instances)
        asyncio.run(measure(root))


if __name__ == "__main__":
    main()
