"""Files that several intervals share: overwritten in part and compacted, as the real extension sees them.

Row ids stay, older versions stay as they were, and the feed shows no rows as deleted or inserted but those of the
overwritten interval; what only moved with its file is an update that changes nothing.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from lake_kit import Duck, Project, empty, lake_python

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 12
TABLE = """CREATE MATERIALIZED TABLE numbers
PARTITIONED BY (ds)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-13')
AS SELECT {columns} FROM 'data/numbers.csv'
"""


def write_source(root: Path, generation: int, rows: int = 40) -> None:
    """Write `rows` rows for each day, all of them others than those of another generation."""
    (root / "data").mkdir(exist_ok=True)
    lines = [f"2013-01-{day:02d},{generation},{n},{n % 3}" for day in range(1, DAYS + 1) for n in range(rows)]
    (root / "data" / "numbers.csv").write_text("\n".join(("ds,g,n,k", *lines)) + "\n", encoding="utf-8")


@pytest.fixture
def shared(tmp_path) -> Project:
    """Twelve days in one file."""
    lake_python()
    project = empty(tmp_path / "shared")
    write_source(project.root, 0)
    project.define("numbers", TABLE.format(columns="ds, g, n, k"))
    project.mtctl("up", "--once")
    return project


def overwrite(project: Project, generation: int, *days: int, rows: int = 40) -> None:
    write_source(project.root, generation, rows)
    intervals = [word for day in days for word in ("--interval", f"2013-01-{day:02d}")]
    project.mtctl("refresh", "numbers", *intervals, "--force")


def feed(lake: Duck, first: int, last: int) -> list[tuple]:
    return lake.rows(
        "SELECT snapshot_id, change_type, ds, g, count(*), count(DISTINCT rowid)"
        f" FROM shared.table_changes('numbers', {first}, {last})"
        " WHERE change_type IN ('insert', 'delete') GROUP BY ALL ORDER BY ALL"
    )


def moved(lake: Duck, snapshot: int, image: str) -> tuple[int, str | None]:
    """Return what the feed calls an update: rows that went into another file with their ids."""
    changes = f"FROM shared.table_changes('numbers', {snapshot}, {snapshot}) WHERE change_type = 'update_{image}'"
    return lake.content(f"(SELECT rowid AS id, ds, g, n, k {changes})")


def row_ids(lake: Duck, at: str = "") -> dict[tuple, int]:
    return {row[:3]: row[3] for row in lake.rows(f"SELECT ds, g, n, rowid FROM numbers {at}")}


def check_versions(project: Project, lake: Duck) -> None:
    """Every version that is there reads in the extension as mtctl holds it."""
    with Duck() as own:
        for snapshot in project.versions():
            for name, relation in project.tables_at(snapshot).items():
                theirs = f"{name} AT (VERSION => {snapshot})"
                assert lake.content(theirs) == own.content(relation), (name, snapshot)


def books(project: Project) -> list[tuple]:
    ledger = "SELECT start_at, begin_snapshot, end_snapshot, attempt_id, fingerprint, reads, invalidated FROM ledger"
    return project.sql(f"{ledger} ORDER BY 1, 2") + project.sql("SELECT * FROM coverage ORDER BY 1, 2")


def live_files(project: Project) -> int:
    return project.sql("SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL")[0][0]


def test_an_overwrite_in_a_shared_file_changes_the_rows_of_its_interval_and_no_others(shared):
    with shared.attached() as lake:
        before = row_ids(lake)
        first = shared.versions()[-1]
        overwrite(shared, 1, 5)
        overwrite(shared, 2, 5, 6, rows=41)
        second, third = shared.versions()[-2:]

        assert feed(lake, second, second) == [
            (second, "delete", "2013-01-05", 0, 40, 40),
            (second, "insert", "2013-01-05", 1, 40, 40),
        ]
        assert feed(lake, third, third) == [
            (third, "delete", "2013-01-05", 1, 40, 40),
            (third, "delete", "2013-01-06", 0, 40, 40),
            (third, "insert", "2013-01-05", 2, 41, 41),
            (third, "insert", "2013-01-06", 2, 41, 41),
        ]
        assert moved(lake, second, "preimage") == moved(lake, second, "postimage")
        assert moved(lake, third, "preimage") == moved(lake, third, "postimage")
        after = row_ids(lake)
        kept = {row: one for row, one in before.items() if row[0] not in {"2013-01-05", "2013-01-06"}}
        assert kept.items() <= after.items(), "untouched rows keep their ids"
        assert not (set(after.values()) - set(kept.values())) & set(before.values()), "no id is given twice"
        assert row_ids(lake, f"AT (VERSION => {first})") == before
        check_versions(shared, lake)
    shared.mtctl("verify")


def test_compaction_is_seen_by_no_version_and_no_feed(shared):
    for generation, day in enumerate((7, 11, 7), start=1):
        overwrite(shared, generation, day)
    with shared.attached() as lake:
        everything = feed(lake, 2, shared.versions()[-1])
        before, files, credit = row_ids(lake), live_files(shared), books(shared)
        shared.mtctl("lake", "compact")
        compacted = shared.versions()[-1]

        assert (files, live_files(shared)) == (3, 1)
        assert books(shared) == credit, "no interval is credited anew, none becomes stale"
        assert feed(lake, compacted, compacted) == []
        assert feed(lake, 2, compacted) == everything
        assert row_ids(lake) == before
        check_versions(shared, lake)
        [(changes,)] = lake.rows(
            f"SELECT map_keys(changes)::VARCHAR FROM shared.snapshots() WHERE snapshot_id = {compacted}"
        )
        assert changes == "[merge_adjacent]"

        early = shared.versions()[-3]  # before the last overwrite
        told = shared.mtctl("query", "--at", str(early), "SELECT sum(g), count(*) FROM numbers", "-o", "csv")
        assert lake.rows(f"SELECT sum(g), count(*) FROM numbers AT (VERSION => {early})") == [
            tuple(int(one) for one in told.splitlines()[-1].split(","))
        ], "mtctl's own reader looks at when each row came"

        overwrite(shared, 9, 11, 12)
        last = shared.versions()[-1]
        assert feed(lake, last, last) == [
            (last, "delete", "2013-01-11", 2, 40, 40),
            (last, "delete", "2013-01-12", 0, 40, 40),
            (last, "insert", "2013-01-11", 9, 40, 40),
            (last, "insert", "2013-01-12", 9, 40, 40),
        ]
        check_versions(shared, lake)
    shared.mtctl("verify")


@pytest.mark.campaign
def test_a_column_that_was_dropped_is_still_there_in_versions_from_before_a_compaction(shared):
    overwrite(shared, 1, 2)
    old = shared.versions()[-1]
    with shared.attached() as lake:
        before = lake.content(f"numbers AT (VERSION => {old})")
        shared.define("numbers", TABLE.format(columns="ds, g, n"))
        shared.mtctl("apply", "--yes")
        overwrite(shared, 2, 6)
        shared.mtctl("lake", "compact")

        assert lake.content(f"numbers AT (VERSION => {old})") == before
        check_versions(shared, lake)


@pytest.mark.campaign
def test_many_refreshes_in_any_order_and_compactions_between_them_stay_exact(shared):
    turn = random.Random(7)  # noqa: S311 - the order only
    ids: dict[int, dict[tuple, int]] = {}
    with shared.attached() as lake:
        for generation in range(1, 25):
            overwrite(shared, generation, *turn.sample(range(1, DAYS + 1), turn.choice((1, 1, 2, 3))))
            ids[shared.versions()[-1]] = row_ids(lake)
            if generation % 6 == 0:
                shared.mtctl("lake", "compact")
        shared.mtctl("lake", "compact")
        assert live_files(shared) == 1
        for snapshot, known in ids.items():
            assert row_ids(lake, f"AT (VERSION => {snapshot})") == known
        check_versions(shared, lake)
    shared.mtctl("verify")
