"""Floor 3. The answers of the services, as plain values that CLI, TUI and gateway show alike.

Instants are microseconds UTC; labels of intervals are texts in the table's zone, made once here so that every skin
shows the same words. A module has the answers of a few verbs, so that a command makes only the classes that it needs;
the names are here too, each loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "backup": "RestoreReport",
    "changes": "Applied ApplyPlan Change Created",
    "channels": "ChannelLine",
    "checking": "CheckReport Damage RepairReport",
    "compaction": "CompactedTable CompactReport",
    "details": "PartitionRow TableDetail",
    "diffing": "ColumnChange Diff IntervalDiff",
    "doctor": "Examined Verdict",
    "health": "HealthReport",
    "instances": "InstanceDetail TaskCount",
    "queues": "QueueChanged",
    "refreshing": "RefreshArgs RefreshReport TableResult",
    "retention": "ExpiryReport InfoReport InfoTable",
    "rewinding": "MarkBack RewindReport",
    "running": "PlannedStep TaskEvent",
    "schedules": "CheckedSchedule FireTime NextFires ScheduleArgs ScheduleChanged ScheduleWords Timer",
    "tables": "HeldUp Status TableStatus",
    "upkeep": "Finding GcReport VerifyReport",
    "verbs": "LogFile VerbReport WaitReport",
    "versions": "UndropReport Version Versions",
    "why": "WhyReport",
    "workflows": (
        "CheckedWorkflow RunArgs RunReport TaskAdded TaskArgs TaskResult "
        "WorkflowChange WorkflowDetail WorkflowHistory WorkflowLine"
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
