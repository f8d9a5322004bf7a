"""Floor 3. Which older instance of its workflow an instance has to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.workflow import Overlap

if TYPE_CHECKING:
    from mtctl.ports.store import View
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import OpenInstance


def older_open(view: View, row: InstanceRow) -> OpenInstance | None:
    """Return the oldest open instance that goes before this one, None where it need not wait.

    Only what a schedule asked for waits, and only where its workflow does not allow overlap.
    """
    if row.workflow is None or not row.rank or row.manifest.get("overlap") == Overlap.ALLOW.value:
        return None
    for workflow in view.workflows([row.workflow]):
        for one in view.open_instances(workflow.workflow_id):
            if one.instance_id < row.instance_id:
                return one
    return None
