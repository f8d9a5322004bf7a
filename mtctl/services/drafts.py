"""Floor 3. A statement on its way to a definition: its parts, its place for errors, its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.errors import MtctlError
    from mtctl.core.keys import TableOptions
    from mtctl.core.model import Partition, Source, TableDefinition
    from mtctl.core.statement import TableStatement
    from mtctl.ports.engine import Parsed


_POSITION = re.compile(r"line (\d+), column (\d+)")
"""How the engine says where in a query something stands (see `Engine.parse`), both from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A statement on its way: its typed options, its rewritten query, what the parser found."""

    statement: TableStatement
    options: TableOptions
    where: str
    query: str
    parsed: Parsed | None = None
    reads: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def placed(error: MtctlError, where: str) -> MtctlError:
    """Return the error with a place, where it has none."""
    if not error.where:
        error.where = where
    return error


def in_file(error: MtctlError, draft: Draft) -> MtctlError:
    """Return an engine's error with its position in the query turned into a position in the file."""
    position = _POSITION.fullmatch(error.where)
    if position is not None:
        line, column = draft.statement.query_position(int(position[1]), int(position[2]))
        error.where = f"{draft.where}:{line}:{column}"
    else:
        error.where = f"{draft.where}: {error.where}" if error.where else draft.where
    return error


def fingerprint_of(definition: TableDefinition, draft: Draft) -> str:
    """Return 32 hex digits that change exactly when the data that the definition yields may change."""
    partition: Partition | None = definition.partition
    parts = {
        "query": draft.parsed.canonical if draft.parsed is not None else definition.query,
        "columns": [(column.name, column.type, column.stored_type) for column in definition.columns],
        "mode": definition.mode,
        "zone": definition.zone,
        "partition": None
        if partition is None
        else [partition.grain, partition.null_policy, [(c.name, c.type, c.formatter) for c in partition.columns]],
        "reads": [(read.table, read.kind, read.before, read.after) for read in definition.reads],
        "sources": [(source.text, source.paths) for source in definition.sources],
        "on_empty": definition.on_empty,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
