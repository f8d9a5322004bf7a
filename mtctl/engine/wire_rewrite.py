"""Floor 2. Rewrites of data files as JSON, for both ends of the pipe."""

from __future__ import annotations

from typing import Any

from mtctl.core.interval import Interval
from mtctl.ports.rewriting import Origin, Part, Rewrite, RewriteRequest


def dump_rewrite(r: Rewrite) -> list[Any]:
    """Return the parts of a rewrite by origin."""
    return [
        [o.file_id, o.path, o.row_id_start, [[*_edges(p), p.row_start, p.rows, p.snapshot_id] for p in o.parts]]
        for o in r.origins
    ]


def load_rewrite(d: list[Any]) -> Rewrite:
    """Return the rewrite of `dump_rewrite`."""
    return Rewrite(
        origins=tuple(
            Origin(file_id=file_id, path=path, row_id_start=first, parts=tuple(_part(*one) for one in parts))
            for file_id, path, first, parts in d
        )
    )


def dump_request(r: RewriteRequest) -> dict[str, Any]:
    """Return a request for rewrites alone."""
    return {
        "rewrites": [dump_rewrite(one) for one in r.rewrites],
        "folder": r.folder,
        "file_prefix": r.file_prefix,
    }


def load_request(d: dict[str, Any]) -> RewriteRequest:
    """Return the request of `dump_request`."""
    return RewriteRequest(
        rewrites=tuple(load_rewrite(one) for one in d["rewrites"]), folder=d["folder"], file_prefix=d["file_prefix"]
    )


def _edges(part: Part) -> tuple[int, int]:
    return part.interval.start, part.interval.end


def _part(start: int, end: int, row_start: int, rows: int, snapshot_id: int) -> Part:
    return Part(interval=Interval(start, end), row_start=row_start, rows=rows, snapshot_id=snapshot_id)
