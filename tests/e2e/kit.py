"""Real mtctl processes on a small project: started, stopped at named points, killed, and judged by independent readers.

The test's own process opens neither the state file nor the lake: children with one library each do.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mtctl

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

PRODUCT = Path(mtctl.__file__).parents[1]
PATIENCE = 60.0
"""Seconds after which a process that says nothing has hung."""

FIRST_DAY = "2024-01-01"

_SOURCE = """
import duckdb, sys
path, days = sys.argv[1], int(sys.argv[2])
duckdb.sql(f'''
  COPY (SELECT DATE 'FIRST_DAY' + d::INTEGER AS day, d * 1000 + n AS id, (d * 7919 + n * 104729) % 1000 AS amount
        FROM range({days}) t(d), range(40) u(n) WHERE n < 20 + d % 7 ORDER BY day, id)
  TO '{path}' (FORMAT parquet)
''')
""".replace("FIRST_DAY", FIRST_DAY)

_TABLES = {
    "daily": """
CREATE MATERIALIZED TABLE daily PARTITIONED BY (day) WITH ('partition.grain' = 'day')
AS SELECT day, id, amount FROM 'data/source.parquet'
""",
    "daily_sum": """
CREATE MATERIALIZED TABLE daily_sum PARTITIONED BY (day) WITH ('partition.grain' = 'day')
AS SELECT day, count(*) AS n, sum(amount)::BIGINT AS amount FROM daily GROUP BY day
""",
    "totals": """
CREATE MATERIALIZED TABLE totals AS SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM 'data/source.parquet'
""",
}

_BOOKS = """
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = lambda sql: [list(row) for row in db.execute(sql)]
print(json.dumps({
  "ledger": rows('''SELECT m.name, l.start_at, count(*), sum(l.end_snapshot IS NULL) FROM ledger l
                    JOIN materialized_table m USING (table_id) GROUP BY 1, 2 ORDER BY 1, 2'''),
  "files": rows('''SELECT m.name, d.value || s.path || t.path || f.path FROM ducklake_data_file f
                   JOIN ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
                   JOIN ducklake_schema s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
                   JOIN materialized_table m ON m.lake_table_id = t.table_id
                   JOIN ducklake_metadata d ON d.key = 'data_path' WHERE f.end_snapshot IS NULL'''),
  "all_files": [row[0] for row in db.execute('''SELECT d.value || s.path || t.path || f.path FROM ducklake_data_file f
                   JOIN ducklake_table t ON t.table_id = f.table_id JOIN ducklake_schema s ON s.schema_id = t.schema_id
                   JOIN ducklake_metadata d ON d.key = 'data_path' ''')],
  "successes": dict(db.execute('''SELECT m.name, count(*) FROM attempt a JOIN materialized_table m USING (table_id)
                                  WHERE a.outcome = 'success' GROUP BY 1''')),
  "outcomes": dict(db.execute("SELECT coalesce(outcome, 'open'), count(*) FROM attempt GROUP BY 1")),
  "instances": [row[0] for row in db.execute("SELECT state FROM workflow_instance ORDER BY instance_id")],
  "open": {
    "attempt": rows("SELECT * FROM attempt WHERE outcome IS NULL"),
    "task": rows("SELECT task_id, name, state FROM task_instance WHERE ended_at IS NULL"),
    "instance": rows("SELECT instance_id, title, state FROM workflow_instance WHERE ended_at IS NULL"),
    "holder": rows("SELECT holder_id, command FROM holder WHERE ended_at IS NULL"),
    "pin": rows("SELECT * FROM pin"),
  },
}))
"""

_DUCK = """
import duckdb, json, sys
duckdb.sql("SET TimeZone = 'UTC'")
print(json.dumps([[None if v is None else str(v) for v in row] for row in duckdb.sql(sys.argv[1]).fetchall()]))
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """Return a plain environment in which `python -m mtctl` runs this very checkout."""
    inherited = os.environ.get("PYTHONPATH")
    path = str(PRODUCT) if not inherited else f"{PRODUCT}{os.pathsep}{inherited}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": path,
    } | more


class Process(subprocess.Popen[str]):
    """A process that a failing test does not wait for."""

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)  # type: ignore[arg-type]


def start(root: Path, *words: str, **options: Any) -> Process:
    """Start mtctl in a project folder."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), "text": True} | options
    return Process([sys.executable, "-m", "mtctl", *words], cwd=root, **options)


def run(root: Path, *words: str, stdin: str = "", **options: Any) -> Done:
    """Run mtctl to its end."""
    with start(root, *words, stdin=subprocess.PIPE, **options) as process:
        out, err = process.communicate(stdin, timeout=PATIENCE * 2)
    return Done(process.returncode, out or "", err or "")


def ok(root: Path, *words: str) -> str:
    """Run mtctl, which must succeed; return its stdout."""
    done = run(root, *words)
    assert done.code == 0, f"mtctl {' '.join(words)}: exit {done.code}\n{done.out}{done.err}"
    return done.out


def child(program: str, *words: str) -> Any:
    """Run a Python program in a process of its own and return the JSON that it prints."""
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def books(root: Path) -> Any:
    """Return what the state file says, read by the stdlib's SQLite; only while no mtctl process has it open."""
    return child(_BOOKS, str(root / ".mtctl/state.db"))


def duck(sql: str) -> list[list[str | None]]:
    """Return the rows of a plain DuckDB as text."""
    rows: list[list[str | None]] = child(_DUCK, sql)
    return rows


def project(root: Path, *, days: int = 100, tables: dict[str, str] | None = None, settings: str = "") -> Path:
    """Make and apply a project: a source of so many days, an interval table, one below it, a whole table."""
    ok(root.parent, "init", str(root), "--name", "e2e")
    (root / "data").mkdir()
    child(_SOURCE, str(root / "data/source.parquet"), str(days))
    end = duck(f"SELECT DATE '{FIRST_DAY}' + {days}")[0][0]
    text = f'name = "e2e"\n[engine]\nthreads = 1\n{settings}\n[defaults]\nstart = "{FIRST_DAY}"\nend = "{end}"\n'
    (root / "mtctl.toml").write_text(text, encoding="utf-8")
    for name, sql in (_TABLES if tables is None else tables).items():
        (root / f"tables/{name}.sql").write_text(sql, encoding="utf-8")
    ok(root, "apply")
    return root


class Traced:
    """One mtctl process that stops at every named point, its runner's included, until it is let go on."""

    def __init__(self, root: Path, *words: str) -> None:
        self._heard, told = os.pipe()
        granted, self._grant = os.pipe()
        env = environment(MTCTL_TRACE_FD=str(told), MTCTL_TRACE_ACK=str(granted))
        self.process = start(root, *words, env=env, pass_fds=(told, granted))
        os.close(told)
        os.close(granted)
        self._buffer = b""
        self._waits = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._heard)
        os.close(self._grant)

    def next(self) -> tuple[int, str] | None:
        """Let it go on to the next point; return pid and name of it, None once every process has ended."""
        self.go()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._heard], [], [], PATIENCE)
            assert ready, "no point was reached and nothing ended"
            chunk = os.read(self._heard, 4096)
            if not chunk:
                return None
            self._buffer += chunk
        self._waits = True
        line, _, self._buffer = self._buffer.partition(b"\n")
        pid, _, name = line.decode().partition(" ")
        return int(pid), name

    def go(self) -> None:
        """Let the process that waits at a point go on, if one does."""
        if self._waits:
            self._waits = False
            with contextlib.suppress(BrokenPipeError):
                os.write(self._grant, b".")

    def forget(self) -> None:
        """Forget the process that waits: it is dead, and its word to go on would be another's."""
        self._waits = False

    def until(self, name: str, nth: int = 1) -> int | None:
        """Let it run until the nth time it reaches a point; return the pid that waits there, None when it ended."""
        while (found := self.next()) is not None:
            nth -= found[1] == name
            if not nth:
                return found[0]
        return None

    def finish(self) -> Done:
        """Let it run to its end."""
        while self.next() is not None:
            pass
        out, err = self.process.communicate(timeout=PATIENCE)
        return Done(self.process.returncode, out, err)


def kill(pid: int) -> None:
    """Kill -9."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def runner_of(holder: int) -> int | None:
    """Return the runner of a holder, None while it has none."""
    try:
        children = Path(f"/proc/{holder}/task/{holder}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(children[0]) if children else None


def high_water(pid: int) -> int:
    """Return the greatest resident size that a process has had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def poll(process: Process, holds: Callable[[], bool]) -> None:
    """Wait until something holds while a process runs."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise AssertionError(f"the process ended first: {process.communicate()}")


def line_with(process: Process, word: str) -> str:
    """Read stderr line by line until one holds a word; return it."""
    assert process.stderr is not None
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        return next(line for line in process.stderr if word in line)
    finally:
        watchdog.cancel()
        watchdog.join()


def lake_files(root: Path) -> set[str]:
    """Return all files below the lake folder, the one left out that says whose lake it is."""
    mark = root / "lake" / "mtctl-lake.json"
    return {str(path) for path in (root / "lake").rglob("*") if path.is_file() and path != mark}


def check_proof(root: Path, *, days: int) -> None:
    """Assert that every interval of `daily` went in exactly once, by readers that share nothing with mtctl."""
    found = books(root)
    assert found["open"] == {"attempt": [], "task": [], "instance": [], "holder": [], "pin": []}
    daily = [row for row in found["ledger"] if row[0] == "daily"]
    assert len(daily) == days
    assert [row for row in daily if (row[2], row[3]) != (1, 1)] == []  # published once ever, and live
    check_rows(root, [path for name, path in found["files"] if name == "daily"])

    verified = run(root, "verify")
    assert (verified.code, verified.err) == (0, ""), verified.out
    ok(root, "lake", "gc", "--grace", "0")
    assert lake_files(root) == set(found["all_files"])
    assert list((root / ".mtctl/tmp").iterdir()) == []
    assert list((root / ".mtctl/run").iterdir()) == []


def check_rows(root: Path, files: list[str]) -> None:
    """Compare the rows of each day in these files with the source's."""
    ask = "SELECT day, count(*), count(DISTINCT id), sum(id), sum(amount) FROM {} GROUP BY day ORDER BY day"
    listed = ", ".join(f"'{path}'" for path in files)
    held = duck(ask.format(f"read_parquet([{listed}])"))
    assert held == duck(ask.format(f"'{root}/data/source.parquet'"))


def together(*processes: Process) -> list[Done]:
    """Wait for processes that were started at once; return how they ended."""
    found = []
    for process in processes:
        with process:
            out, err = process.communicate(timeout=PATIENCE * 2)
        found.append(Done(process.returncode, out, err))
    return found
