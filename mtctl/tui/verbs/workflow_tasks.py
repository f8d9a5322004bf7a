"""Floor 4. The verbs on the tasks of a workflow that was made by command: add, set, remove, link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.services.people import user_name
from mtctl.services.typed import words_of
from mtctl.tui.verbs.verb import Field, FieldKind, Prepared, Verb
from mtctl.tui.verbs.workflows import FLOW, changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.services.reports.workflows import TaskArgs
    from mtctl.tui.verbs.verb import Given


def _args(given: Given, name: str | None) -> TaskArgs:
    from mtctl.services.reports.workflows import TaskArgs  # noqa: PLC0415 - only here

    command = given.maybe("command")
    return TaskArgs(
        name=name,
        table=given.maybe("table"),
        command=words_of(command, "--command") if command is not None else None,
        http=given.maybe("http"),
        upstream=given.several("upstream") or None,
        retries=given.number("retries"),
        timeout=given.maybe("timeout"),
        queue=given.maybe("queue"),
        priority=given.number("priority"),
    )


def _task_names(app: App, keys: Sequence[str]) -> Prepared:
    """Offer the present tasks; errors of `workflow_edits.form_of` where a file or a table defines the workflow."""
    form, _ = app.workflows.edits.form_of(keys[0])
    names = tuple(str(task["name"]) for task in form["tasks"])
    return Prepared(
        choices={"task": names, "first": names, "then": names},
        values={"task": names[0], "first": names[0], "then": names[-1]},
    )


def _may_change(app: App, keys: Sequence[str]) -> Prepared:
    app.workflows.edits.form_of(keys[0])
    return Prepared()


def _add(app: App, keys: Sequence[str], given: Given) -> str:
    args = _args(given, given.maybe("name"))
    done = app.workflows.tasks.add(keys[0], args, downstream=given.ticked("downstream"), actor=user_name())
    more = f"; {', '.join(done.proposed)} could be added too" if done.proposed else ""
    return f"added {', '.join(done.tasks)}{more}"


def _set(app: App, keys: Sequence[str], given: Given) -> str:
    return changed((app.workflows.tasks.set(keys[0], given.text("task"), _args(given, None), actor=user_name()),))


def _remove(app: App, keys: Sequence[str], given: Given) -> str:
    return changed((app.workflows.tasks.remove(keys[0], given.text("task"), actor=user_name()),))


def _link(app: App, keys: Sequence[str], given: Given) -> str:
    first, then, remove = given.text("first"), given.text("then"), given.ticked("remove")
    return changed((app.workflows.tasks.link(keys[0], first, then, remove=remove, actor=user_name()),))


def _task(name: str, label: str) -> Field:
    return Field(name=name, label=label, kind=FieldKind.CHOICE, hint=name.upper(), needed=True)


_KEYS = (
    Field(name="table", label="Refreshes the table", option="--table"),
    Field(name="command", label="Or runs a program", option="--command", hint="./report.sh eu"),
    Field(name="http", label="Or sends a request", option="--http", hint="POST https://example.org"),
    Field(name="upstream", label="Waits for", option="--upstream", kind=FieldKind.WORDS, hint="tasks"),
    Field(name="retries", label="Retries", option="--retries", kind=FieldKind.NUMBER, least=0),
    Field(name="timeout", label="One try at most", option="--timeout", hint="10m; 0 is for ever"),
    Field(name="queue", label="Queue", option="--queue"),
    Field(name="priority", label="Priority", option="--priority", kind=FieldKind.NUMBER, least=-20, most=19,
          hint="-20 to 19, smaller first"),
)  # fmt: skip

CHANGES = (
    Verb(name="add_task", label="Add a task", kinds=FLOW, path="workflow add-task", act=_add, prepare=_may_change,
         quick=False, alone=True, fields=(
             Field(name="name", label="Name", hint="else by what it does"), *_KEYS,
             Field(name="downstream", label="and what reads it", option="--with-downstream",
                   kind=FieldKind.TICK))),
    Verb(name="set_task", label="Change a task", kinds=FLOW, path="workflow set-task", act=_set, prepare=_task_names,
         quick=False, alone=True, fields=(_task("task", "Task"), *_KEYS)),
    Verb(name="remove_task", label="Remove a task", kinds=FLOW, path="workflow remove-task", act=_remove,
         prepare=_task_names, quick=False, alone=True, asks=True, fields=(_task("task", "Task"),)),
    Verb(name="link", label="Let one task wait for another", kinds=FLOW, path="workflow link", act=_link,
         prepare=_task_names, quick=False, alone=True, fields=(
             _task("first", "Goes first"), _task("then", "Waits for it"),
             Field(name="remove", label="Let it wait no more", option="--remove", kind=FieldKind.TICK))),
)  # fmt: skip
"""The verbs on tasks of a workflow."""
