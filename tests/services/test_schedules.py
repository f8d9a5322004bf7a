"""Schedules as people ask about them and change them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from flow_kit import Flows
from service_kit import DAILY, World, fails
from store_kit import DAY, START, definition, full

from mtctl.core.misfire import Misfire
from mtctl.core.model import Origin
from mtctl.core.states import WorkflowState
from mtctl.core.values import replace
from mtctl.services.reports.schedules import ScheduleArgs
from mtctl.services.schedules import explain, is_expression, next_of, validate

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000_000
TWO = START + 2 * HOUR


@pytest.fixture
def flows(tmp_path: Path) -> Flows:
    return Flows(tmp_path, START)


# --- asking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dialect", "normalized", "words"),
    [
        ("0 2 * * *", "cron", "0 2 * * *", "every day at 02:00"),
        ("0  0 5,17 ? * mon-fri", "quartz", "0 0 5,17 ? * MON-FRI", "at 05:00 and 17:00, Monday to Friday"),
        ("@daily", "cron", "0 0 * * *", "every day at 00:00"),
        ("every 90 minutes", "every", "every 90 minutes", "every 90 minutes, counted from midnight of 1970-01-01"),
    ],
)
def test_an_expression_is_explained(text: str, dialect: str, normalized: str, words: str) -> None:
    found = explain(text, zone="UTC", dialect=None, now=START)
    assert (found.dialect, found.normalized, found.words) == (dialect, normalized, words)
    assert len(found.fires) == 5
    assert all(one.at > START for one in found.fires)


def test_fires_have_local_time_offset_and_summer_time() -> None:
    march = START + 88 * DAY  # 2013-03-30
    found = next_of("0 12 * * *", zone="Europe/Berlin", dialect=None, after=march, count=2)
    assert [(one.local, one.offset, one.dst) for one in found.fires] == [
        ("2013-03-30T12:00:00+01:00", "+01:00", False),
        ("2013-03-31T12:00:00+02:00", "+02:00", True),
    ]


def test_a_clock_change_is_warned_of() -> None:
    found = explain("30 2 * * *", zone="Europe/Berlin", dialect=None, now=START)
    assert any("2013-03-31 02:30 does not exist" in line for line in found.warnings)


def test_expressions_are_checked_one_by_one() -> None:
    good, bad = validate(["0 2 * * *", "0 2 30 2 *"], zone="UTC", dialect=None)
    assert (good.problem, good.words) == (None, "every day at 02:00")
    assert bad.problem is not None
    assert (bad.problem.code, str(bad.problem.kind)) == ("schedule", "invalid")


def test_what_is_a_name_and_what_an_expression() -> None:
    assert [is_expression(text) for text in ("nightly", "@daily", "0 2 * * *", "every 5m")] == [False, True, True, True]


def test_a_table_says_which_partition_a_fire_refreshes(flows: Flows) -> None:
    flows.clock.set_wall(START + 10 * DAY)
    flows.table(definition("t"), full("f"))
    verbs = flows.verbs.schedules
    said = verbs.explain("0 2 * * *", zone=None, dialect=None, table="t").partition
    assert "the fire of 2013-01-11T02:00:00+00:00 refreshes day 2013-01-10 of t" in said
    weekly = verbs.explain("0 2 * * MON", zone=None, dialect=None, table="T").partition
    assert "2013-01-07..2013-01-13 (7 intervals) of t" in weekly
    flows.clock.set_wall(START + 10 * DAY + 5 * HOUR)
    hourly = verbs.explain("30 * * * *", zone=None, dialect=None, table="t").partition
    assert "no day of t has ended in it" in hourly
    assert "whole table f" in verbs.explain("0 2 * * *", zone=None, dialect=None, table="f").partition
    with fails("table_unknown"):
        verbs.explain("0 2 * * *", zone=None, dialect=None, table="nothing")


def test_a_name_is_explained_by_its_own_schedule(flows: Flows) -> None:
    flows.table(replace(definition("t"), schedule="0 3 * * *"), full("f"))
    flows.create("nightly", schedule="30 2 * * *")
    verbs = flows.verbs.schedules
    asked: dict[str, str | None] = {"zone": None, "dialect": None}
    assert verbs.explain("nightly", **asked, table=None).words == "every day at 02:30"
    assert verbs.explain("nightly", **asked, table="f").partition.endswith("refreshes the whole table f")
    refused = [(None, "f", "schedule_missing"), (None, None, "argument_missing"), ("x", None, "schedule")]
    for text, table, code in refused:
        with fails(code):
            verbs.explain(text, **asked, table=table)
    with fails("schedule_zone"):
        verbs.explain("nightly", zone="Asia/Tokyo", dialect=None, table=None)


def test_the_next_fires_of_a_workflow_are_those_of_its_schedule_shown_in_any_zone(flows: Flows) -> None:
    flows.create(schedule="0 2 * * *", time_zone="Europe/Berlin")
    flows.create("manual", schedule=None)
    verbs = flows.verbs.schedules
    own = verbs.next("w", zone=None, dialect=None, after=None, count=1)
    other = verbs.next("w", zone="Asia/Tokyo", dialect=None, after=None, count=1)
    assert own.fires[0].at == other.fires[0].at == START + HOUR
    assert (own.fires[0].local, other.fires[0].local) == ("2013-01-01T02:00:00+01:00", "2013-01-01T10:00:00+09:00")
    later = verbs.next("w", zone=None, dialect=None, after="2013-06-01", count=1)
    assert later.fires[0].local == "2013-06-01T02:00:00+02:00"
    assert verbs.next("manual", zone=None, dialect=None, after=None, count=3).fires == ()
    with fails("workflow_unknown"):
        verbs.next("nobody", zone=None, dialect=None, after=None, count=1)
    with fails("time_zone_unknown"):
        verbs.next("w", zone="Mars/Olympus", dialect=None, after=None, count=1)


def test_timers_stand_in_the_order_of_their_next_fire(flows: Flows) -> None:
    flows.create("late", "0 20 * * *")
    flows.create("early", "0 2 * * *")
    flows.create("off", "0 1 * * *", enabled=False)
    flows.create("manual", None)
    verbs = flows.verbs.schedules
    assert [one.name for one in verbs.timers(within=None, everything=False)] == ["early", "late"]
    assert [one.name for one in verbs.timers(within="3h", everything=False)] == ["early"]
    assert [one.name for one in verbs.timers(within=None, everything=True)] == ["early", "late", "off"]
    flows.at(TWO)
    flows.clock.set_wall(TWO + HOUR)
    early = next(one for one in verbs.timers(within=None, everything=False) if one.name == "early")
    assert (early.last_at, early.passed, early.next_at, early.left) == (TWO, 3600, TWO + DAY, 23 * 3600)


# --- changing ---------------------------------------------------------------------------------------------------


def test_setting_fires_what_is_due_and_begins_now(flows: Flows) -> None:
    flows.create()
    flows.clock.set_wall(TWO + 30 * 60_000_000)
    done = flows.verbs.schedules.set("w", ScheduleArgs(cron="0 * * * *"), actor="ana", reason="more often")
    assert (done.before, done.after, done.changed, done.version) == ("0 2 * * *", "0 * * * *", True, 2)
    assert done.next_at == TWO + HOUR
    assert flows.fires() == [TWO]
    [(actor, detail)] = flows.events("schedule_set")
    assert (actor, json.loads(str(detail))["reason"]) == ("ana", "more often")


def test_each_part_of_a_schedule_is_set_and_the_others_stay(flows: Flows) -> None:
    flows.create()
    verbs = flows.verbs.schedules
    verbs.set("w", ScheduleArgs(zone="Europe/Berlin", jitter="5m", misfire="none", dst="wall"), actor="a")
    verbs.set("w", ScheduleArgs(start="2013-02-01", end="2013-03-01"), actor="a")
    found = flows.row().definition
    assert found.schedule is not None
    assert found.misfire is not None
    assert (found.schedule.text, found.zone, str(found.schedule.dst)) == ("0 2 * * *", "Europe/Berlin", "wall")
    assert (found.schedule.jitter, found.misfire.kind) == (300_000_000, Misfire.NONE)
    assert flows.row().next_fire_at == START + 31 * DAY + HOUR
    assert flows.row().due_at is not None
    assert 0 <= flows.row().due_at - flows.row().next_fire_at < 300_000_000  # type: ignore[operator]
    verbs.set("w", ScheduleArgs(jitter=""), actor="a")
    after = flows.row().definition.schedule
    assert after is not None
    assert after.jitter == 0


def test_setting_what_is_set_already_changes_nothing(flows: Flows) -> None:
    flows.create()
    done = flows.verbs.schedules.set("w", ScheduleArgs(cron="0 2 * * *"), actor="a")
    assert (done.changed, done.version) == (False, 1)
    assert flows.events("schedule_set") == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (ScheduleArgs(), "schedule_missing"),
        (ScheduleArgs(cron="0 2 * * *", every="2h"), "option_conflict"),
        (ScheduleArgs(cron="0 2 30 2 *"), "schedule"),
        (ScheduleArgs(every="soon"), "duration"),
        (ScheduleArgs(cron="0 0 2 * * *"), "schedule"),
        (ScheduleArgs(jitter="-5m"), "duration"),
        (ScheduleArgs(zone="Mars/Olympus"), "time_zone_unknown"),
    ],
)
def test_what_is_not_valid_changes_nothing(flows: Flows, args: ScheduleArgs, code: str) -> None:
    flows.create()
    with fails(code):
        flows.verbs.schedules.set("w", args, actor="a")
    assert flows.row().version == 1


def test_a_new_schedule_is_read_without_the_dialect_of_the_old_one(flows: Flows) -> None:
    flows.create(schedule="0 0 2 * * 1", dialect="cron")
    flows.verbs.schedules.set("w", ScheduleArgs(cron="0 0 2 ? * MON"), actor="a")
    schedule = flows.row().definition.schedule
    assert schedule is not None
    assert str(schedule.dialect) == "quartz"


def test_a_manual_workflow_gets_a_schedule_and_loses_it(flows: Flows) -> None:
    flows.create(schedule=None)
    with fails("schedule_missing", "--cron"):
        flows.verbs.schedules.set("w", ScheduleArgs(jitter="5m"), actor="a")
    flows.verbs.schedules.set("w", ScheduleArgs(every="90 minutes", misfire="all"), actor="a")
    flows.at(START + 2 * HOUR)
    assert flows.fires() == [START + HOUR * 3 // 2]
    done = flows.verbs.schedules.clear("w", actor="a", reason="enough")
    assert (done.after, done.changed, done.next_at) == ("", True, None)
    flows.at(START + 9 * HOUR)
    assert len(flows.fires()) == 1
    assert flows.row().state is WorkflowState.ENABLED
    assert not flows.verbs.schedules.clear("w", actor="a").changed
    assert len(flows.events("schedule_clear")) == 1


def test_a_completed_workflow_fires_again_under_a_later_end(flows: Flows) -> None:
    flows.create(end="2013-01-02")
    flows.at(TWO)
    flows.at(TWO + 3 * DAY)
    assert flows.row().state is WorkflowState.COMPLETED
    flows.verbs.schedules.set("w", ScheduleArgs(end="2013-02-01"), actor="a")
    assert flows.row().state is WorkflowState.ENABLED
    assert flows.row().next_fire_at == TWO + 4 * DAY


def test_what_a_file_defines_is_named_with_the_line_to_write(flows: Flows) -> None:
    flows.file("f.toml", 'schedule = "0 2 * * *"\n[[tasks]]\nname = "a"\ncommand = ["true"]\n')
    flows.apply()
    flows.table(replace(full("t"), schedule="0 2 * * *"), origin=Origin.FILE, file="tables/t.sql", file_sha256="x")
    args = ScheduleArgs(cron="0 5 * * *")
    with fails("workflow_from_file", "workflows/f.toml", 'schedule = "0 5 * * *"'):
        flows.verbs.schedules.set("f", args, actor="a")
    with fails("table_from_file", "tables/t.sql", "'schedule' = '0 5 * * *' in WITH"):
        flows.verbs.schedules.set("t", args, actor="a")
    with fails("table_from_file", "remove its schedule"):
        flows.verbs.schedules.clear("t", actor="a")


def test_a_tables_zone_is_its_own(flows: Flows) -> None:
    flows.table(full("t"))
    with fails("table_zone"):
        flows.verbs.schedules.set("t", ScheduleArgs(cron="@daily", zone="Asia/Tokyo"), actor="a")


def test_parts_of_a_tables_schedule_become_its_options(flows: Flows) -> None:
    flows.table(full("t"))
    args = ScheduleArgs(every="2 hours", jitter="5m", misfire="none", start="2013-01-01")
    flows.verbs.schedules.set("t", args, actor="ana")
    assert flows.altered == [
        (
            "t",
            {"schedule": "every 2 hours", "schedule.jitter": "5m", "schedule.start": "2013-01-01", "misfire": "none"},
        )
    ]
    assert len(flows.events("schedule_set")) == 1


# --- tables through the real parser -----------------------------------------------------------------------------


def test_a_table_made_by_command_gets_a_schedule_and_keeps_its_data(world: World) -> None:
    world.days({f"2013-01-0{number}": [number] for number in range(1, 5)})
    world.app.create_table(DAILY, "<stdin>")
    world.fill("daily")
    before = world.states("daily")
    verbs = world.app.workflows.schedules
    done = verbs.set("daily", ScheduleArgs(cron="0 3 * * *", jitter="5m"), actor="ana")
    assert (done.before, done.after, done.changed) == ("", "0 3 * * *", True)
    assert not verbs.set("daily", ScheduleArgs(cron="0 3 * * *"), actor="ana").changed
    assert world.states("daily") == before
    shown = world.app.show("daily")
    assert "'schedule' = '0 3 * * *'" in shown.ddl
    assert shown.options["schedule.jitter"] == "5m"
    assert [one.name for one in verbs.timers(within=None, everything=False)] == ["daily"]

    assert verbs.clear("daily", actor="ana").after == ""
    assert "schedule" not in world.app.show("daily").ddl
    assert verbs.timers(within=None, everything=False) == ()
    assert world.rows("SELECT count(*) FROM daily") == [("4",)]


def test_require_disabled_refuses_to_change_an_enabled_tables_schedule_and_nothing_else(world: World) -> None:
    text = "CREATE MATERIALIZED TABLE one WITH ('schedule' = '0 2 * * *') AS SELECT 1 AS n"
    world.table("one", text)
    world.apply()
    world.table("one", text.replace("SELECT 1", "SELECT 2"))
    world.app.apply(world.app.plan(prune=False, rebuild=(), require_disabled=True))
    world.table("one", text.replace("0 2", "0 3"))
    [problem] = world.app.plan(prune=False, rebuild=(), require_disabled=True).problems
    assert problem.code == "workflow_enabled"
    world.app.workflows.edits.disable(["one"], actor="a")
    world.app.apply(world.app.plan(prune=False, rebuild=(), require_disabled=True))


def test_tables_and_workflows_of_one_plan_go_in_together_or_not_at_all(world: World) -> None:
    world.table("one", "CREATE MATERIALIZED TABLE one AS SELECT 1 AS n")
    path = world.root / "workflows" / "w.toml"
    path.parent.mkdir()
    path.write_text('[[tasks]]\ntable = "two"\n', encoding="utf-8")
    with fails("table_unknown", "workflows/w.toml", "tasks[1].table"):
        world.apply()
    assert world.app.status(()).tables == ()
    path.write_text('[[tasks]]\ntable = "one"\n', encoding="utf-8")
    assert "workflows/w.toml" in world.app.status(()).unapplied
    world.apply()
    assert world.app.status(()).unapplied == ()

    report = world.app.workflows.runs.run("w", _run_args(), lambda _: None, actor="a")
    assert [(task.task, task.state, task.rows) for task in report.tasks] == [("one", "success", 1)]
    path.unlink()
    assert world.app.status(()).vanished == ("workflows/w.toml",)
    # Dropping the table alone would leave the workflow without it.
    (world.root / "tables" / "one.sql").unlink()
    assert {change.action for change in world.plan(prune=True).workflows} == {"drop"}
    world.apply(prune=True)
    assert world.app.workflows.looks.lines() == ()


def _run_args() -> object:
    from mtctl.services.reports.workflows import RunArgs

    return RunArgs()
