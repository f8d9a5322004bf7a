"""Daemons, runners, programs and their supervisors die by kill -9 anywhere, or sleep through their lease."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from e2e.chaos import LONG_PATIENCE, chaos_project, finish, rounds, stop, table_of, wake
from e2e.kit import PATIENCE, Traced, books, check_proof, project, run, start

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "kills", [pytest.param(3, id="3"), pytest.param(100, id="100", marks=pytest.mark.campaign)]
)
def test_kills_among_living_daemons_lose_no_line_and_double_no_interval(tmp_path: Path, kills: int) -> None:
    root = chaos_project(tmp_path / "p")
    histogram = rounds(root, kills, seed=kills)
    print("\n".join(table_of(histogram)))
    state = finish(root, patience=3.0 if kills < 100 else LONG_PATIENCE)
    print(state["outcomes"])
    assert histogram.total() >= kills


_SCHEDULED = {
    "daily": """
CREATE MATERIALIZED TABLE daily PARTITIONED BY (day)
WITH ('partition.grain' = 'day', 'schedule' = '* * * * * ?', 'misfire.window' = '36500 days')
AS SELECT day, id, amount FROM 'data/source.parquet'
""",
}


@pytest.mark.campaign
@pytest.mark.parametrize("point", ["claimed", "renamed"])
def test_a_daemon_that_sleeps_through_its_lease_publishes_nothing_when_it_wakes(tmp_path: Path, point: str) -> None:
    root = project(tmp_path / "p", days=5, tables=_SCHEDULED)
    with Traced(root, "up", "--no-apply", "--no-fill", "-w", "1") as sleeper:
        assert sleeper.until(point) is not None
        stop(sleeper.process)
        with start(root, "up", "--no-apply", "--no-fill", "-w", "1") as other:
            end = time.monotonic() + 65 + PATIENCE
            while run(root, "status", "daily", "--check").code != 0:
                assert time.monotonic() < end, "nobody took over"
                time.sleep(1)
            wake(sleeper.process)
            sleeper.process.send_signal(signal.SIGTERM)
            sleeper.until("never")
            sleeper.process.wait(PATIENCE)
            other.send_signal(signal.SIGTERM)
            _, err = other.communicate(timeout=PATIENCE)
            assert other.returncode == 0, err
    outcomes = books(root)["outcomes"]
    assert outcomes["lost"] == 1
    assert outcomes["success"] == 1, outcomes
    check_proof(root, days=5)
