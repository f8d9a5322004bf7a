"""Floor 2. Reads of instances, tasks, attempts, holders and events.

What makes values of their rows is imported where there is a row: most looks at a project find nothing running.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.states import TaskState

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow
    from mtctl.store.session import Row, Session


class WorkView:
    """The part of `ports.View` about what runs and what ran."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session
        self.now = session.now

    def running(self) -> dict[int, TaskRow]:
        """Return the running task by table id, with the words of its holder."""
        return {one.table_id: one for one in task_rows(self.session.rows("views.running")) if one.table_id is not None}

    def is_open(self, instance_id: int) -> bool:
        """Return whether anything of an instance has not ended."""
        return self.session.value("turns.is_open", {"instance_id": instance_id}) is not None

    def held_up(self, instance_id: int) -> tuple[str, str] | None:
        """Return the first pending task whose table somebody refreshes, and who does, in words; None without one."""
        found: tuple[str, str] | None = self.session.row("turns.held_up", {"instance_id": instance_id})
        return found

    def instances(
        self,
        *,
        limit: int,
        state: str | None,
        table: str | None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: Instant | None = None,
    ) -> list[InstanceRow]:
        """Return the newest instances first; `since` leaves out those that were made before an instant."""
        asked = {"limit": limit, "state": state, "table": table}
        asked |= {"workflow": workflow, "trigger": trigger, "since": since}
        return self.instance_rows(self.session.rows("views.instances", asked))

    def instance(self, ulid_prefix: str) -> list[InstanceRow]:
        """Return instances whose ulid begins with the prefix (upper-cased), at most 10."""
        return self.instance_rows(self.session.rows("views.instance_like", {"prefix": ulid_prefix.upper()}))

    def tasks(self, instance_id: int) -> list[TaskRow]:
        """Return the tasks of an instance, by id, with upstream ids."""
        return task_rows(self.session.rows("views.tasks", {"instance_id": instance_id}))

    def attempts(self, instance_id: int) -> list[AttemptRow]:
        """Return the attempts of an instance, by id."""
        from mtctl.store.work_rows import attempt  # noqa: PLC0415 - not for commands that only look

        return [attempt(row) for row in self.session.rows("views.attempts", {"instance_id": instance_id})]

    def events(self, instance_id: int) -> list[EventRow]:
        """Return the events of an instance, by id."""
        from mtctl.store.work_rows import event  # noqa: PLC0415 - not for commands that only look

        return [event(row) for row in self.session.rows("views.events", {"instance_id": instance_id})]

    def holders(self) -> list[HolderInfo]:
        """Return the holders that have not ended."""
        return holders(self.session.rows("leases.holders"))

    def live_attempt_ulids(self) -> set[str]:
        """Return the ulids of attempts without an outcome: their staged files are not strays."""
        return {ulid for (ulid,) in self.session.rows("views.live_attempt_ulids")}

    def instance_rows(self, found: list[Row]) -> list[InstanceRow]:
        """Return the instances of rows, with their tasks counted and what they published."""
        if not found:
            return []
        from mtctl.store.work_rows import instance  # noqa: PLC0415 - only where there is a row

        ids = {"ids": json.dumps([row[0] for row in found])}
        counts: dict[int, list[tuple[TaskState, int]]] = {}
        for instance_id, state, count in self.session.rows("views.counts_by_state", ids):
            counts.setdefault(instance_id, []).append((TaskState(state), count))
        published: dict[int, int | None] = dict(self.session.rows("views.rows_by_instance", ids))
        return [instance(row, counts.get(row[0], ()), published.get(row[0]) or 0) for row in found]


def holders(found: list[Row]) -> list[HolderInfo]:
    """Return the holders of rows."""
    if not found:
        return []
    from mtctl.store.work_rows import holder  # noqa: PLC0415 - only where there is a row

    return [holder(row) for row in found]


def task_rows(found: list[Row]) -> list[TaskRow]:
    """Return the tasks of rows."""
    if not found:
        return []
    from mtctl.store.work_rows import task  # noqa: PLC0415 - only where there is a row

    return [task(row) for row in found]
