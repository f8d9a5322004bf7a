"""Floor 2. How requests and answers look as JSON, for both ends of the pipe.

Columns travel as plain lists in field order: ten thousand definitions with a hundred thousand columns pass in one
batch, and `dataclasses.asdict` would cost more than describing them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import Grain, Interval
from mtctl.core.model import Column, EmptyPolicy, NullPolicy, Partition, PartitionColumn, Source, SourceFile
from mtctl.core.secret import Hidden
from mtctl.core.staged import ColumnStats, Staged, StagedFile, StagedInterval
from mtctl.engine import wire_rewrite
from mtctl.ports.engine import (
    DeleteFile,
    DescribeRequest,
    Description,
    FileRange,
    Measured,
    MeasureRequest,
    Parsed,
    Relation,
    Slice,
    StageRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


# --- errors -----------------------------------------------------------------------------------------------------


def dump_error(error: MtctlError) -> Json:
    """Return the parts of an error."""
    return {
        "code": error.code,
        "what": error.what,
        "kind": error.kind.value,
        "where": error.where,
        "fix": error.fix,
        "excerpt": error.excerpt,
        "details": error.details,
    }


def load_error(data: Json) -> MtctlError:
    """Return the error that `dump_error` took apart."""
    return MtctlError(
        data["code"],
        data["what"],
        kind=Kind(data["kind"]),
        where=data["where"],
        fix=data["fix"],
        excerpt=data["excerpt"],
        details=data["details"],
    )


# --- shared pieces ----------------------------------------------------------------------------------------------


def dump_column(c: Column) -> list[Any]:
    """Return the column's fields in order."""
    return [c.name, c.type, c.stored_type, c.lake_type, c.field_id, c.nullable, c.note, c.comment]


def load_column(d: list[Any]) -> Column:
    """Return the column of `dump_column`."""
    return Column(
        name=d[0],
        type=d[1],
        stored_type=d[2],
        lake_type=d[3],
        field_id=d[4],
        nullable=d[5],
        note=d[6],
        comment=d[7],
    )


def dump_relation(r: Relation) -> list[Any]:
    """Return the relation's parts."""
    ranges = None if r.ranges is None else [[one.path, one.start, one.rows, one.part, one.whole] for one in r.ranges]
    columns = [dump_column(c) for c in r.columns]
    deleted = [[one.data, one.path, one.is_partial] for one in r.deleted]
    return [list(r.names), columns, list(r.files), ranges, list(r.partial), r.snapshot_id, deleted]


def load_relation(d: list[Any]) -> Relation:
    """Return the relation of `dump_relation`."""
    ranges = None if d[3] is None else tuple(_load_range(*one) for one in d[3])
    columns = tuple(load_column(c) for c in d[1])
    return Relation(
        names=tuple(d[0]),
        columns=columns,
        files=tuple(d[2]),
        ranges=ranges,
        partial=tuple(d[4]),
        snapshot_id=d[5],
        deleted=tuple(DeleteFile(data=data, path=path, is_partial=partial) for data, path, partial in d[6]),
    )


def _load_range(path: str, start: int, rows: int, part: int, whole: bool) -> FileRange:  # noqa: FBT001 - as dumped
    return FileRange(path=path, start=start, rows=rows, part=part, whole=whole)


def dump_source(s: Source) -> list[Any]:
    """Return the source's parts."""
    return [s.text, list(s.paths), s.restate, s.version, s.kind, s.dsn]


def load_source(d: list[Any]) -> Source:
    """Return the source of `dump_source`."""
    return Source(text=d[0], paths=tuple(d[1]), restate=d[2], version=d[3], kind=d[4], dsn=Hidden(d[5]))


def dump_params(params: Mapping[str, object]) -> Json:
    """Return parameter values with their SQL type beside them; TypeError for what cannot be bound."""
    return {name: _dump_value(name, value) for name, value in params.items()}


def _dump_value(name: str, value: object) -> Json:
    if isinstance(value, bool):
        return {"type": "BOOLEAN", "value": str(value).lower()}
    if isinstance(value, int):
        return {"type": "BIGINT", "value": str(value)}
    if isinstance(value, datetime):
        sql_type = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMP WITH TIME ZONE"
        return {"type": sql_type, "value": value.isoformat(sep=" ")}
    if isinstance(value, date):
        return {"type": "DATE", "value": value.isoformat()}
    if isinstance(value, str):
        return {"type": "VARCHAR", "value": value}
    if value is None:
        return {"type": "VARCHAR", "value": None}
    raise TypeError(f"parameter {name} has no SQL type: {type(value).__name__}")


def dump_partition(p: Partition | None) -> Json | None:
    """Return the partition's parts."""
    if p is None:
        return None
    return {
        "columns": [[c.name, c.type, c.formatter] for c in p.columns],
        "grain": p.grain.value,
        "null": p.null_policy.value,
    }


def load_partition(d: Json | None) -> Partition | None:
    """Return the partition of `dump_partition`."""
    if d is None:
        return None
    columns = tuple(PartitionColumn(name=n, type=t, formatter=f) for n, t, f in d["columns"])
    return Partition(columns=columns, grain=Grain(d["grain"]), null_policy=NullPolicy(d["null"]))


def dump_file(f: SourceFile) -> list[Any]:
    """Return the source file's parts."""
    return [f.path, f.size, f.mtime_ns, f.inode, f.sha256]


def load_file(d: list[Any]) -> SourceFile:
    """Return the source file of `dump_file`."""
    return SourceFile(path=d[0], size=d[1], mtime_ns=d[2], inode=d[3], sha256=d[4])


# --- parse, describe --------------------------------------------------------------------------------------------


def dump_parsed(p: Parsed) -> Json:
    """Return what the parser found."""
    return {
        "tables": None if p.tables is None else list(p.tables),
        "literals": list(p.literals),
        "params": list(p.params),
        "functions": list(p.functions),
        "volatile": list(p.volatile),
        "canonical": p.canonical,
    }


def load_parsed(d: Json) -> Parsed:
    """Return the answer of `dump_parsed`."""
    return Parsed(
        tables=None if d["tables"] is None else tuple(d["tables"]),
        literals=tuple(d["literals"]),
        params=tuple(d["params"]),
        functions=tuple(d["functions"]),
        volatile=tuple(d["volatile"]),
        canonical=d["canonical"],
    )


def dump_describe(r: DescribeRequest) -> Json:
    """Return one request of a describe batch."""
    return {
        "query": r.query,
        "zone": r.zone,
        "relations": [dump_relation(x) for x in r.relations],
        "sources": [dump_source(s) for s in r.sources],
        "params": dump_params(r.params),
        "publish_as": list(r.publish_as),
        "declared": [list(pair) for pair in r.declared],
    }


def load_describe(d: Json) -> DescribeRequest:
    """Return the request of `dump_describe`; parameters stay tagged."""
    return DescribeRequest(
        query=d["query"],
        zone=d["zone"],
        relations=tuple(load_relation(x) for x in d["relations"]),
        sources=tuple(load_source(s) for s in d["sources"]),
        params=d["params"],
        publish_as=tuple(d["publish_as"]),
        declared=tuple((name, sql_type) for name, sql_type in d["declared"]),
    )


def dump_description(d: Description) -> Json:
    """Return a description."""
    return {"columns": [dump_column(c) for c in d.columns]}


def load_description(d: Json) -> Description:
    """Return the description of `dump_description`."""
    return Description(columns=tuple(load_column(c) for c in d["columns"]))


# --- stage ------------------------------------------------------------------------------------------------------


def dump_stage(r: StageRequest) -> Json:
    """Return a stage request."""
    return {
        "query": r.query,
        "zone": r.zone,
        "columns": [dump_column(c) for c in r.columns],
        "partition": dump_partition(r.partition),
        "relations": [dump_relation(x) for x in r.relations],
        "sources": [dump_source(s) for s in r.sources],
        "slices": [[s.interval.start, s.interval.end, list(s.values)] for s in r.slices],
        "statements": [list(pair) for pair in r.statements],
        "params": [dump_params(p) for p in r.params],
        "rewrites": [wire_rewrite.dump_rewrite(one) for one in r.rewrites],
        "folder": r.folder,
        "file_prefix": r.file_prefix,
        "target_rows": r.target_rows,
        "target_bytes": r.target_bytes,
        "null_policy": r.null_policy.value,
        "on_empty": r.on_empty.value,
        "known": [dump_file(f) for f in r.known],
    }


def load_stage(d: Json) -> StageRequest:
    """Return the request of `dump_stage`; parameters stay tagged."""
    return StageRequest(
        query=d["query"],
        zone=d["zone"],
        columns=tuple(load_column(c) for c in d["columns"]),
        partition=load_partition(d["partition"]),
        relations=tuple(load_relation(x) for x in d["relations"]),
        sources=tuple(load_source(s) for s in d["sources"]),
        slices=tuple(Slice(interval=Interval(a, b), values=tuple(v)) for a, b, v in d["slices"]),
        statements=tuple((a, b) for a, b in d["statements"]),
        params=tuple(d["params"]),
        rewrites=tuple(wire_rewrite.load_rewrite(one) for one in d["rewrites"]),
        folder=d["folder"],
        file_prefix=d["file_prefix"],
        target_rows=d["target_rows"],
        target_bytes=d["target_bytes"],
        null_policy=NullPolicy(d["null_policy"]),
        on_empty=EmptyPolicy(d["on_empty"]),
        known=tuple(load_file(f) for f in d["known"]),
    )


def dump_stats(s: ColumnStats) -> list[Any]:
    """Return the statistics of one column."""
    return [s.field_id, s.bytes, s.value_count, s.null_count, s.min, s.max, s.contains_nan]


def load_stats(d: list[Any]) -> ColumnStats:
    """Return the statistics of `dump_stats`."""
    return ColumnStats(
        field_id=d[0], bytes=d[1], value_count=d[2], null_count=d[3], min=d[4], max=d[5], contains_nan=d[6]
    )


def dump_staged_file(f: StagedFile) -> list[Any]:
    """Return a staged file."""
    return [f.path, f.rows, f.bytes, f.footer_bytes, f.sha256, [dump_stats(c) for c in f.stats]]


def load_staged_file(d: list[Any]) -> StagedFile:
    """Return the file of `dump_staged_file`."""
    path, rows, size, footer, sha, stats = d
    return StagedFile(
        path=path, rows=rows, bytes=size, footer_bytes=footer, sha256=sha, stats=tuple(map(load_stats, stats))
    )


def dump_staged(s: Staged) -> Json:
    """Return what an attempt made."""
    return {
        "files": [dump_staged_file(f) for f in s.files],
        "intervals": [
            [i.interval.start, i.interval.end, i.file, i.row_start, i.rows, i.fingerprint] for i in s.intervals
        ],
        "rewritten": [dump_staged_file(f) for f in s.rewritten],
        "sources": [dump_file(f) for f in s.sources],
        "rows": s.rows,
        "seconds": s.seconds,
    }


def load_staged(d: Json) -> Staged:
    """Return the answer of `dump_staged`."""
    return Staged(
        files=tuple(load_staged_file(f) for f in d["files"]),
        intervals=tuple(
            StagedInterval(interval=Interval(a, b), file=file, row_start=at, rows=rows, fingerprint=fingerprint)
            for a, b, file, at, rows, fingerprint in d["intervals"]
        ),
        rewritten=tuple(load_staged_file(f) for f in d["rewritten"]),
        sources=tuple(load_file(f) for f in d["sources"]),
        rows=d["rows"],
        seconds=d["seconds"],
    )


# --- measure ----------------------------------------------------------------------------------------------------


def dump_measure(r: MeasureRequest) -> Json:
    """Return a measure request."""
    return {
        "path": r.path,
        "columns": [dump_column(c) for c in r.columns],
        "ranges": [list(pair) for pair in r.ranges],
        "zone": r.zone,
        "partition": dump_partition(r.partition),
        "intervals": [[i.start, i.end] for i in r.intervals],
        "sha256": r.sha256,
    }


def load_measure(d: Json) -> MeasureRequest:
    """Return the request of `dump_measure`."""
    return MeasureRequest(
        path=d["path"],
        columns=tuple(load_column(c) for c in d["columns"]),
        ranges=tuple((a, b) for a, b in d["ranges"]),
        zone=d["zone"],
        partition=load_partition(d["partition"]),
        intervals=tuple(Interval(a, b) for a, b in d["intervals"]),
        sha256=d["sha256"],
    )


def dump_measured(m: Measured) -> Json:
    """Return what a file holds."""
    return {
        "rows": m.rows,
        "bytes": m.bytes,
        "footer_bytes": m.footer_bytes,
        "sha256": m.sha256,
        "fingerprints": list(m.fingerprints),
        "stats": [dump_stats(s) for s in m.stats],
        "strays": list(m.strays),
    }


def load_measured(d: Json) -> Measured:
    """Return the answer of `dump_measured`."""
    return Measured(
        rows=d["rows"],
        bytes=d["bytes"],
        footer_bytes=d["footer_bytes"],
        sha256=d["sha256"],
        fingerprints=tuple(d["fingerprints"]),
        stats=tuple(load_stats(s) for s in d["stats"]),
        strays=tuple(d["strays"]),
    )
