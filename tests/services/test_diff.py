"""`diff`: what became of a table between two moments, beside what plain Python finds."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from service_kit import DAILY, fails

if TYPE_CHECKING:
    from service_kit import World

    from mtctl.services.reports.diffing import Diff

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
RAW = """CREATE MATERIALIZED TABLE raw PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-05')
AS SELECT d, v FROM 'data/in.csv'
"""
KEYED = """CREATE MATERIALIZED TABLE stock (sku, d, PRIMARY KEY (sku) NOT ENFORCED)
AS SELECT sku, amount AS d FROM 'data/stock.csv'
"""


def filled(world: World, table: str = DAILY, name: str = "daily") -> World:
    world.days(FOUR_DAYS)
    world.table(name, table)
    world.apply()
    world.fill(name)
    return world


def newest(world: World) -> int:
    return world.app.status(()).snapshot_id


def diff(world: World, name: str = "daily", earlier: object = None, later: object = None, **words: object) -> Diff:
    texts = [None if one is None else str(one) for one in (earlier, later)]
    return world.app.lake.differ.diff(name, *texts, **words)


def rows(world: World, found: Diff) -> list[tuple[str | None, ...]]:
    result = world.app.lake.differ.rows(found, None)
    assert result.columns == ("change", "times", *found.columns)
    return [tuple(row) for chunk in result.chunks for row in chunk]


def counts(world: World, found: Diff) -> dict[str, tuple[int | None, ...]]:
    return {one.label: (one.added, one.removed, one.changed) for one in world.app.lake.differ.summary(found)}


def test_a_changed_day_shows_its_rows_and_no_other(world: World) -> None:
    filled(world)
    world.days(FOUR_DAYS | {"2013-01-02": [70]})
    world.fill("daily")
    found = diff(world)
    assert (found.after.snapshot_id, found.before.snapshot_id) == (newest(world), newest(world) - 1)
    assert [(one.label, one.kind, one.rows_before, one.rows_after) for one in found.intervals] == [
        ("2013-01-02", "changed", 1, 1)
    ]
    assert rows(world, found) == [("removed", "1", "2013-01-02", "1", "2"), ("added", "1", "2013-01-02", "1", "70")]
    assert counts(world, found) == {"2013-01-02": (1, 1, 0)}
    # No row of any other interval is in the ranges to read.
    ranges = [*(found.request.before.ranges or ()), *(found.request.after.ranges or ())]
    assert [(one.rows, one.part) for one in ranges] == [(1, 0), (1, 0)]


def test_a_refresh_to_the_same_content_is_no_version(world: World) -> None:
    filled(world)
    first = newest(world)
    world.days(FOUR_DAYS | {"2013-01-01": [5]})
    world.fill("daily")
    world.fill("daily", force=True)
    assert newest(world) == first + 2
    assert [one.label for one in diff(world).intervals] == ["2013-01-01"]
    assert diff(world, earlier=first + 1).intervals == ()
    assert rows(world, diff(world, earlier=first + 1)) == []
    assert counts(world, diff(world, earlier=first + 1)) == {}


def test_intervals_that_came_or_went_say_so(world: World) -> None:
    filled(world)
    empty, full = newest(world) - 1, newest(world)
    there = diff(world, earlier=empty, later=full)
    assert {one.kind for one in there.intervals} == {"added"}
    assert [row[0] for row in rows(world, there)] == ["added"] * 4
    world.app.drop_tables(["daily"])
    gone = diff(world, earlier=full)
    assert {one.kind for one in gone.intervals} == {"removed"}
    assert [row[0] for row in rows(world, gone)] == ["removed"] * 4


def test_rows_are_a_multiset_and_come_out_exact(world: World) -> None:
    rng = random.Random(7)  # noqa: S311 - data of a test
    filled(world, RAW, "raw")
    days = list(FOUR_DAYS)
    for _ in range(4):
        before_id = newest(world)
        before = Counter(world.rows("SELECT d, v FROM raw"))
        world.days({day: [rng.randrange(4) for _ in range(rng.randrange(12))] for day in rng.sample(days, 3)})
        world.fill("raw", force=True)
        after = Counter(world.rows("SELECT d, v FROM raw"))
        told = Counter({("added", *row): times for row, times in (after - before).items()})
        told += Counter({("removed", *row): times for row, times in (before - after).items()})
        found = diff(world, "raw", earlier=before_id)
        shown = {(change, *row): int(times) for change, times, *row in rows(world, found)}
        assert shown == told
        summed = [sum(one) for one in zip(*counts(world, found).values(), strict=True)]
        assert summed == [(after - before).total(), (before - after).total(), 0]


def test_a_primary_key_makes_two_rows_one_change(world: World) -> None:
    world.data("stock.csv", "sku,amount\na,1\nb,2\nc,3\n,4\n")
    world.table("stock", KEYED)
    world.apply()
    world.fill("stock")
    world.data("stock.csv", "sku,amount\na,1\nb,20\nd,5\n,40\n")
    world.fill("stock")
    found = diff(world, "stock")
    assert found.key == ("sku",)
    assert rows(world, found) == [
        ("before", "1", "b", "2"),
        ("after", "1", "b", "20"),
        ("removed", "1", "c", "3"),
        ("added", "1", "d", "5"),
        ("before", "1", None, "4"),
        ("after", "1", None, "40"),
    ]
    assert counts(world, found) == {"whole table": (1, 1, 2)}
    without = diff(world, "stock", key=())
    assert {row[0] for row in rows(world, without)} == {"added", "removed"}
    assert counts(world, without) == {"whole table": (3, 3, 0)}


def test_a_key_that_is_not_unique_leaves_rows_added_and_removed(world: World) -> None:
    filled(world, RAW, "raw")
    world.days(FOUR_DAYS | {"2013-01-02": [7, 8]})
    world.fill("raw")
    assert [row[0] for row in rows(world, diff(world, "raw", key=("D",)))] == ["removed", "added", "added"]
    with fails("column_unknown", "'nope'", "--key", "d, v"):
        diff(world, "raw", key=("nope",))


def test_columns_that_came_are_named_and_rows_compared_on_the_others(world: World) -> None:
    filled(world)
    before = newest(world)
    world.table("daily", DAILY.replace("AS total FROM", "AS total, max(v) AS most FROM"))
    world.apply()
    world.fill("daily", force=True)
    found = diff(world, earlier=before)
    assert [(one.column, one.change, one.detail) for one in found.column_changes] == [("most", "added", "BIGINT")]
    assert found.columns == ("d", "n", "total")
    assert len(found.intervals) == 4
    assert rows(world, found) == []
    assert set(counts(world, found).values()) == {(0, 0, 0)}


def test_a_table_made_anew_in_place_is_compared_by_the_names_of_its_columns(world: World) -> None:
    filled(world)
    before = newest(world)
    world.table("daily", DAILY.replace("count(*) AS n", "count(*)::INTEGER AS n"))
    world.apply(rebuild=("daily",))
    world.days(FOUR_DAYS | {"2013-01-03": [1, 1]})
    world.fill("daily")
    found = diff(world, earlier=before)
    assert ("n", "retyped", "BIGINT → INTEGER") in [
        (one.column, one.change, one.detail) for one in found.column_changes
    ]
    assert rows(world, found) == [("removed", "1", "2013-01-03", "1", "3"), ("added", "1", "2013-01-03", "2", "2")]


def test_days_that_became_months_are_compared_all_the_same(world: World) -> None:
    filled(world, RAW, "raw")
    before = newest(world)
    monthly = RAW.replace("'day'", "'month'").replace("'2013-01-05'", "'2013-02-01'")
    world.table("raw", monthly)
    world.days(FOUR_DAYS | {"2013-01-04": [4, 5]})
    world.apply(rebuild=("raw",))
    world.fill("raw")
    found = diff(world, "raw", earlier=before)
    assert [(one.kind, one.rows_before, one.rows_after) for one in found.intervals] == [("changed", 4, 5)]
    assert rows(world, found) == [("added", "1", "2013-01-04", "5")]


def test_while_a_new_version_is_built_beside_the_old_one_readers_compare(world: World) -> None:
    filled(world)
    first = newest(world)
    world.days(FOUR_DAYS | {"2013-01-02": [7]})
    world.fill("daily")
    before = rows(world, diff(world, earlier=first))
    world.table("daily", DAILY.replace("count(*) AS n", "count(*)::INTEGER AS n"))
    world.apply(rebuild=("daily",))
    world.fill("daily", intervals=("2013-01-01",))
    assert rows(world, diff(world, earlier=first)) == before == rows(world, diff(world))
    world.fill("daily")
    assert {row[2] for row in rows(world, diff(world, earlier=first))} == {"2013-01-02"}
    assert [one.what for one in world.app.lake.history.versions("daily", 1).versions] == ["rebuild"]


def test_a_renamed_and_widened_column_stays_itself(world: World) -> None:
    filled(world, DAILY.replace("count(*) AS n", "count(*)::INTEGER AS n"))
    before = newest(world)
    renamed = DAILY.replace("sum(v)::BIGINT AS total", "sum(v)::BIGINT AS summed")
    world.table("daily", renamed.replace("WITH (", "WITH ('renamed.column.summed' = 'total', "))
    world.apply()
    world.days(FOUR_DAYS | {"2013-01-02": [7]})
    world.fill("daily")
    found = diff(world, earlier=before)
    assert {(one.column, one.change, one.detail) for one in found.column_changes} == {
        ("summed", "renamed", "total"),
        ("n", "retyped", "INTEGER → BIGINT"),
    }
    assert rows(world, found) == [("removed", "1", "2013-01-02", "1", "2"), ("added", "1", "2013-01-02", "1", "7")]


def test_compaction_shows_no_change(world: World) -> None:
    world.settings('name = "shop"\n\n[lake]\ntarget_file_rows = 1\n')
    filled(world)
    first = newest(world)
    world.days(FOUR_DAYS | {"2013-01-02": [7]})
    world.fill("daily")
    told, past = rows(world, diff(world, earlier=first)), newest(world)
    world.settings('name = "shop"\n')
    assert [one.into for one in world.app.lake.compact(("daily",), dry_run=False).tables] == [1]
    assert newest(world) == past + 1
    assert diff(world, earlier=past).intervals == ()
    assert rows(world, diff(world, earlier=first)) == told == rows(world, diff(world))
    assert world.app.lake.history.versions("daily", 1).versions[0].what == "compaction"
    reader = world.app.lake.past
    for snapshot, total in ((first, "10"), (past, "15"), (past + 1, "15")):
        result = reader.query("SELECT sum(total) FROM daily", None, reader.moment(str(snapshot)))
        assert [row for chunk in result.chunks for row in chunk] == [[total]]


def test_many_intervals_of_one_file_come_apart_as_few_do(world: World) -> None:
    minutes = [f"2013-01-01 {hour:02d}:{minute:02d}:00" for hour in range(3) for minute in range(60)]
    world.days({minute: [1] for minute in minutes})
    world.table("raw", RAW.replace("SELECT d, v", "SELECT d::TIMESTAMP AS d, v").replace("'day'", "'minute'"))
    world.apply()
    world.fill("raw", intervals=("2013-01-01T00", "2013-01-01T01", "2013-01-01T02"))
    before = newest(world)
    world.days({minute: [int(minute[14:16])] for minute in minutes})
    world.fill("raw", intervals=("2013-01-01T00", "2013-01-01T01", "2013-01-01T02"), force=True)
    found = diff(world, "raw", earlier=before)
    assert len(found.intervals) == len(found.request.before.ranges or ()) == 177
    assert set(counts(world, found).values()) == {(1, 1, 0)}
    told = Counter((row[0], row[3]) for row in rows(world, found))
    assert told == {("removed", "1"): 177} | {("added", str(number)): 3 for number in range(60) if number != 1}


def test_what_cannot_be_compared_is_told(world: World) -> None:
    filled(world)
    with fails("table_unknown", "'daily'"):
        diff(world, name="dayly")
    with fails("moments_backwards"):
        diff(world, earlier=2, later=1)
    with fails("version_only", "--from"):
        diff(world, later=1)
    with fails("snapshot_future", "--from"):
        diff(world, earlier=99)


def test_extremes_compare_by_value(world: World) -> None:
    values = "'nan'::DOUBLE AS f, INTERVAL '30 days' AS i, [1, NULL] AS l, {'a': NULL::INTEGER} AS s"
    world.table("odd", f"CREATE MATERIALIZED TABLE odd AS SELECT {values}\n")
    world.apply()
    world.fill("odd")
    world.table("odd", f"CREATE MATERIALIZED TABLE odd AS SELECT {values.replace('30 days', '1 month')}\n")
    world.apply()
    world.fill("odd")
    assert [row[:4] for row in rows(world, diff(world, "odd"))] == [
        ("added", "1", "nan", "1 month"),
        ("removed", "1", "nan", "30 days"),
    ]
