"""The long run of kills, by command: `python tests/benchmarks/kill_soak.py --kills 500`.

Holder and runner die by kill -9 at every named point and at random moments over tables of 100 intervals; each project,
once full, is checked by independent readers of ledger and lake. Exit 0 only when every interval went in exactly once.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from e2e.kills import mixed, soak  # noqa: E402 - found by the path above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="how many processes die (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="chooses moments and victims (default 1)")
    parser.add_argument("--folder", type=Path, help="keep the projects here (default: a temporary folder)")
    asked = parser.parse_args()

    folder = asked.folder or Path(tempfile.mkdtemp(prefix="mtctl-kills-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    projects = soak(folder, mixed(asked.kills, asked.seed), on_kill=_say)
    if asked.folder is None:
        shutil.rmtree(folder)
    seconds = time.perf_counter() - began
    print(f"\n{asked.kills} kills, {projects} projects of 100 intervals, each interval once; {seconds:.0f} s")


def _say(number: int, text: str) -> None:
    print(f"\r{number:4d}  {text:60s}", end="", flush=True)


if __name__ == "__main__":
    main()
