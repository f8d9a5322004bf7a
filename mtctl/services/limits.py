"""Floor 3. What a task's runner may use: what the task or its workflow says, else its queue, else the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.sizes import bytes_of
from mtctl.core.workflow import TaskKind
from mtctl.core.workflow_settings import settings_of

if TYPE_CHECKING:
    from mtctl.ports.changes import Claimed
    from mtctl.ports.engine import Engine
    from mtctl.ports.store import Store

_WITH_RUNNER = frozenset({TaskKind.REFRESH, TaskKind.SQL})


class Limits:
    """Sets the limits of one runner before each task."""

    def __init__(self, store: Store, engine: Engine) -> None:
        """Keep the ports."""
        self._store = store
        self._engine = engine

    def set(self, claimed: Claimed) -> None:
        """Let the runner use what this task may; a task that says nothing gets what the runner was started with."""
        if claimed.task.kind not in _WITH_RUNNER:
            return
        wanted = settings_of(_settings(claimed))
        with self._store.read() as view:
            memory, threads = view.queue_limits(claimed.task.queue)
        text = wanted.memory or memory
        self._engine.limit(bytes_of(text) if text else None, wanted.threads or threads)

    def lift(self) -> None:
        """Let the runner use again what it was started with."""
        self._engine.limit(None, None)


def _settings(claimed: Claimed) -> list[tuple[str, str]]:
    """Return the execution options: those of the workflow's task, or of the table that is refreshed by hand."""
    given = [(str(name), str(value)) for name, value in claimed.spec.get("settings", ())]
    if given or claimed.table_or_none is None:
        return given
    options = claimed.table_or_none.definition.options
    return [(name, value) for name, value in options if name.startswith("execution.")]
