"""Floor 2. The append-only log: one line with each change, written by the transaction that makes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.store.session import Session

_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: a line is written with every change


def add_event(  # noqa: PLR0913 - the columns of one line, all named
    session: Session,
    kind: str,
    *,
    actor: str = "",
    table_id: int | None = None,
    workflow_id: int | None = None,
    instance_id: int | None = None,
    task_id: int | None = None,
    attempt_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """Write one event at the transaction's time; `actor` is the user who asked for it.

    `detail` and what else is named must be JSON.
    """
    bindings = {
        "now": session.now,
        "kind": kind,
        "actor": actor,
        "table_id": table_id,
        "workflow_id": workflow_id,
        "instance_id": instance_id,
        "task_id": task_id,
        "attempt_id": attempt_id,
        "detail": _encode({**(detail or {}), **more}) if detail or more else "{}",
    }
    session.run("work.add_event", bindings)
