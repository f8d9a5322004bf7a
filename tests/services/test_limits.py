"""What a runner may use: by task, by workflow, by queue, by project; and what it uses in fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import World

from mtctl.services.queues import QueueArgs
from mtctl.services.reports.workflows import RunArgs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORKFLOW = """
queue = "small"
{extra}
[[tasks]]
name = "look"
{own}
[[tasks.sql.exports]]
query = "SELECT current_setting('threads')::BIGINT AS t, current_setting('memory_limit') AS m"
path = "out/look.csv"
format = "csv"
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "p")
    (world.root / "out").mkdir()
    world.settings('name = "shop"\n[engine]\nthreads = 1\nmemory = "1GB"\n[paths]\nallowed = ["out"]\n')
    world.app.operator.queues.create("small", QueueArgs(slots=1, memory="512MB", threads=3))
    yield world
    world.close()


def _look(world: World, *, extra: str = "", own: str = "") -> tuple[str, str]:
    """Run the workflow and return what its query saw."""
    folder = world.root / "workflows"
    folder.mkdir(exist_ok=True)
    (folder / "w.toml").write_text(_WORKFLOW.format(extra=extra, own=own), encoding="utf-8")
    world.apply()
    world.app.workflows.runs.run("w", RunArgs(), lambda _: None, actor="me")
    threads, memory = (world.root / "out" / "look.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    return threads, memory


def test_a_queue_limits_the_runners_that_work_for_it(world: World) -> None:
    assert _look(world) == ("3", "341.7 MiB")


def test_what_the_workflow_says_beats_its_queue_and_the_task_beats_both(world: World) -> None:
    workflow = 'settings = { "execution.parallelism" = "2", "taskmanager.memory.process.size" = "600m" }'
    threads, memory = _look(world, extra=workflow)
    assert threads == "2"
    assert memory == "440.0 MiB"
    threads, _ = _look(world, extra=workflow, own='settings = { "execution.parallelism" = "4" }')
    assert threads == "4"


def test_a_task_that_says_nothing_gets_what_the_project_says_again(world: World) -> None:
    assert _look(world)[0] == "3"
    assert world.rows("SELECT current_setting('threads')::BIGINT") == [("1",)]
