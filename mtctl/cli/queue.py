"""Floor 4. `queue`: how many tasks run at once, and whether they run at all."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.root import group
from mtctl.cli.show_verbs import queue_answer, queues_answer
from mtctl.cli.ui import Ui
from mtctl.services.queues import QueueArgs

app = group("List, make, change, pause and delete queues.")

Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue.")]
Slots = Annotated[int | None, typer.Option("--slots", metavar="N", help="How many of its tasks run at once.")]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="Memory of a runner that works for it, e.g. 4GB.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=0, metavar="N", help="Threads of such a runner; 0 for the project's.")
]


@command(app, "list", "mtctl queue list", "mtctl queue list -o json")
def list_(ui: Ui) -> None:
    """List the queues: slots, who holds them, how many tasks are ready."""
    with ui.project() as project:
        found = project.operator.queues.rows()
    ui.show(queues_answer(found))


@command(app, "create", "mtctl queue create reports --slots 2", "mtctl queue create big --slots 1 --memory 8GB")
def create(ui: Ui, *, name: Name, slots: Slots = None, memory: Memory = None, threads: Threads = None) -> None:
    """Make a queue; the same again changes nothing."""
    with ui.project() as project:
        done = project.operator.queues.create(name, QueueArgs(slots=slots, memory=memory, threads=threads))
    ui.show(queue_answer(done))


@command(app, "set", "mtctl queue set reports --slots 4", "mtctl queue set default --slots 8 --threads 2")
def set_(ui: Ui, *, name: Name, slots: Slots = None, memory: Memory = None, threads: Threads = None) -> None:
    """Change a queue; what runs runs on."""
    with ui.project() as project:
        done = project.operator.queues.set(name, QueueArgs(slots=slots, memory=memory, threads=threads))
    ui.show(queue_answer(done))


@command(app, "pause", 'mtctl queue pause reports --reason "database is down"')
def pause(
    ui: Ui,
    *,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown by `queue list` and `why`.")] = "",
) -> None:
    """Let nothing of a queue begin; what runs runs on."""
    with ui.project() as project:
        done = project.operator.queues.pause(name, reason)
    ui.show(queue_answer(done))


@command(app, "resume", "mtctl queue resume reports")
def resume(ui: Ui, *, name: Name) -> None:
    """Let a paused queue go on."""
    with ui.project() as project:
        done = project.operator.queues.resume(name)
    ui.show(queue_answer(done))


@command(app, "delete", "mtctl queue delete reports", "mtctl queue delete reports --if-exists")
def delete(
    ui: Ui,
    *,
    name: Name,
    if_exists: Annotated[bool, typer.Option("--if-exists", help="It is no error when there is none.")] = False,
) -> None:
    """Delete a queue that nothing needs; `default` stays."""
    with ui.project() as project:
        done = project.operator.queues.delete(name, if_exists=if_exists)
    ui.show(queue_answer(done))
