"""Floor 4. The end of a refresh as an answer, and the exit code that it deserves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Later, Lines, Record, State
from mtctl.cli.exit import ExitCode
from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.core.words import count, lasting, many

if TYPE_CHECKING:
    from mtctl.services.reports.refreshing import RefreshReport, TableResult

_FIELDS = ("table", "state", "intervals", "tasks", "rows", "seconds", "error_code", "error")
_PLAN_FIELDS = ("table", "interval", "intervals", "reasons", "after")


def refresh_answer(report: RefreshReport, schema: str) -> Answer:
    """Return the summary of a refresh: tables, intervals, rows, seconds."""
    blocks: list[Block] = []
    idle = all(table.state == "up_to_date" for table in report.tables)
    if not idle:
        blocks += [_grid(report), Lines((_total(report),))]
    elif report.detached:
        blocks.append(Lines((f"queued as instance {report.instance}",)))
    elif not report.not_ready:
        blocks.append(Lines((_nothing(report),)))
    summary: Record = {
        "kind": "refresh",
        "instance": report.instance,
        "state": str(report.state) if report.state is not None else None,
        "seconds": round(report.seconds, 3),
        "interrupted": report.interrupted,
        "detached": report.detached,
        "not_ready": list(report.not_ready),
    }
    return Answer(
        schema=schema,
        records=Later(lambda: (*map(_record, report.tables), summary)),
        fields=("kind", *_FIELDS),
        blocks=tuple(blocks),
        warnings=(*report.notes, *(f"not ready: {line}" for line in report.not_ready)),
    )


def dry_answer(report: RefreshReport) -> Answer:
    """Return the batches that a refresh would run, in order."""
    heads = ("TABLE", "INTERVAL", "INTERVALS", "WHY", "AFTER")
    rows = tuple(
        (step.table, step.interval, step.intervals, ", ".join(step.reasons), ", ".join(step.after))
        for step in report.plan
    )
    steps: tuple[Record, ...] = tuple(
        {
            "kind": "step",
            "table": step.table,
            "interval": step.interval,
            "intervals": step.intervals,
            "reasons": list(step.reasons),
            "after": list(step.after),
        }
        for step in report.plan
    )
    block = Grid(heads=heads, rows=rows) if rows else Lines((_nothing(report),))
    return Answer(
        schema="mtctl.refresh.plan/v1",
        records=steps,
        fields=_PLAN_FIELDS,
        blocks=(block,),
        warnings=(*report.notes, *(f"not ready: {line}" for line in report.not_ready)),
    )


def refresh_exit(report: RefreshReport) -> ExitCode:
    """Return the exit code of a refresh that was not interrupted.

    What failed or was cancelled counts against what succeeded; tables that were up to date count for neither.
    """
    won = any(table.state in {"success", "skipped"} for table in report.tables)
    lost = [table for table in report.tables if table.state in {"failed", "cancelled"}]
    if lost and all(_is_locked(table) for table in lost if table.error_code) and any(map(_is_locked, lost)):
        return ExitCode.BUSY
    if lost:
        return ExitCode.PARTIAL if won else ExitCode.FAILED
    if report.not_ready:
        return ExitCode.PARTIAL if won else ExitCode.CONFLICT
    return ExitCode.OK


def refresh_errors(report: RefreshReport) -> tuple[MtctlError, ...]:
    """Return an error for each table that failed, and one for what was not ready when nothing else could run."""
    code = int(refresh_exit(report))
    show = f"see `mtctl instance show {report.instance}`"
    errors = [_failure(table, show, code) for table in report.tables if table.state == "failed" or _is_locked(table)]
    if code == ExitCode.CONFLICT:
        what = f"{report.not_ready[0]}{_more(report)}"
        errors.append(conflict("upstream_not_ready", what, fix="refresh them too with --upstream"))
    return tuple(errors)


def _is_locked(table: TableResult) -> bool:
    """Whether a table was left as it is because somebody else has a source of it open."""
    return table.state == "cancelled" and table.error_code == "source_locked"


def _failure(table: TableResult, show: str, code: int) -> MtctlError:
    return MtctlError(
        table.error_code or "refresh_failed",
        table.error or "the refresh failed",
        kind=Kind.FAILED,
        where=f"table {table.table}",
        fix=show,
        details={"table": table.table, "exit": code},
    )


def _nothing(report: RefreshReport) -> str:
    """Say that nothing was to be done; the notes say why where it is not because everything is fresh."""
    if report.notes or report.not_ready:
        return "nothing to do"
    tables = f" ({many(len(report.tables), 'table')})" if report.tables else ""
    return f"nothing to do: everything asked for is fresh{tables}"


def _more(report: RefreshReport) -> str:
    rest = len(report.not_ready) - 1
    return f" (and {rest} more)" if rest else ""


def _grid(report: RefreshReport) -> Grid:
    heads = ("TABLE", "STATE", "INTERVALS", "ROWS", "SECONDS")
    rows = tuple(
        (table.table, State(table.state), table.intervals, count(table.rows), f"{table.seconds:.2f}")
        for table in report.tables
    )
    return Grid(heads=heads, rows=rows, right=frozenset({"ROWS", "SECONDS"}))


def _total(report: RefreshReport) -> str:
    tables = many(len(report.tables), "table")
    intervals = many(sum(table.intervals for table in report.tables), "interval")
    rows = many(sum(table.rows for table in report.tables), "row")
    ending = " – stopped, nothing half-done was published" if report.interrupted else ""
    return f"{tables}, {intervals}, {rows} in {lasting(report.seconds)}{ending}"


def _record(table: TableResult) -> Record:
    return {
        "kind": "table",
        "table": table.table,
        "state": table.state,
        "intervals": table.intervals,
        "tasks": table.tasks,
        "rows": table.rows,
        "seconds": round(table.seconds, 3),
        "error_code": table.error_code,
        "error": table.error,
    }
