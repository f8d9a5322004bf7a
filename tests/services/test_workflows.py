"""Workflows as people change them: create, apply, edit, delete, enable, disable, tasks, runs, and what each leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from flow_kit import Flows
from hypothesis import given
from hypothesis import strategies as st
from service_kit import fails
from store_kit import DAY, START, day, definition, full
from strategies import a_part

from mtctl.core.interval import IntervalSet
from mtctl.core.misfire import Misfire
from mtctl.core.model import Read
from mtctl.core.states import InstanceState, WorkflowState
from mtctl.core.values import replace
from mtctl.core.workflow_file import read_workflow
from mtctl.services.reports.workflows import RunArgs, TaskArgs
from mtctl.services.workflow_runs import chosen_tasks
from mtctl.services.workflow_text import duration_text, file_form, toml_text

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000_000
TWO = START + 2 * HOUR
NIGHTLY = 'schedule = "0 2 * * *"\n[[tasks]]\nname = "say"\ncommand = ["true"]\n'

FULL_FORM = """
name = "all"
comment = "every key"
enabled = false
schedule = "0 0 2 * * 1"
dialect = "cron"
dst = "wall"
time_zone = "Europe/Berlin"
start = "2013-01-01T00:00:00+01:00"
end = "2014-01-01T00:00:00+01:00"
jitter = "5m"
blackout = ["SAT,SUN", "2013-12-24..2013-12-26"]
misfire = "all"
misfire_window = "7d"
misfire_cap = 20
overlap = "skip"
retries = 4
timeout = "0"
queue = "slow"
priority = -3
max_parallel = 2
depends_on = ["other"]
tags = { team = "ops" }
settings = { "execution.parallelism" = "4" }
notify = [{ channel = "ops", on = ["failure", "late"] }]
[variables]
region = { value = "eu" }
day = { time = "yyyy-MM-dd", offset = "-1 DAY", type = "date" }
path = { expression = "${region}/${day}" }
[[tasks]]
table = "orders"
max_rows = 10
[[tasks]]
name = "shell"
command = "echo $REGION"
shell = true
env = { REGION = "${region}" }
inherit = ["USER"]
folder = "bin"
ok = [0, 3]
transient = [75]
upstream = ["orders"]
retries = 0
timeout = "90s"
queue = "fast"
priority = 5
retry_lost = false
when = "SELECT true"
tags = { kind = "x" }
[tasks.variables]
region = { value = "us" }
[[tasks]]
name = "web"
http = { method = "POST", url = "https://example.org/x", headers = { A = "env:TOKEN" }, body = "b", ok = [201] }
notify = [{ channel = "ops", on = ["start"] }]
[[tasks]]
name = "out"
sql = { exports = [{ query = "SELECT 1", path = "out/${day}.csv", format = "csv" }] }
settings = { "execution.x" = "1" }
[[tasks]]
name = "script"
sql = { script = "DELETE FROM t", database = "out/x.duckdb" }
"""


@pytest.fixture
def flows(tmp_path: Path) -> Flows:
    return Flows(tmp_path, START)


# --- the file form ----------------------------------------------------------------------------------------------


def test_the_file_form_of_every_key_reads_as_an_equal_definition() -> None:
    import tomllib

    written = read_workflow(tomllib.loads(FULL_FORM), name="", file="x", zone="UTC")
    again = read_workflow(tomllib.loads(toml_text(file_form(written))), name="", file="x", zone="UTC")
    assert again == written


def test_the_file_form_of_a_plain_workflow_has_no_defaults() -> None:
    plain = read_workflow({"tasks": [{"table": "t"}]}, name="w", file="x", zone="UTC")
    assert file_form(plain) == {"name": "w", "time_zone": "UTC", "tasks": [{"name": "t", "table": "t"}]}


@given(st.integers(1, 400 * 86_400))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    from mtctl.core.times import parse_duration

    assert parse_duration(duration_text(seconds * 1_000_000)) == seconds * 1_000_000


# --- create, edit, delete ---------------------------------------------------------------------------------------


def test_a_created_workflow_begins_now_and_is_written_down_with_who_asked(flows: Flows) -> None:
    change = flows.create()
    assert (change.action, change.next_at) == ("create", TWO)
    assert '+ schedule = "0 2 * * *"' in change.diff
    row = flows.row()
    assert (row.state, row.origin, row.version, row.next_fire_at) == (WorkflowState.ENABLED, "command", 1, TWO)
    [(actor, detail)] = flows.events("workflow_create")
    assert actor == "ana"
    assert json.loads(str(detail))["workflow"] == "w"


def test_a_workflow_made_disabled_or_without_a_fire_left_does_not_fire(flows: Flows) -> None:
    flows.create("off", enabled=False)
    flows.create("over", end="2012-01-01")
    flows.at(START + 3 * DAY)
    assert (flows.row("off").state, flows.row("over").state) == (WorkflowState.DISABLED, WorkflowState.COMPLETED)
    assert flows.fires("off") == flows.fires("over") == []


def test_a_taken_name_is_refused_and_says_whose_it_is(flows: Flows) -> None:
    flows.create()
    with fails("workflow_exists", "mtctl workflow edit w"):
        flows.create()
    flows.table(full("t"))
    with fails("workflow_exists", "of table 't'"):
        flows.create("t")
    flows.file("f.toml", NIGHTLY)
    flows.apply()
    with fails("workflow_exists", "workflows/f.toml"):
        flows.create("f")


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"schedule": "0 2 30 2 *"}, "schedule"),
        ({"tasks": [{"table": "nothing"}]}, "table_unknown"),
        ({"queue": "nothing"}, "queue_unknown"),
        ({"depends_on": ["nothing"]}, "workflow_unknown"),
        ({"retrys": 3}, "key_unknown"),
        ({"tasks": []}, "workflow_value"),
    ],
)
def test_what_is_not_valid_writes_nothing(flows: Flows, keys: dict[str, Any], code: str) -> None:
    with fails(code):
        flows.create(**keys)
    assert flows.names() == []
    assert flows.events("workflow_create") == []


def test_a_dry_run_of_create_checks_and_writes_nothing(flows: Flows) -> None:
    form = {"name": "w", "tasks": [{"name": "a", "command": ["true"]}]}
    assert flows.verbs.edits.check(form, label="x").action == "create"
    assert flows.names() == []


def test_an_edit_makes_a_version_and_keeps_what_was_to_come(flows: Flows) -> None:
    flows.create()
    form, version = flows.verbs.edits.form_of("w")
    done = flows.verbs.edits.edit("w", form | {"retries": 7}, label="x", actor="ben", version=version, reason="flaky")
    assert (done.action, done.version, done.diff) == ("change", 2, ("+ retries = 7",))
    assert flows.row().next_fire_at == TWO
    assert [(a, json.loads(str(d))["reason"]) for a, d in flows.events("workflow_edit")] == [("ben", "flaky")]


def test_an_equal_definition_changes_nothing(flows: Flows) -> None:
    flows.create()
    form, _ = flows.verbs.edits.form_of("w")
    assert flows.verbs.edits.edit("w", form, label="x", actor="ben").action == "none"
    assert flows.row().version == 1
    assert flows.events("workflow_edit") == []


def test_an_edit_of_what_somebody_changed_meanwhile_is_refused(flows: Flows) -> None:
    flows.create()
    form, version = flows.verbs.edits.form_of("w")
    flows.verbs.edits.edit("w", form | {"retries": 7}, label="x", actor="ben")
    with fails("workflow_changed"):
        flows.verbs.edits.edit("w", form | {"retries": 8}, label="x", actor="ana", version=version)


def test_what_a_file_or_a_table_defines_is_changed_there(flows: Flows) -> None:
    flows.file("f.toml", NIGHTLY)
    flows.apply()
    flows.table(replace(full("t"), schedule="0 3 * * *"))
    with fails("workflow_from_file", "workflows/f.toml", "mtctl apply"):
        flows.verbs.edits.form_of("f")
    with fails("workflow_of_table", "table 't'", "mtctl schedule set t"):
        flows.verbs.edits.form_of("t")
    with fails("workflow_from_file"):
        flows.verbs.edits.delete(["f"], cancel=True, actor="ana")
    with fails("workflow_unknown", "did you mean 'f'"):
        flows.verbs.edits.form_of("ff")


def test_what_is_due_fires_by_the_old_version_before_a_new_one_begins_now(flows: Flows) -> None:
    flows.create(misfire="all", overlap="queue_all")
    flows.clock.set_wall(START + DAY + 12 * HOUR)  # two fires are due and nobody ticked
    flows.verbs.edits.rewrite("w", lambda form: form | {"schedule": "0 * * * *"}, actor="a", verb="x")
    assert flows.fires() == [TWO, TWO + DAY]
    assert {one.version for one in flows.instances()} == {1}

    flows.at(START + DAY + 13 * HOUR)
    assert flows.fires()[2:] == [START + DAY + 13 * HOUR]
    newest = flows.instances()[-1]
    # The data intervals touch although the schedule changed in between.
    assert (newest.version, newest.logical_date) == (2, TWO + DAY)


@given(st.lists(st.tuples(st.integers(1, 90), st.sampled_from(["tick", "edit", "apply"])), min_size=1, max_size=12))
@a_part(0.25)
def test_no_fire_is_lost_or_doubled_however_edits_and_ticks_interleave(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    flows = Flows(tmp_path_factory.mktemp("mixed"), START)
    flows.create(schedule="*/10 * * * *", misfire="all", overlap="allow")
    now = START
    for number, (minutes, what) in enumerate(steps):
        now += minutes * 60_000_000
        flows.clock.set_wall(now)
        if what == "tick":
            flows.scheduler.tick()
        else:  # the same schedule in another version, as an apply loop makes them
            flows.verbs.edits.rewrite("w", lambda form, n=number: form | {"comment": f"c{n}"}, actor="a", verb="x")
    flows.scheduler.tick()
    assert flows.fires() == list(range(START + 600_000_000, now + 1, 600_000_000))


def test_deleting_is_refused_while_instances_are_open_unless_they_are_cancelled(flows: Flows) -> None:
    flows.create()
    flows.at(TWO)
    [instance] = flows.instances()
    with fails("workflow_busy", "1 open instance", instance.ulid):
        flows.verbs.edits.delete(["w"], cancel=False, actor="ana")
    assert flows.row().state is WorkflowState.ENABLED

    [change] = flows.verbs.edits.delete(["w"], cancel=True, actor="ana", reason="done")
    assert change.action == "drop"
    assert flows.names() == []
    with flows.kit.store.read() as view:
        assert [row.state for row in view.instance(instance.ulid)] == [InstanceState.CANCELLED]
    flows.at(TWO + DAY)
    assert len(flows.kit.sql("SELECT 1 FROM workflow_instance")) == 1


def test_what_another_workflow_depends_on_is_not_deleted_before_it(flows: Flows) -> None:
    flows.create("a")
    flows.create("b", depends_on=["a"])
    with fails("workflow_in_use", "'b' depends on 'a'"):
        flows.verbs.edits.delete(["a"], cancel=False, actor="ana")
    flows.verbs.edits.delete(["a", "b"], cancel=False, actor="ana")
    assert flows.names() == []


# --- enable and disable -----------------------------------------------------------------------------------------


def test_disabling_fires_what_is_due_and_nothing_after(flows: Flows) -> None:
    flows.create()
    flows.clock.set_wall(TWO + HOUR)
    [change] = flows.verbs.edits.disable(["w"], actor="ana", reason="holiday")
    assert change.action == "disable"
    assert flows.fires() == [TWO]
    flows.at(TWO + 5 * DAY)
    assert flows.fires() == [TWO]
    assert [(a, json.loads(str(d))["reason"]) for a, d in flows.events("workflow_disable")] == [("ana", "holiday")]


def test_enabling_and_disabling_twice_change_nothing_the_second_time(flows: Flows) -> None:
    flows.create()
    assert [c.action for c in flows.verbs.edits.enable(["w"], catchup=None, actor="a")] == ["none"]
    flows.verbs.edits.disable(["w"], actor="a")
    assert [c.action for c in flows.verbs.edits.disable(["w"], actor="a")] == ["none"]
    assert len(flows.events("workflow_disable")) == 1


@pytest.mark.parametrize(
    ("catchup", "own", "made", "skipped"),
    [
        (Misfire.ALL, "none", [1, 2, 3], 0),
        (Misfire.LATEST, "all", [3], 1),
        (Misfire.NONE, "all", [], 1),
        (None, "all", [1, 2, 3], 0),
        (None, "latest", [3], 1),
    ],
)
def test_what_was_missed_while_disabled_comes_back_as_asked(
    flows: Flows, catchup: Misfire | None, own: str, made: list[int], skipped: int
) -> None:
    flows.create(misfire=own, overlap="allow")
    flows.at(TWO)
    flows.verbs.edits.disable(["w"], actor="a")
    flows.clock.set_wall(TWO + 3 * DAY + 12 * HOUR)
    [change] = flows.verbs.edits.enable(["w"], catchup=catchup, actor="a")
    assert change.next_at == TWO + 4 * DAY
    assert flows.fires() == [TWO, *(TWO + number * DAY for number in made)]
    assert len(flows.skips()) == skipped
    flows.at(TWO + 4 * DAY)
    assert flows.fires()[-1] == TWO + 4 * DAY
    assert flows.row().definition.misfire is not None
    assert flows.row().definition.misfire.kind == own  # the asked policy was for once


def test_a_workflow_without_a_fire_left_cannot_be_enabled(flows: Flows) -> None:
    flows.create(end="2012-01-01")
    with fails("workflow_completed"):
        flows.verbs.edits.enable(["w"], catchup=None, actor="a")


def test_a_tables_schedule_is_switched_like_any_workflow(flows: Flows) -> None:
    flows.table(replace(full("t"), schedule="0 2 * * *"))
    flows.verbs.edits.disable(["t"], actor="a")
    flows.at(TWO + 30_000_000)
    assert flows.fires("t") == []
    flows.verbs.edits.enable(["t"], catchup=Misfire.NONE, actor="a")
    flows.at(TWO + DAY)
    assert flows.fires("t") == [TWO + DAY]


def test_a_schedule_that_changes_while_disabled_begins_at_the_change(flows: Flows) -> None:
    flows.create(overlap="allow")
    flows.at(TWO)
    flows.verbs.edits.disable(["w"], actor="a")
    flows.clock.set_wall(TWO + 3 * DAY)
    flows.verbs.edits.rewrite("w", lambda form: form | {"schedule": "0 * * * *"}, actor="a", verb="x")
    flows.clock.set_wall(TWO + 3 * DAY + 2 * HOUR)
    flows.verbs.edits.enable(["w"], catchup=Misfire.ALL, actor="a")
    # Nothing of the days before the change comes back at the new pace.
    assert flows.fires() == [TWO, TWO + 3 * DAY + HOUR, TWO + 3 * DAY + 2 * HOUR]


def test_fires_beyond_the_cap_are_all_made_before_a_schedule_changes(flows: Flows) -> None:
    flows.create(schedule="0 * * * *", misfire="all", overlap="skip")
    flows.create("tight", schedule="0 * * * *", misfire="all", misfire_cap=2, overlap="allow")
    flows.clock.set_wall(START + 5 * HOUR)
    flows.verbs.edits.rewrite("w", lambda form: form | {"schedule": "@daily"}, actor="a", verb="x")
    assert len(flows.fires()) + sum(1 for _ in flows.skips()) == 5
    with fails("workflow_behind", "2 open instances"):
        flows.verbs.edits.rewrite("tight", lambda form: form | {"schedule": "@daily"}, actor="a", verb="x")
    assert flows.row("tight").version == 1
    flows.verbs.edits.rewrite("tight", lambda form: form | {"comment": "kept"}, actor="a", verb="x")
    while len(flows.fires("tight")) < 5:
        flows.finish()
        flows.clock.advance(31)
        flows.scheduler.tick()
    assert flows.fires("tight") == [START + number * HOUR for number in range(1, 6)]


# --- files ------------------------------------------------------------------------------------------------------


def test_a_new_file_is_planned_with_its_lines_and_applied(flows: Flows) -> None:
    flows.file("nightly.toml", NIGHTLY)
    plan = flows.plan()
    [change] = plan.workflows
    assert plan.pending
    assert (change.workflow, change.action, change.file) == ("nightly", "create", "workflows/nightly.toml")
    assert '+ tasks.say.command = ["true"]' in change.diff
    flows.tables.apply(plan)
    row = flows.row("nightly")
    assert (row.origin, row.file, row.next_fire_at) == ("file", "workflows/nightly.toml", TWO)


def test_applying_twice_changes_nothing_the_second_time(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    plan = flows.plan()
    assert (plan.pending, [change.action for change in plan.workflows]) == (False, ["none"])
    flows.tables.apply(plan)
    assert flows.row().version == 1


def test_a_comment_in_a_file_makes_no_version_and_is_not_seen_again(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    flows.file("w.toml", "# why\n" + NIGHTLY)
    flows.apply()
    assert flows.row().version == 1
    with flows.kit.store.read() as view:
        sha = view.applied_workflow_files()["workflows/w.toml"][1]
    flows.apply()
    with flows.kit.store.read() as view:
        assert view.applied_workflow_files()["workflows/w.toml"][1] == sha


def test_a_changed_file_shows_its_lines_and_fires_what_is_due_first(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    flows.clock.set_wall(TWO + HOUR)
    flows.file("w.toml", NIGHTLY.replace("0 2", "0 5"))
    plan = flows.plan()
    assert plan.workflows[0].diff == ('- schedule = "0 2 * * *"', '+ schedule = "0 5 * * *"')
    flows.tables.apply(plan)
    assert flows.fires() == [TWO]
    assert flows.row().next_fire_at == START + 5 * HOUR


def test_a_vanished_file_is_told_and_pruned_only_when_asked(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.create("mine")
    flows.apply()
    (flows.root / "workflows" / "w.toml").unlink()
    plan = flows.plan()
    assert ([change.action for change in plan.workflows], plan.pending) == (["vanished"], False)
    flows.tables.apply(plan)
    assert flows.names() == ["mine", "w"]
    assert [change.action for change in flows.apply(prune=True).workflows] == ["drop"]
    assert flows.names() == ["mine"]


def test_a_file_that_names_its_workflow_anew_keeps_the_history(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    flows.at(TWO)
    flows.finish()
    flows.file("w.toml", 'name = "v"\n' + NIGHTLY)
    assert [change.action for change in flows.plan().workflows] == ["change"]
    flows.apply()
    assert flows.names() == ["v"]
    assert flows.fires("v") == [TWO]
    flows.at(TWO + DAY)
    assert flows.instances("v")[-1].logical_date == TWO


def test_a_moved_file_is_the_same_workflow(flows: Flows) -> None:
    flows.file("w.toml", 'name = "w"\n' + NIGHTLY)
    flows.apply()
    (flows.root / "workflows" / "w.toml").rename(flows.root / "workflows" / "other.toml")
    plan = flows.plan()
    assert (plan.pending, [change.action for change in plan.workflows]) == (False, ["none"])
    flows.tables.apply(plan)
    assert flows.row().file == "workflows/other.toml"
    assert flows.row().version == 1


def test_one_bad_file_keeps_all_of_them_out_and_is_named_with_its_line(flows: Flows) -> None:
    flows.file("good.toml", NIGHTLY)
    flows.file("bad.toml", NIGHTLY + "retrys = 3\n")
    with fails("key_unknown", "workflows/bad.toml:5", "retries"):
        flows.apply()
    assert flows.names() == []


def test_a_file_cannot_take_over_what_was_made_by_command_or_a_tables_name(flows: Flows) -> None:
    flows.create("w")
    flows.table(full("t"))
    flows.file("w.toml", NIGHTLY)
    flows.file("t.toml", NIGHTLY)
    assert [problem.code for problem in flows.plan().problems] == ["workflow_exists", "workflow_exists"]


def test_an_unread_file_does_not_count_as_gone(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    flows.file("w.toml", "schedule = ")
    plan = flows.plan(prune=True)
    assert [problem.code for problem in plan.problems] == ["toml"]
    assert plan.workflows == ()


def test_a_plan_that_somebody_overtook_is_not_applied(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    plan = flows.plan()
    flows.create("other")
    with fails("plan_outdated"):
        flows.tables.apply(plan)
    assert flows.names() == ["other"]


def test_require_disabled_refuses_to_change_what_is_enabled(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply(strict=True)  # a new one is no change
    flows.file("w.toml", NIGHTLY.replace("0 2", "0 5"))
    with fails("workflow_enabled", "mtctl workflow disable w"):
        flows.apply(strict=True)
    (flows.root / "workflows" / "w.toml").unlink()
    with fails("workflow_enabled"):
        flows.apply(prune=True, strict=True)
    flows.file("w.toml", NIGHTLY.replace("0 2", "0 5"))
    flows.verbs.edits.disable(["w"], actor="a")
    flows.apply(strict=True)
    assert (flows.row().state, flows.row().version) == (WorkflowState.DISABLED, 2)


def test_a_change_of_enabled_in_the_file_is_followed_else_a_person_decides(flows: Flows) -> None:
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    flows.verbs.edits.disable(["w"], actor="a")
    flows.file("w.toml", "retries = 9\n" + NIGHTLY)
    flows.apply()
    assert flows.row().state is WorkflowState.DISABLED
    flows.file("w.toml", "enabled = false\n" + NIGHTLY)
    flows.apply()
    flows.file("w.toml", NIGHTLY)
    flows.apply()
    assert flows.row().state is WorkflowState.ENABLED
    assert flows.row().next_fire_at == TWO


def test_a_table_that_a_workflow_refreshes_is_not_dropped(flows: Flows) -> None:
    flows.table(full("t"))
    flows.create(tasks=[{"table": "t"}])
    with fails("table_in_use", "refreshed by workflow 'w'"):
        flows.tables.drop(["t"], if_exists=False)


# --- tasks ------------------------------------------------------------------------------------------------------


def _lineage(flows: Flows) -> None:
    flows.table(full("a"))
    flows.table(full("b", reads=(Read(table="a"),)))
    flows.table(full("c", reads=(Read(table="b"),)))


def test_a_task_for_a_table_waits_for_what_it_reads_and_proposes_what_reads_it(flows: Flows) -> None:
    _lineage(flows)
    flows.create(tasks=[{"table": "a"}])
    added = flows.verbs.tasks.add("w", TaskArgs(table="b"), downstream=False, actor="a")
    assert (added.tasks, added.proposed) == (("b",), ("c",))
    assert flows.verbs.tasks.proposals("w", "b") == ("c",)
    [_, task] = flows.row().definition.tasks
    assert task.upstream == ("a",)


def test_proposed_tables_are_added_with_their_links(flows: Flows) -> None:
    _lineage(flows)
    flows.create()
    added = flows.verbs.tasks.add("w", TaskArgs(table="a"), downstream=True, actor="a")
    assert (added.tasks, added.proposed) == (("a", "b", "c"), ())
    upstream = {task.name: task.upstream for task in flows.row().definition.tasks}
    assert upstream == {"say": (), "a": (), "b": ("a",), "c": ("b",)}


def test_tasks_are_added_set_linked_and_removed(flows: Flows) -> None:
    flows.create()
    tasks = flows.verbs.tasks
    tasks.add("w", TaskArgs(name="x", command=("ls", "-l"), retries=3), downstream=False, actor="a")
    with fails("task_exists", "set-task"):
        tasks.add("w", TaskArgs(name="x", command=("ls",)), downstream=False, actor="a")
    tasks.link("w", "say", "x", remove=False, actor="a")
    assert tasks.link("w", "say", "x", remove=False, actor="a").action == "none"
    with fails("cycle"):
        tasks.link("w", "x", "say", remove=False, actor="a")
    with fails("task_in_use", "--remove"):
        tasks.remove("w", "say", actor="a")
    tasks.set("w", "x", TaskArgs(http="POST https://example.org/", timeout="10m"), actor="a")
    x = flows.row().definition.tasks[1]
    assert (str(x.kind), x.retries, x.timeout, x.upstream) == ("http", 3, 600_000_000, ("say",))
    tasks.link("w", "say", "x", remove=True, actor="a")
    tasks.remove("w", "say", actor="a")
    with fails("task_last"):
        tasks.remove("w", "x", actor="a")
    with fails("task_unknown", "did you mean"):
        tasks.set("w", "xx", TaskArgs(retries=1), actor="a")
    assert [len(flows.events(f"workflow_{kind}")) for kind in ("add_task", "link", "set_task", "remove_task")] == [
        1, 2, 1, 1,
    ]  # fmt: skip


def test_a_task_is_exactly_one_kind(flows: Flows) -> None:
    flows.create()
    for args in (TaskArgs(name="x"), TaskArgs(table="t", command=("ls",))):
        with fails("task_kind"):
            flows.verbs.tasks.add("w", args, downstream=False, actor="a")
    with fails("table_unknown"):
        flows.verbs.tasks.add("w", TaskArgs(table="t"), downstream=False, actor="a")


# --- runs -------------------------------------------------------------------------------------------------------


def _leave(flows: Flows, **args: Any) -> Any:
    return flows.verbs.runs.run("w", RunArgs(detach=True, **args), lambda _: None, actor="ana")


def test_a_run_goes_before_what_is_scheduled_and_covers_the_time_since_the_last_fire(flows: Flows) -> None:
    flows.create()
    flows.at(TWO)
    flows.clock.set_wall(TWO + HOUR)
    report = _leave(flows)
    assert (report.detached, report.state) == (True, InstanceState.PENDING)
    made = flows.instances()[-1]
    assert (made.rank, str(made.trigger), made.logical_date, made.fire_at) == (0, "manual", TWO, TWO + HOUR)
    [(actor, _)] = flows.events("workflow_run")
    assert actor == "ana"


def test_a_key_makes_one_instance_however_often_it_is_used(flows: Flows) -> None:
    flows.create()
    first = _leave(flows, key="k")
    again = _leave(flows, key="k")
    assert (again.instance, again.existing) == (first.instance, True)
    assert len(flows.instances()) == 1


def test_a_named_interval_is_read_in_the_grain_of_each_table(flows: Flows) -> None:
    flows.clock.set_wall(START + 5 * DAY)
    flows.table(definition("t"))
    flows.create(tasks=[{"table": "t"}], schedule=None)
    report = _leave(flows, interval="2013-01-02")
    with flows.kit.store.read() as view:
        [row] = view.instance(report.instance)
        [task] = view.tasks(row.instance_id)
    assert task.intervals == IntervalSet.of([day(1)])
    assert (row.logical_date, row.fire_at) == (day(1).start, day(1).end)
    with fails("interval_not_aligned", "t:"):
        _leave(flows, interval="2013-01-02T05")


def test_a_table_with_nothing_to_do_makes_no_instance(flows: Flows) -> None:
    flows.table(definition("w", start=START + 10 * DAY, freshness="INTERVAL '1' DAY"))
    report = _leave(flows)
    assert (report.instance, report.state) == (None, None)
    assert flows.instances() == []


def test_parameters_are_resolved_and_stored_and_unknown_ones_refused(flows: Flows) -> None:
    flows.create(variables={"region": {"value": "eu"}})
    report = _leave(flows, params=(("region", "us"),))
    with flows.kit.store.read() as view:
        [row] = view.instance(report.instance)
    assert row.variables["region"] == "us"
    with fails("param_unknown", "region"):
        _leave(flows, params=(("regoin", "us"),))


def test_one_task_runs_alone_or_with_what_is_above_or_below_it(flows: Flows) -> None:
    def command(name: str, *upstream: str) -> dict[str, Any]:
        return {"name": name, "command": ["true"], "upstream": list(upstream)}

    flows.create(tasks=[command("a"), command("b", "a"), command("c", "b"), command("d")])
    workflow = flows.row().definition
    assert chosen_tasks(workflow, "b", upstream=False, downstream=False) == {"b"}
    assert chosen_tasks(workflow, "b", upstream=True, downstream=False) == {"a", "b"}
    assert chosen_tasks(workflow, "b", upstream=True, downstream=True) == {"a", "b", "c"}
    with fails("task_unknown"):
        _leave(flows, task="e")
    with fails("task_missing"):
        _leave(flows, downstream=True)
    report = _leave(flows, task="b")
    assert [task.task for task in report.tasks] == ["b"]


def test_waiting_ends_with_the_instance_or_when_somebody_stops(flows: Flows) -> None:
    flows.create()
    flows.stop.set()
    assert _leave(flows, wait=True).state is InstanceState.PENDING


# --- looking ----------------------------------------------------------------------------------------------------


def test_the_list_counts_instances_by_state_and_knows_the_last(flows: Flows) -> None:
    flows.create(overlap="allow")
    flows.at(TWO)
    flows.finish()
    flows.at(TWO + DAY)
    [line] = flows.verbs.looks.lines()
    assert dict(line.row.counts) == {InstanceState.SUCCESS: 1, InstanceState.PENDING: 1}
    assert line.last is not None
    assert line.last.fire_at == TWO + DAY


def test_tables_own_workflows_are_listed_unless_left_out(flows: Flows) -> None:
    flows.create()
    flows.table(replace(full("t"), schedule="0 2 * * *"), full("on_demand"))
    assert [line.row.name for line in flows.verbs.looks.lines()] == ["t", "w"]
    assert [line.row.name for line in flows.verbs.looks.lines(tables=False)] == ["w"]


def test_a_detail_has_versions_fires_variables_and_history(flows: Flows) -> None:
    flows.create(variables={"region": {"value": "eu"}})
    flows.at(TWO)
    flows.verbs.edits.rewrite("w", lambda form: form | {"retries": 7}, actor="a", verb="x")
    detail = flows.verbs.looks.detail("w")
    assert [version for version, _ in detail.versions] == [1, 2]
    assert [fire.at for fire in detail.fires[:2]] == [TWO + DAY, TWO + 2 * DAY]
    assert dict(detail.variables)["region"] == "eu"
    assert dict(detail.variables)["logical_date"] == "2013-01-01"
    assert [one.fire_at for one in detail.instances] == [TWO]
    assert "retries = 7" in detail.text


def test_validate_lists_errors_and_warnings_of_files_and_of_what_is_in_force(flows: Flows) -> None:
    flows.file("late.toml", 'start = "2000-01-01"\n' + NIGHTLY)
    flows.file("bad.toml", NIGHTLY + "retrys = 3\n")
    flows.file("unknown.toml", '[[tasks]]\ntable = "nothing"\n')
    flows.create("mine")
    found = {one.workflow: one for one in flows.verbs.looks.validate(())}
    assert any("in the past" in line for line in found["late"].warnings)
    assert [error.code for error in found["unknown"].errors] == ["table_unknown"]
    assert [error.code for error in found["workflows/bad.toml"].errors] == ["key_unknown"]
    [mine] = flows.verbs.looks.validate(("mine",))
    assert (mine.errors, mine.file) == ((), None)
    with fails("workflow_unknown"):
        flows.verbs.looks.validate(("nobody",))


def test_validate_takes_a_table_whose_file_is_not_applied_yet_and_says_so(flows):
    folder = flows.root / "tables"
    folder.mkdir(exist_ok=True)
    (folder / "soon.sql").write_text("CREATE MATERIALIZED TABLE soon AS SELECT 1 AS x", encoding="utf-8")
    (flows.root / "workflows").mkdir(exist_ok=True)
    text = '[[tasks]]\nname = "a"\ntable = "soon"\n[[tasks]]\nname = "b"\ntable = "never"\n'
    (flows.root / "workflows" / "w.toml").write_text(text, encoding="utf-8")

    [checked] = flows.verbs.looks.validate(())

    assert [error.what for error in checked.errors] == ["no table is named 'never'"]
    assert any("soon (tables/soon.sql) is not applied yet" in warning for warning in checked.warnings)
