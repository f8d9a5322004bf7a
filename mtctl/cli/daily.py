"""Floor 4. `status` and `refresh` behind their words: what both ways of reading a command line end in.

Neither knows the option parser, so that the short way (`cli.fast`) need not load it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.errors import two_of
from mtctl.cli.exit import ExitCode
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.cli.ui import Ui
    from mtctl.services.reports.refreshing import RefreshArgs


def show_status(ui: Ui, names: Sequence[str], *, check: bool) -> ExitCode:
    """Show the health of the tables; with `check` FAILED where one is not fresh or a source is not as it was read."""
    from mtctl.cli.show_tables import status_answer  # after the usage errors

    with ui.project() as project:
        found = project.status(tuple(names))
    ui.show(status_answer(found))
    ill = any(str(table.health) != "fresh" for table in found.tables) or bool(found.changed_sources)
    return ExitCode.FAILED if check and ill else ExitCode.OK


def refresh_args(  # noqa: PLR0913 - the options of the command
    *,
    selectors: Sequence[str] | None = None,
    everything: bool = False,
    interval: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    partition: Sequence[str] | None = None,
    full: bool = False,
    upstream: bool = False,
    downstream: bool = False,
    force: bool = False,
    batch: int | None = None,
    detach: bool = False,
    dry_run: bool = False,
    strict: bool = False,
) -> RefreshArgs:
    """Return what `refresh` was asked for; usage errors where the words cannot mean anything together."""
    from mtctl.services.reports.refreshing import RefreshArgs  # not for `status`

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
    return args


def refresh_tables(ui: Ui, args: RefreshArgs, lock_wait: float | None = None) -> ExitCode:
    """Refresh, or with `dry_run` show the batches, and return the exit code that the report deserves."""
    from mtctl.cli.progress import progress  # after the usage errors
    from mtctl.cli.show_refresh import dry_answer, refresh_exit
    from mtctl.cli.verdict import conclude

    with ui.project() as project:
        if lock_wait is not None:
            project.wait_for_sources(lock_wait)
        with progress(ui) as show:
            report = project.refresh(args, show)
        if not args.dry_run:
            return conclude(ui, report, "mtctl.refresh.result/v1")
        ui.show(dry_answer(report))
        return ExitCode.OK if report.plan else refresh_exit(report)


def run_round(ui: Ui, max_runtime: int | None, lock_wait: float = 0) -> ExitCode:
    """Do one round of `tick`: nothing is said when all is well."""
    with ui.project() as project:
        project.wait_for_sources(lock_wait)
        report = project.tick(max_runtime, lambda _: None)
    if report is None:
        return ExitCode.OK
    from mtctl.cli.main import tell  # only trouble is told
    from mtctl.core.errors import Kind, MtctlError

    for trouble in report.troubles:
        tell(MtctlError("task_failed", trouble, kind=Kind.FAILED, fix="see `mtctl instance list`"), ui.shell.argv)
    ui.detail(f"fired {report.fired}, skipped {report.skipped}, done {report.done}, failed {report.failed}")
    if report.interrupted and ui.shell.stop.received is not None:
        return ui.shell.stop.exit_code
    return ExitCode.FAILED if report.troubles else ExitCode.OK


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
