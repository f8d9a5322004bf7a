"""The long run of kills among daemons, by command: `python tests/benchmarks/chaos.py --kills 500`.

Daemons, runners, programs and supervisors die by kill -9; after each round the books are judged, at the end all of it
by independent readers. Prints who died behind which point, how often. Exit 0 only when nothing was lost or doubled.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from e2e.chaos import LONG_PATIENCE, chaos_project, finish, rounds, table_of  # noqa: E402 - found by the path above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="how many processes die (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="chooses moments and victims (default 1)")
    parser.add_argument("--folder", type=Path, help="keep the project here (default: a temporary folder)")
    asked = parser.parse_args()

    folder = asked.folder or Path(tempfile.mkdtemp(prefix="mtctl-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    root = chaos_project(folder / "p")
    histogram = rounds(root, asked.kills, asked.seed)
    state = finish(root, patience=LONG_PATIENCE)
    if asked.folder is None:
        shutil.rmtree(folder)
    print("\n".join(table_of(histogram)))
    print(f"\n{histogram.total()} kills, attempts {state['outcomes']}; {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
