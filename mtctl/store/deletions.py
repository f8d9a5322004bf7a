"""Floor 2. What other clients have deleted from data files, at one snapshot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.ports.damage import Deletion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.store.session import Session


def deletions(session: Session, lake_table_ids: Iterable[int], snapshot_id: int) -> list[Deletion]:
    """Return what is deleted of these lake tables at a snapshot; most often nothing."""
    asked = {"lake_table_ids": json.dumps(list(lake_table_ids)), "snapshot": snapshot_id}
    data_path = session.data_path()
    return [
        Deletion(
            lake_table_id=lake_table_id,
            data=f"{data_path}{folder}{data}" if data_relative else data,
            path=f"{data_path}{folder}{path}" if relative else path,
            is_partial=bool(partial),
            is_odd=bool(odd),
        )
        for lake_table_id, data, data_relative, path, relative, folder, partial, odd in session.rows(
            "deletions.at", asked
        )
    ]
