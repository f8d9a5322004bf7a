"""Floor 4. How a command ends that found problems or refreshed something: its summary, its errors, its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mtctl.cli.main import tell

if TYPE_CHECKING:
    from mtctl.cli.ui import Ui
    from mtctl.services.reports import ApplyPlan, RefreshReport


def conclude(ui: Ui, report: RefreshReport, schema: str) -> None:
    """Show the summary on stdout and the errors on stderr, and exit with the code that the report deserves."""
    from mtctl.cli.show_refresh import refresh_answer, refresh_errors, refresh_exit  # noqa: PLC0415

    ui.show(refresh_answer(report, schema))
    if report.interrupted:
        raise typer.Exit(ui.shell.stop.exit_code)
    for error in refresh_errors(report):
        tell(error, ui.shell.argv)
    code = refresh_exit(report)
    if code:
        raise typer.Exit(code)


def refuse_problems(ui: Ui, plan: ApplyPlan) -> None:
    """Raise the error of a plan that has problems; where there are several, tell each of them first."""
    from mtctl.cli.show_plan import several  # noqa: PLC0415

    if len(plan.problems) > 1:
        for problem in plan.problems:
            tell(problem, ui.shell.argv)
    if plan.problems:
        raise several(plan.problems)
