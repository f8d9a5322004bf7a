"""What the books say is wrong, and how they are put right: rows that others wrote, files that cannot be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest
from store_kit import Kit, day, days, definition, full, kit_at

from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.ports.damage import DAMAGED
from mtctl.store import guard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def behind_the_guard(kit: Kit, *statements: str) -> None:
    """Write as a client did before there was a guard."""
    connection = apsw.Connection(str(kit.path))
    connection.set_busy_timeout(10_000)
    guard.register(connection)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def filled(kit: Kit) -> int:
    table = kit.put(definition("t"))["t"]
    for one in days(0, 3):
        kit.refresh(table, {one: "f"})
    return table


def file_of(kit: Kit, number: int) -> int:
    [(file,)] = kit.sql("SELECT file_id FROM ledger WHERE start_at = ? AND end_snapshot IS NULL", day(number).start)
    assert isinstance(file, int)
    return file


def test_every_file_of_the_catalog_is_named_with_its_table(kit: Kit) -> None:
    table = filled(kit)
    kit.refresh(table, {day(0): "g"})
    with kit.store.read() as view:
        files = view.damage().files()
        assert [(file.table, file.table_id) for file in files] == [("t", table)] * 4
        assert sum(file.is_live for file in files) == 3
        assert all(file.path.startswith(view.data_path()) for file in files)
        assert view.damage().oddities() == []
        assert view.damage().foreign_tables() == []
        assert len(view.damage().sample(2)) == 2


def test_only_the_intervals_of_a_condemned_file_become_stale(kit: Kit) -> None:
    table = filled(kit)
    with kit.store.write() as tx:
        marked = tx.damage().condemn([file_of(kit, 1)])
    assert marked == {table: IntervalSet.of([day(1)])}
    fresh, stale = kit.coverage(table)
    assert (fresh, stale) == (IntervalSet.of([day(0), day(2)]), {day(1): DAMAGED})

    kit.refresh(table, {day(1): "f"})
    assert kit.coverage(table) == (IntervalSet.of(days(0, 3)), {})


def test_damage_counts_whatever_else_made_an_interval_stale(kit: Kit) -> None:
    table = filled(kit)
    with kit.store.write() as tx:
        tx.invalidate(table, IntervalSet.of([day(1)]), "somebody said so")
        tx.damage().condemn([file_of(kit, 1)])
    assert kit.coverage(table)[1] == {day(1): DAMAGED}


def test_a_whole_table_is_condemned_as_a_whole_and_its_readers_stay(kit: Kit) -> None:
    table = kit.put(full("whole"))["whole"]
    kit.refresh(table, {WHOLE: "f"})
    [(file,)] = kit.sql("SELECT file_id FROM ledger")
    with kit.store.write() as tx:
        assert tx.damage().condemn([file]) == {table: IntervalSet.of([WHOLE])}


def test_foreign_rows_and_deletes_are_told_and_taken_out_in_one_snapshot(kit: Kit) -> None:
    table = filled(kit)
    [(lake,)] = kit.sql("SELECT lake_table_id FROM lake_table_of")
    behind_the_guard(
        kit,
        f"INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path, path_is_relative, record_count,"
        f" file_size_bytes) VALUES (900, {lake}, 1, 'ducklake-x.parquet', 1, 7, 10)",
        f"INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path,"
        f" path_is_relative, delete_count) VALUES (901, {lake}, 1, {file_of(kit, 1)}, 'ducklake-d.parquet', 1, 2)",
        f"INSERT INTO ducklake_inlined_data_tables VALUES ({lake}, 'ducklake_inlined_data_1_1', 1)",
    )
    with kit.store.read() as view:
        odd = {one.check: one for one in view.damage().oddities()}
        before = view.snapshot()
        deleted = view.deletions([lake], before)
    assert set(odd) == {"foreign rows", "delete file", "inlined data"}
    assert odd["delete file"].intervals == (day(1),)
    assert [one.path.rpartition("/")[2] for one in deleted] == ["ducklake-d.parquet"]
    assert not any(one.is_partial or one.is_odd for one in deleted)

    with kit.store.write() as tx:
        assert tx.damage().evict() == {table: IntervalSet.of(())}
    with kit.store.read() as view:
        assert view.snapshot() == before + 1
        assert [one.check for one in view.damage().oddities()] == ["inlined data"]
    assert kit.coverage(table) == (IntervalSet.of(days(0, 3)), {})
    kit.refresh(table, {day(1): "g"})


def test_an_interval_whose_file_row_is_gone_is_missing_again(kit: Kit) -> None:
    table = filled(kit)
    behind_the_guard(kit, f"DELETE FROM ducklake_data_file WHERE data_file_id = {file_of(kit, 1)}")
    with kit.store.read() as view:
        [odd] = view.damage().oddities()
    assert (odd.check, odd.intervals) == ("catalog row", (day(1),))

    with kit.store.write() as tx:
        assert tx.damage().evict() == {table: IntervalSet.of([day(1)])}
        assert tx.damage().evict() == {}
    assert kit.coverage(table) == (IntervalSet.of([day(0), day(2)]), {})
    kit.refresh(table, {day(1): "f"})
    assert kit.coverage(table) == (IntervalSet.of(days(0, 3)), {})
