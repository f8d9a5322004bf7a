"""Floor 4. `refresh`: the words of the command line become `RefreshArgs`; everything else is the service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, two_of
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from mtctl.services.reports import RefreshArgs

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
) -> None:
    """Refresh the missing and stale intervals of tables.

    Each interval is computed from its sources and goes in once, whole; what is fresh is left alone. Intervals are
    half-open: --from 2013-03-01 --to 2013-03-08 is seven days.
    """
    from mtctl.cli.progress import progress  # noqa: PLC0415
    from mtctl.cli.show_refresh import dry_answer, refresh_exit  # noqa: PLC0415
    from mtctl.cli.verdict import conclude  # noqa: PLC0415
    from mtctl.services.reports import RefreshArgs  # noqa: PLC0415

    args = RefreshArgs(
        selectors=tuple(selectors or ()),
        everything=everything,
        intervals=tuple(interval or ()),
        start=start,
        end=end,
        partition=tuple(map(_pair, partition or ())),
        full=full,
        upstream=upstream,
        downstream=downstream,
        force=force,
        batch=batch,
        detach=detach,
        dry_run=dry_run,
        strict=strict,
    )
    _check(args)
    with ui.project() as project:
        with progress(ui) as show:
            report = project.refresh(args, show)
        if not dry_run:
            conclude(ui, report, "mtctl.refresh.result/v1")
            return
        ui.show(dry_answer(report))
        if not report.plan and refresh_exit(report):
            raise typer.Exit(refresh_exit(report))


def _check(args: RefreshArgs) -> None:
    """Refuse combinations that cannot mean anything; what needs the tables is the service's to refuse."""
    if args.everything and args.selectors:
        raise two_of("--all", "TABLE")
    if not args.everything and not args.selectors:
        raise usage("table_missing", "no table named", where="mtctl refresh", fix="name tables, or --all for every one")
    if (args.start is None) != (args.end is None):
        missing = "--to" if args.end is None else "--from"
        raise usage("range_half", f"{missing} is missing", where="mtctl refresh", fix="--from and --to go together")
    if args.intervals and args.start is not None:
        raise two_of("--interval", "--from")
    if args.partition and (args.intervals or args.start is not None):
        raise two_of("--partition", "--interval")
    if args.full and (args.intervals or args.start is not None or args.partition):
        raise two_of("--full", "--interval")
    if args.detach and args.dry_run:
        raise two_of("--detach", "--dry-run")


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        fix = "e.g. flight_date=2013-02-03"
        raise usage("partition_pair", f"'{text}' is no KEY=VALUE", where="--partition", fix=fix)
    return key, value
