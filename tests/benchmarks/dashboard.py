"""The dashboard over 100,000 instances: `python tests/benchmarks/dashboard.py [--instances N]`.

Printed: CPU to the first frame beyond importing Textual, statements and rows of a redraw (counted by the profile hook
of SQLite), resident memory: in this process without a terminal, as Textual's own tests run it. And a key to its paint
in a pseudo-terminal: from the write of the key to the last byte that the dashboard writes for it, with everything that
lies between (the terminal's line, parsing, reading the store, layout, drawing, encoding).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import resource
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
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
        while not dashboard.grid.current:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)  # the pilot's own pause asks every widget, and that would be counted
        print(f"first frame          {time.process_time() - before:6.2f} s CPU beyond the import   (bar 1 s)")
        await pilot.pause(0.5)
        counters[0].reset()
        began = time.process_time()
        await dashboard.reload()
        took = (time.process_time() - began) * 1e3
        print(
            f"a redraw             {counters[0].statements:6d} statements, {counters[0].rows} rows, {took:.1f} ms CPU"
            "   (bar 5 statements, 200 rows)"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory               {peak:6.0f} MB resident at most   (bar 150 MB)")


class Terminal:
    """The dashboard in a pseudo-terminal of 120 by 40."""

    def __init__(self, root: Path) -> None:
        """Start it and wait until it has drawn its list."""
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        home = root.parent / "home"
        environ = os.environ | {
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home),
        }  # fmt: skip
        self._child = subprocess.Popen(
            [sys.executable, "-m", "mtctl", "-C", str(root), "ui", "--fresh", "--list", "instances"],
            stdin=side, stdout=side, stderr=side, env=environ, start_new_session=True,
            cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        os.close(side)
        self._settle(3.0)

    def press(self, key: str) -> tuple[float, float]:
        """Press a key; return milliseconds to the first and to the last byte of what it draws."""
        began = time.perf_counter()
        os.write(self._main, key.encode())
        first, last = self._settle(0.25)
        return (first - began) * 1e3, (last - began) * 1e3

    def cpu(self) -> float:
        """Return the milliseconds of CPU that it has used."""
        words = Path(f"/proc/{self._child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Leave it."""
        self._child.terminate()
        self._settle(0.3)
        self._child.wait(10)
        os.close(self._main)

    def _settle(self, quiet: float) -> tuple[float, float]:
        """Read until nothing comes for so many seconds; return when the first and the last byte came."""
        first = last = 0.0
        while select.select([self._main], [], [], quiet)[0]:
            try:
                if not os.read(self._main, 1 << 16):
                    break
            except OSError:
                break
            last = time.perf_counter()
            first = first or last
        return first, last


KEYS = (
    ("key down", ["j"] * 30, 1),
    ("key down, scrolling", ["j"] * 40, 1),
    ("page down", ["\x1b[6~"] * 20, 1),
    ("to the end, back", ["G", "g"] * 5, 1),
    ("sort another way", ["R", "R"] * 3, 1),
    ("a letter of a filter", ["/", "f", "l", "o", "w", "_", "7", "\x7f", "\x7f"], 0),
)
"""What is pressed, and whether the first (0) or the last byte (1) counts: a filter rests before the list follows."""


def press_keys(root: Path) -> None:
    """Print how long a key takes to its paint."""
    terminal = Terminal(root)
    try:
        for label, keys, which in KEYS:
            before = terminal.cpu()
            times = [terminal.press(key) for key in keys]
            cpu = (terminal.cpu() - before) / len(keys)
            paints = [time[which] for time in times]
            print(
                f"{label:<20} {statistics.median(paints):6.1f} ms median, {max(paints):.1f} ms greatest, "
                f"{cpu:.0f} ms CPU a key   (bar 50 ms)"
            )
        print(f"{'the list after it':<20} {terminal.press('8')[1]:6.1f} ms, 80 of them a rest")
    finally:
        terminal.close()


def main() -> None:
    """Fill a project and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--project", type=Path, help="where to keep what is measured, for the next run")
    options = parser.parse_args()
    import textual.app
    import textual.widgets  # noqa: F401 - their import is not ours

    with tempfile.TemporaryDirectory(prefix="mtctl-bench-") as folder:
        root = options.project or Path(folder, "shop")
        if not (root / "mtctl.toml").exists():
            fill(root, options.instances)
        asyncio.run(measure(root))
        press_keys(root)


if __name__ == "__main__":
    main()
