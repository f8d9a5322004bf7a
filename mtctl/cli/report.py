"""Floor 4. `report`: one page about the last days, for mail and CI artefacts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.ui import Ui
from mtctl.core.errors import Kind, MtctlError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(app, "report", "mtctl report --html report.html", "mtctl report --html - --days 1 > report.html")
def report(
    ui: Ui,
    *,
    html: Annotated[str, typer.Option("--html", metavar="FILE", help="Where to write the page; - is stdout.")],
    days: Annotated[int, typer.Option("--days", min=1, max=3650, metavar="N", help="How many days back.")] = 7,
) -> None:
    """Write a report of the last days as one HTML page.

    How every table is, a heat map of its intervals, durations, failures. The page loads nothing from anywhere.
    """
    from mtctl.cli.report_page import page

    with ui.project() as project:
        found = project.board.report(project.project.name, days)
    text = page(found)
    if html == "-":
        sys.stdout.write(text)
        return
    try:
        Path(html).write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"the page cannot be written: {error.strerror}"
        raise MtctlError("report_write", what, kind=Kind.USAGE, where=html, fix="choose another file") from None
    ui.say(f"wrote {html}")
