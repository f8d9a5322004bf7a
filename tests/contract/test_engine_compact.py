"""Files written anew by the runner: the same rows by time, each with its row id and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_kit import Bench, bench_in, day_intervals, error_of, native, plain, relation

from mtctl.core.values import replace
from mtctl.ports import Origin, Part, Rewrite, RewriteRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.core.interval import Interval
    from mtctl.core.staged import Staged, StagedFile

DAYS = day_intervals("2013-03-01", "2013-03-07")
QUERY = """SELECT (DATE '2013-03-01' + (i // 10)::INTEGER) AS d, i AS "filename", {'a': i, 'b': [i, NULL]} AS "_run",
i::DECIMAL(38, 0) AS "file_row_number", MAP {'k': i} AS m, 'x' || i AS s FROM range(60) r(i)"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from bench_in(tmp_path_factory.mktemp("compact") / "p")


def staged(bench: Bench, days: list[Interval]) -> Staged:
    return bench.stage(QUERY, native("d", "DATE"), days)


def origin(found: Staged, file_id: int, snapshots: dict[Interval, int], first: int | None) -> Origin:
    parts = [
        Part(interval=i.interval, row_start=i.row_start, rows=i.rows, snapshot_id=snapshots[i.interval])
        for i in found.intervals
        if i.interval in snapshots
    ]
    return Origin(file_id=file_id, path=found.files[0].path, row_id_start=first, parts=tuple(parts))


_count = iter(range(100))


def rewritten(bench: Bench, *origins: Origin) -> StagedFile:
    request = RewriteRequest(
        rewrites=(Rewrite(origins=origins),), folder=bench.settings.staging, file_prefix=f"w{next(_count)}"
    )
    [file] = bench.client.rewrite(request)
    return file


def rows(path: str, columns: str = "*") -> list[list[str | None]]:
    return plain("SELECT 1", f"SELECT {columns} FROM read_parquet('{path}')")


def fields(path: str) -> list[list[str | None]]:
    return plain("SELECT 1", f"SELECT name, field_id FROM parquet_schema('{path}') WHERE field_id IS NOT NULL")


def test_a_part_of_a_file_keeps_rows_order_types_and_field_ids_and_gets_its_row_ids(bench: Bench):
    before = staged(bench, DAYS)
    file = rewritten(bench, origin(before, 1, {DAYS[1]: 7, DAYS[4]: 7}, first=1000))

    whole = rows(before.files[0].path)
    assert rows(file.path, "* EXCLUDE (_ducklake_internal_row_id)") == [*whole[10:20], *whole[40:50]]
    ids = [int(one) for (one,) in rows(file.path, "_ducklake_internal_row_id")]
    assert ids == [*range(1010, 1020), *range(1040, 1050)]
    internal = ["_ducklake_internal_row_id", "2147483540"]
    assert fields(file.path) == [*fields(before.files[0].path), internal], "one snapshot: no column for it"
    assert file.rows == 20


def test_files_whose_days_lie_between_each_other_become_one_in_order_of_time(bench: Bench):
    even, odd = staged(bench, DAYS[::2]), staged(bench, DAYS[1::2])
    file = rewritten(
        bench,
        origin(odd, 2, dict.fromkeys(DAYS[1::2], 5), first=100),
        origin(even, 1, {DAYS[0]: 3, DAYS[2]: 4, DAYS[4]: 3}, first=0),
    )

    shown = rows(file.path, '"filename", _ducklake_internal_row_id, _ducklake_internal_snapshot_id')
    found = [[int(one) for one in row] for row in shown]
    assert [one[0] for one in found] == list(range(60))
    assert [one[2] for one in found] == [s for s in (3, 5, 4, 5, 3, 5) for _ in range(10)]
    ids = [one[1] for one in found]
    assert ids == [n for a in (0, 100, 10, 110, 20, 120) for n in range(a, a + 10)]

    again = rewritten(bench, Origin(file_id=9, path=file.path, row_id_start=None, parts=tuple(
        Part(interval=day, row_start=at * 10, rows=10, snapshot_id=8) for at, day in enumerate(DAYS) if at in {1, 2}
    )))  # fmt: skip
    assert [int(one) for (one,) in rows(again.path, "_ducklake_internal_row_id")] == ids[10:30], "chained: ids stay"


def test_a_reader_of_an_older_snapshot_sees_only_the_rows_that_had_come_by_then(bench: Bench):
    columns = bench.columns(QUERY)
    one, other, alone = staged(bench, DAYS[:1]), staged(bench, DAYS[1:2]), staged(bench, DAYS[2:3])
    both = rewritten(bench, origin(one, 1, {DAYS[0]: 3}, first=0), origin(other, 2, {DAYS[1]: 5}, first=10))
    table = relation("t", columns, both.path, alone.files[0].path)

    def days(snapshot_id: int, *partial: str) -> list[str | None]:
        seen = replace(table, partial=partial, snapshot_id=snapshot_id)
        return [row[0] for row in bench.query("SELECT DISTINCT d FROM t ORDER BY d", seen)]

    assert days(5) == ["2013-03-01", "2013-03-02", "2013-03-03"]
    assert days(4, both.path) == ["2013-03-01", "2013-03-03"]
    assert days(2, both.path) == ["2013-03-03"]


def test_files_may_become_one_where_ids_and_types_of_their_columns_are_equal(bench: Bench):
    one, other = staged(bench, DAYS[:1]), staged(bench, DAYS[1:2])
    wide = bench.stage(f"SELECT *, 1 AS extra FROM ({QUERY})", native("d", "DATE"), DAYS[:1])
    anew = rewritten(bench, origin(one, 1, {DAYS[0]: 3}, first=0))
    columns = bench.columns(QUERY)
    before = (*columns[:0:-1], columns[0])
    turned = (*(replace(c, name=f"was_{c.name}") for c in before[:-1]), columns[0])
    names = ", ".join(f'"{old.name}" AS "{new.name}"' for old, new in zip(before, turned, strict=True))
    renamed = bench.stage(f"SELECT {names} FROM ({QUERY})", native("d", "DATE"), DAYS[2:3], columns=turned)

    paths = [one.files[0].path, other.files[0].path, anew.path, renamed.files[0].path]
    assert len(set(bench.client.layouts(paths))) == 1
    assert len(set(bench.client.layouts([paths[0], wide.files[0].path]))) == 2

    both = rewritten(bench, origin(one, 1, {DAYS[0]: 3}, first=0), origin(renamed, 2, {DAYS[2]: 3}, first=10))
    assert [row[1] for row in rows(both.path, '"d", "filename"')] == [str(n) for n in (*range(10), *range(20, 30))]


def test_a_file_without_field_ids_is_left_to_whoever_wrote_it(bench: Bench):
    foreign = str(bench.file("lake/data/foreign.parquet", "SELECT DATE '2013-03-01' AS d"))
    part = Part(interval=DAYS[0], row_start=0, rows=1, snapshot_id=1)
    strange = Origin(file_id=1, path=foreign, row_id_start=0, parts=(part,))

    assert error_of(lambda: rewritten(bench, strange)).code == "file_foreign"
    assert error_of(lambda: bench.client.layouts([foreign])).code == "file_foreign"


def test_an_error_leaves_none_of_the_files_behind(bench: Bench):
    good = origin(staged(bench, DAYS), 1, {DAYS[0]: 1}, first=0)
    bad = Origin(file_id=2, path=good.path.replace(".parquet", "-gone.parquet"), row_id_start=0, parts=good.parts)
    request = RewriteRequest(
        rewrites=(Rewrite(origins=(good,)), Rewrite(origins=(bad,))),
        folder=bench.settings.staging,
        file_prefix="broken",
    )

    assert error_of(lambda: bench.client.rewrite(request)).code
    assert list((bench.root / "lake/_staging").glob("broken*")) == []
