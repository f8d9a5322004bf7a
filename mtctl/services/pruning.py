"""Floor 3. Leaves out files that a query certainly sees no row of, by the statistics that the catalog keeps of them.

Opening a file costs a tenth of a millisecond, and DuckDB opens all that it is given. Few files are not worth a look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.pruning import file_test, interval_bounds
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Column, TableDefinition
    from mtctl.core.pruning import Bound, FileTest, Sight
    from mtctl.ports.engine import Relation
    from mtctl.ports.store import View

WORTH = 24
"""So many files of one table are worth asking what a query sees of it."""


def pruned(
    view: View,
    relations: Mapping[int, Relation],
    sight: Callable[[], Sight],
    parameters: Callable[[], Sequence[Mapping[str, object]]] = tuple,
    *,
    intervals: tuple[TableDefinition, IntervalSet] | None = None,
) -> tuple[Relation, ...]:
    """Return relations (by table id, pinned at their snapshot) with the files that a query may see rows of.

    `parameters` are the values of each statement that reads them. `intervals` says that only these intervals of a
    definition's result are wanted: what is outside of them need not be read.
    """
    if all(len(relation.files) < WORTH for relation in relations.values()):
        return tuple(relations.values())
    seen, values = sight(), parameters()
    found = []
    for table_id, relation in relations.items():
        bounds = [bound for bound in seen.bounds if bound.table.lower() in _names(relation)]
        if intervals is not None:
            bounds += _interval_bounds(seen, relation, *intervals)
        found.append(_without(view, table_id, relation, bounds, values) if bounds else relation)
    return tuple(found)


def _names(relation: Relation) -> Collection[str]:
    return {name.lower() for name in relation.names}


def _column(columns: Iterable[Column], name: str) -> Column | None:
    return next((column for column in columns if column.name.lower() == name.lower()), None)


def _interval_bounds(
    seen: Sight, relation: Relation, definition: TableDefinition, intervals: IntervalSet
) -> list[Bound]:
    """Return what the relation's rows must hold for rows of the intervals, where the partition is a column of it."""
    partition = definition.partition
    if partition is None or len(partition.columns) != 1 or partition.columns[0].formatter is not None:
        return []
    output = _column(definition.columns, partition.columns[0].name)
    found = []
    for through in seen.throughs:
        column = _column(relation.columns, through.column)
        if output is None or column is None or through.table.lower() not in _names(relation):
            continue
        if through.output.lower() != output.name.lower() or column.stored_type != output.stored_type:
            continue
        bound = interval_bounds(through, column.stored_type, intervals)
        found += [] if bound is None else [bound]
    return found


def _without(
    view: View, table_id: int, relation: Relation, bounds: Sequence[Bound], parameters: Sequence[Mapping[str, object]]
) -> Relation:
    """Return the relation without the files that lie outside of the bounds on any of its columns."""
    if len(relation.files) < WORTH:
        return relation
    lost: set[str] = set()
    for name in dict.fromkeys(bound.column.lower() for bound in bounds):
        column = _column(relation.columns, name)
        if column is None:
            continue
        test = file_test(
            column.stored_type, [bound for bound in bounds if bound.column.lower() == name], parameters
        )
        if test is not None:
            lost |= _outside(view, table_id, relation, column, test)
    if not lost:
        return relation
    return replace(
        relation,
        files=tuple(path for path in relation.files if path not in lost),
        partial=tuple(path for path in relation.partial if path not in lost),
        deleted=tuple(one for one in relation.deleted if one.data not in lost),
    )


def _outside(view: View, table_id: int, relation: Relation, column: Column, test: FileTest) -> set[str]:
    rows = view.file_bounds(table_id, relation.snapshot_id, column.field_id)
    return {path for path, least, greatest, nulls in rows if test(least, greatest, nulls)}
