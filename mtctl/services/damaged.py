"""Floor 3. Which file is behind an error of the engine: a reader hears of the table, the file and the way out.

The engine names a file in some of its messages and none in others. So where one may be damaged, those that were read
are looked at: first their size and end, then, where the message speaks of broken Parquet, their checksums.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.ports.engine import QueryResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mtctl.ports.files import DataFile, Lake
    from mtctl.ports.store import Store

    _Chunk = list[list[str | None]]

_CODES = frozenset({"query_failed", "source_unreadable", "engine_broken", "runner_crashed"})
_BROKEN = re.compile(
    r"parquet|TProtocol|thrift|don't know what type|decompress|magic bytes|corrupt|failed to read|page header|encoding",
    re.IGNORECASE,
)
MOST_BYTES = 4 << 30
"""How much is read at most to find a changed byte: half a minute of disk."""


def explained(
    error: MtctlError, store: Store, lake: Lake, tables: Iterable[str], snapshot_id: int | None
) -> MtctlError:
    """Return `file_damaged` (ENGINE) where a file of these tables is, else the error itself."""
    if error.code not in _CODES:
        return error
    with store.read() as view:
        files = [
            (table.definition.name, file)
            for table in view.tables(sorted(set(tables)))
            for file in view.data_files(table.table_id, snapshot_id)
        ]
    found, deep = next(_damaged(files, lake, deep=False), None), False
    if found is None and _BROKEN.search(error.what):
        found, deep = next(_damaged(files, lake, deep=True), None), True
    if found is None:
        return error
    name, file, detail = found
    return MtctlError(
        "file_damaged",
        f"a file of table {name} {detail}",
        kind=Kind.ENGINE,
        where=file.path,
        fix=f"`mtctl lake repair{' --deep' if deep else ''}`, then `mtctl refresh {name}`",
        details={"table": name, "path": file.path, "engine": error.what},
    )


def _damaged(
    files: Iterable[tuple[str, DataFile]], lake: Lake, *, deep: bool
) -> Iterator[tuple[str, DataFile, str]]:
    left = MOST_BYTES
    for name, file in files:
        left -= file.bytes if deep else 0
        if left < 0:
            return
        sha256 = file.sha256 if deep else None
        found = lake.examine(file.path, size=file.bytes, footer=file.footer_bytes, sha256=sha256)
        if found is not None:
            yield name, file, found[1]


def told(start: Callable[[], QueryResult], explain: Callable[[MtctlError], MtctlError]) -> QueryResult:
    """Start a query; errors of its start and of its rows are explained."""
    try:
        result = start()
    except MtctlError as error:
        raise explain(error) from None
    return QueryResult(columns=result.columns, types=result.types, chunks=_explained(result.chunks, explain))


def _explained(chunks: Iterator[_Chunk], explain: Callable[[MtctlError], MtctlError]) -> Iterator[_Chunk]:
    try:
        yield from chunks
    except MtctlError as error:
        raise explain(error) from None
