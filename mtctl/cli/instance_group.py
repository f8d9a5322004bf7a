"""Floor 4. The group `instance` and the words that its commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.root import group
from mtctl.core.errors import Kind, usage

if TYPE_CHECKING:
    from mtctl.core.model import Instant

app = group("List, show and steer workflow instances: what ran, what runs, and how it ended.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or its beginning when that is enough.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="The ids, or their beginnings.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; written with the event.")]
Task = Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only this task.")]


def seconds_of(text: str | None, option: str) -> float | None:
    """Return a duration of the command line in seconds, None for none; usage error `duration`."""
    from mtctl.core.times import parse_duration  # only where somebody gives one

    return None if text is None else parse_duration(text, field=option, kind=Kind.USAGE, allow_zero=True) / 1e6


def since_of(text: str | None, now: Instant) -> Instant | None:
    """Return the instant that `--since` names: so long ago (`2h`), or a time (UTC unless it has an offset)."""
    if text is None:
        return None
    from mtctl.core.errors import MtctlError  # only where somebody gives one
    from mtctl.core.times import parse_duration, parse_instant

    try:
        return now - parse_duration(text.removeprefix("-"), field="--since", kind=Kind.USAGE)
    except MtctlError:
        if not text[:4].isdigit():
            what = f"'{text}' is neither how long ago nor a time"
            raise usage("since", what, where="--since", fix="e.g. 2h, 7 days, 2026-03-01") from None
    return parse_instant(text, "UTC", field="--since")
