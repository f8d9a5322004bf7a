"""What keeps a task from running, or from lasting: `when`, `max_rows`, `depends_on`, and what is not ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_kit import DAILY

from mtctl.core.states import InstanceState, TaskState
from mtctl.services.reports.workflows import RunArgs

if TYPE_CHECKING:
    from service_kit import World

    from mtctl.ports.work import TaskRow


def _flow(world: World, name: str, text: str) -> None:
    folder = world.root / "workflows"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def _run(world: World, name: str, **params: str) -> tuple[InstanceState, dict[str, TaskRow]]:
    """Run a workflow; return its state and its tasks by name."""
    args = RunArgs(params=tuple(params.items()))
    world.app.workflows.runs.run(name, args, lambda _: None, actor="me")
    newest = world.app.instances(limit=1, state=None, table=None)[0]
    with world.app._store.read() as view:
        return newest.state, {task.name: task for task in view.tasks(newest.instance_id)}


def _daily(world: World) -> None:
    world.table("daily", DAILY)
    world.days({"2013-01-01": [1, 2], "2013-01-02": [3], "2013-01-03": [4, 5, 6]})


def test_a_condition_that_is_false_skips_the_task_with_its_reason_and_lets_the_next_go(world: World) -> None:
    _daily(world)
    _flow(
        world,
        "w",
        """
        [variables.go]
        value = "no"
        [[tasks]]
        name = "load"
        table = "daily"
        when = "SELECT '${go}' = 'yes'"
        [[tasks]]
        name = "then"
        command = ["true"]
        upstream = ["load"]
        """,
    )
    world.apply()

    state, tasks = _run(world, "w")
    assert state is InstanceState.SUCCESS
    assert (tasks["load"].state, tasks["load"].why) == (TaskState.SKIPPED, "its condition is false")
    assert tasks["then"].state is TaskState.SUCCESS
    assert world.status("daily").fresh == 0

    state, tasks = _run(world, "w", go="yes")
    assert tasks["load"].state is TaskState.SUCCESS
    assert world.status("daily").fresh == 4


def test_a_condition_reads_the_tables_and_an_unfit_one_fails_for_good(world: World) -> None:
    _daily(world)
    _flow(world, "w", '[[tasks]]\nname = "a"\ncommand = ["true"]\nwhen = "SELECT count(*) > 0 FROM daily"\n')
    _flow(world, "bad", '[[tasks]]\nname = "a"\ncommand = ["true"]\nwhen = "SELECT 1"\n')
    world.apply()

    assert _run(world, "w")[1]["a"].state is TaskState.SKIPPED
    world.fill("daily")
    assert _run(world, "w")[1]["a"].state is TaskState.SUCCESS
    state, tasks = _run(world, "bad")
    assert state is InstanceState.FAILED
    assert (tasks["a"].error_code, tasks["a"].tries) == ("condition_value", 1)


def test_more_rows_than_the_task_allows_fail_it_and_leave_the_table_as_it_was(world: World) -> None:
    _daily(world)
    _flow(world, "w", '[[tasks]]\nname = "load"\ntable = "daily"\nmax_rows = 2\n')
    world.apply()

    state, tasks = _run(world, "w")

    assert state is InstanceState.FAILED
    assert tasks["load"].error_code == "max_rows"
    assert "3 rows" in (tasks["load"].error or "")
    assert world.status("daily").fresh == 0
    assert list((world.root / "lake").rglob("*.parquet")) == []


def test_a_refresh_below_a_command_does_what_the_command_brought(world: World) -> None:
    _daily(world)
    _flow(
        world,
        "w",
        """
        [[tasks]]
        name = "fetch"
        command = ["sh", "-c", "printf 'd,v\\\\n2013-01-04,9\\\\n' >> data/in.csv"]
        [[tasks]]
        name = "load"
        table = "daily"
        upstream = ["fetch"]
        """.replace("'d,v\\\\n2013-01-04,9\\\\n'", "'2013-01-04,9\\\\n'"),
    )
    world.apply()
    world.fill("daily")

    state, tasks = _run(world, "w")

    assert state is InstanceState.SUCCESS, tasks
    assert world.rows("SELECT n FROM daily WHERE d = DATE '2013-01-04'") == [("1",)]


_EACH_SECOND = """
schedule = "* * * * * ?"
overlap = "allow"
{more}
[[tasks]]
name = "a"
command = ["{program}"]
retries = 0
"""


def test_one_workflow_waits_for_another_of_the_same_data_interval(world: World) -> None:
    _flow(world, "first", _EACH_SECOND.format(more="", program="false"))
    _flow(world, "second", _EACH_SECOND.format(more='depends_on = ["first"]', program="true"))
    world.apply()
    while not _instances(world, "second"):
        world.app.tick(None, lambda _: None)

    [task] = _tasks(world, "second")[:1]
    assert task.state is TaskState.PENDING
    assert task.why == "waits for workflow first"


def _instances(world: World, workflow: str) -> list[int]:
    found = world.app.instances(limit=100, state=None, table=None, workflow=workflow)
    return sorted(one.instance_id for one in found)


def _tasks(world: World, workflow: str) -> list[TaskRow]:
    found = _instances(world, workflow)
    with world.app._store.read() as view:
        return [task for one in found for task in view.tasks(one)]
