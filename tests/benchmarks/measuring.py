"""Runs child processes and says what they cost: wall time, CPU of the whole process tree, greatest resident memory.

CPU is what the kernel charges a child and everything that it waited for (`wait4`), so a runner counts with its holder.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOT = Path(__file__).resolve().parents[2]

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process tree took, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One line of the report: two costs measured in turn, and the bar that the first is held to."""

    label: str
    ours: Cost
    base: Cost
    bar: str
    kept: bool | None


def python(*words: str) -> list[str]:
    """Return the command that runs Python with these words."""
    return [sys.executable, *words]


def mtctl(project: Path, *words: str) -> list[str]:
    """Return the command that runs mtctl in a project."""
    return python("-m", "mtctl", "-C", str(project), *words)


def environment() -> dict[str, str]:
    """Return the environment of every child: this checkout's mtctl, compiled once as an installed one is."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    return {key: value for key, value in os.environ.items() if key not in dropped} | {"PYTHONPATH": str(ROOT)}


def run(command: Sequence[str]) -> Cost:
    """Run a command that must succeed, with its output thrown away; return its cost."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stderr = process.stderr.read() if process.stderr is not None else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr is not None:
        process.stderr.close()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nexit {process.returncode}\n{stderr.decode()}")
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime)


def text_of(command: Sequence[str]) -> str:
    """Run a command that must succeed and return its stdout."""
    return subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True).stdout


def alternate(rounds: int, *jobs: Callable[[], Cost]) -> list[Cost]:
    """Run the jobs in turn, round after round, so that a busy moment hits all of them; return their medians."""
    costs = [[job() for job in jobs] for _ in range(rounds)]
    return [_median(column) for column in zip(*costs, strict=True)]


def peaks(command: Sequence[str]) -> dict[str, int]:
    """Run a command and return the greatest resident bytes (VmHWM) of the `holder` and of its `runner`."""
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    found = {"holder": 0, "runner": 0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL_SECONDS):
            found["holder"] = max(found["holder"], _high_water(process.pid))
            for child in children(process.pid):
                found["runner"] = max(found["runner"], _high_water(child))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = process.wait()
    ended.set()
    watcher.join()
    if code != 0:
        raise SystemExit(f"{' '.join(command)}\nexit {code}")
    return found


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    try:
        texts = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(word) for text in texts for word in text.split()]


def _median(costs: Iterable[Cost]) -> Cost:
    listed = list(costs)
    return Cost(
        wall=statistics.median(cost.wall for cost in listed), cpu=statistics.median(cost.cpu for cost in listed)
    )


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
