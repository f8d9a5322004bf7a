"""Benchmarks: `python tests/benchmarks/run.py [NAME...]`; all of them when none is named.

Each line is a ratio taken within one run, ours and the floor in turn; the exit code is 1 when a bar is not kept.
What is measured is printed below the figures: generator, queries, and the floor's own program.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import worlds
from backfill import grouped, loop, pass_through, sixty
from due import due, quiet
from graph import graph
from idle import MEMORY, SHARE, Rest, idle
from memory import WIDE, Peak, memory
from overwrites import overwrites
from pruning import pruning
from publishing import publishing
from shared import full, shared
from startup import startup
from throughput import throughput
from verifying import verifying

if TYPE_CHECKING:
    from collections.abc import Iterable

    from measuring import Ratio

RATIOS = {
    "grouped": grouped,
    "pass-through": pass_through,
    "sixty": sixty,
    "graph": graph,
    "startup": startup,
    "loop": loop,
    "throughput": throughput,
    "overwrites": overwrites,
    "shared": shared,
    "full": full,
    "publishing": publishing,
    "pruning": pruning,
    "verify": verifying,
    "due": due,
    "quiet": quiet,
}
_OTHERS = ("memory", "idle")

_HEADS = ("WHAT", "WALL", "CPU", "FLOOR WALL", "FLOOR CPU", "x WALL", "x CPU", "BAR", "KEPT")


def main() -> int:
    """Run the named benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join((*RATIOS, *_OTHERS))}; else all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each pair is measured; the median counts")
    parser.add_argument("--folder", type=Path, help="where sources and projects lie; kept when given")
    options = parser.parse_args()
    if unknown := set(options.names) - {*RATIOS, *_OTHERS}:
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    names = options.names or [*RATIOS, *_OTHERS]
    with tempfile.TemporaryDirectory(prefix="mtctl-bench-") as own:
        folder = (options.folder or Path(own)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        print(f"load before: {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} cores\n")
        ratios = [line for name in names if name in RATIOS for line in RATIOS[name](folder, options.rounds)]
        kept = _print_ratios(ratios)
        if "memory" in names:
            kept &= _print_peaks(memory(folder))
        if "idle" in names:
            kept &= _print_rest(idle(folder))
    _print_inputs()
    return 0 if kept else 1


def _print_ratios(ratios: Iterable[Ratio]) -> bool:
    rows = [
        (
            one.label,
            f"{one.ours.wall:.3f}",
            f"{one.ours.cpu:.3f}",
            f"{one.base.wall:.3f}",
            f"{one.base.cpu:.3f}",
            f"{one.ours.wall / one.base.wall:.2f}",
            f"{one.ours.cpu / one.base.cpu:.2f}",
            one.bar,
            _word(kept=one.kept),
        )
        for one in ratios
    ]
    if rows:
        _print_table([_HEADS, *rows])
    return all(one.kept is not False for one in ratios)


def _print_peaks(peaks: Iterable[Peak]) -> bool:
    listed = list(peaks)
    rows = [
        (one.label, f"{one.bytes / 1e6:.0f} MB", f"{one.bar / 1e6:.0f} MB", _word(kept=one.bytes <= one.bar))
        for one in listed
    ]
    _print_table([("RESIDENT", "PEAK", "BAR", "KEPT"), *rows])
    return all(one.bytes <= one.bar for one in listed)


def _print_rest(rest: Rest) -> bool:
    rows = [
        ("PSS", f"{rest.pss / 1e6:.1f} MB", f"{MEMORY / 1e6:.0f} MB", _word(kept=rest.pss <= MEMORY)),
        ("of it its own", f"{rest.private / 1e6:.1f} MB", "", ""),
        ("share of a core", f"{rest.share:.2%}", f"{SHARE:.1%}", _word(kept=rest.share <= SHARE)),
        ("processes", f"{rest.processes}", "", ""),
    ]
    _print_table([("IDLE DAEMON", "TAKES", "BAR", "KEPT"), *rows])
    return rest.kept


def _word(*, kept: bool | None) -> str:
    return "" if kept is None else "yes" if kept else "NO"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def _print_inputs() -> None:
    for title, text in (
        ("generator", worlds.GENERATOR),
        ("grouped", worlds.GROUPED),
        ("all rows", worlds.ALL_ROWS),
        ("memory", WIDE),
        ("DAG, the last table", worlds.dag()["t099"]),
        ("floor", worlds.RAW),
    ):
        print(f"--- {title} ---\n{text.strip()}\n")


if __name__ == "__main__":
    sys.exit(main())
