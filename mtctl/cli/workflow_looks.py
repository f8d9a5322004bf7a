"""Floor 4. `workflow list|show|history|graph|validate`: looking at workflows."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.ui import Ui
from mtctl.cli.workflow_group import Name, app
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from mtctl.services.reports.workflows import CheckedWorkflow


class GraphForm(StrEnum):
    """How a graph is written."""

    TEXT = "text"  # a tree
    DOT = "dot"  # for Graphviz
    MERMAID = "mermaid"  # for Markdown


@command(app, "list", "mtctl workflow list", "mtctl workflow list --no-tables -o json")
def list_(
    ui: Ui,
    *,
    no_tables: Annotated[bool, typer.Option("--no-tables", help="Leave out the schedules of single tables.")] = False,
) -> None:
    """List workflows: state, instances by state, the last one, the next fire.

    The schedule of a table is a workflow of its own; tables without one are left out.
    """
    from mtctl.cli.show_workflows import lines_answer

    with ui.project() as project:
        found = project.workflows.looks.lines(tables=not no_tables)
    ui.show(lines_answer(found, ui.shell.now()))


@command(app, "show", "mtctl workflow show nightly", "mtctl workflow show nightly -o json")
def show(ui: Ui, name: Name) -> None:
    """Show one workflow: definition, versions, next fires, variables, last instances."""
    from mtctl.cli.show_workflows import detail_answer

    with ui.project() as project:
        found = project.workflows.looks.detail(name)
    ui.show(detail_answer(found, ui.shell.now()))


@command(app, "history", "mtctl workflow history nightly", "mtctl workflow history nightly -n 100 -o csv")
def history(
    ui: Ui,
    *,
    name: Name,
    number: Annotated[int, typer.Option("-n", "--number", min=1, metavar="N", help="At most N of each.")] = 20,
) -> None:
    """List what came of a workflow's fires: its instances, and the fires that were skipped and why."""
    from mtctl.cli.show_workflows import history_answer

    with ui.project() as project:
        found = project.workflows.looks.history(name, number)
    ui.show(history_answer(found, number))


@command(app, "graph", "mtctl workflow graph nightly", "mtctl workflow graph nightly --format dot | dot -Tsvg")
def graph(
    ui: Ui,
    *,
    name: Name,
    form: Annotated[GraphForm, typer.Option("--format", help="How to write it.")] = GraphForm.TEXT,
    text: Annotated[bool, typer.Option("--text", help="The same as --format text.")] = False,
) -> None:
    """Print the tasks of a workflow in their order."""
    from mtctl.cli.show_workflows import graph_answer

    chosen = GraphForm.TEXT if text else form
    with ui.project() as project:
        found = project.workflows.looks.graph(name, str(chosen))
    ui.show(graph_answer(name, str(chosen), found))


@command(app, "validate", "mtctl workflow validate", "mtctl workflow validate nightly", "mtctl workflow validate -f -")
def validate(
    ui: Ui,
    *,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[WORKFLOW|FILE]...", help="Else every workflow file.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("-f", "--file", metavar="FILE", help="A file outside of workflows/; - is stdin.")
    ] = None,
) -> None:
    """Check workflows without applying them; exit 7 on errors, warnings are listed."""
    from mtctl.cli.workflow_input import form_of

    if file is not None and targets:
        raise usage("option_conflict", "--file and WORKFLOW exclude each other", fix="leave one of them out")
    with ui.project() as project:
        if file is None:
            found = project.workflows.looks.validate(tuple(targets or ()))
        else:
            found = (project.workflows.looks.validate_text(form_of(file), "<stdin>" if file == "-" else file),)
    _show_checked(ui, found)


def _show_checked(ui: Ui, found: tuple[CheckedWorkflow, ...]) -> None:
    from mtctl.cli.main import tell
    from mtctl.cli.show_workflows import checked_answer

    ui.show(checked_answer(found))
    problems = [error for one in found for error in one.errors]
    for problem in problems:
        tell(problem, ui.shell.argv)
    if problems:
        raise typer.Exit(ExitCode.INVALID)
