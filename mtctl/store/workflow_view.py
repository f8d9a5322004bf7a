"""Floor 2. Reads of workflows, their fires and queues, and of notices.

What makes values of their rows is imported where there is a row: most looks at a project find nothing due.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, IntervalSet
from mtctl.store.turns import pick
from mtctl.store.work_view import WorkView, task_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.notices import NoticeRow
    from mtctl.ports.rewinding import Ahead
    from mtctl.ports.work import EventRow, InstanceRow, TaskRow
    from mtctl.ports.workflows import OpenInstance, QueueRow, SkippedFires, WorkflowRow
    from mtctl.store.session import Row


class WorkflowView(WorkView):
    """The part of `ports.View` about what fires, what waits for its turn, and what is to be told."""

    # --- workflows ----------------------------------------------------------------------------------------------

    def workflows(self, names: Sequence[str] | None = None, *, counts: bool = False) -> list[WorkflowRow]:
        """Return live workflows by name; of `names` only those that exist; with `counts` their instances by state."""
        if names is None:
            found = self.session.rows("workflows.workflows")
        else:
            found = self.session.rows("workflows.workflows_named", {"names": json.dumps(list(names))})
        return self._workflows(found, counts=counts)

    def due_workflows(self, now: Instant, limit: int) -> list[WorkflowRow]:
        """Return enabled workflows whose `due_at` has come, the longest due first."""
        return self._workflows(self.session.rows("workflows.due", {"now": now, "limit": limit}), counts=False)

    def next_due(self) -> Instant | None:
        """Return the earliest `due_at` of an enabled workflow."""
        found: Instant | None = self.session.value("workflows.next_due")
        return found

    def open_instances(self, workflow_id: int) -> list[OpenInstance]:
        """Return the instances of a workflow that have not ended, oldest first."""
        found = self.session.rows("workflows.open_instances", {"workflow_id": workflow_id})
        if not found:
            return []
        from mtctl.store.workflow_rows import open_instance  # noqa: PLC0415 - only where there is a row

        return [open_instance(row) for row in found]

    def fired(self, workflow_id: int, fire_from: Instant, fire_to: Instant) -> list[InstanceRow]:
        """Return the scheduled instances of a workflow with `fire_from` <= fire_at < `fire_to`, by logical date."""
        asked = {"workflow_id": workflow_id, "from": fire_from, "to": fire_to}
        return self.instance_rows(self.session.rows("views.fired", asked))

    def history(self, workflow_id: int, limit: int) -> tuple[list[InstanceRow], list[SkippedFires]]:
        """Return the newest instances of a workflow, and its newest skipped fires."""
        from mtctl.store.workflow_rows import skipped_fires  # noqa: PLC0415 - for this question only

        asked = {"workflow_id": workflow_id, "limit": limit}
        skipped = [skipped_fires(row) for row in self.session.rows("workflows.skipped", asked)]
        return self.instance_rows(self.session.rows("views.instances_of_workflow", asked)), skipped

    def workflow_versions(self, workflow_id: int) -> list[tuple[int, WorkflowDefinition, Instant]]:
        """Return all versions of a workflow, oldest first."""
        from mtctl.store.workflows import decode  # noqa: PLC0415 - for this question only

        found = self.session.rows("workflows.versions", {"workflow_id": workflow_id})
        return [(version, decode(text), created_at) for version, text, created_at in found]

    def applied_workflow_files(self) -> dict[str, tuple[int, str, int | None, int | None]]:
        """Return by file: workflow id, sha256, size, mtime_ns of what was applied from it."""
        found = self.session.rows("workflows.applied_files")
        return {file: (one, sha or "", size, mtime) for file, one, sha, size, mtime in found}

    # --- instances and tasks ------------------------------------------------------------------------------------

    def instance_by_key(self, key: str) -> InstanceRow | None:
        """Return the instance that was made with an idempotency key."""
        found = self.instance_rows(self.session.rows("views.instance_by_key", {"key": key}))
        return found[0] if found else None

    def instances_by_id(self, instance_ids: Iterable[int]) -> dict[int, InstanceRow]:
        """Return instances by id."""
        asked = {"ids": json.dumps(list(instance_ids))}
        return {one.instance_id: one for one in self.instance_rows(self.session.rows("views.instances_by_id", asked))}

    def waiting_instances(self, fire_before: Instant, limit: int) -> list[InstanceRow]:
        """Return open instances of workflows with `fire_at` before an instant that have not begun, oldest first."""
        asked = {"before": fire_before, "limit": limit}
        return self.instance_rows(self.session.rows("views.waiting_instances", asked))

    def next_task(self, instance_id: int | None) -> TaskRow | None:
        """Return the task that `claim` would take now: of one instance, or of any ownerless one."""
        task_id = pick(self.session, instance_id)
        if task_id is None:
            return None
        found = task_rows(self.session.rows("views.task", {"task_id": task_id}))
        return found[0] if found else None

    def pending_tasks(self, instance_id: int | None, limit: int) -> list[TaskRow]:
        """Return pending tasks in the order of their turn, ready or not; of one instance or of all."""
        if instance_id is None:
            return task_rows(self.session.rows("views.pending", {"limit": limit}))
        asked = {"instance_id": instance_id, "limit": limit}
        return task_rows(self.session.rows("views.pending_of_instance", asked))

    def next_ready(self) -> Instant | None:
        """Return the earliest `ready_at` of a pending task that nobody owns."""
        found: Instant | None = self.session.value("turns.next_ready")
        return found

    def open_intervals(self, table_id: int) -> IntervalSet:
        """Return what the open tasks of a table are going to do."""
        from mtctl.store.rows import intervals  # noqa: PLC0415 - not for commands that only look

        found = self.session.rows("work.open_intervals", {"table_id": table_id})
        return IntervalSet.of(one for (text,) in found for one in intervals(text) or EMPTY)

    def cancel_requested(self, task_id: int) -> bool:
        """Return whether somebody asked for the end of a task or of its instance."""
        return bool(self.session.value("work.cancel_requested", {"task_id": task_id}))

    # --- queues -------------------------------------------------------------------------------------------------

    def queues(self) -> list[QueueRow]:
        """Return all queues by name."""
        from mtctl.store.workflow_rows import queue  # noqa: PLC0415 - for this question only

        asked = {"boot_id": self.session.boot_id, "boottime": self.session.boottime, "now": self.now}
        return [queue(row) for row in self.session.rows("queues.queues", asked)]

    def queue_limits(self, name: str) -> tuple[str | None, int | None]:
        """Return memory and threads of the runners that work for a queue, None where it leaves them to the project."""
        found = self.session.row("queues.limits", {"name": name})
        return (None, None) if found is None else (found[0], found[1])

    # --- time ---------------------------------------------------------------------------------------------------

    def last_now(self) -> Instant:
        """Return the greatest time ever written, to the minute."""
        found: Instant = self.session.value("leases.last_now")
        return found

    def ahead(self, now: Instant, after: Instant) -> Ahead:
        """Return what lies ahead of now: open tasks that wait longer than until `after`, and scheduled instances."""
        from mtctl.ports.rewinding import Ahead  # noqa: PLC0415 - for this question only

        tasks, instances = self.session.row("rewind.ahead", {"now": now, "after": after}) or (0, 0)
        return Ahead(tasks=tasks, instances=instances)

    # --- notices ------------------------------------------------------------------------------------------------

    def events_after(self, event_id: int, limit: int) -> list[EventRow]:
        """Return the oldest events with a greater id, by id."""
        found = self.session.rows("notices.events_after", {"event_id": event_id, "limit": limit})
        if not found:
            return []
        from mtctl.store.work_rows import event  # noqa: PLC0415 - only where there is a row

        return [event(row) for row in found]

    def last_event(self) -> int:
        """Return the id of the newest event, 0 where there is none."""
        return int(self.session.value("notices.last_event"))

    def notice_mark(self, name: str) -> int | None:
        """Return how far a reader of the events has come, None where it never looked."""
        found: int | None = self.session.value("notices.mark", {"name": name})
        return found

    def due_notices(self, now: Instant, limit: int) -> list[NoticeRow]:
        """Return notices whose `next_at` has come, the longest due first."""
        found = self.session.rows("notices.due", {"now": now, "limit": limit})
        if not found:
            return []
        from mtctl.store.workflow_rows import notice  # noqa: PLC0415 - only where there is a row

        return [notice(row) for row in found]

    def _workflows(self, found: list[Row], *, counts: bool) -> list[WorkflowRow]:
        if not found:
            return []
        from mtctl.store.workflow_rows import instance_state, workflow  # noqa: PLC0415 - only where there is a row

        counted: dict[int, list[tuple[InstanceState, int]]] = {}
        if counts:
            asked = {"ids": json.dumps([row[0] for row in found])}
            for workflow_id, state, count in self.session.rows("workflows.counts", asked):
                counted.setdefault(workflow_id, []).append((instance_state(state), count))
        return [workflow(row, tuple(counted.get(row[0], ()))) for row in found]
