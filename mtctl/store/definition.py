"""Floor 2. A table definition as JSON and back, without loss.

Values that equal the default are left out: a thousand definitions must be read within a few dozen milliseconds.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import Grain
from mtctl.core.model import (
    Column,
    EmptyPolicy,
    Mode,
    NullPolicy,
    Origin,
    Partition,
    PartitionColumn,
    RangeKind,
    Read,
    Source,
    TableDefinition,
)
from mtctl.core.table_view import Outline
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.store.session import Row

Json = dict[str, Any]

_PLAIN = ("comment", "start", "end", "refresh_mode", "freshness", "schedule", "batch")
_ORIGINS = {origin.value: origin for origin in Origin}
_MODES = {mode.value: mode for mode in Mode}
_EMPTIES = {policy.value: policy for policy in EmptyPolicy}
_RANGES = {kind.value: kind for kind in RangeKind}


def encode(definition: TableDefinition) -> str:
    """Return the definition as JSON; equal definitions give equal texts."""
    document: Json = {
        "name": definition.name,
        "ddl": definition.ddl,
        "query": definition.query,
        "fingerprint": definition.fingerprint,
        "mode": definition.mode.value,
        "columns": [_column_json(column) for column in definition.columns],
        "zone": definition.zone,
    }
    document |= {key: value for key in _PLAIN if (value := getattr(definition, key)) is not None}
    document |= _lists_json(definition)
    if definition.partition is not None:
        document["partition"] = _partition_json(definition.partition)
    if not definition.auto:
        document["auto"] = False
    if definition.open:
        document["open"] = True
    if definition.delay:
        document["delay"] = definition.delay
    if definition.on_empty is not EmptyPolicy.CLEAR:
        document["on_empty"] = definition.on_empty.value
    if definition.content:
        document["content"] = definition.content
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> TableDefinition:
    """Return the definition that `encode` wrote."""
    return _definition(json.loads(text))


def decode_all(texts: Iterable[str]) -> list[TableDefinition]:
    """Return the definitions of many texts: parsed as one array, which spares a call and its keys for each."""
    return [_definition(document) for document in json.loads(f"[{','.join(texts)}]")]


def outlines(rows: Iterable[Row]) -> list[Outline]:
    """Return the outlines of rows (table id, name, origin, file, the outline that `tables.add_version` extracted)."""
    listed = list(rows)
    parts = json.loads(f"[{','.join([row[4] for row in listed])}]")
    return [_outline(row, *part) for row, part in zip(listed, parts, strict=True)]


def _outline(  # noqa: PLR0913, PLR0917 - the order of `tables.add_version`
    row: Row,
    mode: str,
    zone: str,
    partition: Json | None,
    start: int | None,
    end: int | None,
    delay: int | None,
    begun: bool | None,  # noqa: FBT001 - the order of `tables.add_version`
    schedule: str | None,
    freshness: str | None,
    comment: str | None,
    tags: list[list[str]] | None,
) -> Outline:
    table_id, name, origin, file, _ = row
    return Outline(
        table_id=table_id,
        name=name,
        origin=_ORIGINS[origin],
        file=file,
        mode=_MODES[mode],
        zone=zone,
        partition=_partition(partition),
        start=start,
        end=end,
        delay=delay or 0,
        open=bool(begun),
        schedule=schedule,
        freshness=freshness,
        comment=comment,
        tags=_pairs(tags or ()),
    )


def _definition(document: Json) -> TableDefinition:
    get = document.get
    return TableDefinition(
        name=document["name"],
        ddl=document["ddl"],
        query=document["query"],
        fingerprint=document["fingerprint"],
        mode=_MODES[document["mode"]],
        columns=tuple([_column(*part) for part in document["columns"]]),
        zone=document["zone"],
        partition=_partition(get("partition")),
        primary_key=tuple(get("primary_key", ())),
        comment=get("comment"),
        start=get("start"),
        end=get("end"),
        refresh_mode=get("refresh_mode"),
        freshness=get("freshness"),
        schedule=get("schedule"),
        reads=tuple([_read(part) for part in get("reads", ())]),
        sources=tuple([_source(part) for part in get("sources", ())]),
        params=tuple(get("params", ())),
        volatile=tuple(get("volatile", ())),
        auto=get("auto", True),
        open=get("open", False),
        delay=get("delay", 0),
        batch=get("batch"),
        on_empty=_EMPTIES[get("on_empty", "clear")],
        tags=_pairs(get("tags", ())),
        options=_pairs(get("options", ())),
        content=get("content", ""),
    )


def _lists_json(definition: TableDefinition) -> Json:
    lists: Json = {
        "primary_key": definition.primary_key,
        "reads": [[read.table, read.kind.value, read.before, read.after, read.wait] for read in definition.reads],
        "sources": [_source_json(source) for source in definition.sources],
        "params": definition.params,
        "volatile": definition.volatile,
        "tags": definition.tags,
        "options": definition.options,
    }
    return {key: value for key, value in lists.items() if value}


def _column_json(column: Column) -> list[Any]:
    core = [column.name, column.type, column.stored_type, column.lake_type, column.field_id, column.nullable]
    return core if not column.note and column.comment is None else [*core, column.note, column.comment]


@lru_cache(maxsize=4096)  # tables share their key columns: equal frozen values are made once
def _column(  # noqa: PLR0913, PLR0917 - the order of `_column_json`
    name: str,
    kind: str,
    stored_type: str,
    lake_type: str,
    field_id: int,
    nullable: bool,  # noqa: FBT001 - the order of `_column_json`
    note: str = "",
    comment: str | None = None,
) -> Column:
    return Column(
        name=name,
        type=kind,
        stored_type=stored_type,
        lake_type=lake_type,
        field_id=field_id,
        nullable=nullable,
        note=note,
        comment=comment,
    )


def _partition_json(partition: Partition) -> Json:
    columns = [[column.name, column.type, column.formatter] for column in partition.columns]
    return {"columns": columns, "grain": partition.grain.value, "nulls": partition.null_policy.value}


def _partition(part: Json | None) -> Partition | None:
    if part is None:
        return None
    return _shared_partition(tuple(map(tuple, part["columns"])), part["grain"], part["nulls"])


@lru_cache(maxsize=1024)  # many tables have the same partition
def _shared_partition(columns: tuple[tuple[str, str, str | None], ...], grain: str, nulls: str) -> Partition:
    return Partition(
        columns=tuple(PartitionColumn(name=name, type=kind, formatter=formatter) for name, kind, formatter in columns),
        grain=Grain(grain),
        null_policy=NullPolicy(nulls),
    )


def _read(part: list[Any]) -> Read:
    table, kind, before, after, wait = part
    return Read(table=table, kind=_RANGES[kind], before=before, after=after, wait=wait)


def _source_json(source: Source) -> list[Any]:
    kind = [source.kind] if source.kind != "files" else []
    return [source.text, source.paths, source.restate, source.version, *kind]


def _source(part: list[Any]) -> Source:
    if len(part) == 5:
        return replace(_source(part[:4]), kind=part[4])
    text, paths, restate, version = part
    return _shared_source(text, tuple(paths), restate, version)


@lru_cache(maxsize=1024)  # many tables read the same files
def _shared_source(text: str, paths: tuple[str, ...], restate: bool, version: str | None) -> Source:  # noqa: FBT001 - the order of `_lists_json`
    return Source(text=text, paths=paths, restate=restate, version=version)


def _pairs(parts: list[list[str]] | tuple[()]) -> tuple[tuple[str, str], ...]:
    return tuple([(key, value) for key, value in parts])
