"""Floor 3. The versions of a table: which snapshots changed it, and what each of them did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import one_name
from mtctl.core.table_calendar import calendar_of
from mtctl.services.changes import fresh_text
from mtctl.services.naming import unknown_table
from mtctl.services.reports.versions import Version, Versions

if TYPE_CHECKING:
    from mtctl.core.model import TableDefinition
    from mtctl.ports.history import PastRefresh, PastVersion
    from mtctl.ports.store import Store

OWN = "mtctl"
"""The author of every snapshot that mtctl writes."""

_BESIDE = 'created_table:"_mtctl"'
"""What a snapshot says that makes the lake table of a new version, in the schema of those that nobody sees yet."""


class History:
    """Answers `table history`."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store = store

    def versions(self, name: str, limit: int) -> Versions:
        """Return the newest versions of a table that bears a name, or bore it last; error `table_unknown`."""
        with self._store.read() as view:
            past = view.past()
            table_id = past.bearer(one_name(name))
            if table_id is None:
                raise unknown_table(one_name(name), [outline.name for outline in view.outlines()])
            definition = past.definition(table_id)
            found = past.versions(table_id, limit + 1)
        told = tuple(_version(version, definition) for version in found[:limit])
        return Versions(table=definition.name, versions=told, more=len(found) > limit)


def _version(found: PastVersion, definition: TableDefinition) -> Version:
    what, detail = _what(found, definition)
    refresh = found.refresh
    return Version(
        snapshot_id=found.moment.snapshot_id,
        at=found.moment.at,
        what=what,
        detail=detail,
        intervals=None if refresh is None else refresh.intervals,
        rows_added=None if refresh is None else refresh.rows,
        rows_removed=found.rows_gone if refresh is not None or found.rows_gone else None,
        instance=None if refresh is None else refresh.instance,
        attempt=None if refresh is None else refresh.attempt,
        author=found.author,
        message=found.message,
    )


def _what(found: PastVersion, definition: TableDefinition) -> tuple[str, str]:
    """Return the kind of a version and its words; what happened to the table itself comes before its rows."""
    if found.author != OWN:
        return "foreign", ", ".join(found.words)
    if found.names_began or found.names_ended:
        return _of_names(found)
    if any(word.startswith(_BESIDE) for word in found.words):
        return "rebuild", "begun beside the version that is shown"
    if found.refresh is not None:
        return "refresh", _refreshed(found.refresh, definition)
    if any(word.startswith("merge_adjacent:") for word in found.words):
        return "compaction", "no row changed"
    columns = _columns(found)
    return ("columns", columns) if columns else ("change", found.message or ", ".join(found.words))


def _of_names(found: PastVersion) -> tuple[str, str]:
    began, ended = dict(found.names_began), dict(found.names_ended)
    both = began.keys() & ended.keys()
    renamed = [(ended[lake], began[lake]) for lake in both if ended[lake] != began[lake]]
    if renamed:
        columns = _columns(found)
        return "rename", f"from {renamed[0][0]} to {renamed[0][1]}" + (f"; {columns}" if columns else "")
    if began and ended:
        return "rebuild", "the new version is shown"
    if not began:
        return "drop", ""
    undropped = (found.message or "").startswith("undrop")
    return ("undrop", f"as {next(iter(began.values()))}") if undropped else ("create", "")


def _columns(found: PastVersion) -> str:
    began, ended = dict(found.columns_began), dict(found.columns_ended)
    parts = [f"+{name} {kind}" for name, kind in began.items() if name not in ended]
    parts += [f"−{name}" for name in ended if name not in began]
    parts += [f"{name} {ended[name]} → {began[name]}" for name in began if ended.get(name, began[name]) != began[name]]
    return ", ".join(parts)


def _refreshed(refresh: PastRefresh, definition: TableDefinition) -> str:
    """Return which intervals were refreshed, as far as the ledger still knows them."""
    if calendar_of(definition) is None or not refresh.spans:
        return f"{refresh.intervals:,} intervals" if refresh.intervals > 1 else "the whole table"
    return fresh_text(definition, refresh.spans)
