"""Floor 2. Shapes of queries as JSON, for both ends of the pipe."""

from __future__ import annotations

from typing import Any

from mtctl.core.evolution import Output, Shape

Json = dict[str, Any]


def dump_shape(shape: Shape | None) -> Json | None:
    """Return the shape's parts."""
    if shape is None:
        return None
    outputs = [[one.name, one.digest, one.multiplies] for one in shape.outputs]
    return {"outputs": outputs, "rest": shape.rest, "aggregated": shape.aggregated}


def load_shape(d: Json | None) -> Shape | None:
    """Return the shape of `dump_shape`."""
    if d is None:
        return None
    outputs = tuple(Output(name=name, digest=digest, multiplies=many) for name, digest, many in d["outputs"])
    return Shape(outputs=outputs, rest=d["rest"], aggregated=d["aggregated"])
