"""Floor 2. Looks at many files of one table as JSON, for both ends of the pipe: what all of them share goes once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.values import replace
from mtctl.engine.wire import dump_column, dump_measure, load_column, load_measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.ports.engine import MeasureRequest


def dump_survey(requests: Sequence[MeasureRequest]) -> dict[str, Any]:
    """Return requests that have the same columns."""
    columns = requests[0].columns if requests else ()
    return {
        "columns": [dump_column(one) for one in columns],
        "files": [dump_measure(replace(one, columns=())) for one in requests],
    }


def load_survey(d: dict[str, Any]) -> list[MeasureRequest]:
    """Return the requests of `dump_survey`."""
    columns = tuple(load_column(one) for one in d["columns"])
    return [replace(load_measure(one), columns=columns) for one in d["files"]]
