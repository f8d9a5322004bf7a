"""Floor 4. mtctl inside another program: Flink's workflow scheduler over the services that the commands use.

Everything that such a program needs has its name here. One scheduler belongs to one thread; any number of them, and of
commands and daemons beside them, work on one project at once.
"""

from mtctl.embedded.factory import WorkflowSchedulerFactory, create_workflow_scheduler
from mtctl.embedded.handles import RefreshHandle, RefreshHandleSerializer
from mtctl.embedded.requests import (
    CreateOneTimeRefreshWorkflow,
    CreatePeriodicRefreshWorkflow,
    DeleteRefreshWorkflow,
    ModifyRefreshWorkflowCronExpression,
    ResumeRefreshWorkflow,
    SuspendRefreshWorkflow,
)
from mtctl.embedded.scheduler import WorkflowScheduler
from mtctl.embedded.states import OperationStatus, RefreshState, WorkflowInfo, WorkflowStatus
from mtctl.embedded.troubles import WorkflowError

__all__ = [
    "CreateOneTimeRefreshWorkflow",
    "CreatePeriodicRefreshWorkflow",
    "DeleteRefreshWorkflow",
    "ModifyRefreshWorkflowCronExpression",
    "OperationStatus",
    "RefreshHandle",
    "RefreshHandleSerializer",
    "RefreshState",
    "ResumeRefreshWorkflow",
    "SuspendRefreshWorkflow",
    "WorkflowError",
    "WorkflowInfo",
    "WorkflowScheduler",
    "WorkflowSchedulerFactory",
    "WorkflowStatus",
    "create_workflow_scheduler",
]
