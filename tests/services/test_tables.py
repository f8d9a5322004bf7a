"""Plan, apply, create, drop, rebuild, prune: what happens to definitions, and to the data that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, books, fails

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
TOP = "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS best FROM daily\n"


@pytest.fixture
def filled(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def test_a_new_table_is_planned_with_its_columns_and_intervals(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    change = world.change("daily")
    assert change.action == "create"
    assert change.file == "tables/daily.sql"
    assert {"+ d DATE", "+ n BIGINT", "+ total BIGINT"} <= set(change.diff)
    assert (change.wanted, change.intervals) == ("2013-01-01..2013-01-04", 4)
    assert "intervals are refreshed in batches" in change.notes


def test_planning_writes_nothing(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    before = books(world.root)
    assert world.plan().pending
    assert books(world.root) == before


def test_applying_twice_changes_nothing_the_second_time(filled: World) -> None:
    before = books(filled.root)
    plan = filled.plan()
    assert not plan.pending
    filled.app.apply(plan)
    assert books(filled.root) == before


def test_a_changed_query_shows_its_lines_and_makes_the_intervals_stale(filled: World) -> None:
    filled.table("daily", DAILY.replace("sum(v)::BIGINT", "sum(v * 10)::BIGINT"))
    change = filled.change("daily")
    assert change.action == "change"
    assert any(line.startswith("- SELECT d") for line in change.diff)
    assert any(line.startswith("+ SELECT d") and "v * 10" in line for line in change.diff)
    assert change.stale == "4 intervals (2013-01-01..2013-01-04): definition changed"

    filled.apply()
    assert set(filled.states("daily").values()) == {"definition changed"}
    assert filled.rows("SELECT max(total) FROM daily") == [("4",)]
    filled.fill("daily")
    assert filled.rows("SELECT max(total) FROM daily") == [("40",)]
    assert set(filled.states("daily").values()) == {"fresh"}


@pytest.mark.parametrize(
    "text",
    [
        DAILY.replace("AS SELECT d", "AS SELECT /* days */ d"),
        DAILY.replace("SELECT d, count(*)", "select   d,\n  count(*)"),
        "-- what this is\n" + DAILY,
    ],
    ids=["comment", "white space", "comment before"],
)
def test_a_change_of_comments_and_case_makes_nothing_stale(filled: World, text: str) -> None:
    filled.table("daily", text)
    assert filled.change("daily").stale == ""
    filled.apply()
    assert set(filled.states("daily").values()) == {"fresh"}
    assert not filled.plan().pending


def test_a_change_of_the_schedule_is_metadata(filled: World) -> None:
    filled.table("daily", DAILY.replace("AS SELECT", "FRESHNESS = INTERVAL '1' DAY AS SELECT"))
    change = filled.change("daily")
    assert (change.action, change.stale) == ("metadata", "")
    assert "+ freshness 1 DAY" in [line.replace("INTERVAL ", "").replace("'", "") for line in change.diff]
    filled.apply()
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.status("daily").freshness is not None


def test_an_added_column_evolves_in_place(filled: World) -> None:
    folder = filled.rows("FROM daily ORDER BY d")
    restated = DAILY.replace("'start'", "'evolve' = 'restate', 'start'")
    filled.table("daily", restated.replace("AS total", "AS total, max(v) AS top"))
    assert filled.change("daily").action == "evolve"
    filled.apply()
    # What was there stays readable, with NULL in the new column, until it is refreshed.
    assert filled.rows("FROM daily ORDER BY d") == [(*row, None) for row in folder]
    filled.fill("daily", intervals=("2013-01-02",))
    assert filled.rows("SELECT d, top FROM daily ORDER BY d") == [
        ("2013-01-01", None), ("2013-01-02", "2"), ("2013-01-03", None), ("2013-01-04", None),
    ]  # fmt: skip
    filled.fill("daily")
    assert filled.rows("SELECT sum(top) FROM daily") == [("10",)]
    assert filled.app.verify(()).findings == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DAILY.replace("::BIGINT", "::DOUBLE"), "column 'total' changes from BIGINT to DOUBLE"),
        (DAILY.replace("'day'", "'month'"), "its partition columns or grain change"),
        (DAILY.replace("'start'", "'time-zone' = 'Europe/Paris', 'start'"), "its time zone changes from UTC"),
        ("CREATE MATERIALIZED TABLE daily AS SELECT 1 AS n", "mode changes from interval to full"),
    ],
    ids=["retyped", "grain", "zone", "mode"],
)
def test_a_change_that_the_files_cannot_follow_builds_a_new_version(filled: World, text: str, why: str) -> None:
    filled.table("daily", text)
    change = filled.change("daily")
    assert change.action == "rebuild"
    assert f"built anew: {why}" in " ".join(change.notes)


def test_where_nothing_may_evolve_it_is_refused_with_the_way_out(filled: World) -> None:
    why = "column 'total' changes from BIGINT to DOUBLE"
    before = books(filled.root)
    filled.table("daily", DAILY.replace("::BIGINT", "::DOUBLE").replace("'start'", "'evolve' = 'off', 'start'"))
    with fails("needs_rebuild", why, "mtctl apply --rebuild daily"):
        filled.apply()
    assert books(filled.root) == before


def test_a_rebuild_that_is_asked_for_begins_anew_beside_what_is_read(filled: World) -> None:
    assert filled.change("daily", rebuild=("daily",)).action == "rebuild"
    filled.apply(rebuild=("daily",))
    assert set(filled.states("daily").values()) == {"missing"}
    assert filled.rows("SELECT count(*) FROM daily") == [("4",)]
    filled.fill("daily")
    assert set(filled.states("daily").values()) == {"fresh"}
    assert filled.app.verify(()).findings == ()


def test_a_rebuild_of_what_is_not_there_is_refused(filled: World) -> None:
    with fails("table_unknown", "did you mean 'daily'"):
        filled.plan(rebuild=("dayly",))
    filled.table("other", "CREATE MATERIALIZED TABLE other AS SELECT 1 AS one")
    with fails("rebuild_new"):
        filled.plan(rebuild=("other",))


def test_one_bad_file_keeps_all_of_them_out(filled: World) -> None:
    before = books(filled.root)
    filled.table("good", "CREATE MATERIALIZED TABLE good AS SELECT 1 AS one")
    filled.table("bad", "CREATE MATERIALIZED TABLE bad AS SELECT nothing FROM daily")
    with fails("sql_bind", "tables/bad.sql"):
        filled.apply()
    assert books(filled.root) == before


def test_a_plan_that_somebody_overtook_is_not_applied(filled: World) -> None:
    filled.table("good", "CREATE MATERIALIZED TABLE good AS SELECT 1 AS one")
    plan = filled.plan()
    filled.app.create_table("CREATE MATERIALIZED TABLE other AS SELECT 2 AS two", "<stdin>")
    with fails("plan_outdated"):
        filled.app.apply(plan)
    assert filled.rows("FROM other") == []
    with fails("table_unknown", "good"):
        filled.rows("FROM good")


def test_a_vanished_file_is_told_and_its_table_left(filled: World) -> None:
    (filled.root / "tables" / "daily.sql").unlink()
    change = filled.change("daily")
    assert change.action == "vanished"
    assert "mtctl apply --prune" in change.notes[0]
    assert not filled.plan().pending
    filled.apply()
    assert filled.rows("SELECT count(*) FROM daily") == [("4",)]


def test_pruning_drops_what_came_from_files_and_nothing_else(filled: World) -> None:
    filled.app.create_table("CREATE MATERIALIZED TABLE typed AS SELECT 7 AS seven", "<stdin>")
    filled.fill("typed")
    (filled.root / "tables" / "daily.sql").unlink()
    change = filled.change("daily", prune=True)
    assert change.action == "drop"
    assert "4 intervals" in change.notes[0]
    filled.apply(prune=True)
    assert filled.rows("FROM typed") == [("7",)]
    with fails("table_unknown"):
        filled.states("daily")
    assert filled.app.verify(()).findings == ()


def test_pruning_what_another_table_reads_is_refused(filled: World) -> None:
    filled.table("top", TOP)
    filled.apply()
    (filled.root / "tables" / "daily.sql").unlink()
    [problem] = filled.plan(prune=True).problems
    assert problem.code == "table_in_use"
    assert "'daily' is read by 'top'" in str(problem)


def test_a_file_moved_to_another_name_is_the_same_table(filled: World) -> None:
    (filled.root / "tables" / "daily.sql").rename(filled.root / "tables" / "by_day.sql")
    assert filled.change("daily", prune=True).action in {"none", "metadata"}
    filled.apply(prune=True)
    assert set(filled.states("daily").values()) == {"fresh"}


def test_a_table_of_the_command_line_is_changed_by_or_alter_only(world: World) -> None:
    world.app.create_table("CREATE MATERIALIZED TABLE t AS SELECT 1 AS one", "<stdin>")
    with fails("table_exists", "OR ALTER"):
        world.app.create_table("CREATE MATERIALIZED TABLE t AS SELECT 2 AS one", "<stdin>")
    world.fill("t")
    done = world.app.create_table("CREATE OR ALTER MATERIALIZED TABLE t AS SELECT 2 AS one", "<stdin>")
    assert [change.action for change in done.changes] == ["change"]
    assert world.states("t") == {"whole table": "definition changed"}
    world.fill("t")
    assert world.rows("FROM t") == [("2",)]


def test_or_alter_of_what_is_not_there_creates_it(world: World) -> None:
    world.app.create_table("CREATE OR ALTER MATERIALIZED TABLE t AS SELECT 1 AS one", "<stdin>")
    world.fill("t")
    assert world.rows("FROM t") == [("1",)]


def test_or_alter_builds_anew_what_cannot_follow(world: World) -> None:
    world.app.create_table("CREATE MATERIALIZED TABLE t AS SELECT 1 AS one", "<stdin>")
    world.fill("t")
    [change] = world.app.create_table("CREATE OR ALTER MATERIALIZED TABLE t AS SELECT 'x' AS one", "<stdin>").changes
    assert change.action == "rebuild"
    assert world.rows("FROM t") == [("1",)]
    world.fill("t")
    assert world.rows("FROM t") == [("x",)]


def test_a_file_and_the_command_line_cannot_define_one_table(filled: World) -> None:
    with fails("table_exists", "tables/daily.sql"):
        filled.app.create_table("CREATE OR ALTER MATERIALIZED TABLE daily AS SELECT 1 AS one", "<stdin>")
    filled.app.create_table("CREATE MATERIALIZED TABLE typed AS SELECT 7 AS seven", "<stdin>")
    filled.table("typed", "CREATE MATERIALIZED TABLE typed AS SELECT 8 AS seven")
    with fails("table_exists", "command line"):
        filled.apply()


def test_a_table_that_is_read_is_not_dropped(filled: World) -> None:
    filled.table("top", TOP)
    filled.apply()
    with fails("table_in_use", "'daily' is read by 'top'"):
        filled.app.drop_tables(("daily",))
    filled.app.drop_tables(("daily", "top"))
    assert filled.app.status(()).tables == ()


def test_a_dropped_name_can_be_taken_again(world: World) -> None:
    text = "CREATE MATERIALIZED TABLE t AS SELECT {} AS one"
    world.app.create_table(text.format(1), "<stdin>")
    world.fill("t")
    world.app.drop_tables(("t",))
    world.app.create_table(text.format("'now a text'"), "<stdin>")
    assert world.rows("FROM t") == []
    world.fill("t")
    assert world.rows("FROM t") == [("now a text",)]
    assert world.app.verify(()).findings == ()


def test_dropping_what_is_not_there_names_the_nearest(filled: World) -> None:
    with fails("table_unknown", "did you mean 'daily'"):
        filled.app.drop_tables(("dailly",))
    assert filled.app.drop_tables(("dailly",), if_exists=True).changes == ()


def test_validation_tells_all_problems_and_writes_nothing(filled: World) -> None:
    before = books(filled.root)
    filled.table("bad1", "CREATE MATERIALIZED TABLE bad1 AS SELECT nothing FROM daily")
    filled.table("bad2", "CREATE MATERIALIZED TABLE bad2 PARTITIONED BY (d) AS SELECT 1 AS one")
    filled.table("bad3", "CREATE MATERIALIZED bad3")
    problems = filled.app.validate(()).problems
    assert {problem.where.split(":")[0] for problem in problems} == {
        "tables/bad1.sql", "tables/bad2.sql", "tables/bad3.sql",
    }  # fmt: skip
    assert [problem.where.split(":")[0] for problem in filled.app.validate(("tables/bad2.sql",)).problems] == [
        "tables/bad2.sql"
    ]
    assert books(filled.root) == before


def test_a_table_on_an_invalid_one_says_which_to_mend(world: World) -> None:
    world.table("a", "CREATE MATERIALIZED TABLE a AS SELECT nothing AS one")
    world.table("b", "CREATE MATERIALIZED TABLE b AS SELECT one FROM a")
    problems = {problem.code: problem for problem in world.plan().problems}
    assert set(problems) == {"sql_bind", "upstream_invalid"}
    assert "mend 'a' first" in problems["upstream_invalid"].fix


def test_a_changed_column_of_an_upstream_is_found_at_its_reader(filled: World) -> None:
    filled.table("top", TOP)
    filled.apply()
    filled.table("daily", DAILY.replace("AS total", "AS sum_total"))
    problems = filled.plan(rebuild=("daily",)).problems
    assert [(problem.code, problem.where.split(":")[0]) for problem in problems] == [("sql_bind", "tables/top.sql")]


def test_changed_project_defaults_are_changes_of_the_tables(world: World) -> None:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY.replace(", 'start' = '2013-01-01', 'end' = '2013-01-05'", ""))
    world.settings('name = "shop"\n[defaults]\nstart = "2013-01-01"\nend = "2013-01-03"\n')
    world.apply()
    world.fill("daily")
    assert len(world.states("daily")) == 2
    world.settings('name = "shop"\n[defaults]\nstart = "2013-01-01"\nend = "2013-01-05"\n')
    assert world.change("daily").action == "metadata"
    world.apply()
    assert list(world.states("daily").values()) == ["fresh", "fresh", "missing", "missing"]


def test_one_name_in_two_files_is_refused_with_both_places(world: World) -> None:
    world.table("a", "CREATE MATERIALIZED TABLE t AS SELECT 1 AS one")
    world.table("b", "CREATE MATERIALIZED TABLE T AS SELECT 1 AS one")
    problem = world.problem()
    assert problem.code == "table_duplicate"
    assert "tables/a.sql" in problem.where
    assert "tables/b.sql" in problem.where


def test_a_failed_apply_raises_its_first_problem(world: World) -> None:
    world.table("a", "CREATE MATERIALIZED TABLE a AS SELECT nothing AS one")
    with pytest.raises(MtctlError):
        world.apply()
    assert world.app.status(()).tables == ()


def test_a_moved_project_works_and_knows_its_source_files(filled: World) -> None:
    filled.close()
    moved = filled.root.with_name("elsewhere")
    filled.root.rename(moved)
    filled.root = moved
    assert filled.rows("SELECT sum(total) FROM daily") == [("10",)]
    assert filled.app.verify(()).findings == ()
    assert filled.app.status(()).changed_sources == ()
    filled.days(FOUR_DAYS | {"2013-01-02": [200]})
    assert len(filled.app.status(()).changed_sources) == 1
    filled.fill("daily")
    assert filled.rows("SELECT sum(total) FROM daily") == [("208",)]


def test_a_project_reached_through_a_link_is_the_same(filled: World) -> None:
    filled.close()
    link = filled.root.with_name("link")
    link.symlink_to(filled.root)
    filled.root = link
    assert filled.rows("SELECT sum(total) FROM daily") == [("10",)]
    filled.days(FOUR_DAYS | {"2013-01-02": [200]})
    filled.fill("daily")
    assert filled.rows("SELECT sum(total) FROM daily") == [("208",)]
    assert filled.app.verify(()).findings == ()


def test_a_copied_project_is_refused(filled: World) -> None:
    import shutil

    filled.close()
    copy = filled.root.with_name("copy")
    shutil.copytree(filled.root, copy)
    filled.root = copy
    with fails("project_mismatch"):
        filled.states("daily")
