"""Floor 4. How a command ends that found problems or refreshed something: its summary, its errors, its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.main import tell

if TYPE_CHECKING:
    from mtctl.cli.exit import ExitCode
    from mtctl.cli.ui import Ui
    from mtctl.services.reports.changes import ApplyPlan
    from mtctl.services.reports.refreshing import RefreshReport


def conclude(ui: Ui, report: RefreshReport, schema: str) -> ExitCode:
    """Show the summary on stdout and the errors on stderr; return the exit code that the report deserves."""
    from mtctl.cli.show_refresh import refresh_answer, refresh_errors, refresh_exit

    ui.show(refresh_answer(report, schema))
    if report.interrupted:
        return ui.shell.stop.exit_code
    for error in refresh_errors(report):
        tell(error, ui.shell.argv)
    return refresh_exit(report)


def refuse_problems(ui: Ui, plan: ApplyPlan) -> None:
    """Raise the error of a plan that has problems; where there are several, tell each of them first."""
    from mtctl.cli.show_plan import several

    if len(plan.problems) > 1:
        for problem in plan.problems:
            tell(problem, ui.shell.argv)
    if plan.problems:
        raise several(plan.problems)
