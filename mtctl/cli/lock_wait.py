"""Floor 4. `--lock-wait`: how long a command waits for a source that another program has open for writing."""

from __future__ import annotations

from typing import Annotated

import typer

LockWait = Annotated[
    int | None,
    typer.Option(
        "--lock-wait",
        min=0,
        metavar="SECONDS",
        help="Wait so long for a source that another program writes (10; tick and the daemon put it off).",
    ),
]
"""None: ten seconds, and none for a round of `tick`."""
