"""Floor 2. One attempt's work: the query's rows as Parquet files that nobody sees yet.

A whole table streams straight into one file. Intervals go through a staging table first, since where one interval
ends and the next file begins is known only when the rows are there.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH108, PTH118, PTH207 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import contextlib
import glob
import os
import time
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl import trace
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.model import EmptyPolicy
from mtctl.core.staged import Staged, StagedInterval
from mtctl.engine import literals
from mtctl.engine.binding import bind_values
from mtctl.engine.compact import write_all
from mtctl.engine.describe import check_params
from mtctl.engine.fingerprint import fingerprint, row_hash
from mtctl.engine.inputs import Inputs
from mtctl.engine.intervals import stage_intervals
from mtctl.engine.troubles import translate
from mtctl.engine.written import Written, copy, copy_ends, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column
    from mtctl.engine.binding import Binder
    from mtctl.engine.session import Session
    from mtctl.ports.engine import StageRequest

_PIVOTED = 'main."_mtctl_pivoted"'


def stage(session: Session, binder: Binder, request: StageRequest, probe: int) -> Staged:
    """Compute the request and return what was written, fsynced; on any error nothing of it stays behind."""
    began = time.perf_counter()
    try:
        with Inputs(session, binder, request) as inputs:
            for params in request.params:
                check_params(inputs.syntax, params)
            if request.slices:
                written, intervals = stage_intervals(session, inputs, request, probe)
            else:
                written, intervals = _stage_whole(session, inputs, request, probe)
            new = len(written)
            written += _rewritten(session, request)
            trace.point("staged")
            files = settle(written)
            trace.point("fsynced")
            sources = inputs.settled()
    except BaseException:
        _discard(request)
        raise
    return Staged(
        files=files[:new],
        intervals=tuple(intervals),
        sources=sources,
        rows=sum(interval.rows for interval in intervals),
        seconds=time.perf_counter() - began,
        rewritten=files[new:],
    )


def _rewritten(session: Session, request: StageRequest) -> list[Written]:
    """Write the live files anew that the batch takes intervals from."""
    count = len(request.rewrites)
    paths = [os.path.join(request.folder, f"{request.file_prefix}-m{number}.parquet") for number in range(count)]
    return write_all(session, request.rewrites, paths)


def _stage_whole(
    session: Session, inputs: Inputs, request: StageRequest, probe: int
) -> tuple[list[Written], list[StagedInterval]]:
    path = os.path.join(request.folder, f"{request.file_prefix}-0.parquet")
    written = _write(session, inputs, request, path)
    if not written.rows:
        os.unlink(path)
        if request.on_empty is EmptyPolicy.FAIL:
            raise result_empty("the result")
        empty = StagedInterval(interval=WHOLE, file=None, row_start=0, rows=0, fingerprint=fingerprint(probe, 0, 0))
        return [], [empty]
    count, total = _sums(session, path, request.columns)
    whole = StagedInterval(
        interval=WHOLE, file=0, row_start=0, rows=count, fingerprint=fingerprint(probe, count, total)
    )
    return [written], [whole]


def _write(session: Session, inputs: Inputs, request: StageRequest, path: str) -> Written:
    """Write the query's rows; those of a PIVOT by way of a table.

    DuckDB makes several statements of a PIVOT, and what COPY says is not in the answer then.
    """
    before, after = copy_ends(path, request.columns)
    head, tail = f"SELECT {literals.stored(request.columns)} FROM (\n", "\n) AS q"
    several = inputs.syntax.parsed.tables is None
    if several:
        sql, text = inputs.bound.inside(f"CREATE TABLE {_PIVOTED} AS {head}", tail)
    else:
        sql, text = inputs.bound.inside(before + head, tail + after)
    params = bind_values(request.params[0] if request.params else {}, inputs.syntax.parsed.params)
    session.check()
    try:
        if not several:
            return copy(session.connection, sql, request.columns, params)
        session.connection.execute(sql, params or None)
        return copy(session.connection, f"{before}FROM {_PIVOTED}{after}", request.columns)
    except duckdb.Error as error:
        raise translate(error, text) from None
    finally:
        if several:
            session.connection.execute(f"DROP TABLE IF EXISTS {_PIVOTED}")


def _sums(session: Session, path: str, columns: Sequence[Column]) -> tuple[int, int]:
    row: Any = session.run(f"SELECT count(*), sum({row_hash(columns)}) FROM {literals.parquet([path], columns)}")[0]
    return int(row[0]), int(row[1] or 0)


def result_empty(what: str) -> MtctlError:
    """Return the error for a result without rows where 'refresh.on-empty' = 'fail'."""
    return MtctlError(
        "result_empty",
        f"{what} is empty and 'refresh.on-empty' is 'fail'",
        kind=Kind.FAILED,
        fix="check the source, or set 'refresh.on-empty' = 'clear'",
    )


def _discard(request: StageRequest) -> None:
    pattern = os.path.join(glob.escape(request.folder), f"{glob.escape(request.file_prefix)}-*.parquet")
    for path in glob.glob(pattern):
        with contextlib.suppress(OSError):
            os.unlink(path)
