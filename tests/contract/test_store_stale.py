"""What becomes stale, why, and what makes it fresh again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, definition, full, kit_at, source, task

from mtctl.core.interval import WHOLE, Interval, IntervalSet
from mtctl.core.model import RangeKind, Read
from mtctl.core.states import TaskState

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def test_a_changed_upstream_interval_makes_its_readers_stale_and_no_others(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x", day(1): "y"})
    kit.refresh(down, {day(0): "p", day(1): "q"})

    kit.refresh(up, {day(1): "changed"})

    assert kit.coverage(down) == (IntervalSet.of([day(0)]), {day(1): "upstream up changed"})


def test_a_refresh_with_equal_content_stales_nobody(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x"})
    kit.refresh(down, {day(0): "p"})

    published = kit.refresh(up, {day(0): "x"})

    assert published.snapshot_id is not None
    assert not published.changed
    assert kit.coverage(down) == (IntervalSet.of([day(0)]), {})


def test_content_that_comes_back_makes_readers_fresh_again(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x"})
    kit.refresh(down, {day(0): "p"})
    kit.refresh(up, {day(0): "other"})
    assert kit.coverage(down)[1]

    kit.refresh(up, {day(0): "x"})

    assert kit.coverage(down) == (IntervalSet.of([day(0)]), {})


def test_what_was_computed_from_an_overtaken_upstream_is_stale_at_once(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x"})
    publication = kit.publication(kit.take(down, [day(0)]), {day(0): "p"})
    kit.refresh(up, {day(0): "newer"})

    kit.publish(publication)

    assert kit.coverage(down) == (IntervalSet(), {day(0): "upstream up changed"})


def test_reading_the_latest_or_ignoring_never_makes_stale(kit):
    up = kit.put(definition("up"))["up"]
    reads = (Read(table="up", kind=RangeKind.LATEST),)
    down = kit.put(definition("down", reads=reads))["down"]
    kit.refresh(up, {day(0): "x"})
    kit.refresh(down, {day(0): "p"})

    kit.refresh(up, {day(0): "other"})

    assert kit.coverage(down) == (IntervalSet.of([day(0)]), {})


def test_a_whole_table_over_intervals_is_stale_when_any_of_them_changes(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(full("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x", day(5): "y"})
    kit.refresh(down, {WHOLE: "p"})
    assert kit.coverage(down) == (IntervalSet.of([WHOLE]), {})

    kit.refresh(up, {day(9): "z"})

    assert kit.coverage(down) == (IntervalSet(), {WHOLE: "upstream up changed"})


def test_a_changed_fingerprint_makes_everything_stale_and_going_back_fresh_again(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y"})

    kit.change(table, definition("a", fingerprint="f2"))
    assert kit.coverage(table) == (IntervalSet(), {Interval(day(0).start, day(1).end): "definition changed"})

    kit.refresh(table, {day(1): "z"})
    assert kit.coverage(table) == (IntervalSet.of([day(1)]), {day(0): "definition changed"})

    kit.change(table, definition("a"))
    assert kit.coverage(table) == (IntervalSet.of([day(0)]), {day(1): "definition changed"})


def test_a_changed_source_makes_what_was_built_from_it_stale(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"}, sources=(source("/data/one", "aa"),))
    kit.refresh(table, {day(1): "y"}, sources=(source("/data/two", "bb"),))
    kit.clock.advance(1)

    with kit.store.write() as tx:
        tx.observe_sources([source("/data/one", "changed"), source("/data/new", "cc")])

    assert kit.coverage(table) == (IntervalSet.of([day(1)]), {day(0): "source /data/one changed"})
    with kit.store.read() as view:
        assert view.outdated_sources(table) == IntervalSet.of([day(0)])
        assert {file.path for file in view.sources([table])[table]} == {"/data/one", "/data/two"}


def test_a_touched_source_with_the_same_content_stales_nobody_and_one_put_back_is_fresh(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"}, sources=(source("/data/one", "aa"),))
    with kit.store.write() as tx:
        tx.observe_sources([source("/data/one", "aa", mtime_ns=99)])
    assert kit.coverage(table) == (IntervalSet.of([day(0)]), {})

    with kit.store.write() as tx:
        tx.observe_sources([source("/data/one", "bb")])
    assert kit.coverage(table)[1]
    with kit.store.write() as tx:
        tx.observe_sources([source("/data/one", "aa")])
    assert kit.coverage(table) == (IntervalSet.of([day(0)]), {})


def test_an_attempt_that_read_a_newer_source_makes_the_older_intervals_stale(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"}, sources=(source("/data/one", "aa"),))

    kit.refresh(table, {day(1): "y"}, sources=(source("/data/one", "bb"),))

    assert kit.coverage(table) == (IntervalSet.of([day(1)]), {day(0): "source /data/one changed"})


def test_an_attempt_that_read_an_older_source_than_was_seen_since_is_stale_at_once(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"}, sources=(source("/data/one", "aa"),))
    kit.clock.advance(1)
    with kit.store.write() as tx:
        tx.observe_sources([source("/data/one", "newer")])

    kit.publish(publication)

    assert kit.coverage(table) == (IntervalSet(), {day(0): "source /data/one changed"})


def test_a_rebuild_leaves_readers_alone_until_it_is_shown(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x", day(1): "y"})
    kit.refresh(down, {day(0): "p", day(1): "q"})

    kit.change(up, definition("up"), rebuild=True)

    assert kit.coverage(up) == (IntervalSet(), {})
    assert kit.coverage(down) == (IntervalSet.of([day(0), day(1)]), {})
    kit.refresh(up, {day(0): "z"})
    assert kit.coverage(down) == (IntervalSet.of([day(0), day(1)]), {})
    with kit.store.read() as view:
        hidden = view.snapshot()
        assert [row.fingerprint for row in view.ledger(up, WHOLE, hidden)] == ["x", "y"]
        assert len(view.file_paths([up], hidden)[up]) == 1
    kit.refresh(up, {day(1): "y"})
    assert kit.coverage(down) == (IntervalSet.of([day(1)]), {day(0): "upstream up changed"})
    with kit.store.read() as view:
        assert [row.fingerprint for row in view.ledger(up, WHOLE, hidden)] == ["x", "y"]
        assert [row.fingerprint for row in view.ledger(up, WHOLE, view.snapshot())] == ["z", "y"]
        assert len(view.file_paths([up], hidden)[up]) == 1, "time travel still finds the old version"
        assert len(view.file_paths([up], view.snapshot())[up]) == 2


def test_a_dropped_upstream_stales_its_readers_and_cancels_its_own_tasks(kit):
    up = kit.put(definition("up"))["up"]
    down = kit.put(definition("down", reads=(Read(table="up"),)))["down"]
    kit.refresh(up, {day(0): "x"})
    kit.refresh(down, {day(0): "p"})
    waiting = kit.instance(task(up, [day(1)]))

    with kit.store.write() as tx:
        tx.drop_tables([up])

    assert kit.coverage(down) == (IntervalSet(), {day(0): "upstream up changed"})
    with kit.store.read() as view:
        assert view.tasks(waiting)[0].state is TaskState.CANCELLED
        assert [table.definition.name for table in view.tables()] == ["down"]
