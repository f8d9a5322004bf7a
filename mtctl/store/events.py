"""Floor 2. The append-only log: one line with each change, written by the transaction that makes it."""

from __future__ import annotations

import json
from functools import lru_cache
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


def add_move(  # noqa: PLR0913 - the columns of one line, all named
    session: Session,
    kind: str,
    before: str,
    after: str,
    *,
    table_id: int | None = None,
    instance_id: int | None = None,
    task_id: int | None = None,
    attempt_id: int | None = None,
    **more: str,
) -> None:
    """Write the event of a state that changed; `more` are further words about it. There are few such: kept as text."""
    bindings = {
        "now": session.now,
        "kind": kind,
        "actor": "",
        "table_id": table_id,
        "workflow_id": None,
        "instance_id": instance_id,
        "task_id": task_id,
        "attempt_id": attempt_id,
        "detail": _move_text(before, after, **more),
    }
    session.run("work.add_event", bindings)


@lru_cache(maxsize=256)
def _move_text(before: str, after: str, **more: str) -> str:
    return _encode({"from": before, "to": after, **more})
