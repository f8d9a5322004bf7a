"""Floor 4. `workflow create|edit|delete|enable|disable`: changing whole workflows."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.ui import Ui
from mtctl.cli.workflow_group import DryRun, Name, Names, Reason, Yes, app
from mtctl.core.errors import usage
from mtctl.core.misfire import Misfire


@command(
    app,
    "create",
    "mtctl workflow create -f nightly.toml",
    "mtctl workflow create nightly --task table:orders --task 'report=command:./report.sh' --chain "
    "--schedule '0 2 * * *'",
)
def create(  # noqa: PLR0913 - the keys of a workflow
    ui: Ui,
    *,
    name: Annotated[str | None, typer.Argument(metavar="[WORKFLOW]", help="Else the name in the file.")] = None,
    file: Annotated[str | None, typer.Option("-f", "--file", metavar="FILE", help="TOML; - is stdin.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="[NAME=]KIND:WHAT", help="table:T, command:PROGRAM ARG, http:URL. Repeatable."),
    ] = None,
    chain: Annotated[bool, typer.Option("--chain", help="Each --task waits for the one before it.")] = False,
    schedule: Annotated[str | None, typer.Option("--schedule", metavar="EXPR", help="When it fires.")] = None,
    zone: Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Its time zone; else the project's.")] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="No fire before TIME.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="No fire after TIME.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="The queue of its tasks.")] = None,
    retries: Annotated[int | None, typer.Option("--retries", min=0, metavar="N", help="Retries of a task.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="What it is for.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not let it fire yet.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Create a workflow from a TOML file or from options.

    The file has the same form as those in workflows/; a workflow of a project is better kept there.
    """
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.cli.workflow_input import form_of, form_of_words
    from mtctl.services.people import user_name

    given = {"name": name, "schedule": schedule, "time_zone": zone, "start": start, "end": end, "queue": queue,
             "retries": retries, "comment": comment, "enabled": False if disabled else None}  # fmt: skip
    words = {key: value for key, value in given.items() if value is not None}
    if (file is None) == (not task):
        raise usage("workflow_source", "a workflow comes from --file or from --task", fix="give one of them")
    form = form_of(file) | words if file is not None else form_of_words(words, task or [], chain=chain)
    label = ("<stdin>" if file == "-" else file) if file is not None else "--task"
    with ui.project() as project:
        edits = project.workflows.edits
        done = edits.check(form, label=label) if dry_run else edits.create(form, label=label, actor=user_name())
    ui.show(changes_answer((done,), "mtctl.workflow.create/v1", dry_run=dry_run))


@command(app, "edit", "mtctl workflow edit nightly", "mtctl workflow edit nightly -f new.toml")
def edit(
    ui: Ui,
    *,
    name: Name,
    file: Annotated[
        str | None, typer.Option("-f", "--file", metavar="FILE", help="The new definition; - is stdin.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Change a workflow that was made by command: from a file, or in $EDITOR on a terminal.

    An enabled one gets a new version: what was due fires first, running instances finish on theirs.
    """
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.cli.workflow_input import edited, form_of
    from mtctl.services.people import user_name

    with ui.project() as project:
        before, version = project.workflows.edits.form_of(name)
        form = edited(before) if file is None else form_of(file)
        label = "the edited text" if file is None else "<stdin>" if file == "-" else file
        done = project.workflows.edits.edit(
            name, form, label=label, actor=user_name(), version=version, reason=reason
        )
    ui.show(changes_answer((done,), "mtctl.workflow.edit/v1"))


@command(app, "delete", "mtctl workflow delete nightly", "mtctl workflow delete nightly --cancel --yes")
def delete(
    ui: Ui,
    *,
    names: Names,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel instances that have not ended.")] = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Delete workflows that were made by command. Asks first; what they have run stays in the history."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        for name in names:
            project.workflows.edits.form_of(name)
        if not yes and not ui.confirm(f"delete {', '.join(names)}?"):
            raise typer.Exit(ExitCode.FAILED)
        done = project.workflows.edits.delete(tuple(names), cancel=cancel, actor=user_name(), reason=reason)
    ui.show(changes_answer(done, "mtctl.workflow.delete/v1"))


@command(app, "enable", "mtctl workflow enable nightly", "mtctl workflow enable nightly --catchup none")
def enable(
    ui: Ui,
    *,
    names: Names,
    catchup: Annotated[
        Misfire | None, typer.Option("--catchup", help="What becomes of missed fires; else as its misfire says.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Let workflows, or tables' schedules, fire. Enabled ones stay as they are."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        done = project.workflows.edits.enable(tuple(names), catchup=catchup, actor=user_name(), reason=reason)
    ui.show(changes_answer(done, "mtctl.workflow.enable/v1"))


@command(app, "disable", "mtctl workflow disable nightly", "mtctl workflow disable nightly --reason 'source is down'")
def disable(ui: Ui, *, names: Names, reason: Reason = "") -> None:
    """Let workflows, or tables' schedules, fire no more; what runs runs on."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        done = project.workflows.edits.disable(tuple(names), actor=user_name(), reason=reason)
    ui.show(changes_answer(done, "mtctl.workflow.disable/v1"))
