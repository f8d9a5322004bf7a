"""Many files looked at in one scan: the same answer as one by one, and none where it does not tell all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from contract.engine_kit import bench_in, day_intervals, native, plain, strings, survey_requests

from mtctl.core.interval import Grain
from mtctl.core.model import Column, Partition, Staged
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.engine_kit import Bench

DAYS = day_intervals("2013-03-01", "2013-03-05")
PLAIN = "SELECT DATE '2013-03-01' + (i % 4)::INTEGER AS d, i, i / 3 AS v, 'n' || i % 5 AS s FROM range(400) t(i)"
ODD = PLAIN.replace("i / 3 AS v", "i / 3 AS filename, 1 AS file_row_number, 2 AS file_index, 3 AS n, 4 AS h")


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    yield from bench_in(tmp_path_factory.mktemp("survey") / "p")


Made = tuple[Staged, tuple[Column, ...]]


def made(bench: Bench, query: str = PLAIN, partition: Partition | None = None, **more) -> Made:
    columns = bench.columns(query)
    partition = partition or native("d", "DATE")
    return bench.stage(query, partition, more.pop("intervals", DAYS), columns=columns, **more), columns


def agrees(bench: Bench, staged: Staged, columns: tuple[Column, ...], partition: Partition, zone: str = "UTC") -> None:
    """Demand that one scan tells of each file what a look at that file alone tells."""
    requests = [*survey_requests(staged, columns, partition, zone)]
    surveyed = bench.client.survey(requests)
    for request, found in zip(requests, surveyed, strict=True):
        alone = bench.client.measure(request)
        assert found is not None
        assert sorted(found.stats, key=lambda one: one.field_id) == sorted(alone.stats, key=lambda one: one.field_id)
        assert replace(found, stats=()) == replace(alone, stats=())
    marks = [one.fingerprint for number, _ in enumerate(staged.files) for one in staged.intervals if one.file == number]
    assert [mark for found in surveyed if found is not None for mark in found.fingerprints] == marks


@pytest.mark.parametrize("query", [PLAIN, ODD], ids=["plain", "names that DuckDB gives to columns of its own"])
@pytest.mark.parametrize("target_rows", [1, 150, 250_000])
def test_files_of_any_size_and_columns_of_any_name(bench: Bench, query, target_rows):
    staged, columns = made(bench, query, target_rows=target_rows)
    agrees(bench, staged, columns, native("d", "DATE"))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("grain", [Grain.HOUR, Grain.DAY, Grain.MONTH])
@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE"])
def test_grains_zones_and_times(bench: Bench, kind, grain, zone):
    query = f"SELECT (TIMESTAMP '2013-03-09 00:00:00' + INTERVAL (i) HOUR)::{kind} AS d, i FROM range(60) t(i)"
    partition = native("d", kind, grain)
    start, end = ("2013-03-01", "2013-04-01") if grain is Grain.MONTH else ("2013-03-08", "2013-03-13")
    intervals = day_intervals(start, end, zone, grain)
    columns = bench.columns(query, zone=zone)
    staged = bench.stage(query, partition, intervals, columns=columns, zone=zone, target_rows=20)
    agrees(bench, staged, columns, partition, zone)


def test_partitions_of_strings(bench: Bench):
    query = "SELECT strftime(DATE '2013-03-01' + (i % 4)::INTEGER, '%Y%m%d') AS d, i FROM range(40) t(i)"
    partition = strings(Grain.DAY, d="yyyyMMdd")
    staged, columns = made(bench, query, partition, target_rows=15)
    agrees(bench, staged, columns, partition)


def test_columns_that_a_file_lacks_nulls_nan_and_long_texts(bench: Bench):
    odd = "CASE WHEN i % 7 = 0 THEN 'nan'::DOUBLE WHEN i % 7 > 3 THEN i / 3 END AS v, NULL::INTEGER AS nothing"
    query = PLAIN.replace("i / 3 AS v", odd).replace("'n' || i % 5", "repeat(chr(100 + (i % 5)::INTEGER), 300)")
    staged, columns = made(bench, query, target_rows=150)
    more = (*columns, Column(name="later", type="DOUBLE", stored_type="DOUBLE", lake_type="float64", field_id=90))
    requests = [*survey_requests(staged, more, native("d", "DATE"))]
    found = bench.client.survey(requests)
    for request, one in zip(requests, found, strict=True):
        assert one is not None
        assert one.fingerprints == bench.client.measure(request).fingerprints
        assert {stat.field_id for stat in one.stats} == {1, 2, 3, 4, 5}
        [file] = [file for file in staged.files if file.path == request.path]
        by_id = {stat.field_id: stat for stat in one.stats}
        assert [replace(by_id[said.field_id], bytes=said.bytes) for said in file.stats] == list(file.stats)


def test_a_file_of_which_it_does_not_tell_all_is_left_to_a_closer_look(bench: Bench):
    staged, columns = made(bench, target_rows=1)
    day = native("d", "DATE")
    first, second, third, fourth = survey_requests(staged, columns, day)

    def untold(*requests) -> list[int]:
        return [at for at, one in enumerate(bench.client.survey(requests)) if one is None]

    assert untold(first, second, third, fourth) == []
    assert untold(replace(first, sha256="0" * 64), second) == [0]
    assert untold(replace(first, sha256=None), second) == [0]
    assert untold(first, replace(second, path=f"{second.path}.gone"), third) == [1]
    swapped = replace(first, intervals=second.intervals), replace(second, intervals=first.intervals)
    assert untold(*swapped, third) == [0, 1]
    assert untold(first, replace(second, ranges=((0, 99),))) == [1]
    assert untold(first, replace(second, ranges=((1, 100),))) == [1]
    assert untold(replace(first, intervals=(), ranges=())) == [0]
    path = Path(fourth.path)
    path.write_bytes(path.read_bytes()[:-9])
    assert untold(first, second, third, fourth) == [3]
    path.unlink()
    assert untold(first, second, third, fourth) == [3]


def test_rows_of_two_intervals_that_lie_in_each_other_are_left_to_a_closer_look(bench: Bench):
    staged, columns = made(bench, "SELECT DATE '2013-03-01' + (i % 2)::INTEGER AS d, i FROM range(10) t(i)")
    [request] = survey_requests(staged, columns, native("d", "DATE"))
    assert bench.client.survey([request]) != [None]
    for order, told in (("d, i", True), ("i", False)):
        path = bench.root / "lake" / "data" / f"{told}.parquet"
        how = "FORMAT parquet, FIELD_IDS {d: 1, i: 2}"
        plain(f"COPY (SELECT * FROM '{request.path}' ORDER BY {order}) TO '{path}' ({how})", "SELECT 1")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        [found] = bench.client.survey([replace(request, path=str(path), sha256=digest)])
        assert (found is not None) == told, order


def test_a_table_of_more_columns_than_stand_in_one_statement(bench: Bench):
    columns = ", ".join(f"i + {number} AS c{number}, i / {number + 1} AS f{number}" for number in range(60))
    query = f"SELECT DATE '2013-03-01' + (i % 4)::INTEGER AS d, {columns} FROM range(40) t(i)"
    staged, found = made(bench, query, target_rows=15)
    surveyed = bench.client.survey([*survey_requests(staged, found, native("d", "DATE"))])
    for file, one in zip(staged.files, surveyed, strict=True):
        assert one is not None
        by_id = {stat.field_id: stat for stat in one.stats}
        assert [replace(by_id[said.field_id], bytes=said.bytes) for said in file.stats] == list(file.stats)


def test_nothing_asked_is_nothing_told(bench: Bench):
    assert bench.client.survey([]) == []
