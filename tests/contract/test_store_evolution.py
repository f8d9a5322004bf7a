"""What the catalog and the ledger say after columns of a living table have changed in place."""

from __future__ import annotations

import pytest
from store_kit import KEY, VALUE, Kit, day, definition, kit_at, new, stats, task

from mtctl.core.errors import MtctlError
from mtctl.core.interval import WHOLE, Grain, IntervalSet
from mtctl.core.model import Column, Partition, PartitionColumn, Read
from mtctl.core.states import Outcome
from mtctl.core.values import replace

TEXT = Column(name="m", type="VARCHAR", stored_type="VARCHAR", lake_type="varchar")
BOOKS = ("ledger", "coverage", "materialized_table", "table_version", "ducklake_table", "ducklake_column", "rebuild")


@pytest.fixture
def kit(tmp_path) -> Kit:
    return kit_at(tmp_path)


def living(kit: Kit) -> list[tuple]:
    return kit.sql(
        "SELECT column_id, column_name, column_type, nulls_allowed FROM ducklake_column"
        " WHERE end_snapshot IS NULL ORDER BY column_order"
    )


def head(kit: Kit) -> tuple:
    return kit.sql("SELECT schema_version, next_file_id FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1")[0]


def last_change(kit: Kit) -> str:
    return kit.sql("SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id DESC LIMIT 1")[0][0]


def keep(kit: Kit, table: int, what: object) -> None:
    """Put a changed definition in force that leaves what is there right."""
    with kit.store.write() as tx:
        tx.put_tables([replace(new(what, table), keeps=True)])


def test_a_dropped_column_ends_with_its_parts_and_its_comment_and_its_id_stays_used(kit):
    nested = Column(name="p", type="x", stored_type="STRUCT(a INTEGER, b VARCHAR[])", lake_type="struct", comment="c")
    table = kit.put(definition("a", columns=(KEY, nested, VALUE)))["a"]
    before, _ = head(kit)
    kit.change(table, definition("a", fingerprint="f2", columns=(KEY, VALUE)))

    assert [row[1] for row in living(kit)] == ["d", "n"]
    assert kit.sql("SELECT count(*) FROM ducklake_column_tag WHERE end_snapshot IS NULL") == [(0,)]
    assert (head(kit)[0], last_change(kit)) == (before + 1, "altered_table:1")
    assert kit.sql("SELECT count(*) FROM ducklake_schema_versions") == [(2,)]
    used = kit.sql("SELECT max(column_id) FROM ducklake_column")[0][0]
    kit.change(table, definition("a", fingerprint="f3", columns=(KEY, VALUE, TEXT)))
    assert living(kit)[-1][:2] == (used + 1, "m")


def test_a_renamed_column_keeps_its_id_and_a_middle_one_that_goes_moves_nobody(kit):
    table = kit.put(definition("a", columns=(KEY, TEXT, VALUE)))["a"]
    renaming = (("renamed.column.k", "n"),)
    kit.change(table, definition("a", columns=(KEY, replace(VALUE, name="k")), options=renaming))
    assert living(kit) == [(1, "d", "date", 1), (3, "k", "int64", 1)]
    ended = kit.sql("SELECT column_name FROM ducklake_column WHERE end_snapshot IS NOT NULL ORDER BY 1")
    assert ended == [("m",), ("n",)]


def test_an_integer_that_widens_keeps_its_statistics(kit):
    narrow = replace(VALUE, type="INTEGER", stored_type="INTEGER", lake_type="int32")
    table = kit.put(definition("a", columns=(KEY, narrow)))["a"]
    kit.refresh(table, {day(0): "x"})
    kit.change(table, definition("a", columns=(KEY, VALUE)))
    assert living(kit)[1] == (2, "n", "int64", 1)
    assert (2,) in kit.sql("SELECT column_id FROM ducklake_file_column_stats")


def test_not_null_goes_at_once_and_comes_where_every_file_proves_it(kit):
    table = kit.put(definition("a", columns=(KEY, replace(VALUE, nullable=False))))["a"]
    kit.change(table, definition("a"))
    assert living(kit)[1] == (2, "n", "int64", 1)
    kit.refresh(table, {day(0): "x"})
    kit.change(table, definition("a", columns=(KEY, replace(VALUE, nullable=False))))
    assert living(kit)[1] == (2, "n", "int64", 0)

    kit.change(table, definition("a"))
    publication = kit.publication(kit.take(table, [day(1)]), {day(1): "y"})
    held = replace(stats(2, 9, "1", "9"), null_count=1)
    file = replace(publication.staged.files[0], stats=(held,))
    kit.publish(replace(publication, staged=replace(publication.staged, files=(file,))))
    with pytest.raises(MtctlError, match="may hold NULL"):
        kit.change(table, definition("a", columns=(KEY, replace(VALUE, nullable=False))))


def test_what_a_change_keeps_stays_fresh_through_later_words_and_until_a_real_change(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    wide = definition("a", fingerprint="f2", columns=(KEY, VALUE, TEXT))
    keep(kit, table, wide)
    kit.refresh(table, {day(1): "y"})
    kit.change(table, replace(wide, comment="only words"))
    assert kit.coverage(table) == (IntervalSet.of([day(0), day(1)]), {})

    kit.change(table, replace(wide, fingerprint="f3"))
    assert set(kit.coverage(table)[1].values()) == {"definition changed"}


def test_a_column_that_comes_back_is_not_the_one_that_older_rows_hold(kit):
    table = kit.put(definition("a"))["a"]
    wide = definition("a", fingerprint="f2", columns=(KEY, VALUE, TEXT))
    kit.change(table, wide)
    kit.refresh(table, {day(0): "x"})
    kit.change(table, definition("a"))
    kit.change(table, wide)
    fresh, stale = kit.coverage(table)
    assert (list(fresh), set(stale.values())) == ([], {"definition changed"})


def test_an_attempt_that_began_before_a_rebuild_or_before_it_was_given_up_is_superseded(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y"})
    early = kit.take(table, [day(2)])
    kit.change(table, definition("a"), rebuild=True)
    refused = kit.publish(kit.publication(early, {day(2): "z"}))
    assert refused.outcome is Outcome.SUPERSEDED
    kit.end(early, Outcome.SUPERSEDED)

    kit.refresh(table, {day(0): "x"})
    late = kit.publication(kit.take(table, [day(1)]), {day(1): "y"})
    with kit.store.write() as tx:
        tx.put_tables([replace(new(definition("a"), table), abandon=True)])
    assert kit.publish(late).outcome is Outcome.SUPERSEDED
    assert kit.coverage(table) == (IntervalSet.of([day(0), day(1)]), {})
    assert kit.sql("SELECT count(*) FROM rebuild") == [(0,)]
    assert kit.sql("SELECT count(*) FROM materialized_table") == [(1,)]
    live = "SELECT count(*) FROM ducklake_table WHERE end_snapshot IS NULL"
    assert kit.sql(live) == [(1,)]
    orphans = "SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL AND table_id <> 1"
    assert kit.sql(orphans) == [(0,)]


def test_a_rebuild_that_fails_half_way_leaves_everything_as_it_was(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    before = [kit.sql(f"SELECT * FROM {name} ORDER BY 1") for name in BOOKS]
    wrong = new(definition("b", reads=(Read(table="nowhere"),)))
    with pytest.raises(MtctlError, match="does not exist"), kit.store.write() as tx:
        tx.put_tables([new(definition("a"), table, rebuild=True), wrong])
    assert [kit.sql(f"SELECT * FROM {name} ORDER BY 1") for name in BOOKS] == before


def test_another_grain_cancels_the_open_tasks_for_the_old_intervals(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    open_one = kit.instance(task(table, [day(1)]))
    kit.change(table, definition("a", fingerprint="f2"), rebuild=True)
    assert kit.states(open_one) == ["pending"]
    monthly = Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=Grain.MONTH)
    kit.change(table, definition("a", fingerprint="f3", partition=monthly), rebuild=True)
    assert kit.states(open_one) == ["cancelled"]


def test_what_was_overwritten_before_it_was_shown_was_never_there(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y"})
    shown_before = kit.sql("SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]
    kit.change(table, definition("a"), rebuild=True)
    kit.refresh(table, {day(0): "p"})
    kit.refresh(table, {day(0): "q"})
    kit.refresh(table, {day(1): "r"})
    newest = kit.sql("SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]
    with kit.store.read() as view:
        for snapshot in range(shown_before, newest + 1):
            rows = [row.fingerprint for row in view.ledger(table, WHOLE, snapshot)]
            assert rows == (["q", "r"] if snapshot == newest else ["x", "y"]), snapshot
            assert len(view.data_files(table, snapshot)) == (2 if snapshot == newest else 1)
        assert view.audit(table) == []


def test_who_pinned_a_snapshot_before_a_version_was_shown_is_told(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    kit.change(table, definition("a"), rebuild=True)
    with kit.store.read() as view:
        pinned = view.snapshot()
        assert not view.rebuilds().replaced(["a"], 1)
    kit.refresh(table, {day(0): "y"})
    with kit.store.read() as view:
        assert view.rebuilds().replaced(["A"], pinned)
        assert not view.rebuilds().replaced(["a"], view.snapshot())
        assert not view.rebuilds().replaced([], pinned)
