"""Files that take the place of others in the catalog: what the rows say, and when nothing may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, days, definition, kit_at, staged_file

from mtctl.core.interval import WHOLE
from mtctl.core.values import replace
from mtctl.ports import Compaction, Replaced, Rewrite
from mtctl.services.rewriting import origin_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def three_files(kit: Kit) -> int:
    table = kit.put(definition("a"))["a"]
    for number in range(3):
        kit.refresh(table, {day(2 * number): f"x{number}", day(2 * number + 1): f"y{number}"})
    return table


def planned(kit: Kit, table_id: int) -> Compaction:
    """All live files of a table as one."""
    with kit.store.read() as view:
        [table] = [one for one in view.tables() if one.table_id == table_id]
        rows = view.ledger(table_id, WHOLE)
        origins = tuple(
            origin_of(one.file, [row for row in rows if row.file_id == one.file.file_id])
            for one in view.compaction().compaction_files(table_id)
        )
        epoch = view.compaction().epoch(table_id)
    assert epoch is not None
    rewrite = Rewrite(origins=origins)
    file = staged_file(sum(part.rows for _, part in rewrite.parts))
    return Compaction(table=table, epoch=epoch, replaced=(Replaced(rewrite=rewrite, file=file, name="new.parquet"),))


def compact(kit: Kit, compaction: Compaction) -> int | None:
    with kit.store.write() as tx:
        return tx.compaction().compact(compaction)


def catalog(kit: Kit) -> list[tuple[object, ...]]:
    return [
        *kit.sql("SELECT * FROM ducklake_data_file ORDER BY 1"),
        *kit.sql("SELECT * FROM ledger ORDER BY 1"),
        *kit.sql("SELECT * FROM ducklake_snapshot ORDER BY 1"),
        *kit.sql("SELECT * FROM ducklake_files_scheduled_for_deletion ORDER BY 1"),
    ]


def test_the_new_file_has_been_there_since_the_oldest_row_and_the_old_ones_are_gone(kit):
    table = three_files(kit)
    begun = [one for (one,) in kit.sql("SELECT begin_snapshot FROM ducklake_data_file ORDER BY 1")]
    before = kit.sql("SELECT start_at, begin_snapshot, end_snapshot, attempt_id, rows FROM ledger ORDER BY 1")
    coverage = kit.coverage(table)
    old = planned(kit, table)

    snapshot = compact(kit, old)

    assert kit.sql(
        "SELECT begin_snapshot, end_snapshot, record_count, row_id_start, partial_max, path FROM ducklake_data_file"
    ) == [(begun[0], None, 60, None, begun[2], "new.parquet")]
    assert kit.sql("SELECT start_at, begin_snapshot, end_snapshot, attempt_id, rows FROM ledger ORDER BY 1") == before
    assert kit.sql("SELECT row_start FROM ledger ORDER BY start_at") == [(10 * n,) for n in range(6)]
    assert kit.coverage(table) == coverage
    assert kit.sql("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = ?", snapshot) == [
        (f"merge_adjacent:{old.table.lake_table_id}",)
    ]
    assert kit.sql("SELECT count(*) FROM ducklake_files_scheduled_for_deletion") == [(3,)]
    known = kit.sql("SELECT data_file_id FROM ducklake_data_file")
    assert kit.sql("SELECT data_file_id FROM data_file_digest") == known
    with kit.store.read() as view:
        assert view.partial_paths(begun[1]) == {view.data_files(table)[0].path}
        assert view.partial_paths(begun[2]) == frozenset()
    assert compact(kit, old) is None, "the files that it would replace are gone"


def test_an_overwrite_changes_nothing_of_what_older_snapshots_show(kit):
    table = kit.put(definition("a"))["a"]
    first = kit.refresh(table, {one: f"x{n}" for n, one in enumerate(days(0, 3))})
    second = kit.refresh(table, {day(1): "new"})

    assert kit.sql(
        "SELECT begin_snapshot, end_snapshot, record_count, partial_max FROM ducklake_data_file ORDER BY 1, 2, 3"
    ) == [
        (first.snapshot_id, second.snapshot_id, 30, None),
        (second.snapshot_id, None, 10, None),
        (second.snapshot_id, None, 20, None),
    ]
    with kit.store.read() as view:
        at_first = view.ledger(table, WHOLE, first.snapshot_id)
        assert [row.fingerprint for row in at_first] == ["x0", "x1", "x2"]
        [file] = view.data_files(table, first.snapshot_id)
        assert {row.file_id for row in at_first} == {file.file_id}


def test_nothing_changes_where_the_table_was_changed_or_is_being_refreshed(kit):
    table = three_files(kit)
    old = planned(kit, table)

    assert compact(kit, replace(old, epoch=old.epoch + 1)) is None
    claimed = kit.take(table, [day(0)])
    before = catalog(kit)
    assert compact(kit, old) is None
    assert catalog(kit) == before

    kit.publish(kit.publication(claimed, {day(0): "other"}))
    before = catalog(kit)
    assert compact(kit, old) is None, "one of its files has ended meanwhile"
    assert catalog(kit) == before


def test_a_file_that_somebody_may_still_be_reading_is_not_due_for_removal(kit):
    table = three_files(kit)
    with kit.store.write() as tx:
        pin = tx.pin(kit.holder, tx.snapshot(), "query")
    compact(kit, planned(kit, table))
    later = kit.clock.now() + 10**12

    with kit.store.read() as view:
        assert view.retention().scheduled(later, 10) == []
    with kit.store.write() as tx:
        tx.unpin(pin)
        due = tx.retention().scheduled(later, 10)
        tx.retention().unschedule([one.file_id for one in due])
    assert len(due) == 3
    assert kit.sql("SELECT count(*) FROM replaced_file") == [(0,)]


def test_what_is_staged_counts_as_somebodys_for_as_long_as_its_holder_lives(kit):
    with kit.store.write() as tx:
        tx.compaction().hold_staged(kit.holder, "S" * 26)
    with kit.store.read() as view:
        assert "S" * 26 in view.live_attempt_ulids()
    with kit.store.write() as tx:
        tx.lose(kit.holder)
    with kit.store.read() as view:
        assert "S" * 26 not in view.live_attempt_ulids()
