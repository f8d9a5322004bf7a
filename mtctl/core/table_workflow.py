"""Floor 0. The workflow that a table's own schedule or freshness makes: one task, named like the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError
from mtctl.core.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import TableDefinition
    from mtctl.core.schedule import Schedule
    from mtctl.core.workflow import WorkflowDefinition


def table_workflow(definition: TableDefinition, places: Mapping[str, str] | None = None) -> WorkflowDefinition | None:
    """Return the workflow of a table, None where it has neither schedule nor freshness.

    A schedule fires as written. A freshness becomes a schedule; where Flink would refresh continuously, the workflow
    only looks for what is stale. Of missed fires an interval table makes each, any other one run that covers now.
    Errors (INVALID) are those of schedules and options, placed where `places` says that a key stands.
    """
    if definition.schedule is None and definition.freshness is None:
        return None
    # Nothing of this is needed for a table that nothing refreshes by itself, as most are in a big project.
    from mtctl.core.misfire import Misfire, MisfirePolicy  # noqa: PLC0415
    from mtctl.core.schedule_keys import is_schedule_key, read_schedule_key, settings_in  # noqa: PLC0415
    from mtctl.core.workflow import (  # noqa: PLC0415
        RETRIES,
        TIMEOUT,
        Overlap,
        RefreshSpec,
        TaskKind,
        WorkflowDefinition,
        WorkflowTask,
    )
    from mtctl.core.workflow_settings import settings_of  # noqa: PLC0415

    given: dict[str, Any] = {
        key: read_schedule_key(key, value, definition.zone, where=_place(places, key))
        for key, value in definition.options
        if is_schedule_key(key)
    }
    continuous = definition.schedule is None and _continuous(definition)
    each_counts = definition.mode is Mode.INTERVAL and not continuous
    usual = MisfirePolicy(kind=Misfire.ALL if each_counts else Misfire.LATEST)
    settings = settings_in(definition.options)
    settings_of(settings, where=_place(places, settings[0][0]) if settings else "")
    return WorkflowDefinition(
        name=definition.name,
        tasks=(WorkflowTask(name=definition.name, kind=TaskKind.REFRESH, spec=RefreshSpec(table=definition.name)),),
        zone=definition.zone,
        schedule=_schedule(definition, given, places),
        misfire=MisfirePolicy(
            kind=Misfire(given.get("misfire", usual.kind)),
            window=given.get("misfire.window", usual.window),
            cap=given.get("misfire.cap", usual.cap),
        ),
        overlap=Overlap(given.get("overlap", Overlap.QUEUE_ALL if each_counts else Overlap.QUEUE_ONE)),
        retries=given.get("retries", RETRIES),
        timeout=given.get("timeout", TIMEOUT),
        queue=given.get("queue", "default"),
        priority=given.get("priority", 0),
        tags=definition.tags,
        notify=given.get("notify", ()),
        settings=settings,
        comment=definition.comment,
        table=definition.name,
        continuous=continuous,
    )


def is_continuous(definition: TableDefinition) -> bool:
    """Return whether staleness drives the table: Flink's physical mode of its freshness, without a schedule."""
    return definition.schedule is None and definition.freshness is not None and _continuous(definition)


def _continuous(definition: TableDefinition) -> bool:
    from mtctl.core.freshness import PhysicalMode, flink_mode  # noqa: PLC0415 - as above

    try:
        mode = flink_mode(_freshness(definition), definition.refresh_mode)
    except MtctlError:  # FULL without a cron form, which is every-N here
        return False
    return mode.physical is PhysicalMode.CONTINUOUS


def _freshness(definition: TableDefinition) -> Any:
    from mtctl.core.freshness import parse_freshness  # noqa: PLC0415 - as above

    _, number, unit = (definition.freshness or "").split()
    return parse_freshness(number.strip("'"), unit)


def _schedule(definition: TableDefinition, given: dict[str, Any], places: Mapping[str, str] | None) -> Schedule:
    from mtctl.core.freshness import schedule_of  # noqa: PLC0415 - as above
    from mtctl.core.schedule import DstPolicy, parse_schedule  # noqa: PLC0415 - as above

    text = definition.schedule
    dialect = given.get("schedule.dialect") if text is not None else None
    return parse_schedule(
        text if text is not None else schedule_of(_freshness(definition)),
        zone=definition.zone,
        dialect=dialect,
        dst=given.get("schedule.dst", DstPolicy.CRON),
        start=given.get("schedule.start"),
        end=given.get("schedule.end"),
        jitter=given.get("schedule.jitter", 0),
        blackout=given.get("schedule.blackout", ()),
        where=_place(places, "schedule") if text is not None else "FRESHNESS",
    )


def _place(places: Mapping[str, str] | None, key: str) -> str:
    return (places or {}).get(key, f"'{key}'")
