"""A daemon with a thousand enabled workflows and nothing to do: what it holds in memory and what it costs.

It refreshes a table first, so that all that work loads is loaded; measured is what is left when its runner is gone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import children, environment, mtctl, run
from worlds import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOWS = 1_000

MEMORY = 40_000_000
"""What daemon and children may hold: bytes of PSS."""

SHARE = 0.003
"""What part of a core it may take."""

SECONDS = 60
"""How long it is looked at."""

_PATIENCE = 120
_ALONE_SECONDS = 5  # asking for the work and doing it are done by two runners, one after the other
_WORKFLOW = 'schedule = "0 2 1 {month} *"\n[[tasks]]\nname = "say"\ncommand = ["true"]\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What an idle daemon takes: bytes of PSS with its children, and its share of a core."""

    pss: int
    private: int
    share: float
    processes: int

    @property
    def kept(self) -> bool:
        """Whether both bars are kept."""
        return self.pss <= MEMORY and self.share <= SHARE


def idle(folder: Path) -> Rest:
    """Start a daemon, let it work once, wait until its runner is gone, and look at it for a minute."""
    project = _project(folder / "idle")
    process = subprocess.Popen(
        mtctl(project, "up"), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(lambda: bool(children(process.pid)), "the runner did not start")
        _wait_until_alone(process.pid)
        before, began = _cpu(process.pid), time.perf_counter()
        time.sleep(SECONDS)
        share = (_cpu(process.pid) - before) / (time.perf_counter() - began)
        family = [process.pid, *children(process.pid)]
        return Rest(
            pss=sum(_rollup(pid, "Pss:") for pid in family),
            private=sum(_rollup(pid, "Private_Dirty:") for pid in family),
            share=share,
            processes=len(family),
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _project(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    source = root.parent / "sources" / "none"
    make_project(root, {"one": "CREATE MATERIALIZED TABLE one AS SELECT 1 AS n"}, source=source)
    (root / "workflows").mkdir()
    month = (time.gmtime().tm_mon + 5) % 12 + 1  # half a year ahead
    for number in range(WORKFLOWS):
        text = _WORKFLOW.format(month=month)
        (root / "workflows" / f"wf{number:04d}.toml").write_text(text, encoding="utf-8")
    run(mtctl(root, "apply"))
    return root


def _wait_until_alone(pid: int) -> None:
    """Wait until a process has had no children for a while."""
    seen = time.perf_counter()

    def alone() -> bool:
        nonlocal seen
        if children(pid):
            seen = time.perf_counter()
        return time.perf_counter() - seen > _ALONE_SECONDS

    _wait(alone, "the runner did not go")


def _wait(holds: Callable[[], bool], trouble: str) -> None:
    until = time.perf_counter() + _PATIENCE
    while not holds():
        if time.perf_counter() > until:
            raise SystemExit(trouble)
        time.sleep(0.02)


def _cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _rollup(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
