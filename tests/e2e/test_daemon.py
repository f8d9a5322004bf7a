"""Daemons and ticks as real processes: nothing is lost, nothing done twice, whoever dies and however many there are."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from e2e.kit import PATIENCE, check_proof, child, kill, ok, project, run, runner_of, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.kit import Process

_TABLES = {
    "daily": """
CREATE MATERIALIZED TABLE daily PARTITIONED BY (day)
WITH ('partition.grain' = 'day', 'schedule' = '* * * * * ?', 'refresh.batch' = '2')
AS SELECT day, id, amount FROM 'data/source.parquet'
""",
    "daily_sum": """
CREATE MATERIALIZED TABLE daily_sum PARTITIONED BY (day)
WITH ('partition.grain' = 'day', 'schedule' = '* * * * * ?', 'refresh.batch' = '5')
AS SELECT day, count(*) AS n, sum(amount)::BIGINT AS amount FROM daily GROUP BY day
""",
    "totals": """
CREATE MATERIALIZED TABLE totals WITH ('schedule' = '0/2 * * * * ?')
AS SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM 'data/source.parquet'
""",
}

_FIRES = """
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = lambda sql: [list(row) for row in db.execute(sql)]
print(json.dumps({
  "fires": rows('''SELECT w.name, i.logical_date, i.fire_at FROM workflow_instance i JOIN workflow w USING (workflow_id)
                   WHERE i.trigger = 'schedule' ORDER BY 1, 3'''),
  "skipped": rows('''SELECT w.name, s.first_fire_at, s.last_fire_at, s.reason FROM skipped_fire s
                     JOIN workflow w USING (workflow_id) ORDER BY 1, 2'''),
  "marks": dict(db.execute("SELECT name, last_fire_at FROM workflow")),
  "early": rows('''SELECT a.attempt_id FROM attempt a JOIN task_instance t USING (task_id)
                   JOIN workflow_instance i USING (instance_id) WHERE a.started_at < i.fire_at'''),
  "open": rows("SELECT attempt_id FROM attempt WHERE outcome IS NULL"),
  "outcomes": dict(db.execute("SELECT outcome, count(*) FROM attempt GROUP BY 1")),
  "tries": rows("SELECT name, tries, max_tries, state, why FROM task_instance ORDER BY task_id"),
}))
"""


def _fires(root: Path) -> Any:
    return child(_FIRES, str(root / ".mtctl/state.db"))


def _check_fires(root: Path) -> Any:
    """Each fire is there once; what made no instance has a row with its reason or found nothing to do."""
    found = _fires(root)
    names = {name for name, *_ in found["fires"]}
    for name in names:
        dates = [(begin, end) for one, begin, end in found["fires"] if one == name]
        assert all(begin < end for begin, end in dates)
        assert all(first[1] <= second[0] for first, second in pairwise(dates)), "no overlap"
        assert dates[-1][1] <= found["marks"][name]
    assert found["early"] == [], "nothing starts before it is due"
    return found


@contextlib.contextmanager
def _up(root: Path, *words: str) -> Iterator[Process]:
    """A daemon, stopped gently at the end."""
    with start(root, "up", "--no-apply", *words) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=PATIENCE)


def _until(condition: Any, seconds: float = PATIENCE) -> None:
    """Wait for something that another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def _fresh(root: Path, table: str) -> bool:
    return run(root, "status", table, "--check").code == 0


def test_a_daemon_fills_runs_schedules_and_drains_on_sigterm(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=20, tables=_TABLES)
    with _up(root, "--workers", "2") as daemon:
        _until(lambda: _fresh(root, "daily_sum"))
        _until(lambda: len(_listing(root, "totals")) >= 2)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, err
    assert "stopped" in err
    _check_fires(root)
    check_proof(root, days=20)
    assert _fires(root)["open"] == []


def _listing(root: Path, table: str) -> list[str]:
    return ok(root, "instance", "list", "--table", table, "-o", "ndjson").splitlines()


@pytest.mark.campaign
def test_a_daemon_that_is_killed_is_taken_over_at_once(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=60, tables=_TABLES)
    rng = random.Random(1)  # noqa: S311 - the same kills in each run
    for _ in range(4):
        with start(root, "up", "--no-apply", "-w", "2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(rng.uniform(0.5, 1.6))
            victim = runner_of(daemon.pid) if rng.random() < 0.3 else None
            if victim is not None:
                kill(victim)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    daemon.wait(0.3)
            kill(daemon.pid)
    with _up(root, "--workers", "2"):
        _until(lambda: _fresh(root, "daily_sum"))
    ok(root, "tick")  # whoever comes sweeps after the dead, also when the last daemon was stopped at once
    _check_fires(root)
    check_proof(root, days=60)


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(3, id="3s"),
        pytest.param(20, id="20s", marks=pytest.mark.campaign),
        pytest.param(180, id="180s", marks=pytest.mark.soak),
    ],
)
def test_eight_daemons_a_tick_loop_and_people_at_once_never_meet_a_lock(tmp_path: Path, seconds: int) -> None:
    root = project(tmp_path / "p", days=100, tables=_TABLES)
    daemons = [start(root, "up", "--no-apply", "-w", "1", "-q") for _ in range(8)]
    ended: list[tuple[str, int, str]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for words in (("tick", "-q"), ("refresh", "totals", "--full"), ("status",), ("refresh", "--all")):
            done = run(root, *words)
            ended.append((words[0], done.code, done.err))
    for daemon in daemons:
        daemon.send_signal(signal.SIGTERM)
    for daemon in daemons:
        _, err = daemon.communicate(timeout=PATIENCE)
        ended.append(("up", daemon.returncode, err))

    assert [one for one in ended if "locked" in one[2] or one[1] not in {0, 5}] == []
    ok(root, "up", "--once", "--no-apply")  # what fired in the moment of the stop was left to whoever comes next
    found = _check_fires(root)
    assert found["open"] == []
    check_proof(root, days=100)


@pytest.mark.campaign
def test_a_second_sigterm_gives_back_what_runs_without_a_try(tmp_path: Path) -> None:
    slow = """
CREATE MATERIALIZED TABLE slow WITH ('schedule' = '* * * * * ?')
AS SELECT count(*) AS n FROM range(60000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3
"""
    root = project(tmp_path / "p", days=1, tables={"slow": slow})
    with start(root, "up", "--no-apply", "--no-fill", "-w", "1") as daemon:
        _until(lambda: '"running"' in ok(root, "instance", "list", "-o", "ndjson"))
        daemon.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 143, err
    found = _fires(root)
    assert found["outcomes"] == {"released": 1}
    _, tries, _, state, _ = found["tries"][0]
    assert (tries, state) == (0, "pending")


@pytest.mark.campaign
def test_a_try_that_runs_too_long_ends_there_and_is_tried_again(tmp_path: Path) -> None:
    slow = """
CREATE MATERIALIZED TABLE slow WITH ('schedule' = '* * * * * ?', 'timeout' = '1s', 'retries' = '0')
AS SELECT count(*) AS n FROM range(60000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3
"""
    root = project(tmp_path / "p", days=1, tables={"slow": slow})
    with _up(root, "--no-fill", "-w", "1"):
        _until(lambda: '"failed"' in ok(root, "instance", "list", "-o", "ndjson"))
    assert _fires(root)["outcomes"]["timed_out"] >= 1


def test_tick_is_silent_when_all_is_well_and_does_what_is_due(tmp_path: Path) -> None:
    reaching = {"daily": _TABLES["daily"].replace("WITH (", "WITH ('misfire.window' = '36500 days', ")}
    root = project(tmp_path / "p", days=5, tables=reaching)
    time.sleep(1.1)
    done = run(root, "tick")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert _fresh(root, "daily")
    check_proof(root, days=5)


def test_tick_tells_what_failed_in_one_line_and_exits_1(tmp_path: Path) -> None:
    bad = """
CREATE MATERIALIZED TABLE bad WITH ('schedule' = '* * * * * ?', 'retries' = '0') AS SELECT error('no') AS x
"""
    root = project(tmp_path / "p", days=1, tables={"bad": bad})
    time.sleep(1.1)
    done = run(root, "tick")
    assert done.code == 1
    lines = done.err.strip().splitlines()
    assert lines
    assert all(line.startswith("error[task_failed]: bad failed") for line in lines), "a line for each fire that failed"


@pytest.mark.campaign
def test_sighup_takes_over_changed_files_and_keeps_the_old_ones_where_they_are_wrong(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=3, tables={"daily": _TABLES["daily"]})
    with start(root, "up", "-w", "1") as daemon:
        _until(lambda: _fresh(root, "daily"))
        (root / "tables/totals.sql").write_text("CREATE MATERIALIZED TABLE totals AS SELEC", encoding="utf-8")
        daemon.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert daemon.poll() is None
        (root / "tables/totals.sql").write_text(_TABLES["totals"], encoding="utf-8")
        daemon.send_signal(signal.SIGHUP)
        _until(lambda: _fresh(root, "totals"))
        with (root / "mtctl.toml").open("a", encoding="utf-8") as file:
            file.write('\n[notify.ops]\ntype = "log"\n\n[[notify_rules]]\nchannel = "ops"\non = ["success"]\n')
        daemon.send_signal(signal.SIGHUP)  # the first channel: the thread that tells begins only now
        _until(lambda: "totals" in _told(root))
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    assert "not taken over" in err


def _told(root: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (root / ".mtctl/logs").glob("notices*"))


@pytest.mark.campaign
def test_an_apply_loop_during_ticks_loses_no_fire(tmp_path: Path) -> None:
    """The file changes its schedule's comment ten times a second while a daemon fires each second."""
    root = project(tmp_path / "p", days=3, tables={"totals": _TABLES["totals"]})
    with _up(root, "--no-fill", "-w", "1"):
        for number in range(8):
            text = _TABLES["totals"].replace("'schedule'", f"'tags.n' = '{number}', 'schedule'")
            (root / "tables/totals.sql").write_text(text, encoding="utf-8")
            assert run(root, "apply").code == 0
    found = _check_fires(root)
    times = {end for name, _, end in found["fires"]}
    for _, first, last, _ in found["skipped"]:
        times |= set(range(first, last + 1, 2_000_000))
    assert times == set(range(min(times), max(times) + 1, 2_000_000)), "each second second, none twice"


def test_a_daemon_whose_state_file_vanishes_ends_and_makes_no_new_one(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=1, tables={"totals": _TABLES["totals"]})
    with start(root, "up", "--no-apply", "-w", "1") as daemon:
        _until(lambda: _fresh(root, "totals"))
        (root / ".mtctl/state.db").rename(root / ".mtctl/gone.db")
        _, err = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 9, err
    assert not (root / ".mtctl/state.db").exists()


@pytest.mark.campaign
def test_the_daemon_holds_one_sqlite_and_no_duckdb(tmp_path: Path) -> None:
    """The same rule as for every command, proved by the maps of the living process."""
    root = project(tmp_path / "p", days=2, tables={"daily": _TABLES["daily"]})
    with _up(root, "-w", "1") as daemon:
        _until(lambda: _fresh(root, "daily"))
        maps = Path(f"/proc/{daemon.pid}/maps").read_text(encoding="utf-8")
    assert "apsw" in maps
    assert "duckdb" not in maps
    assert "_sqlite3" not in maps
