"""Floor 4. `doctor`: everything around a project that can be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mtctl.cli.answer import Answer, Grid, Lines, Record
from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.ui import Ui
from mtctl.core.words import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.reports.doctor import Examined

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_SIGNS = {"ok": "✔ ok", "warning": "! warning", "trouble": "✖ trouble"}


@command(app, "doctor", "mtctl doctor", "mtctl doctor -o json")
def doctor(ui: Ui) -> None:
    """Look at everything around the project that can be wrong.

    Versions, the state file and its guard, permissions, disks, the clock, who holds the state file open or keeps its
    log from shrinking (process and program), leases of the dead, the lake's owner, backups. Nothing is changed; exit 1
    when something is wrong, warnings alone are exit 0.
    """
    with ui.project() as project:
        found = project.doctor.examine()
    ui.show(_answer(found))
    if any(one.verdict == "trouble" for one in found):
        raise typer.Exit(ExitCode.FAILED)


def _answer(found: Sequence[Examined]) -> Answer:
    records: tuple[Record, ...] = tuple(
        {"kind": "check", "check": one.name, "verdict": str(one.verdict), "detail": one.detail, "fix": one.fix}
        for one in found
    )
    rows = tuple((one.name, _SIGNS[one.verdict], one.detail) for one in found)
    bad = [one for one in found if one.verdict != "ok"]
    lines = [f"do ({one.name}): {one.fix}" for one in bad if one.fix]
    lines.append(f"{many(len(found), 'check')}: {many(len(bad), 'finding') if bad else 'all well'}")
    return Answer(
        schema="mtctl.project.doctor/v1",
        records=records,
        fields=("kind", "check", "verdict", "detail", "fix"),
        blocks=(Grid(heads=("CHECK", "VERDICT", "FOUND"), rows=rows), Lines(tuple(lines))),
    )
