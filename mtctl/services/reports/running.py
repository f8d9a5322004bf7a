"""Floor 3. What a refresh tells before and while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One batch of a dry run."""

    table: str
    interval: str
    intervals: int
    reasons: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """Progress for stderr, sent while an instance runs.

    `kind`: claimed, progress, success, failed, cancelled, skipped, lost, superseded, waiting.
    `number` of `total` counts intervals of the instance that ended so far.
    """

    kind: str
    table: str
    interval: str
    intervals: int
    done: int
    total: int
    rows: int = 0
    seconds: float = 0.0
    percent: float | None = None
    detail: str = ""
