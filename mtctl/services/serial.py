"""Floor 3. Which other instance of its workflow an instance has to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.states import TaskState
from mtctl.core.workflow import Overlap

if TYPE_CHECKING:
    from mtctl.ports.store import View
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import OpenInstance


def goes_before(view: View, row: InstanceRow) -> OpenInstance | None:
    """Return the open instance that goes before this one, None where it need not wait.

    That is the oldest one, or a newer one with a task that runs: an older one that is tried again waits for it. Only
    what a schedule asked for waits, and only where its workflow does not allow overlap.
    """
    if row.workflow is None or not row.rank or row.manifest.get("overlap") == Overlap.ALLOW.value:
        return None
    for workflow in view.workflows([row.workflow]):
        for one in view.open_instances(workflow.workflow_id):
            if one.instance_id < row.instance_id or (one.serial and one.ulid != row.ulid and _runs(view, one)):
                return one
    return None


def _runs(view: View, instance: OpenInstance) -> bool:
    return any(task.state is TaskState.RUNNING for task in view.tasks(instance.instance_id))
