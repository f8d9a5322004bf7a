"""Floor 3. The services of workflows and schedules, each built from the same ports at its first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, Tx
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.schedules import Schedules
    from mtctl.services.workflow_edits import WorkflowEdits
    from mtctl.services.workflow_runs import WorkflowRuns
    from mtctl.services.workflow_task_edits import TaskEdits
    from mtctl.services.workflows import Workflows


class AlterTable(Protocol):
    """Sets WITH options of a table that was made by command; `note` writes the event in the same transaction."""

    def __call__(self, name: str, options: Mapping[str, str | None], note: Callable[[Tx], None]) -> object:
        """Set options, or take them away (None)."""


class WorkflowPorts(NamedTuple):
    """What the services are built from.

    `new_ulid` names instances, `observe` looks at the source files of tables by name, `dispatching` makes this process
    a holder with a dispatcher, `stop` ends waiting, `alter_table` sets WITH options of a table made by command.
    """

    project: Project
    store: Store
    clock: Clock
    new_ulid: Callable[[], str]
    observe: Callable[[Iterable[str]], None]
    dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]]
    stop: threading.Event
    alter_table: AlterTable


class WorkflowVerbs:
    """Looks, edits, task edits, runs and schedules."""

    def __init__(self, ports: WorkflowPorts) -> None:
        """Keep the ports."""
        self._ports = ports

    @cached_property
    def looks(self) -> Workflows:
        """What there is to see."""
        from mtctl.services.workflows import Workflows  # noqa: PLC0415 - built at its first use

        return Workflows(self._ports.project, self._ports.store, self._ports.clock)

    @cached_property
    def edits(self) -> WorkflowEdits:
        """Create, edit, delete, enable, disable."""
        from mtctl.services.workflow_edits import WorkflowEdits  # noqa: PLC0415 - built at its first use

        return WorkflowEdits(self._ports.project, self._ports.store, self._ports.clock, self._ports.new_ulid)

    @cached_property
    def tasks(self) -> TaskEdits:
        """The tasks one by one."""
        from mtctl.services.workflow_task_edits import TaskEdits  # noqa: PLC0415 - built at its first use

        return TaskEdits(self._ports.store, self.edits)

    @cached_property
    def runs(self) -> WorkflowRuns:
        """Instances that a person asks for."""
        from mtctl.services.workflow_runs import WorkflowRuns  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return WorkflowRuns(
            store=ports.store,
            clock=ports.clock,
            new_ulid=ports.new_ulid,
            observe=ports.observe,
            dispatching=ports.dispatching,
            stop=ports.stop,
        )

    @cached_property
    def schedules(self) -> Schedules:
        """When things fire."""
        from mtctl.services.schedules import Schedules  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Schedules(ports.store, ports.clock, ports.project.zone, lambda: self.edits, ports.alter_table)
