"""Floor 2. Commits to the DuckLake catalog: one transaction, at most one snapshot.

The rules behind every row stand in the catalog's specification 1.0; where one was broken in a trial, data was lost:
ids only grow, any schema change raises `schema_version`, times never go back, no table-wide column statistics.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mtctl import __version__
from mtctl.core.names import quote
from mtctl.store.troubles import bug, state_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Instant
    from mtctl.store.session import Session

VERSION = "1.0"
"""The one catalog version that this release writes."""

AUTHOR = "mtctl"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bootstrap(session: Session, *, name: str, data_path: str, uuid: str) -> None:
    """Fill an empty catalog and the project's one row; `data_path` gets the trailing slash that readers need."""
    metadata = {
        "version": VERSION,
        "created_by": f"mtctl {__version__}",
        "data_path": with_slash(data_path),
        "encrypted": "false",
        "data_inlining_row_limit": "0",
    }
    session.run_many("catalog.add_metadata", [{"key": key, "value": value} for key, value in metadata.items()])
    session.run("catalog.add_schema", {"uuid": uuid})
    first = {"snapshot": 0, "time": time_text(session.now), "schema_version": 0}
    session.run("catalog.add_snapshot", first | {"next_catalog_id": 1, "next_file_id": 0})
    changes = {"snapshot": 0, "changes": 'created_schema:"main"', "author": AUTHOR, "message": None, "extra": None}
    session.run("catalog.add_changes", changes)
    session.run(
        "leases.add_project", {"uuid": uuid, "name": name, "now": session.now, "created_by": f"mtctl {__version__}"}
    )


class Commit:
    """One snapshot in the making: ids and changes are collected, `close` writes it if anything visible changed."""

    def __init__(self, session: Session) -> None:
        """Read the newest snapshot inside the transaction; raises `catalog_version` where the catalog is not 1.0."""
        check_version(session)
        head = session.row("catalog.head")
        if head is None:
            raise bug("catalog_empty", "the catalog has no snapshot")
        self.session = session
        self.last: int = head[0]
        self.snapshot: int = self.last + 1
        self._schema_version: int = head[1]
        self._next_catalog_id: int = head[2]
        self._next_file_id: int = head[3]
        self._last_time: str = head[4]
        self._changes: dict[str, None] = {}
        self._altered: dict[int, None] = {}
        self._schema_changed = False

    @property
    def changed(self) -> bool:
        """Whether anything that readers see has changed so far."""
        return bool(self._changes)

    def new_catalog_id(self) -> int:
        """Return the next id of tables, schemas, views and partitions; never given twice."""
        found = self._next_catalog_id
        self._next_catalog_id += 1
        return found

    def new_file_id(self) -> int:
        """Return the next id of data files, delete files and mappings; never given twice."""
        found = self._next_file_id
        self._next_file_id += 1
        return found

    def note(self, change: str) -> None:
        """Add one word of `changes_made`; a second time does nothing."""
        self._changes[change] = None

    def note_schema(self, change: str, table: int | None = None) -> None:
        """Add a change of the schema; `table` is the lake table whose columns or name moved."""
        self.note(change)
        self._schema_changed = True
        if table is not None:
            self._altered[table] = None

    def close(self, *, message: str | None = None, extra: Mapping[str, Any] | None = None) -> int | None:
        """Write the snapshot and return its id; None, and nothing written, where nothing visible changed."""
        if not self._changes:
            return None
        schema_version = self._schema_version + self._schema_changed
        snapshot = {
            "snapshot": self.snapshot,
            "time": time_text(max(self.session.now, instant_of(self._last_time) + 1)),
            "schema_version": schema_version,
            "next_catalog_id": self._next_catalog_id,
            "next_file_id": self._next_file_id,
        }
        self.session.run("catalog.add_snapshot", snapshot)
        changes = {
            "snapshot": self.snapshot,
            "changes": ",".join(self._changes),
            "author": AUTHOR,
            "message": message,
            "extra": None if extra is None else json.dumps(extra),
        }
        self.session.run("catalog.add_changes", changes)
        self.session.run_many(
            "catalog.add_schema_version",
            [{"snapshot": self.snapshot, "schema_version": schema_version, "table": one} for one in self._altered],
        )
        return self.snapshot


def check_version(session: Session) -> None:
    """Raise `catalog_version` (STATE) where another program has migrated the catalog: reading goes on."""
    found = session.value("catalog.metadata", {"key": "version"})
    if found != VERSION:
        what = f"the lake catalog has version {found}, this mtctl writes {VERSION}"
        raise state_error("catalog_version", what, "ducklake_metadata", "use the mtctl that knows this version")


def created_table(schema: str, name: str) -> str:
    """Return the word for a new or renamed table."""
    return f"created_table:{quote(schema)}.{quote(name)}"


def time_text(instant: Instant) -> str:
    """Return an instant as the extension writes it: `2024-01-01 10:00:00.000000+00`."""
    wall = _EPOCH + timedelta(microseconds=instant)
    return wall.isoformat(" ", "microseconds").removesuffix(":00")


def instant_of(text: str) -> Instant:
    """Return the instant of a snapshot's time; texts without an offset are UTC."""
    wall = datetime.fromisoformat(text)
    aware = wall if wall.tzinfo is not None else wall.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def with_slash(data_path: str) -> str:
    """Return the path with exactly one trailing slash: readers join the parts textually."""
    return data_path.rstrip("/") + "/"
