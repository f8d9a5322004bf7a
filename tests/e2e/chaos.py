"""Kills among living daemons: whoever dies wherever, each interval goes in once and each line is written.

Shared by the suite, the campaign and the long run by command.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import signal
import stat
import subprocess
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.kit import PATIENCE, Process, check_proof, child, environment, kill, ok, project, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = 60
VICTIMS = ("daemon", "daemon", "daemon", "runner", "program", "supervisor", "daemon and supervisor")
SETTLE_SECONDS = 3.0
LONG_PATIENCE = 600.0
LONGEST_SECONDS = 1.5

_TABLES = {
    "daily": """
CREATE MATERIALIZED TABLE daily PARTITIONED BY (day) WITH ('partition.grain' = 'day', 'refresh.batch' = '1')
AS SELECT day, id, amount FROM 'data/source.parquet'
""",
    "daily_sum": """
CREATE MATERIALIZED TABLE daily_sum PARTITIONED BY (day) WITH ('partition.grain' = 'day', 'refresh.batch' = '20')
AS SELECT day, count(*) AS n, sum(amount)::BIGINT AS amount FROM daily GROUP BY day
""",
    "totals": """
CREATE MATERIALIZED TABLE totals AS SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM 'data/source.parquet'
""",
}

_FLOW = """
name = "flow"
schedule = "* * * * * ?"
misfire = "all"
misfire_window = "36500 days"
overlap = "allow"
retries = 8

[[tasks]]
name = "load"
table = "daily"

[[tasks]]
name = "whole"
table = "totals"

[[tasks]]
name = "line"
command = ["./say"]
upstream = ["load"]

[[tasks]]
name = "sum"
table = "daily_sum"
upstream = ["line"]
"""

# The lock is the program's own: it is held as long as anything of the attempt lives.
_SAY = """#!/bin/sh
exec 9>"locks/$(echo "$MTCTL_RUN_KEY" | tr '/:+' '___')"
flock -n 9 || echo "two at once: $MTCTL_RUN_KEY $MTCTL_ATTEMPT" >> lines
sleep 0.15
echo "$MTCTL_RUN_KEY" >> lines
"""

_STATE = """
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = lambda sql: [list(row) for row in db.execute(sql)]
print(json.dumps({
  "fires": rows('''SELECT i.fire_at, i.fire_at, i.logical_date
                   FROM workflow_instance i JOIN workflow w USING (workflow_id)
                   WHERE w.name = 'flow' AND i.trigger = 'schedule' '''),
  "skipped": rows('''SELECT s.first_fire_at, s.last_fire_at, NULL
                     FROM skipped_fire s JOIN workflow w USING (workflow_id) WHERE w.name = 'flow' '''),
  "early": rows('''SELECT a.attempt_id FROM attempt a JOIN task_instance t USING (task_id)
                   JOIN workflow_instance i USING (instance_id) WHERE a.started_at < i.fire_at'''),
  "loose": rows('''SELECT t.task_id FROM task_instance t LEFT JOIN attempt a USING (attempt_id)
                   WHERE t.state = 'running' AND (a.outcome IS NOT NULL OR a.attempt_id IS NULL)'''),
  "twice": rows('''SELECT table_id, start_at, count(*) FROM ledger WHERE end_snapshot IS NULL GROUP BY 1, 2
                   HAVING count(*) > 1'''),
  "holes": rows("SELECT count(*), max(event_id) FROM event"),
  "too_soon": rows('''SELECT t.task_id FROM task_instance t JOIN task_edge e USING (task_id)
                      JOIN task_instance u ON u.task_id = e.upstream_id
                      WHERE t.state IN ('pending', 'running') AND u.state NOT IN ('success', 'skipped')'''),
  "lines": [row[0] for row in db.execute('''SELECT i.logical_date FROM task_instance t JOIN workflow_instance i
                   USING (instance_id) WHERE t.name = 'line' AND t.state = 'success' ''')],
  "open": db.execute("SELECT count(*) FROM workflow_instance WHERE ended_at IS NULL").fetchone()[0],
  "outcomes": dict(db.execute("SELECT coalesce(outcome, 'open'), count(*) FROM attempt GROUP BY 1")),
}))
"""


def chaos_project(root: Path) -> Path:
    """A workflow each second: an interval table, a program that appends a line, a table below both."""
    project(root, days=DAYS, tables=_TABLES)
    say = root / "say"
    say.write_text(_SAY, encoding="utf-8")
    say.chmod(say.stat().st_mode | stat.S_IXUSR)
    (root / "locks").mkdir()
    (root / "lines").touch()
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows/flow.toml").write_text(_FLOW, encoding="utf-8")
    ok(root, "apply")
    return root


class Heard:
    """What a daemon and its runners said last of where they are, without being held up."""

    def __init__(self, root: Path, *words: str) -> None:
        self._last = "starting"
        self._heard, told = os.pipe()
        os.set_blocking(self._heard, False)
        env = environment(MTCTL_TRACE_FD=str(told))
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process: Process = start(root, *words, env=env, pass_fds=(told,), **quiet)
        os.close(told)

    def wait(self) -> None:
        """Wait until somebody has passed a point, or long enough to know that there is nothing to do."""
        select.select([self._heard], [], [], LONGEST_SECONDS)

    def last(self) -> str:
        """The last point that anybody has passed, 'starting' where none was."""
        text = b""
        with contextlib.suppress(BlockingIOError):
            while block := os.read(self._heard, 1 << 16):
                text = text[-200:] + block
        lines = text.decode().split("\n")
        if len(lines) > 1:
            self._last = lines[-2].partition(" ")[2]
        return self._last

    def close(self) -> None:
        os.close(self._heard)


def rounds(root: Path, kills: int, seed: int) -> Counter[tuple[str, str]]:
    """Kill so often, with what must hold after each round; return how often who died behind which point."""
    rng = random.Random(seed)  # noqa: S311 - the same story for the same seed, as far as processes repeat themselves
    histogram: Counter[tuple[str, str]] = Counter()
    while histogram.total() < kills:
        victim = rng.choice(VICTIMS)
        heard = Heard(root, "up", "--no-apply", "-w", "2")
        try:
            if rng.random() < 0.85:  # else it dies while it starts
                heard.wait()
            _wait(heard.process, rng.uniform(0.0, 0.4))
            died, runs = strike(heard.process.pid, victim)
            if died:
                histogram[died, heard.last() + runs] += 1
            if "daemon" not in died:
                _wait(heard.process, rng.uniform(0.05, 0.3))
                assert heard.process.poll() is None, "the daemon outlives what it has started"
                kill(heard.process.pid)
                histogram["daemon", heard.last()] += 1
            heard.process.wait(PATIENCE)
        finally:
            kill(heard.process.pid)
            heard.process.wait()
            heard.close()
        check_round(root)
    return histogram


def strike(daemon: int, victim: str) -> tuple[str, str]:
    """Kill -9 one kind of process of a daemon; return who died, '' where there is none of that kind, and what ran."""
    if victim == "daemon":
        runs = ", a program runs" if children(daemon, "actions.supervisor") else ""
        kill(daemon)
        return victim, runs
    found: list[int] = []
    end = time.monotonic() + LONGEST_SECONDS
    while not found and time.monotonic() < end:
        supervisors = children(daemon, "actions.supervisor")
        found = children(daemon, "engine.runner") if victim == "runner" else supervisors
        if victim == "program":
            found = [pid for one in supervisors for pid in children(one)]
        time.sleep(0.002)
    for pid in found:
        kill(pid)
    if victim == "daemon and supervisor":
        kill(daemon)
        return victim if found else "daemon", ""
    return victim if found else "", ""


def children(parent: int, word: str = "") -> list[int]:
    """The living children of all threads of a process whose command line holds a word."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*"):
        with contextlib.suppress(OSError):
            pids = map(int, (task / "children").read_text(encoding="ascii").split())
            found += [pid for pid in pids if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found


def leftovers(root: Path) -> list[str]:
    """The living processes that work in a project."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            inside = (folder / "cwd").readlink().is_relative_to(root) or str(root).encode() in words
            if words and inside and int(folder.name) != os.getpid():
                found.append(f"{folder.name} {words[:120]!r}")
    return found


def check_round(root: Path) -> Any:
    """What holds whoever has died: the books are lawful. Runners and supervisors notice their daemon's death alone."""
    end = time.monotonic() + SETTLE_SECONDS
    state = child(_STATE, str(root / ".mtctl/state.db"))
    assert {name: state[name] for name in ("early", "loose", "twice", "too_soon")} == {
        "early": [], "loose": [], "twice": [], "too_soon": [],
    }  # fmt: skip
    assert state["holes"][0][0] == state["holes"][0][1], "a hole in the events"
    handled = sorted(state["fires"] + state["skipped"], key=lambda one: one[:2])
    for before, after in pairwise(handled):
        assert before[1] < after[0], "a fire was made twice"
        assert after[2] is None or after[2] == before[1], "a data interval has a hole before it"
    lines = (root / "lines").read_text(encoding="utf-8")
    assert "two at once" not in lines
    while time.monotonic() < end and _of_daemon(root):
        time.sleep(0.02)
    return state


def _of_daemon(root: Path) -> list[str]:
    """What runs on although its daemon is dead; a program whose supervisor died too waits for the next sweep."""
    return [one for one in leftovers(root) if "runner" in one or "supervisor" in one]


def finish(root: Path, *, patience: float) -> Any:
    """Work everything off without faults, then judge all of it by independent readers.

    What a killed runner or supervisor has failed waits half a minute and more for its next try: who has less patience
    than that cancels what waits.
    """
    ok(root, "workflow", "disable", "flow")
    end = time.monotonic() + patience
    while run(root, "tick").code in {0, 1} and child(_STATE, str(root / ".mtctl/state.db"))["open"]:
        if time.monotonic() > end:
            assert patience < LONG_PATIENCE, "it never came to an end"
            ok(root, "instance", "cancel", "--all-open")
            break
        time.sleep(0.5)
    ok(root, "workflow", "run", "flow")
    state = check_round(root)
    told = Counter((root / "lines").read_text(encoding="utf-8").split("\n"))
    keys = {int(_micros(key)) for key in told if re.match(r"flow/", key)}
    assert [one for one in state["lines"] if one not in keys and one in {fire[2] for fire in state["fires"]}] == []
    assert leftovers(root) == []
    check_proof(root, days=DAYS)
    return state


def _micros(key: str) -> float:
    return datetime.fromisoformat(key.split("/")[1]).timestamp() * 1_000_000


def table_of(histogram: Counter[tuple[str, str]]) -> Iterator[str]:
    """The histogram as lines."""
    for (victim, point), number in sorted(histogram.items()):
        yield f"{number:4d}  {victim:22s} behind {point}"


def stop(process: Process) -> None:
    """Pause a process where it is."""
    os.kill(process.pid, signal.SIGSTOP)


def wake(process: Process) -> None:
    """Let a paused process go on."""
    os.kill(process.pid, signal.SIGCONT)


def _wait(process: Process, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
