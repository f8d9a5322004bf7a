"""Floor 4. The group `table` and the argument that its commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.root import group

app = group("List, show, create, drop and check tables.")

Name = Annotated[str, typer.Argument(metavar="TABLE", help="The table.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Show what would happen and change nothing.")]
