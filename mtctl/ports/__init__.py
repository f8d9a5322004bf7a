"""Floor 1. What the services ask of the outside: clock, store, lake, engine.

Only shapes and protocols stand here, a concept a module. Adapters (floor 2) implement them without knowing each other
or the services; `app` joins them. The names are here too, each loaded at its first use: making a frozen class costs
half a millisecond, and no command needs them all.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "actions": "ActionResult Actions CommandRequest HttpRequest",
    "backup": "Backups Copy Opener",
    "board": "Board HasBoard InstanceWindow",
    "changes": "Claimed NewInstance NewTable NewTask Publication Published Refused",
    "clock": "Clock",
    "engine": (
        "CompareRequest DeleteFile DescribeRequest Description Engine ExportRequest Exported FileRange "
        "MeasureRequest Measured Parsed Progress QueryResult Relation ScriptRequest Scripted Slice StageRequest"
    ),
    "damage": "DamageTx DamageView Deletion ForeignTable HasDamage NamedFile Oddity",
    "event_board": "EventReads EventWindow",
    "files": "DataFile Lake",
    "history": "HasPast Moment Past PastFile PastRefresh PastTable PastVersion",
    "holders": "HolderInfo Liveness",
    "lake_mark": "LakeMark",
    "machine": "Machine PathFacts StateFacts",
    "near": (
        "FileTotals HasNear Near NearAttempt NearEvent NearFile NearInstance NearTable NearTask RunStats TaskWords Try"
    ),
    "notices": "NoticeRow",
    "notify": "Channel Message",
    "pruning": "HasFileBounds",
    "queue_board": "QueueReads QueueSide QueuedTask",
    "ranges": "IntervalCounts RangeReads RangeRow RangeTable RangeTask RivalTask",
    "retention": "HasRetention LakeCounts OldTable PinRow RetentionTx RetentionView Scheduled",
    "rebuilding": "HasRebuilds Rebuilds",
    "rewinding": "Ahead RewindTx",
    "rewriting": (
        "Compaction CompactionFile CompactionTx CompactionView HasCompaction Origin Part Replaced Rewrite "
        "RewriteRequest"
    ),
    "sharing": "SharesCatalog",
    "standing": "EndedTry FlowRow OpenTask StandingRow Standings",
    "store": "Store Tx View",
    "tables": "LastAttempt TableTotals",
    "turns": "Turns",
    "undrop": "Dropped DroppedFile Undropped Undropping",
    "workflows": "Fired Mark NewWorkflow OpenInstance QueueRow SkippedFires WorkflowRow",
    "work": "AttemptRow EventRow InstanceRow TaskRow",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
