"""Floor 4. `workflow`: what runs by itself, in which order, and whether it does.

Each module registers its commands with the group; their order here is that of the help.
"""

from __future__ import annotations

from mtctl.cli import workflow_changes, workflow_looks, workflow_run, workflow_tasks
from mtctl.cli.workflow_group import app

__all__ = ["app", "workflow_changes", "workflow_looks", "workflow_run", "workflow_tasks"]
