"""Floor 2. Exports and scripts as JSON, for both ends of the pipe."""

from __future__ import annotations

from typing import Any

from mtctl.engine.wire import dump_params, dump_relation, dump_source, load_relation, load_source
from mtctl.ports.engine import Exported, ExportRequest, Scripted, ScriptRequest

Json = dict[str, Any]


def dump_export(r: ExportRequest) -> Json:
    """Return an export request."""
    return {
        "query": r.query,
        "path": r.path,
        "format": r.format,
        "zone": r.zone,
        "relations": [dump_relation(x) for x in r.relations],
        "sources": [dump_source(s) for s in r.sources],
        "params": dump_params(r.params),
    }


def load_export(d: Json) -> ExportRequest:
    """Return the request of `dump_export`; parameters stay tagged."""
    return ExportRequest(
        query=d["query"],
        path=d["path"],
        format=d["format"],
        zone=d["zone"],
        relations=tuple(load_relation(x) for x in d["relations"]),
        sources=tuple(load_source(s) for s in d["sources"]),
        params=d["params"],
    )


def dump_exported(e: Exported) -> Json:
    """Return what an export wrote."""
    return {"path": e.path, "rows": e.rows, "bytes": e.bytes}


def load_exported(d: Json) -> Exported:
    """Return the answer of `dump_exported`."""
    return Exported(path=d["path"], rows=d["rows"], bytes=d["bytes"])


def dump_script(r: ScriptRequest) -> Json:
    """Return a script request."""
    return {"script": r.script, "database": r.database, "zone": r.zone, "params": dump_params(r.params)}


def load_script(d: Json) -> ScriptRequest:
    """Return the request of `dump_script`; parameters stay tagged."""
    return ScriptRequest(script=d["script"], database=d["database"], zone=d["zone"], params=d["params"])


def dump_scripted(s: Scripted) -> Json:
    """Return what a script did."""
    return {"statements": s.statements, "rows": s.rows}


def load_scripted(d: Json) -> Scripted:
    """Return the answer of `dump_scripted`."""
    return Scripted(statements=d["statements"], rows=d["rows"])
