"""Ctrl-C and SIGTERM on real processes: nothing is published, everything is recorded, the next refresh just works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from e2e.kit import Process, Traced, books, lake_files, ok, poll, project, runner_of, start

if TYPE_CHECKING:
    from pathlib import Path

_ENDLESS = """
CREATE MATERIALIZED TABLE endless
AS SELECT sum(a.range * b.range % 7) AS s FROM range(100_000_000) a, range(100_000_000) b
"""
_QUICK = """
CREATE MATERIALIZED TABLE quick AS SELECT 42 AS answer
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "p", days=1, tables={"endless": _ENDLESS, "quick": _QUICK})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_query_publishes_nothing_and_is_recorded(root: Path, number: int, code: int) -> None:
    with start(root, "refresh", "endless") as process:
        _wait_for_query(root, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "nothing half-done was published" in out
    _check_cancelled(root)
    ok(root, "refresh", "quick")
    assert ok(root, "query", "FROM quick", "-o", "csv") == "answer\n42\n"


def test_ctrl_c_before_the_query_has_begun_stops_it_too(root: Path) -> None:
    with Traced(root, "refresh", "endless") as traced:
        assert traced.until("claimed") == traced.process.pid
        traced.process.send_signal(signal.SIGINT)
        done = traced.finish()
    assert done.code == 130, done.err
    _check_cancelled(root)


def test_ctrl_c_between_staging_and_publishing_publishes_what_is_whole(root: Path) -> None:
    with Traced(root, "refresh", "quick") as traced:
        assert traced.until("renamed") == traced.process.pid
        traced.process.send_signal(signal.SIGINT)
        done = traced.finish()
    assert done.code == 130, done.err
    found = books(root)
    assert found["outcomes"] == {"success": 1}
    assert [row[0] for row in found["ledger"]] == ["quick"]
    assert not any(found["open"].values()), found["open"]


def test_a_second_ctrl_c_ends_it_hard_and_leaves_nothing_running(root: Path) -> None:
    with start(root, "refresh", "endless") as process:
        _wait_for_query(root, process)
        runner = runner_of(process.pid)
        assert runner is not None
        os.kill(runner, signal.SIGSTOP)  # a runner that does not obey the first
        for _ in range(4):  # two that come too close together count as one
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
                break
        _, err = process.communicate(timeout=8)  # a cancel that nobody obeys would take 15 s
    assert process.returncode == 130, err
    assert "Traceback" not in err
    # The table is free at once: nobody waits for a lease to run out.
    ok(root, "refresh", "quick")
    found = books(root)
    assert not any(found["open"].values()), found["open"]
    assert [row[0] for row in found["ledger"]] == ["quick"]


@pytest.mark.campaign
def test_ctrl_c_while_waiting_for_another_cancels_only_the_own_work(root: Path) -> None:
    with Traced(root, "refresh", "quick") as first:
        assert first.until("claimed") == first.process.pid
        with start(root, "refresh", "quick") as second:
            assert second.stderr is not None
            assert "is being refreshed by" in second.stderr.readline()
            second.send_signal(signal.SIGINT)
            second.communicate(timeout=20)
        assert second.returncode == 130
        assert first.finish().code == 0
    found = books(root)
    assert found["instances"] == ["success", "cancelled"]
    assert found["outcomes"] == {"success": 1}
    assert not any(found["open"].values())


def _wait_for_query(root: Path, process: Process) -> None:
    """Wait until the runner has opened the file that it writes the result into: the query runs."""
    poll(process, lambda: any((root / "lake/_staging").glob("*")))


def _check_cancelled(root: Path) -> None:
    found = books(root)
    assert found["ledger"] == []
    assert found["outcomes"] == {"cancelled": 1}
    assert found["instances"] == ["cancelled"]
    assert not any(found["open"].values()), found["open"]
    assert lake_files(root) == set()
