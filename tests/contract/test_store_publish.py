"""What a publish changes and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, days, definition, kit_at, new, new_holder, task

from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.core.states import Outcome, TaskState
from mtctl.ports import Published, Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def test_a_published_interval_is_fresh_and_credited(kit):
    table = kit.put(definition("a"))["a"]

    published = kit.refresh(table, {day(0): "x", day(1): "y"})

    assert kit.coverage(table) == (IntervalSet.of(days(0, 2)), {})
    assert published.rows == 20
    with kit.store.read() as view:
        assert view.last_attempts()[table].outcome is Outcome.SUCCESS
        assert [(row.interval, row.rows, row.row_start) for row in view.ledger(table, WHOLE)] == [
            (day(0), 10, 0),
            (day(1), 10, 10),
        ]


def test_a_lease_that_ran_out_publishes_nothing(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    kit.clock.advance(60)

    refused = kit.publish(publication)

    assert isinstance(refused, Refused)
    assert refused.outcome is Outcome.LOST
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(0,)]


def test_a_beat_keeps_the_lease_alive(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(claimed := kit.take(table, [day(0)]), {day(0): "x"})
    kit.clock.advance(50)
    with kit.store.write() as tx:
        assert tx.beat(kit.holder) == [claimed.attempt_id]
    kit.clock.advance(50)

    assert isinstance(kit.publish(publication), Published)


def test_a_lease_of_another_boot_publishes_nothing(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    kit.clock.reboot("boot-2")

    refused = kit.publish(publication)

    assert isinstance(refused, Refused)
    assert refused.outcome is Outcome.LOST


def test_a_second_publish_of_the_same_attempt_is_lost(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    kit.publish(publication)

    again = kit.publish(publication)

    assert isinstance(again, Refused)
    assert again.outcome is Outcome.LOST
    assert kit.sql("SELECT count(*) FROM ledger") == [(1,)]


def test_a_changed_definition_supersedes_what_runs(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    kit.change(table, definition("a", fingerprint="f2"))

    refused = kit.publish(publication)

    assert isinstance(refused, Refused)
    assert refused.outcome is Outcome.SUPERSEDED
    assert kit.sql("SELECT count(*) FROM ledger") == [(0,)]


def test_a_changed_comment_or_schedule_supersedes_nothing(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    kit.change(table, definition("a", comment="words", schedule="0 6 * * *", tags=(("team", "x"),)))

    assert isinstance(kit.publish(publication), Published)
    assert kit.coverage(table) == (IntervalSet.of([day(0)]), {})


def test_a_dropped_table_supersedes_what_runs(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    with kit.store.write() as tx:
        tx.drop_tables([table])

    refused = kit.publish(publication)

    assert isinstance(refused, Refused)
    assert refused.outcome is Outcome.SUPERSEDED


def test_a_file_that_is_no_longer_live_supersedes_and_rolls_back(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "y"})
    with kit.store.write() as tx:
        tx.session.connection.execute("UPDATE ducklake_data_file SET end_snapshot = 2")
    before = kit.sql("SELECT count(*), max(snapshot_id) FROM ducklake_snapshot")

    refused = kit.publish(publication)

    assert isinstance(refused, Refused)
    assert refused.outcome is Outcome.SUPERSEDED
    assert kit.sql("SELECT count(*), max(snapshot_id) FROM ducklake_snapshot") == before
    with kit.store.read() as view:
        assert [row.fingerprint for row in view.ledger(table, WHOLE)] == ["x"]
        assert view.tasks(publication.claimed.task.instance_id)[0].state is TaskState.RUNNING


def test_overwriting_one_interval_of_a_file_carries_the_others_with_their_credit(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y", day(2): "z"})
    with kit.store.read() as view:
        before = {row.interval: row for row in view.ledger(table, WHOLE)}

    kit.refresh(table, {day(1): "new"})

    with kit.store.read() as view:
        after = {row.interval: row for row in view.ledger(table, WHOLE)}
        assert len(view.data_files(table)) == 2
    assert after[day(0)].attempt_id == before[day(0)].attempt_id
    assert after[day(0)].file_id != before[day(0)].file_id
    assert after[day(1)].attempt_id != before[day(1)].attempt_id
    assert [after[one].row_start for one in days(0, 3)] == [0, 0, 10]
    assert kit.coverage(table) == (IntervalSet.of(days(0, 3)), {})


def test_the_ledger_can_be_read_at_an_older_snapshot(kit):
    table = kit.put(definition("a"))["a"]
    first = kit.refresh(table, {day(0): "x"})
    kit.refresh(table, {day(0): "y"})

    with kit.store.read() as view:
        assert [row.fingerprint for row in view.ledger(table, WHOLE, first.snapshot_id)] == ["x"]
        assert [row.fingerprint for row in view.ledger(table, WHOLE)] == ["y"]
        assert len(view.file_paths([table], first.snapshot_id)[table]) == 1
        assert view.file_paths([table], 1)[table] == ()


def test_an_attempt_may_not_leave_live_intervals_in_a_file_that_it_ends(kit):
    from mtctl.core.errors import MtctlError
    from mtctl.core.values import replace

    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y"})
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "new"})
    forgetful = replace(publication, replaced=())

    with pytest.raises(MtctlError, match="still holds the interval"):
        kit.publish(forgetful)
    assert kit.coverage(table) == (IntervalSet.of(days(0, 2)), {})


def test_an_empty_interval_is_fresh_without_file_and_without_snapshot(kit):
    table = kit.put(definition("a"))["a"]
    before = kit.sql("SELECT max(snapshot_id) FROM ducklake_snapshot")

    published = kit.refresh(table, {day(0): "e"}, empty=frozenset({day(0)}))

    assert published.snapshot_id is None
    assert kit.sql("SELECT max(snapshot_id) FROM ducklake_snapshot") == before
    assert kit.coverage(table) == (IntervalSet.of([day(0)]), {})


def test_replacing_rows_by_nothing_ends_the_file_only(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})

    published = kit.refresh(table, {day(0): "e"}, empty=frozenset({day(0)}))

    lake = kit.sql("SELECT lake_table_id FROM materialized_table")[0][0]
    changes = kit.sql("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = ?", published.snapshot_id)
    assert changes == [(f"deleted_from_table:{lake}",)]
    with kit.store.read() as view:
        assert view.data_files(table) == []


def test_nothing_is_published_into_a_catalog_of_another_version_but_reading_goes_on(kit):
    from mtctl.core.errors import MtctlError

    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    with kit.store.write() as tx:
        tx.session.connection.execute("UPDATE ducklake_metadata SET value = '1.1' WHERE key = 'version'")

    with pytest.raises(MtctlError, match=r"version 1\.1") as caught:
        kit.publish(publication)

    assert caught.value.code == "catalog_version"
    with kit.store.read() as view:
        assert view.tables()


def test_two_holders_publish_into_two_tables_without_meeting(kit):
    ids = kit.put(definition("a"), definition("b"))
    other = new_holder(kit.store, "other")
    mine = kit.take(ids["a"], [day(0)])
    theirs = kit.claim(kit.instance(task(ids["b"], [day(0)]), holder=other), other)
    assert theirs is not None

    assert isinstance(kit.publish(kit.publication(theirs, {day(0): "q"})), Published)
    assert isinstance(kit.publish(kit.publication(mine, {day(0): "p"})), Published)
    assert new(definition("c")).table_id is None


def test_only_a_publish_announces_itself_and_it_does_so_before_the_commit(kit, monkeypatch):
    import os

    from store_kit import reopened

    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    listening, announcing = os.pipe()
    acknowledged, acknowledging = os.pipe()
    monkeypatch.setenv("MTCTL_TRACE_FD", str(announcing))
    monkeypatch.setenv("MTCTL_TRACE_ACK", str(acknowledged))
    os.write(acknowledging, b"x")

    kit.publish(publication)
    kit.put(definition("b"))

    assert os.read(listening, 4096) == f"{os.getpid()} publishing\n".encode()
    for descriptor in (listening, announcing, acknowledged, acknowledging):
        os.close(descriptor)
    with reopened(kit).read() as view:
        assert view.snapshot() == 3


KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from store_kit import Kit, day
from fakes import FakeClock
from mtctl import trace
from mtctl.store.connection import open_store

clock = FakeClock()
store = open_store(Path(sys.argv[1]), clock)
kit = Kit(store=store, clock=clock, path=Path(sys.argv[1]), holder=1)
with store.write() as tx:
    claimed = tx.claim(1, attempt_ulid="K", instance_id=int(sys.argv[2]))
trace.point = lambda name: os.kill(os.getpid(), signal.SIGKILL)
kit.publish(kit.publication(claimed, {day(0): "x"}))
"""


def test_a_kill_inside_the_publishing_transaction_leaves_nothing_of_it(kit):
    import subprocess
    import sys

    table = kit.put(definition("a"))["a"]
    instance = kit.instance(task(table, [day(0)]))
    command = [sys.executable, "-c", KILLED, str(kit.path), str(instance), *sys.path]

    done = subprocess.run(command, capture_output=True, check=False)

    assert done.returncode == -9, done.stderr
    assert kit.coverage(table) == (IntervalSet(), {})
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(0,)]
    with kit.store.write() as tx:
        tx.lose(kit.holder)
    assert kit.sql("SELECT outcome FROM attempt") == [("lost",)]
