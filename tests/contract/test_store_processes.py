"""Several processes on one state file at once: nobody meets a lock, nothing is lost, nothing is done twice."""

from __future__ import annotations

import subprocess
import sys

from store_kit import day, definition, kit_at, task

from mtctl.core.interval import WHOLE

WORKER = """
import sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from fakes import FakeClock
from store_kit import Kit
from mtctl.ports import Published
from mtctl.store.connection import open_store

number = int(sys.argv[2])
clock = FakeClock()
store = open_store(Path(sys.argv[1]), clock)
kit = Kit(store=store, clock=clock, path=Path(sys.argv[1]), holder=0)
with store.write() as tx:
    kit.holder = tx.add_holder(ulid=f"P{number}", kind="cli", pid=number, pid_started=1, command=f"worker {number}")
done = idle = 0
while idle < 200:
    with store.write() as tx:
        claimed = tx.claim(kit.holder, attempt_ulid=f"W{number}-{done}-{idle}", instance_id=None)
    if claimed is None:
        with store.read() as view:
            if not [one for one in view.instances(limit=99, state=None, table=None) if one.ended_at is None]:
                break
        idle += 1
        continue
    content = {one: f"{number}-{done}" for one in claimed.task.intervals}
    assert isinstance(kit.publish(kit.publication(claimed, content)), Published)
    done += 1
print(done)
"""


def test_processes_that_claim_and_publish_at_once_share_the_work_exactly(tmp_path):
    kit = kit_at(tmp_path)
    ids = kit.put(*(definition(name) for name in "abcdef"))
    for number in range(10):
        kit.instance(*(task(one, [day(number)], key=one) for one in ids.values()), holder=None)
    command = [sys.executable, "-c", WORKER, str(kit.path)]
    started = [
        subprocess.Popen([*command, str(number), *sys.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]

    ended = [one.communicate() for one in started]

    assert [one.returncode for one in started] == [0] * 4, ended
    assert sum(int(out) for out, _ in ended) == 60
    assert kit.sql("SELECT count(*), count(DISTINCT task_id) FROM attempt WHERE outcome = 'success'") == [(60, 60)]
    assert kit.sql("SELECT count(*) FROM ducklake_snapshot") == [(62,)]
    with kit.store.read() as view:
        for table_id in ids.values():
            assert [row.interval for row in view.ledger(table_id, WHOLE)] == [day(number) for number in range(10)]
    assert kit.sql("PRAGMA integrity_check") == [("ok",)]
