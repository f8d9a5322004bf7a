"""Floor 3. From when until when a table is wanted: as written, or as its upstreams have it; never guessed from data.

Where nothing says it, the error proposes what the sources hold, so that a person can decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.model import Mode, RangeKind
from mtctl.core.names import quote
from mtctl.core.table_calendar import calendar_of
from mtctl.core.times import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtctl.core.keys import TableOptions
    from mtctl.core.model import Instant, Source, TableDefinition
    from mtctl.ports.engine import Engine

_HINT = "add 'start' = '2013-01-01' to WITH, or to [defaults] in mtctl.toml"


def bounds_of(
    definition: TableDefinition,
    options: TableOptions,
    reach: Mapping[str, TableDefinition],
    propose: Callable[[], tuple[str, str] | None],
) -> tuple[Instant | None, Instant | None]:
    """Return [start, end) as given, else the intersection of every interval upstream, rounded outward to the grain.

    `propose` gives the least and greatest partition value of the sources for the message. Raises invalid
    `start_missing`, `time_range` and the errors of `core.times`.
    """
    if definition.mode is Mode.FULL:
        return None, None
    start = _instant(options.start, "'start'", definition)
    end = _instant(options.end, "'end'", definition)
    if start is None:
        start, upper = _of_upstreams(definition, reach)
        if start is None:
            raise _start_missing(definition, propose())
        end = upper if end is None else end
    if end is not None and end <= start:
        places = " ".join(filter(None, (options.start, options.end)))
        raise invalid("time_range", f"'end' is not after 'start' ({places})", fix="swap or mend them")
    return start, end


def proposal(
    engine: Engine, definition: TableDefinition, sources: tuple[Source, ...]
) -> Callable[[], tuple[str, str] | None]:
    """Return a question to the engine: the least and greatest partition value that the query gives over its sources.

    It is only asked for tables that read nothing but sources, and its failure is no news.
    """

    def ask() -> tuple[str, str] | None:
        if definition.partition is None or definition.reads or definition.params:
            return None
        column = quote(definition.partition.columns[0].name)
        sql = f"SELECT min({column})::VARCHAR, max({column})::VARCHAR FROM (\n{definition.query}\n) AS q"  # noqa: S608 - quoted
        try:
            found = engine.query(sql, (), sources, definition.zone, 1, {})
            [[least, greatest]] = [row for chunk in found.chunks for row in chunk]
        except MtctlError:
            return None
        return (least, greatest) if least is not None and greatest is not None else None

    return ask


def _instant(text: str | None, field: str, definition: TableDefinition) -> Instant | None:
    return parse_instant(text, definition.zone, field=field, kind=Kind.INVALID) if text else None


def _of_upstreams(
    definition: TableDefinition, reach: Mapping[str, TableDefinition]
) -> tuple[Instant | None, Instant | None]:
    calendar = calendar_of(definition)
    uppers = [
        reach[read.table]
        for read in definition.reads
        if read.kind is RangeKind.OVERLAP and reach[read.table].mode is Mode.INTERVAL
    ]
    starts = [upper.start for upper in uppers if upper.start is not None]
    if calendar is None or not uppers or len(starts) != len(uppers):
        return None, None
    ends = [upper.end for upper in uppers if upper.end is not None]
    return calendar.floor(max(starts)), calendar.ceil(min(ends)) if ends else None


def _start_missing(definition: TableDefinition, found: tuple[str, str] | None) -> MtctlError:
    what = f"{definition.name!r} has intervals but no 'start'"
    if found is None:
        return invalid("start_missing", what, fix=_HINT)
    least, greatest = found
    fix = f"its sources hold {least} to {greatest}: add 'start' = '{least}' to WITH, or to [defaults] in mtctl.toml"
    return invalid("start_missing", what, fix=fix)
