"""Refresh: exactly what is wanted and not fresh, once; what changes, what stays, and what it says."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, books, fails, files_of

from mtctl.services.reports import RefreshArgs

if TYPE_CHECKING:
    from service_kit import World

    from mtctl.services.reports import RefreshReport

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
FORTY = "CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)\nWITH ('partition.grain' = 'day', 'start' = '2013-01-01', "
FORTY += "'end' = '2013-03-01')\nAS SELECT d, sum(v)::BIGINT AS v FROM 'data/in.csv' GROUP BY d\n"
MONTHLY = "CREATE MATERIALIZED TABLE monthly PARTITIONED BY (m) WITH ('partition.grain' = 'month')\n"
MONTHLY += "AS SELECT date_trunc('month', d)::DATE AS m, sum(v)::BIGINT AS v FROM daily GROUP BY 1\n"
TOP = "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS best FROM daily\n"
NEXT = "CREATE MATERIALIZED TABLE next PARTITIONED BY (d) WITH ('partition.grain' = 'day')\n"
NEXT += "AS SELECT d, total + 1 AS total FROM daily\n"


@pytest.fixture
def daily(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    return world


@pytest.fixture
def months(world: World) -> World:
    world.days({f"2013-{month:02}-{day:02}": [day] for month in (1, 2) for day in range(1, 29)})
    world.table("daily", FORTY)
    world.table("monthly", MONTHLY)
    world.apply()
    world.fill("daily", "monthly")
    return world


def done(report: RefreshReport) -> dict[str, tuple[str, int]]:
    """Return state and intervals by table."""
    return {found.table: (found.state, found.intervals) for found in report.tables}


# --- what is done ----------------------------------------------------------------------------------------------


def test_what_is_fresh_is_not_refreshed_again(daily: World) -> None:
    assert done(daily.fill("daily", intervals=("2013-01-02",))) == {"daily": ("success", 1)}
    first = daily.attempts("daily")
    assert done(daily.fill("daily")) == {"daily": ("success", 3)}
    assert daily.attempts("daily")["2013-01-02"] == first["2013-01-02"]
    assert done(daily.fill("daily")) == {"daily": ("up_to_date", 0)}
    assert daily.rows("SELECT d, n FROM daily ORDER BY d") == [(day, "1") for day in FOUR_DAYS]


def test_a_refresh_with_nothing_to_do_writes_nothing(daily: World) -> None:
    daily.fill("daily")
    before = books(daily.root)
    daily.fill("daily")
    assert books(daily.root) == before


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ({"intervals": ("2013-01-02",)}, "2"),
        ({"intervals": ("2013-01",)}, "1234"),
        ({"intervals": ("2013-01-02/2013-01-04",)}, "23"),
        ({"intervals": ("2013-01-01", "2013-01-04")}, "14"),
        ({"start": "2013-01-03", "end": "2013-01-05"}, "34"),
        ({"partition": (("d", "2013-01-03"),)}, "3"),
        ({"batch": 1}, "1234"),
        ({"full": True}, "1234"),
    ],
)
def test_what_was_named_is_refreshed_and_nothing_else(daily: World, words: dict[str, object], days: str) -> None:
    daily.fill("daily", **words)
    fresh = [label for label, state in daily.states("daily").items() if state == "fresh"]
    assert fresh == [f"2013-01-0{day}" for day in days]
    assert daily.rows("SELECT d FROM daily ORDER BY d") == [(day,) for day in fresh]


def test_force_refreshes_what_is_fresh_and_replaces_it(daily: World) -> None:
    daily.fill("daily")
    before = daily.attempts("daily")
    assert done(daily.fill("daily", intervals=("2013-01-02",), force=True)) == {"daily": ("success", 1)}
    after = daily.attempts("daily")
    assert [day for day in after if after[day] != before[day]] == ["2013-01-02"]
    assert daily.rows("SELECT count(*) FROM daily") == [("4",)]


def test_force_reaches_beyond_what_is_wanted(daily: World) -> None:
    daily.days(FOUR_DAYS | {"2013-01-09": [9]})
    report = daily.refresh("daily", intervals=("2013-01-09",))
    assert report.instance is None
    assert "outside of what is wanted" in report.notes[0]
    daily.fill("daily", intervals=("2013-01-09",), force=True)
    assert daily.rows("FROM daily") == [("2013-01-09", "1", "9")]


def test_full_does_every_wanted_interval_again(daily: World) -> None:
    daily.fill("daily")
    before = daily.attempts("daily")
    assert done(daily.fill("daily", full=True)) == {"daily": ("success", 4)}
    assert not set(before.values()) & set(daily.attempts("daily").values())


def test_the_selectors_choose(daily: World) -> None:
    daily.table("top", TOP)
    daily.table("next", NEXT)
    daily.apply()
    assert set(done(daily.fill("+top", dry_run=True))) <= {"daily", "top"}
    assert {step.table for step in daily.refresh("+top", dry_run=True).plan} == {"daily", "top"}
    assert {step.table for step in daily.refresh("daily+", dry_run=True).plan} == {"daily", "next", "top"}
    assert {step.table for step in daily.refresh("d*", dry_run=True).plan} == {"daily"}
    assert {step.table for step in daily.refresh(everything=True, dry_run=True).plan} == {"daily", "next", "top"}
    assert {step.table for step in daily.refresh("next", upstream=True, dry_run=True).plan} == {"daily", "next"}


def test_upstream_does_only_what_the_named_interval_reads(daily: World) -> None:
    daily.table("next", NEXT)
    daily.apply()
    daily.fill("next", intervals=("2013-01-03",), upstream=True)
    assert [day for day, state in daily.states("daily").items() if state == "fresh"] == ["2013-01-03"]
    assert daily.rows("FROM next") == [("2013-01-03", "4")]


def test_downstream_follows_what_was_refreshed(daily: World) -> None:
    daily.table("next", NEXT)
    daily.apply()
    daily.fill("daily", intervals=("2013-01-03",), downstream=True)
    assert [day for day, state in daily.states("next").items() if state == "fresh"] == ["2013-01-03"]


def test_a_dry_run_tells_the_batches_and_writes_nothing(daily: World) -> None:
    before, files = books(daily.root), files_of(daily.root)
    report = daily.refresh("daily", dry_run=True, batch=3)
    assert [(step.interval, step.intervals, step.reasons) for step in report.plan] == [
        ("2013-01-01..2013-01-03", 3, ("missing (3)",)), ("2013-01-04", 1, ("missing (1)",)),
    ]  # fmt: skip
    assert (report.instance, books(daily.root), files_of(daily.root)) == (None, before, files)


def test_a_detached_refresh_is_run_by_the_next_up(daily: World) -> None:
    report = daily.refresh("daily", intervals=("2013-01-02",), detach=True)
    assert report.detached
    assert set(daily.states("daily").values()) == {"missing"}
    daily.app.plan(prune=False, rebuild=())
    daily.up(apply=False)
    assert set(daily.states("daily").values()) == {"fresh"}
    [detached] = [row for row in daily.app.instances(limit=9, state=None, table=None) if row.ulid == report.instance]
    assert detached.state == "success"


def test_tables_kept_out_of_up_are_left(daily: World) -> None:
    daily.table(
        "top", "CREATE MATERIALIZED TABLE top WITH ('refresh.auto' = 'off') AS SELECT max(total) AS b FROM daily"
    )
    assert set(done(daily.up())) == {"daily"}
    assert daily.states("top") == {"whole table": "missing"}


# --- ready and open -------------------------------------------------------------------------------------------


def test_what_reads_missing_data_is_not_run(daily: World) -> None:
    daily.table("next", NEXT)
    daily.apply()
    with fails("upstream_not_ready", "next 2013-01-02: needs daily", "--upstream"):
        daily.refresh("next", intervals=("2013-01-02",))
    daily.fill("daily", intervals=("2013-01-02",))
    report = daily.refresh("next")
    assert done(report) == {"next": ("success", 1)}
    assert len(report.not_ready) == 1
    assert "needs daily" in report.not_ready[0]


def test_a_table_that_does_not_wait_runs_on_what_there_is(daily: World) -> None:
    daily.table("next", NEXT.replace("'day')", "'day', 'upstream.daily.wait' = 'off')"))
    daily.apply()
    daily.fill("next", intervals=("2013-01-02",))
    assert daily.rows("SELECT count(*) FROM next") == [("0",)]
    daily.fill("daily")
    assert daily.states("next")["2013-01-02"] == "upstream daily changed"


def test_an_interval_that_is_not_over_is_left_out_and_strict_refuses_it(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace("2013-01-05", "2999-01-01"))
    world.apply()
    words = {"start": "2998-01-01", "end": "2998-01-03"}
    report = world.refresh("daily", **words)
    assert report.instance is None
    assert report.notes == ("daily: 2998-01-01..2998-01-02 left out: not over yet",)
    with fails("interval_open", "not over yet"):
        world.refresh("daily", strict=True, **words)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"intervals": ("2013-01-02T05",)}, "interval"),
        ({"intervals": ("2013-13-01",)}, "time"),
        ({"intervals": ("2013-02-30",)}, "time"),
        ({"intervals": ("yesterdayish",)}, "time"),
        ({"intervals": ("2013-01-03/2013-01-01",)}, "time"),
        ({"start": "2013-01-02T05:00", "end": "2013-01-03"}, "interval_not_aligned"),
        ({"start": "2013-01-02"}, "time_range"),
        ({"start": "2013-01-04", "end": "2013-01-02"}, "time"),
        ({"partition": (("x", "2013-01-02"),)}, "partition"),
        ({"partition": (("d", "soon"),)}, "time_parse"),
        ({"full": True, "intervals": ("2013-01-02",)}, "selection"),
    ],
)
def test_intervals_that_make_no_sense_are_usage_errors(daily: World, words: dict[str, object], code: str) -> None:
    from mtctl.core.errors import Kind, MtctlError

    with pytest.raises(MtctlError) as caught:
        daily.refresh("daily", **words)
    assert caught.value.kind is Kind.USAGE
    assert caught.value.fix
    assert caught.value.code.startswith(code), str(caught.value)


def test_a_selection_needs_names_that_exist(daily: World) -> None:
    with fails("selection"):
        daily.refresh()
    with fails("selection"):
        daily.refresh("daily", everything=True)
    with fails("table_unknown", "did you mean 'daily'"):
        daily.refresh("dialy")


# --- stale ----------------------------------------------------------------------------------------------------


def test_a_month_is_stale_when_one_of_its_days_changes_and_only_that_month(months: World) -> None:
    days = {f"2013-{month:02}-{day:02}": [day] for month in (1, 2) for day in range(1, 29)}
    months.days(days | {"2013-02-11": [1100]})
    months.fill("daily")
    assert months.states("monthly") == {"2013-01": "fresh", "2013-02": "upstream daily changed"}
    before = months.attempts("monthly")
    assert done(months.fill("monthly")) == {"monthly": ("success", 1)}
    assert months.attempts("monthly")["2013-01"] == before["2013-01"]
    assert months.rows("FROM monthly ORDER BY m") == [("2013-01-01", "406"), ("2013-02-01", str(406 - 11 + 1100))]


def test_a_refresh_that_changes_nothing_makes_nobody_stale(months: World) -> None:
    months.fill("daily", full=True)
    assert set(months.states("monthly").values()) == {"fresh"}
    assert done(months.fill("monthly")) == {"monthly": ("up_to_date", 0)}


def test_a_whole_table_is_stale_when_what_it_reads_changes(daily: World) -> None:
    daily.table("top", TOP)
    daily.apply()
    daily.fill("daily", "top")
    daily.days(FOUR_DAYS | {"2013-01-04": [40]})
    daily.fill("daily")
    assert daily.states("top") == {"whole table": "upstream daily changed"}
    daily.fill("top")
    assert daily.rows("FROM top") == [("40",)]


def test_a_widened_range_reads_and_is_stale_further_back(daily: World) -> None:
    query = "SELECT $interval_start AS d, sum(total)::BIGINT AS total FROM daily WHERE d <= $interval_start "
    query += "AND d > $interval_start - INTERVAL 2 DAY"
    text = NEXT.replace("SELECT d, total + 1 AS total FROM daily", query)
    daily.table(
        "next",
        text.replace(
            "'day')", "'day', 'start' = '2013-01-01', 'end' = '2013-01-05', 'upstream.daily.range' = '-1 DAY..0')"
        ),
    )
    daily.apply()
    daily.fill("daily", "next")
    assert daily.rows("SELECT total FROM next ORDER BY d") == [("1",), ("3",), ("5",), ("7",)]
    daily.days(FOUR_DAYS | {"2013-01-02": [20]})
    daily.fill("daily")
    assert list(daily.states("next").values()) == ["fresh", "upstream daily changed", "upstream daily changed", "fresh"]
    daily.fill("daily", "next")
    assert daily.rows("SELECT total FROM next ORDER BY d") == [("1",), ("21",), ("23",), ("7",)]


def test_an_ignored_upstream_makes_nothing_stale(daily: World) -> None:
    daily.table(
        "next",
        NEXT.replace(
            "'day')", "'day', 'start' = '2013-01-01', 'end' = '2013-01-05', 'upstream.daily.range' = 'ignore')"
        ),
    )
    daily.apply()
    daily.fill("daily", "next")
    daily.days({day: [7] for day in FOUR_DAYS})
    daily.fill("daily")
    assert set(daily.states("next").values()) == {"fresh"}


def test_a_touched_source_makes_nothing_stale(daily: World) -> None:
    daily.fill("daily")
    os.utime(daily.root / "data" / "in.csv", ns=(1, 1))
    assert len(daily.app.status(()).changed_sources) == 1
    assert done(daily.fill("daily")) == {"daily": ("up_to_date", 0)}
    assert daily.app.status(()).changed_sources == ()


def test_a_changed_source_makes_stale_every_interval_built_from_it(daily: World) -> None:
    daily.fill("daily")
    path = daily.days(FOUR_DAYS | {"2013-01-03": [30]})
    assert daily.app.status(()).changed_sources == (str(path),)
    report = daily.refresh("daily", dry_run=True)
    [reason] = report.plan[0].reasons
    assert str(path) in reason
    assert "changed (4)" in reason
    daily.fill("daily")
    assert daily.rows("SELECT sum(total) FROM daily") == [("37",)]


def test_a_source_that_is_gone_leaves_what_was_built_from_it(daily: World) -> None:
    daily.fill("daily", intervals=("2013-01-01",))
    (daily.root / "data" / "in.csv").unlink()
    assert daily.app.status(()).changed_sources[0].endswith("(gone)")
    report = daily.refresh("daily")
    assert done(report) == {"daily": ("failed", 0)}
    assert report.tables[0].error_code in {"source_missing", "source_unreadable"}
    assert daily.rows("FROM daily") == [("2013-01-01", "1", "1")]


def by_glob(change: str) -> str:
    """Return `daily` over a glob, with a policy for new files."""
    text = DAILY.replace("data/in.csv", "data/part*.csv")
    return text.replace("'start'", f"'source.data/part*.csv.change' = '{change}', 'start'") if change else text


def test_a_new_file_of_a_glob_makes_nothing_stale(world: World) -> None:
    world.days(FOUR_DAYS, "part1.csv")
    world.table("daily", by_glob(""))
    world.apply()
    world.fill("daily")
    world.days({"2013-01-02": [100]}, "part2.csv")
    assert done(world.fill("daily")) == {"daily": ("up_to_date", 0)}
    world.fill("daily", intervals=("2013-01-02",), force=True)
    assert world.rows("SELECT sum(total) FROM daily") == [("110",)]


def test_a_new_file_of_a_glob_that_restates_makes_stale_what_was_built_without_it(world: World) -> None:
    world.days(FOUR_DAYS, "part1.csv")
    world.table("daily", by_glob("restate"))
    world.apply()
    world.fill("daily")
    assert done(world.fill("daily")) == {"daily": ("up_to_date", 0)}

    path = world.days({"2013-01-02": [100]}, "part2.csv")
    world.fill("daily", intervals=("2013-01-02",))
    reason = f"source {path} is new"
    assert list(world.states("daily").values()) == [reason, "fresh", reason, reason]
    assert world.app.verify(()).findings == ()

    # Carried into a rewritten file, what is stale stays stale.
    assert done(world.fill("daily")) == {"daily": ("success", 3)}
    assert set(world.states("daily").values()) == {"fresh"}
    assert done(world.fill("daily")) == {"daily": ("up_to_date", 0)}
    assert world.rows("SELECT sum(total) FROM daily") == [("110",)]
    assert world.app.verify(()).findings == ()


def test_restating_twice_keeps_the_first_reason_and_misses_no_file(world: World) -> None:
    world.days(FOUR_DAYS, "part1.csv")
    world.table("daily", by_glob("restate"))
    world.apply()
    world.fill("daily")
    first = world.days({"2013-01-02": [100]}, "part2.csv")
    world.refresh("daily", dry_run=True)
    world.days({"2013-01-03": [1000]}, "part0.csv")
    world.refresh("daily", dry_run=True)
    assert set(world.states("daily").values()) == {f"source {first} is new"}
    world.fill("daily")
    assert world.rows("SELECT sum(total) FROM daily") == [("1110",)]


# --- failures ---------------------------------------------------------------------------------------------------


def test_a_failed_query_leaves_the_old_data(daily: World) -> None:
    daily.fill("daily")
    before = daily.rows("FROM daily ORDER BY d")
    daily.table("daily", DAILY.replace("sum(v)", "sum(CASE WHEN v = 3 THEN error('boom') ELSE v END)"))
    daily.apply()
    report = daily.refresh("daily")
    assert done(report) == {"daily": ("failed", 0)}
    assert "boom" in str(report.tables[0].error)
    assert daily.rows("FROM daily ORDER BY d") == before
    assert daily.status("daily").health == "failing"
    assert daily.app.verify(()).findings == ()


def test_batches_before_a_failure_stay(daily: World) -> None:
    daily.table("daily", DAILY.replace("sum(v)", "sum(CASE WHEN v = 3 THEN error('boom') ELSE v END)"))
    daily.apply()
    daily.refresh("daily", batch=1)
    states = daily.states("daily")
    assert states["2013-01-03"] == "missing"
    assert [states[day] for day in ("2013-01-01", "2013-01-02")] == ["fresh", "fresh"]


def test_what_is_below_a_failure_is_cancelled_and_says_why(daily: World) -> None:
    daily.table("daily", DAILY.replace("sum(v)", "sum(error('boom'))"))
    daily.table("next", NEXT)
    daily.apply()
    report = daily.refresh(everything=True)
    assert done(report) == {"daily": ("failed", 0), "next": ("cancelled", 0)}
    assert "daily" in str(report.tables[1].error)


def test_a_runner_that_dies_ends_one_attempt_and_nothing_else(daily: World) -> None:
    daily.fill("daily", intervals=("2013-01-01",))
    daily.app._own.engine().kill()
    daily.refresh("daily", intervals=("2013-01-02",))
    daily.fill("daily")
    assert daily.rows("SELECT sum(total) FROM daily") == [("10",)]
    assert daily.app.verify(()).findings == ()


def test_a_null_partition_fails_the_attempt_unless_dropped(daily: World) -> None:
    daily.data("in.csv", "d,v\n2013-01-01,1\n,5\n")
    report = daily.refresh("daily")
    assert done(report) == {"daily": ("failed", 0)}
    assert "partition_null" in str(report.tables[0].error_code)
    daily.table("daily", DAILY.replace("'start'", "'partition.null' = 'drop', 'start'"))
    daily.apply()
    daily.fill("daily")
    assert daily.rows("FROM daily") == [("2013-01-01", "1", "1")]


def test_an_empty_result_clears_the_interval(daily: World) -> None:
    daily.fill("daily")
    daily.days({day: found for day, found in FOUR_DAYS.items() if day != "2013-01-02"})
    daily.fill("daily")
    assert daily.rows("SELECT count(*), sum(total) FROM daily") == [("3", "8")]
    assert daily.states("daily")["2013-01-02"] == "fresh"
    assert daily.app.verify(()).findings == ()


def test_an_empty_result_fails_where_that_was_asked_for(daily: World) -> None:
    daily.table("daily", DAILY.replace("'start'", "'refresh.on-empty' = 'fail', 'start'"))
    daily.apply()
    daily.days({day: found for day, found in FOUR_DAYS.items() if day != "2013-01-02"})
    report = daily.refresh("daily", batch=1)
    assert report.tables[0].state == "failed"
    assert "empty" in str(report.tables[0].error_code)
    assert daily.states("daily")["2013-01-02"] == "missing"


def test_an_attempt_is_superseded_by_a_definition_that_changes_meanwhile(daily: World) -> None:
    other = daily.app.create_table

    def overtake(event: object) -> None:
        if getattr(event, "kind", "") == "claimed" and not overtaken:
            overtaken.append(True)
            other("CREATE OR ALTER MATERIALIZED TABLE t AS SELECT 2 AS one", "<stdin>")

    overtaken: list[bool] = []
    other("CREATE MATERIALIZED TABLE t AS SELECT 1 AS one", "<stdin>")
    report = daily.app.refresh(RefreshArgs(selectors=("t",)), overtake)
    assert overtaken == [True]
    assert report.tables[0].state in {"success", "skipped"}
    daily.fill("t")
    assert daily.rows("FROM t") == [("2",)]


# --- equality of splits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT d, sum(v)::BIGINT AS v FROM 'data/in.csv' GROUP BY d",
        "SELECT $interval_start AS d, count(*) AS v FROM 'data/in.csv' WHERE d = $interval_start",
        "SELECT d, v FROM 'data/in.csv'",
        "SELECT d, row_number() OVER (PARTITION BY d ORDER BY v) AS v FROM 'data/in.csv'",
    ],
    ids=["group", "named interval", "pass through", "window"],
)
def test_any_split_into_batches_gives_equal_content(world: World, query: str) -> None:
    choose = random.Random(query)  # noqa: S311 - a story, told again by its seed
    days = {f"2013-01-{day:02}": [choose.randint(0, 99) for _ in range(choose.randint(0, 4))] for day in range(1, 21)}
    world.days(days)
    text = "CREATE MATERIALIZED TABLE {name} PARTITIONED BY (d) WITH ('partition.grain' = 'day', "
    text += f"'start' = '2013-01-01', 'end' = '2013-01-21') AS {query}"
    for name in ("once", "split"):
        world.table(name, text.format(name=name))
    world.apply()
    world.fill("once")
    left = list(days)
    while left:
        some = choose.sample(left, choose.randint(1, min(6, len(left))))
        left = [day for day in left if day not in some]
        world.fill("split", intervals=tuple(some), batch=choose.randint(1, 4))
    assert world.rows("FROM split ORDER BY ALL") == world.rows("FROM once ORDER BY ALL")
    prints = [
        [row.fingerprint for row in world.app.partitions(name, missing=False, stale=False)]
        for name in ("once", "split")
    ]
    assert prints[0] == prints[1]
    assert world.app.verify(()).findings == ()


@pytest.mark.parametrize("seed", range(3))
def test_after_any_story_the_books_agree(months: World, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - a story, told again by its seed
    labels = list(months.states("daily"))
    for _ in range(8):
        match choose.randrange(5):
            case 0:
                values = {label: [choose.randint(0, 3)] for label in labels if choose.random() < 0.9}
                months.days(values)
            case 1:
                months.refresh("daily", intervals=(choose.choice(labels),), force=True)
            case 2:
                months.table("daily", FORTY.replace("sum(v)", f"sum(v + {choose.randint(0, 2)})"))
                months.apply()
            case 3:
                month = choose.choice(("2013-01", "2013-02"))
                months.refresh("monthly", upstream=True, intervals=(month,), force=True)
            case _:
                months.refresh("daily", batch=choose.randint(1, 30))
        assert months.app.verify(()).findings == ()
    months.fill("daily", "monthly")
    expected = "SELECT date_trunc('month', d)::DATE AS m, sum(v)::BIGINT AS v FROM daily GROUP BY 1 ORDER BY 1"
    assert months.rows("FROM monthly ORDER BY m") == months.rows(expected)
