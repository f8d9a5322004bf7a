"""Floor 2. The append-only log: one line with each change, written by the transaction that makes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtctl.store.session import Session


def add_event(
    session: Session,
    kind: str,
    *,
    table_id: int | None = None,
    instance_id: int | None = None,
    task_id: int | None = None,
    attempt_id: int | None = None,
    **detail: Any,
) -> None:
    """Write one event at the transaction's time; `detail` must be JSON."""
    bindings = {
        "now": session.now,
        "kind": kind,
        "table_id": table_id,
        "instance_id": instance_id,
        "task_id": task_id,
        "attempt_id": attempt_id,
        "detail": json.dumps(detail, ensure_ascii=False) if detail else "{}",
    }
    session.run("work.add_event", bindings)
