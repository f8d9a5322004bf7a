"""Floor 4. The group `workflow` and the arguments that its commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.root import group

app = group("List, show, create, change and run workflows.")

Name = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow.")]
Names = Annotated[list[str], typer.Argument(metavar="WORKFLOW...", help="The workflows.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; written with the event.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Show what would happen and change nothing.")]
