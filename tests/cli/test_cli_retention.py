"""`lake info` and `lake expire` as answers, and through a real project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mtctl.cli.answer import Facts, Grid, Lines
from mtctl.cli.show_retention import expiry_answer, info_answer
from mtctl.ports.retention import LakeCounts, PinRow
from mtctl.services.reports.retention import ExpiryReport, InfoReport, InfoTable

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000_000_000


def expiry(*, dry_run: bool) -> ExpiryReport:
    return ExpiryReport(
        snapshots=1, kept=41, files=3, bytes=2_048, rows=9, instances=2, events=7, longest_ms=4.2, dry_run=dry_run
    )


COUNTS = LakeCounts(
    snapshots=42, oldest_snapshot=7, oldest_at=NOW - 7_200_000_000, newest_snapshot=90, newest_at=NOW - 60_000_000,
    tables=2, live_files=5, live_bytes=5_000, old_files=6, old_bytes=6_000, scheduled_files=1, state_bytes=1 << 20,
    free_bytes=4_096,
)  # fmt: skip
INFO = InfoReport(
    counts=COUNTS,
    data_path="/lake/data/",
    tables=(InfoTable(table="daily", versions=4, live_bytes=100, old_bytes=300),),
    pins=(PinRow(snapshot_id=9, holder="`mtctl query` (pid 7)", purpose="query"),),
    next=expiry(dry_run=True),
    now=NOW,
)


def texts(answer) -> list[str]:
    return [line for block in answer.blocks if isinstance(block, Lines) for line in block.lines]


def test_a_dry_run_says_would_and_the_real_one_what_went() -> None:
    assert texts(expiry_answer(expiry(dry_run=True))) == [
        "would expire 1 snapshot, 41 snapshots stay",
        "nothing would show 3 files of 2.0 KiB any more",
        "would forget 2 instances",
    ]
    assert texts(expiry_answer(expiry(dry_run=False))) == [
        "expired 1 snapshot, 41 snapshots stay",
        "nothing shows 3 files any more: `mtctl lake gc` removes them after an hour",
        "forgot 2 instances and 7 events",
    ]


def test_info_shows_the_lake_the_pins_and_the_tables() -> None:
    answer = info_answer(INFO)

    facts, pins, tables = answer.blocks
    assert isinstance(facts, Facts)
    assert dict(facts.pairs)["snapshots"] == "42 (oldest 7, 2h ago; newest 90, 1m ago)"
    assert dict(facts.pairs)["next expiry"] == "1 snapshot and 3 files of 2.0 KiB would go"
    assert isinstance(pins, Grid)
    assert pins.rows == ((9, "`mtctl query` (pid 7)", "query"),)
    assert isinstance(tables, Grid)
    assert tables.rows == (("daily", 4, "100 B", "300 B"),)
    lake, table = answer.records
    assert lake["next_expiry"]["files"] == 3
    assert (table["kind"], table["old_bytes"]) == ("table", 300)


@pytest.mark.parametrize("words", [("info",), ("expire", "--dry-run"), ("expire",)])
def test_each_verb_answers_in_a_new_project(tmp_path: Path, words: tuple[str, ...]) -> None:
    environ = {**os.environ, "LANG": "C.UTF-8"}
    root = str(tmp_path / "p")
    subprocess.run([sys.executable, "-m", "mtctl", "init", root], check=True, capture_output=True, env=environ)
    command = [sys.executable, "-m", "mtctl", "-C", root, "lake", *words, "-o", "json"]

    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)

    assert done.stderr == ""
    [record] = json.loads(done.stdout)["data"]
    assert record["snapshots"] == (1 if words == ("info",) else 0)
