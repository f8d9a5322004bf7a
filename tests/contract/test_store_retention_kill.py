"""An expiry that is killed at any moment leaves a whole catalog, and the next one goes on where it was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from store_kit import days, definition, full, kit_at
from test_store_retention import FEW, expire, seen, snapshots

from mtctl.core.interval import WHOLE
from mtctl.services.retention import Retention

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from fakes import FakeClock
from mtctl.core.retention import DAY, Limits, Policy
from mtctl.services import retention
from mtctl.store.connection import open_store
retention.FIRST = retention.MOST = 1  # a step for each row: a kill falls between as many of them as there can be
clock = FakeClock(now=int(sys.argv[2]))
store = open_store(Path(sys.argv[1]), clock)
print("ready", flush=True)
sys.stdin.readline()
retention.Retention(store, clock, Policy(limits=Limits(versions=3, age=2 * DAY))).expire(dry_run=False)
print("done", flush=True)
"""


@pytest.mark.campaign
def test_an_expiry_that_is_killed_leaves_nothing_half_done(tmp_path):
    kit = kit_at(tmp_path)
    chance = random.Random(11)  # noqa: S311 - the same moments each time
    ids = list(kit.put(definition("a"), full("b")).values())
    killed = 0
    for round_ in range(12):
        for number in range(6):
            kit.refresh(ids[0], dict.fromkeys(days(number % 3, number % 3 + 2), f"f{round_}-{number}"))
            kit.refresh(ids[1], {WHOLE: f"g{round_}-{number}"})
            kit.clock.advance(6 * 3600)
        shown = {one: seen(kit, one, ids) for one in snapshots(kit)}
        words = [sys.executable, "-c", CHILD, str(kit.path), str(kit.clock.now())]
        path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=path)
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("\n")
        child.stdin.flush()
        with suppress(subprocess.TimeoutExpired):
            child.wait(chance.uniform(0.0, 0.03))
        child.send_signal(signal.SIGKILL)
        killed += "done" not in child.communicate()[0]
        for snapshot in snapshots(kit):
            assert seen(kit, snapshot, ids) == shown[snapshot]
        assert kit.sql("PRAGMA integrity_check") == [("ok",)]
    assert killed > 3

    told = Retention(kit.store, kit.clock, FEW).expire(dry_run=True)
    done = expire(kit)
    assert done.snapshots == told.snapshots
    for table in ("ducklake_data_file", "ledger"):
        dead = f"""SELECT count(*) FROM {table} f WHERE f.end_snapshot IS NOT NULL AND NOT EXISTS
                   (SELECT 1 FROM ducklake_snapshot s
                    WHERE s.snapshot_id >= f.begin_snapshot AND s.snapshot_id < f.end_snapshot)"""
        assert kit.sql(dead) == [(0,)]
    for table_id in ids:
        kit.coverage(table_id)
