"""Floor 3. What the events say that may be told: which workflow or task, and what else there is to know about it.

The rules are those that the instance was made with; the state is the event's, since the row may have moved on. The
facts of an instance are looked up once, and only where somebody asked to be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.notices import Failure, Happening, Notice, Rules, notices, occasion_of
from mtctl.core.states import TERMINAL, InstanceState, TaskState
from mtctl.core.workflow import Occasion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.notices import ProjectRule
    from mtctl.core.workflow import WorkflowDefinition, WorkflowTask
    from mtctl.ports.store import View
    from mtctl.ports.work import EventRow, InstanceRow, TaskRow

_TOLD = frozenset({"running", "success", "failed"})
_LOOK_BACK = 50  # instances; who failed longer ago than so many is not remembered


class Facts:
    """What a view knows about the instances of events, each thing looked up once."""

    def __init__(self, view: View) -> None:
        """Keep the view; it must stay open."""
        self._view = view
        self._definitions: dict[tuple[str, int | None], WorkflowDefinition | None] = {}
        self._tasks: dict[int, list[TaskRow]] = {}
        self._earlier: dict[int, InstanceRow | None] = {}

    def instances(self, instance_ids: Iterable[int]) -> dict[int, InstanceRow]:
        """Return instances by id."""
        return self._view.instances_by_id(set(instance_ids))

    def tasks(self, instance_id: int) -> list[TaskRow]:
        """Return the tasks of an instance."""
        if instance_id not in self._tasks:
            self._tasks[instance_id] = self._view.tasks(instance_id)
        return self._tasks[instance_id]

    def definition(self, instance: InstanceRow) -> WorkflowDefinition | None:
        """Return the definition that an instance was made from; None without a workflow, or when that is gone."""
        if instance.workflow is None:
            return None
        key = instance.workflow, instance.version
        if key not in self._definitions:
            self._definitions[key] = self._version(*key)
        return self._definitions[key]

    def earlier(self, instance: InstanceRow) -> InstanceRow | None:
        """Return the newest earlier instance of the workflow that ended of itself; a cancelled one says nothing."""
        if instance.instance_id not in self._earlier:
            self._earlier[instance.instance_id] = self._before(instance)
        return self._earlier[instance.instance_id]

    def failed_itself(self, instance: InstanceRow, event: EventRow) -> bool:
        """Return whether the instance (or the event's task) had failed before the event: somebody retried it."""
        return any(
            found.kind == event.kind
            and found.task_id == event.task_id
            and found.event_id < event.event_id
            and found.detail.get("to") == "failed"
            for found in self._view.events(instance.instance_id)
        )

    def _version(self, name: str, version: int | None) -> WorkflowDefinition | None:
        for row in self._view.workflows([name]):
            if version is None or row.version == version:
                return row.definition
            versions = self._view.workflow_versions(row.workflow_id)
            return next((found for number, found, _ in versions if number == version), row.definition)
        return None

    def _before(self, instance: InstanceRow) -> InstanceRow | None:
        for row in self._view.workflows([instance.workflow] if instance.workflow else []):
            # A backfill may have made many since; the number of rows read stays small all the same.
            found, _ = self._view.history(row.workflow_id, _LOOK_BACK)
            ended = (InstanceState.SUCCESS, InstanceState.FAILED)
            older = [one for one in found if one.instance_id < instance.instance_id and one.state in ended]
            return max(older, key=lambda one: one.instance_id, default=None)
        return None


def notices_from(
    events: Sequence[EventRow], facts: Facts, project_rules: Sequence[ProjectRule], *, project: str
) -> list[Notice]:
    """Return the notices that follow from events, oldest first."""
    told = [event for event in events if _is_told(event)]
    instances = facts.instances(event.instance_id for event in told if event.instance_id is not None)
    found: list[Notice] = []
    for event in told:
        instance = instances.get(event.instance_id or 0)
        if instance is None:
            continue
        if event.kind == "instance_state":
            found += _of_instance(event, instance, facts, project_rules, project)
        else:
            found += _of_task(event, instance, facts, project_rules, project)
    return found


def rules_of(definition: WorkflowDefinition, *, with_tasks: Occasion | None = None) -> Rules:
    """Return a workflow's rules, with those of its tasks that ask for an occasion which only workflows have."""
    rules = [*definition.notify]
    if with_tasks is not None:
        rules += [rule for task in definition.tasks for rule in task.notify if with_tasks in rule.on]
    return tuple((rule.channel, tuple(rule.on)) for rule in rules)


def instance_rules(instance: InstanceRow, facts: Facts) -> Rules:
    """Return an instance's own rules, else those of the version of its workflow that it was made from."""
    if instance.notify:
        return instance.notify
    definition = facts.definition(instance)
    return () if definition is None else rules_of(definition)


def _is_told(event: EventRow) -> bool:
    return event.kind in {"instance_state", "task_state"} and event.detail.get("to") in _TOLD


def _of_instance(
    event: EventRow, instance: InstanceRow, facts: Facts, project_rules: Sequence[ProjectRule], project: str
) -> tuple[Notice, ...]:
    rules = instance_rules(instance, facts)
    if not rules and (instance.workflow is None or not project_rules):
        return ()
    to = str(event.detail["to"])
    recovers = False
    if to == "success" and _asks_for_recovery(rules, project_rules):
        before = facts.earlier(instance)
        recovers = (before is not None and before.state is InstanceState.FAILED) or facts.failed_itself(instance, event)
    occasion = occasion_of(to, recovers=recovers)
    if occasion is None:
        return ()
    failures = facts.tasks(instance.instance_id) if occasion is Occasion.FAILURE else []
    happening = Happening(
        occasion=occasion,
        at=event.at,
        workflow=instance.workflow,
        title=instance.title,
        instance=instance.ulid,
        tags=instance.tags,
        logical_date=instance.logical_date,
        fire_at=instance.fire_at,
        failures=tuple(_failure(task) for task in failures if task.state is TaskState.FAILED),
    )
    return notices(happening, rules, project_rules, project=project)


def _of_task(
    event: EventRow, instance: InstanceRow, facts: Facts, project_rules: Sequence[ProjectRule], project: str
) -> tuple[Notice, ...]:
    definition = facts.definition(instance)
    tagged = any(rule.tag is not None for rule in project_rules)
    if definition is None or not any(task.notify or (tagged and task.tags) for task in definition.tasks):
        return ()
    tasks = facts.tasks(instance.instance_id)
    row = next((task for task in tasks if task.task_id == event.task_id), None)
    task = next((one for one in definition.tasks if row is not None and one.name == row.name), None)
    if row is None or task is None:
        return ()
    to = str(event.detail["to"])
    if to == "success" and any(other.name == row.name and other.state not in TERMINAL for other in tasks):
        return ()  # a part of the task; the last part tells
    rules = tuple((rule.channel, tuple(rule.on)) for rule in task.notify)
    recovers = False
    if to == "success" and _asks_for_recovery(rules, project_rules):
        recovers = _failed_earlier(instance, task, facts) or facts.failed_itself(instance, event)
    occasion = occasion_of(to, recovers=recovers)
    if occasion is None:
        return ()
    happening = Happening(
        occasion=occasion,
        at=event.at,
        workflow=instance.workflow,
        title=instance.title,
        instance=instance.ulid,
        task=task.name,
        tags=task.tags,
        logical_date=instance.logical_date,
        fire_at=instance.fire_at,
        failures=(_failure(row),) if occasion is Occasion.FAILURE else (),
    )
    return notices(happening, rules, project_rules, project=project)


def _asks_for_recovery(rules: Rules, project_rules: Sequence[ProjectRule]) -> bool:
    """Return whether looking back is worth it."""
    asked = [on for _, on in rules] + [rule.on for rule in project_rules]
    return any(Occasion.RECOVERY in on for on in asked)


def _failed_earlier(instance: InstanceRow, task: WorkflowTask, facts: Facts) -> bool:
    before = facts.earlier(instance)
    if before is None:
        return False
    return any(row.name == task.name and row.state is TaskState.FAILED for row in facts.tasks(before.instance_id))


def _failure(task: TaskRow) -> Failure:
    return Failure(task.name, task.error_code or "", task.error or task.why)
