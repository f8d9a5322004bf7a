"""Floor 4. What a scheduler is asked to do with workflows, in Flink's classes and order of parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.embedded.handles import RefreshHandle


@dataclass(frozen=True, slots=True)
class CreatePeriodicRefreshWorkflow:
    """Refresh a table by a Quartz (6 or 7 fields) or cron (5 fields) expression.

    `identifier` is a table's name, also `catalog.main.table` and in back-quotes. The zone is `time_zone`, else the
    session's 'table.local-time-zone' in `init_config`, else the table's. `execution_config` is as in
    `WorkflowScheduler.refresh_materialized_table`.
    """

    identifier: str
    description: str
    cron: str
    init_config: Mapping[str, str] = field(default_factory=dict)
    execution_config: Mapping[str, str] = field(default_factory=dict)
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class CreateOneTimeRefreshWorkflow:
    """Refresh a table once, now: the partitions with these values, or all of it."""

    identifier: str
    partitions: Mapping[str, str] = field(default_factory=dict)
    execution_config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuspendRefreshWorkflow:
    """Let a workflow fire no more until it is resumed; what runs runs on."""

    handle: RefreshHandle


@dataclass(frozen=True, slots=True)
class ResumeRefreshWorkflow:
    """Let a workflow fire again.

    `dynamic_options`, where given, replace those of the last resume that gave some; the table's own options stay.
    `catchup` says what becomes of the fires missed meanwhile: `all`, `latest` or `none`; None is the workflow's policy.
    """

    handle: RefreshHandle
    dynamic_options: Mapping[str, str] = field(default_factory=dict)
    catchup: str | None = None


@dataclass(frozen=True, slots=True)
class ModifyRefreshWorkflowCronExpression:
    """Give a workflow another schedule from now on; a suspended one stays suspended."""

    handle: RefreshHandle
    cron: str


@dataclass(frozen=True, slots=True)
class DeleteRefreshWorkflow:
    """Delete a workflow, or cancel a one-time refresh; open instances are cancelled."""

    handle: RefreshHandle


CreateRefreshWorkflow: TypeAlias = CreatePeriodicRefreshWorkflow | CreateOneTimeRefreshWorkflow
ModifyRefreshWorkflow: TypeAlias = SuspendRefreshWorkflow | ResumeRefreshWorkflow | ModifyRefreshWorkflowCronExpression
