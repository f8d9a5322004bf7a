"""Floor 2. What a query sees of its tables as JSON, for both ends of the pipe."""

from __future__ import annotations

from typing import Any

from mtctl.core.pruning import Bound, Constant, Sight, Through


def dump_sight(sight: Sight) -> list[Any]:
    """Return the parts of a sight; the bounds of a query see no NULL."""
    bounds = [[b.table, b.column, [[_dump(side) for side in pair] for pair in b.ranges]] for b in sight.bounds]
    return [bounds, [[t.output, t.table, t.column] for t in sight.throughs]]


def load_sight(data: list[Any]) -> Sight:
    """Return the sight of `dump_sight`."""
    bounds, throughs = data
    return Sight(
        bounds=tuple(
            Bound(table=table, column=column, ranges=tuple((_load(low), _load(high)) for low, high in ranges))
            for table, column, ranges in bounds
        ),
        throughs=tuple(Through(output=output, table=table, column=column) for output, table, column in throughs),
    )


def _dump(constant: Constant | None) -> list[str] | None:
    return None if constant is None else [constant.kind, constant.text]


def _load(data: list[str] | None) -> Constant | None:
    return None if data is None else Constant(kind=data[0], text=data[1])
