"""Floor 3. What `plan`, `apply` and `init` answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.errors import MtctlError
    from mtctl.services.reports.tables import HeldUp
    from mtctl.services.reports.workflows import WorkflowChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One table's part of a plan.

    `action` is create, change, evolve, rename, rebuild, metadata, drop, vanished or none.
    `diff` are readable lines (`- old`, `+ new`, `  same`) under headings; `stale` says which intervals become stale
    and why; `notes` are casts, volatile functions, batching, warnings. What refreshing them again takes are
    `stale_intervals`, `stale_rows` that the table holds now, and `stale_seconds` by its history, None without one.
    """

    table: str
    action: str
    file: str | None
    diff: tuple[str, ...] = ()
    stale: str = ""
    notes: tuple[str, ...] = ()
    wanted: str = ""
    intervals: int = 0
    stale_intervals: int = 0
    stale_rows: int = 0
    stale_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPlan:
    """What `apply` would do. `pending` is true when anything would change; `problems` are errors that stop it.

    `changes` are those of tables, `workflows` those of workflow files. `rebuilding` are the tables whose new version is
    being built already: how many intervals it has of those that it needs; `held_up` is by name what keeps one from it.
    """

    changes: tuple[Change, ...]
    problems: tuple[MtctlError, ...]
    pending: bool
    workflows: tuple[WorkflowChange, ...] = ()
    rebuilding: tuple[tuple[str, int, int], ...] = ()
    held_up: Mapping[str, HeldUp] = field(default_factory=dict)
    secret: Any = field(default=None, repr=False, compare=False)  # what apply needs, not for showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What `apply` did."""

    changes: tuple[Change, ...]
    seconds: float
    workflows: tuple[WorkflowChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `init` wrote."""

    root: str
    name: str
    files: tuple[str, ...]
    example: bool
