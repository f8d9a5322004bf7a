"""Processes that ask for the same at the same instant: nobody fails, nobody meets a lock, everything goes in once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from e2e.kit import Done, Traced, books, check_proof, duck, line_with, ok, project, start, together

if TYPE_CHECKING:
    from pathlib import Path

_SUM = "SELECT day, count(*), sum(amount) FROM {} GROUP BY day ORDER BY day"


@pytest.mark.parametrize(
    ("rounds", "days"), [pytest.param(2, 16, id="2"), pytest.param(100, 400, id="100", marks=pytest.mark.campaign)]
)
def test_two_that_are_asked_for_the_same_intervals_do_each_once(tmp_path: Path, rounds: int, days: int) -> None:
    root = project(tmp_path / "p", days=days)
    edges = _edges(days, days // rounds)
    for first, last in pairwise(edges):
        words = ("refresh", "daily", "--batch", "2", "--from", first, "--to", last)
        for done in together(start(root, *words), start(root, *words)):
            _check_calm(done)
    check_proof(root, days=days)


@pytest.mark.campaign
def test_who_waits_says_for_whom_and_finds_the_work_done(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=3)
    with Traced(root, "refresh", "daily") as first:
        assert first.until("claimed") == first.process.pid
        with start(root, "refresh", "daily") as second:
            said = line_with(second, "daily is being refreshed by")
            assert f"`mtctl refresh daily` (pid {first.process.pid})" in said
            assert first.finish().code == 0
            out, err = second.communicate()
    assert second.returncode == 0, err
    assert "already fresh" in err
    assert "skipped" in out
    check_proof(root, days=3)


def test_who_waits_takes_over_from_one_that_dies(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=3)
    with Traced(root, "refresh", "daily") as first:
        assert first.until("renamed") == first.process.pid
        with start(root, "refresh", "daily") as second:
            line_with(second, "daily is being refreshed by")
            first.process.kill()
            out, err = second.communicate()
    assert second.returncode == 0, err
    assert "success" in out
    check_proof(root, days=3)


@pytest.mark.parametrize(
    ("rounds", "days"), [pytest.param(1, 20, id="1"), pytest.param(20, 400, id="20", marks=pytest.mark.campaign)]
)
def test_eight_processes_at_once_never_meet_a_lock(tmp_path: Path, rounds: int, days: int) -> None:
    root = project(tmp_path / "p", days=days)
    edges = _edges(days, days // rounds)
    for first, last in pairwise(edges):
        part = ("--from", first, "--to", last)
        asked = [
            ("refresh", "daily", "--batch", "2", *part),
            ("refresh", "daily", "--batch", "3", *part),
            ("refresh", "daily_sum", "--upstream", "--batch", "5", *part),
            ("refresh", "daily_sum", "--upstream", *part),
            ("refresh", "totals", "--full"),
            ("refresh", "totals", "--full"),
            ("status",),
            ("query", "SELECT count(*) FROM daily"),
        ]
        for done in together(*(start(root, *words) for words in asked)):
            _check_calm(done)
    check_proof(root, days=days)
    found = books(root)
    sums = ", ".join(f"'{path}'" for name, path in found["files"] if name == "daily_sum")
    assert duck(f"SELECT day, n, amount FROM read_parquet([{sums}]) ORDER BY day") == duck(
        _SUM.format(f"'{root}/data/source.parquet'")
    )
    assert ok(root, "refresh", "--all").startswith("nothing to do")


def _check_calm(done: Done) -> None:
    assert done.code == 0, done.err
    assert "locked" not in done.out + done.err
    assert "busy" not in done.out + done.err


def _edges(days: int, step: int) -> list[str]:
    listed = ", ".join(str(day) for day in range(0, days + 1, step))
    return [str(row[0]) for row in duck(f"SELECT (DATE '2024-01-01' + d)::DATE FROM (SELECT unnest([{listed}]) AS d)")]
