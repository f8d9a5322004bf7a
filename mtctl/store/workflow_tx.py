"""Floor 2. The verbs of `ports.Tx` about workflows, fires, queues, waiting tasks and notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import conflict
from mtctl.store import fires, queues, turns, work, workflows
from mtctl.store.events import add_event
from mtctl.store.view import SqliteView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant
    from mtctl.core.states import WorkflowState
    from mtctl.core.workflow import Occasion
    from mtctl.ports.workflows import Fired, Mark, NewWorkflow

_IDS = ("table_id", "workflow_id", "instance_id", "task_id", "attempt_id")


class WorkflowTx(SqliteView):
    """The part of `ports.Tx` about what fires, waits for its turn, and is to be told."""

    # --- workflows ----------------------------------------------------------------------------------------------

    def put_workflow(self, workflow: NewWorkflow) -> int:
        """Put a workflow in force: new, or a new version; return its id. Raises `workflow_exists` (CONFLICT)."""
        return workflows.put_workflow(self.session, workflow)

    def set_workflow_state(self, workflow_id: int, state: WorkflowState, mark: Mark) -> bool:
        """Enable, disable or complete; False when it was so already."""
        return workflows.set_state(self.session, workflow_id, state, mark)

    def drop_workflow(self, workflow_id: int) -> None:
        """Drop a workflow: it fires no more; its versions stay for the instances that ran."""
        workflows.drop_workflow(self.session, workflow_id)

    def touch_workflow_file(self, workflow_id: int, *, file: str, sha256: str, size: int, mtime_ns: int) -> None:
        """Record that a workflow file with the same meaning was seen again."""
        seen = {"workflow_id": workflow_id, "file": file, "sha256": sha256, "size": size, "mtime_ns": mtime_ns}
        self.session.run("workflows.touch_file", seen)

    def fire(self, fired: Fired) -> list[int]:
        """Insert what a look at a schedule makes and move the mark; nothing where somebody was faster."""
        return fires.fire(self.session, fired)

    # --- tasks that wait ----------------------------------------------------------------------------------------

    def postpone(self, task_id: int, *, ready_at: Instant, why: str, waits_for: int | None) -> None:
        """Let a pending task wait until an instant, or until the upstream table it waits for is published."""
        turns.postpone(self.session, task_id, ready_at, why, waits_for)

    def fix_intervals(self, task_id: int, intervals: IntervalSet, count: int) -> None:
        """Write down what a task does, once: every later try does the same."""
        turns.fix_intervals(self.session, task_id, intervals, count)

    def split_task(self, task_id: int, rest: IntervalSet, count: int) -> int:
        """Take `rest` out of a pending task into a new one beside it, with the same edges; return its id."""
        return turns.split_task(self.session, task_id, rest, count)

    # --- queues -------------------------------------------------------------------------------------------------

    def put_queue(self, name: str, *, slots: int, memory: str | None, threads: int | None) -> bool:
        """Create or change a queue; True when it is new."""
        return queues.put_queue(self.session, name, slots=slots, memory=memory, threads=threads)

    def pause_queue(self, name: str, *, paused: bool, why: str) -> bool:
        """Pause or resume; False when it was so already."""
        return queues.pause_queue(self.session, name, paused=paused, why=why)

    def delete_queue(self, name: str) -> None:
        """Delete a queue; raises `queue_in_use` (CONFLICT) while open work or a workflow names it."""
        queues.delete_queue(self.session, name)

    # --- verbs of persons ---------------------------------------------------------------------------------------

    def request_cancel(self, instance_id: int) -> None:
        """Note that an instance is to stop, and cancel its idle tasks."""
        self.session.run("work.request_cancel", {"instance_id": instance_id, "now": self.now})
        work.cancel_idle(self.session, instance_id, "cancel requested")

    def request_task_cancel(self, task_id: int) -> None:
        """Note that a running task is to stop."""
        self.session.run("work.request_task_cancel", {"task_id": task_id, "now": self.now})

    def clear_cancel(self, instance_id: int) -> None:
        """Forget the cancel request of an instance and its tasks: they are about to run again."""
        self.session.run("work.clear_cancel", {"instance_id": instance_id})
        self.session.run("work.clear_task_cancels", {"instance_id": instance_id})

    def set_owner(self, instance_id: int, holder_id: int | None) -> None:
        """Give an instance to a holder that is going to run it; None leaves it, detached, to whoever looks for work."""
        self.session.run("work.set_owner", {"instance_id": instance_id, "holder_id": holder_id})

    def force_tasks(self, task_ids: Iterable[int]) -> None:
        """Let tasks do all of what they are for, fresh or not: a person asked for that again."""
        self.session.run("work.force_tasks", {"ids": json.dumps(list(task_ids))})

    def advance(self, instance_id: int) -> None:
        """Make what follows by itself from the states of an instance's tasks."""
        work.advance_instance(self.session, instance_id)

    def add_note(self, kind: str, *, actor: str, **about: object) -> None:
        """Write an event that no transition makes: a verb of a person with reason; `about` are ids and details."""
        ids: dict[str, Any] = {name: about.pop(name) for name in _IDS if name in about}
        add_event(self.session, kind, actor=actor, detail=about, **ids)

    # --- process groups -----------------------------------------------------------------------------------------

    def add_group(self, holder_id: int, process_group: int, started: int) -> None:
        """Record a process group that a holder has started, to be killed when the holder is found dead.

        Raises `lease_lost` (CONFLICT) for a holder that was ended: what it is about to start is another's now.
        """
        row = {"holder_id": holder_id, "process_group": process_group, "started": started}
        if not self.session.run("leases.add_group", row):
            raise conflict("lease_lost", "this process was taken for dead and its work given to another")

    def drop_group(self, holder_id: int, process_group: int) -> None:
        """Forget a process group that has ended."""
        self.session.run("leases.drop_group", {"holder_id": holder_id, "process_group": process_group})

    # --- notices ------------------------------------------------------------------------------------------------

    def set_notice_mark(self, name: str, event_id: int) -> None:
        """Note how far a reader of the events has come; it never goes back."""
        self.session.run("notices.set_mark", {"name": name, "event_id": event_id})

    def add_notice(
        self, *, key: str, channel: str, occasion: Occasion, body: Mapping[str, object], next_at: Instant
    ) -> bool:
        """Insert a notice to be sent at `next_at`; False when its key is there already."""
        row = {
            "key": key,
            "channel": channel,
            "occasion": occasion.value,
            "body": json.dumps(dict(body), ensure_ascii=False),
            "now": self.now,
            "next_at": next_at,
        }
        return bool(self.session.run("notices.add", row))

    def hold_notice(self, notice_id: int, until: Instant) -> None:
        """Let nobody else send a notice before an instant: it is being sent now."""
        self.session.run("notices.hold", {"notice_id": notice_id, "until": until})

    def notice_sent(self, notice_id: int) -> None:
        """Count a try and note that the notice was sent."""
        self.session.run("notices.sent", {"notice_id": notice_id, "now": self.now})

    def notice_failed(self, notice_id: int, error: str, next_at: Instant | None) -> None:
        """Count a try and note why it failed; the next is at `next_at`, None gives the notice up."""
        self.session.run("notices.failed", {"notice_id": notice_id, "error": error, "next_at": next_at})
