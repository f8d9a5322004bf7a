"""Floor 4. `refresh`: the words of the command line become `RefreshArgs`; everything else is the service's."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.daily import refresh_args, refresh_tables
from mtctl.cli.lock_wait import LockWait
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Selectors = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TABLE]...", help="Names, globs, +x (with upstream), x+ (with downstream)."),
]
All = Annotated[bool, typer.Option("--all", help="All tables.")]
Interval = Annotated[
    list[str] | None,
    typer.Option("--interval", metavar="INTERVAL", help="2013-02, 2013-02-03, or START/END. May be repeated."),
]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="First instant, inclusive.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Last instant, exclusive.")]
Partition = Annotated[
    list[str] | None,
    typer.Option("--partition", metavar="KEY=VALUE", help="The interval of a partition value. May be repeated."),
]
Full = Annotated[bool, typer.Option("--full", help="Every wanted interval, fresh or not.")]
Upstream = Annotated[bool, typer.Option("--upstream", help="First refresh what the tables read.")]
Downstream = Annotated[bool, typer.Option("--downstream", help="Then refresh what reads the tables.")]
Force = Annotated[bool, typer.Option("--force", help="Named intervals also when fresh or not wanted.")]
Batch = Annotated[
    int | None, typer.Option("--batch", min=1, metavar="N", help="At most N intervals a statement.")
]
Detach = Annotated[bool, typer.Option("--detach", help="Leave the work to whoever runs next.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Show the batches and run nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Named intervals that are not due are errors.")]


@command(
    app,
    "refresh",
    "mtctl refresh --all",
    "mtctl refresh flights_daily --interval 2013-02 --force",
    "mtctl refresh +delay_by_weather --from 2013-03-01 --to 2013-03-08 --dry-run",
    "mtctl refresh orders_daily --lock-wait 60",
    "mtctl refresh flights_daily --partition flight_date=2013-02-03 --force --downstream",
)
def refresh(  # noqa: PLR0913 - the options of the command
    ui: Ui,
    *,
    selectors: Selectors = None,
    everything: All = False,
    interval: Interval = None,
    start: From = None,
    end: To = None,
    partition: Partition = None,
    full: Full = False,
    upstream: Upstream = False,
    downstream: Downstream = False,
    force: Force = False,
    batch: Batch = None,
    detach: Detach = False,
    dry_run: DryRun = False,
    strict: Strict = False,
    lock_wait: LockWait = None,
) -> None:
    """Refresh the missing and stale intervals of tables.

    Each interval is computed from its sources and goes in once, whole; what is fresh is left alone. Intervals are
    half-open: --from 2013-03-01 --to 2013-03-08 is seven days.
    """
    args = refresh_args(
        selectors=selectors,
        everything=everything,
        interval=interval,
        start=start,
        end=end,
        partition=partition,
        full=full,
        upstream=upstream,
        downstream=downstream,
        force=force,
        batch=batch,
        detach=detach,
        dry_run=dry_run,
        strict=strict,
    )
    leave(refresh_tables(ui, args, lock_wait))
