"""Floor 4. The verbs of workflows, and of whatever has a schedule: run, enable, disable, edit, delete, schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.misfire import Misfire
from mtctl.core.words import moment
from mtctl.services.people import user_name
from mtctl.services.typed import pairs_of, toml_of
from mtctl.tui.verbs.reports import each, grid
from mtctl.tui.verbs.verb import Field, FieldKind, Prepared, Told, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.app import App
    from mtctl.services.reports.workflows import WorkflowChange
    from mtctl.tui.verbs.verb import Given

FLOW = frozenset({"workflow"})
FIRES = frozenset({"workflow", "table"})
REASON = Field(name="reason", label="Reason", option="--reason", hint="why; written with the event")

_NEW = """name = "nightly"
schedule = "0 2 * * *"

[[tasks]]
name = "hello"
command = ["echo", "hello"]
"""


def _run(app: App, keys: Sequence[str], given: Given) -> str:
    from mtctl.services.reports.workflows import RunArgs  # noqa: PLC0415 - only here

    args = RunArgs(
        params=pairs_of(given.several("param"), "--param"),
        interval=given.maybe("interval"),
        task=given.maybe("task"),
        upstream=given.ticked("upstream"),
        downstream=given.ticked("downstream"),
        key=given.maybe("key"),
        priority=given.number("priority"),
        force=given.ticked("force"),
        detach=True,
    )

    def one(name: str) -> str:
        report = app.workflows.runs.run(name, args, lambda _: None, actor=user_name())
        if report.existing:
            return f"{args.key} was run already, as {report.instance}"
        return f"queued as {report.instance}" if report.instance else f"{name}: nothing is to be done"

    return each(keys, one)


def _create(app: App, keys: Sequence[str], given: Given) -> str:
    _ = keys
    form = toml_of(given.text("definition"), "<stdin>") | ({"enabled": False} if given.ticked("disabled") else {})
    return changed((app.workflows.edits.create(form, label="<stdin>", actor=user_name()),))


def _present_definition(app: App, keys: Sequence[str]) -> Prepared:
    from mtctl.services.workflow_text import toml_text  # noqa: PLC0415 - only here

    form, version = app.workflows.edits.form_of(keys[0])
    return Prepared(values={"definition": toml_text(form)}, kept=version)


def _edit(app: App, keys: Sequence[str], given: Given) -> str:
    done = app.workflows.edits.edit(
        keys[0],
        toml_of(given.text("definition"), "<stdin>"),
        label="<stdin>",
        actor=user_name(),
        version=given.kept,
        reason=given.text("reason"),
    )
    return changed((done,))


def _may_delete(app: App, keys: Sequence[str]) -> Prepared:
    """Refuse before anybody is asked, as the command does; say how much has not ended."""
    for key in keys:
        app.workflows.edits.form_of(key)
    counts = [app.workflows.looks.detail(key).row.counts for key in keys]
    ended = {"success", "failed", "cancelled"}
    still = sum(number for one in counts for state, number in one if state.value not in ended)
    return Prepared(what=f"{still} of their instances have not ended." if still else "What they have run stays.")


def _delete(app: App, keys: Sequence[str], given: Given) -> str:
    cancel, reason = given.ticked("cancel"), given.text("reason")
    return changed(app.workflows.edits.delete(tuple(keys), cancel=cancel, actor=user_name(), reason=reason))


def _enable(app: App, keys: Sequence[str], given: Given) -> str:
    chosen = given.maybe("catchup")
    catchup = Misfire(chosen) if chosen else None
    return changed(
        app.workflows.edits.enable(list(keys), catchup=catchup, actor=user_name(), reason=given.text("reason"))
    )


def _disable(app: App, keys: Sequence[str], given: Given) -> str:
    return changed(app.workflows.edits.disable(list(keys), actor=user_name(), reason=given.text("reason")))


def _validate(app: App, keys: Sequence[str], given: Given) -> Told:
    _ = given
    lines = []
    for one in app.workflows.looks.validate(tuple(keys)):
        lines.append(f"{one.workflow}: {'valid' if not one.errors else f'{len(one.errors)} errors'}")
        lines += [f"  error[{error.code}]: {error}" for error in one.errors]
        lines += [f"  {text}" for text in one.warnings]
    return Told(title=f"Checked {', '.join(keys)}", text="\n".join(lines))


def _history(app: App, keys: Sequence[str], given: Given) -> Told:
    found = app.workflows.looks.history(keys[0], given.number("number") or 20)
    rows = [(one.ulid, moment(one.created_at), one.trigger, one.state) for one in found.instances]
    parts = [grid(("INSTANCE", "CREATED", "TRIGGER", "STATE"), rows) if rows else "it has never run"]
    for one in found.skipped:
        number = "some" if one.fires is None else f"{one.fires:,}"
        parts.append(f"{number} fires skipped, {moment(one.first_fire_at)} to {moment(one.last_fire_at)}: {one.reason}")
    return Told(title=f"What came of the fires of {found.workflow}", text="\n".join(parts))


def _graph(app: App, keys: Sequence[str], given: Given) -> Told:
    form = given.text("format") or "text"
    return Told(title=f"Tasks of {keys[0]}", text=app.workflows.looks.graph(keys[0], form))


def _schedule(app: App, keys: Sequence[str], given: Given) -> str:
    from mtctl.services.reports.schedules import ScheduleArgs  # noqa: PLC0415 - only here

    args = ScheduleArgs(**{name: given.maybe(name) for name in _PARTS})
    done = app.workflows.schedules.set(keys[0], args, actor=user_name(), reason=given.text("reason"))
    after = f"{done.name} fires by {done.after}" if done.changed else f"{done.name}: it is so already"
    return "; ".join([after, *(["next at " + moment(done.next_at)] if done.next_at else []), *done.warnings])


def _unschedule(app: App, keys: Sequence[str], given: Given) -> str:
    done = app.workflows.schedules.clear(keys[0], actor=user_name(), reason=given.text("reason"))
    return f"{done.name} runs only when told" if done.changed else f"{done.name} has no schedule"


def _present_schedule(app: App, keys: Sequence[str]) -> Prepared:
    """Tell the schedule that is in force; error `workflow_unknown`."""
    found = app.workflows.looks.detail(keys[0]).row.definition.schedule
    return Prepared(what=f"It fires by {found.text} ({found.zone})." if found is not None else "It has no schedule.")


def changed(changes: Iterable[WorkflowChange]) -> str:
    """Return what became of workflows in one line."""
    parts = []
    for one in changes:
        parts.append(f"{one.workflow}: {'unchanged' if one.action == 'none' else one.action}")
        parts += one.notes
    return "; ".join(parts)


_PARTS = ("cron", "every", "zone", "start", "end", "jitter", "misfire", "dialect", "dst")
_MISFIRES = tuple(one.value for one in Misfire)

CHANGES = (
    Verb(name="run", label="Run now", kinds=FLOW, key="r", path="workflow run", act=_run, single=True,
         always=("--detach",), fields=(
             Field(name="param", label="Variables", option="--param", kind=FieldKind.WORDS, hint="region=eu day=1"),
             Field(name="interval", label="Logical interval", option="--interval", hint="2026-03-01"),
             Field(name="task", label="Only the task", option="--task"),
             Field(name="upstream", label="and all it waits for", option="--with-upstream", kind=FieldKind.TICK),
             Field(name="downstream", label="and all that waits", option="--downstream", kind=FieldKind.TICK),
             Field(name="key", label="Once by this key", option="--key"),
             Field(name="priority", label="Priority", option="--priority", kind=FieldKind.NUMBER, least=-20, most=19,
                   hint="-20 to 19, smaller first"),
             Field(name="force", label="Fresh ones too", option="--force", kind=FieldKind.TICK))),
    Verb(name="create_workflow", label="Create a workflow", kinds=FLOW, key="c", rare=True,
         path="workflow create", act=_create,
         quick=False, free=True, fields=(
             Field(name="definition", label="Definition", option="-f", kind=FieldKind.LONG, value=_NEW, needed=True),
             Field(name="disabled", label="Do not let it fire yet", option="--disabled", kind=FieldKind.TICK))),
    Verb(name="edit_workflow", label="Edit the definition", kinds=FLOW, key="M", rare=True,
         path="workflow edit", act=_edit,
         prepare=_present_definition, quick=False, alone=True, fields=(
             Field(name="definition", label="Definition", option="-f", kind=FieldKind.LONG, needed=True), REASON)),
    Verb(name="enable", label="Enable", kinds=FIRES, key="E", rare=True,
         path="workflow enable", act=_enable, fields=(
             Field(name="catchup", label="Missed fires", option="--catchup", kind=FieldKind.CHOICE,
                   choices=_MISFIRES), REASON)),
    Verb(name="disable", label="Disable", kinds=FIRES, key="D", rare=True,
         path="workflow disable", act=_disable,
         fields=(REASON,), asks=True),
    Verb(name="delete_workflow", label="Delete", kinds=FLOW, key="X", rare=True,
         path="workflow delete", act=_delete,
         prepare=_may_delete, asks=True, always=("--yes",), fields=(
             Field(name="cancel", label="Cancel what is open", option="--cancel", kind=FieldKind.TICK), REASON)),
    Verb(name="schedule_set", label="Set the schedule", kinds=FIRES, path="schedule set", act=_schedule,
         prepare=_present_schedule, quick=False, alone=True, fields=(
             Field(name="cron", label="Cron or Quartz", option="--cron", hint="0 3 * * *"),
             Field(name="every", label="Or every", option="--every", hint="90 minutes"),
             Field(name="zone", label="Time zone", option="--tz", hint="of a workflow"),
             Field(name="start", label="No fire before", option="--start", hint="2026-01-01"),
             Field(name="end", label="No fire after", option="--end"),
             Field(name="jitter", label="Spread over", option="--jitter", hint="5m"),
             Field(name="misfire", label="Missed fires", option="--misfire", kind=FieldKind.CHOICE, choices=_MISFIRES),
             Field(name="dialect", label="Six fields are", option="--dialect", kind=FieldKind.CHOICE,
                   choices=("cron", "quartz")),
             Field(name="dst", label="When clocks change", option="--dst", kind=FieldKind.CHOICE,
                   choices=("cron", "quartz", "wall")), REASON)),
    Verb(name="schedule_clear", label="Take the schedule away", kinds=FIRES, path="schedule clear", act=_unschedule,
         prepare=_present_schedule, alone=True, asks=True, fields=(REASON,)),
)  # fmt: skip
"""The verbs that change workflows."""

LOOKS = (
    Verb(name="validate_workflow", label="Check it", kinds=FLOW, path="workflow validate", act=_validate, looks=True),
    Verb(name="workflow_history", label="What came of its fires", kinds=FLOW, path="workflow history", act=_history,
         alone=True, looks=True, fields=(
             Field(name="number", label="At most", option="-n", kind=FieldKind.NUMBER, value="20", needed=True, least=1,
                   most=200),)),
    Verb(name="graph", label="Its tasks in order", kinds=FLOW, path="workflow graph", act=_graph, alone=True,
         looks=True, fields=(
             Field(name="format", label="Written as", option="--format", kind=FieldKind.CHOICE, value="text",
                   choices=("text", "dot", "mermaid"), needed=True),)),
)  # fmt: skip
"""The verbs that ask about workflows."""
