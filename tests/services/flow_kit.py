"""The verbs of workflows over a real state file and a clock that tests own."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from store_kit import Kit, kit_at

from mtctl.config import load_project
from mtctl.core.model import Origin
from mtctl.core.states import InstanceState, TaskState, Transition
from mtctl.ports.changes import NewTable
from mtctl.services.scheduler import Scheduler
from mtctl.services.tables import Tables
from mtctl.services.workflow_verbs import WorkflowPorts, WorkflowVerbs

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.core.model import TableDefinition
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.reports import Applied, ApplyPlan
    from mtctl.services.reports.workflows import WorkflowChange

_serial = count(1)


def new_ulid() -> str:
    return f"{next(_serial):026d}"


class Flows:
    """One project whose clock stands still."""

    def __init__(self, root: Path, now: int) -> None:
        (root / "mtctl.toml").write_text('name = "shop"\n', encoding="utf-8")
        self.root = root
        self.project = load_project(root)
        self.kit: Kit = kit_at(root, now)
        self.clock = self.kit.clock
        self.stop = threading.Event()
        self.altered: list[tuple[str, dict[str, str | None]]] = []
        ports = WorkflowPorts(
            self.project, self.kit.store, self.clock, new_ulid, lambda names: list(names) and None, self._nobody,
            self.stop, self._alter,
        )  # fmt: skip
        self.verbs = WorkflowVerbs(ports)
        self.scheduler = Scheduler(self.kit.store, self.clock, new_ulid, lambda _: None)
        self.tables = Tables(self.project, self.kit.store, self._no_engine, self.clock, new_ulid)

    def table(self, *definitions: TableDefinition, **put: Any) -> None:
        """Put tables in force that nobody parsed."""
        with self.kit.store.write() as tx:
            for definition in definitions:
                tx.put_tables([NewTable(**({"definition": definition, "origin": Origin.COMMAND} | put))])

    def create(self, name: str = "w", schedule: str | None = "0 2 * * *", **keys: Any) -> WorkflowChange:
        """Create a workflow of one command."""
        form = {"name": name, "schedule": schedule, "tasks": [{"name": "say", "command": ["true"]}]} | keys
        return self.verbs.edits.create(
            {key: value for key, value in form.items() if value is not None}, label="test", actor="ana"
        )

    def file(self, name: str, text: str) -> None:
        """Write a workflow file."""
        path = self.root / "workflows" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def plan(self, *, prune: bool = False, strict: bool = False) -> ApplyPlan:
        return self.tables.plan(prune=prune, rebuild=(), require_disabled=strict)

    def apply(self, *, prune: bool = False, strict: bool = False) -> Applied:
        return self.tables.apply(self.plan(prune=prune, strict=strict))

    def row(self, name: str = "w") -> WorkflowRow:
        with self.kit.store.read() as view:
            [row] = view.workflows([name], counts=True)
        return row

    def names(self) -> list[str]:
        with self.kit.store.read() as view:
            return [row.name for row in view.workflows()]

    def at(self, instant: int) -> None:
        """Set the wall clock and tick."""
        self.clock.set_wall(instant)
        self.scheduler.tick()

    def instances(self, name: str = "w") -> list[InstanceRow]:
        """The instances of a workflow, oldest first."""
        workflow_id = self.row(name).workflow_id
        with self.kit.store.read() as view:
            found, _ = view.history(workflow_id, 1000)
        return found[::-1]

    def fires(self, name: str = "w") -> list[int | None]:
        """The fires that made an instance, oldest first."""
        return [one.fire_at for one in self.instances(name)]

    def skips(self, name: str = "w") -> list[tuple[int, int, str]]:
        workflow_id = self.row(name).workflow_id
        with self.kit.store.read() as view:
            _, skipped = view.history(workflow_id, 1000)
        return [(one.first_fire_at, one.last_fire_at, one.reason) for one in skipped[::-1]]

    def finish(self) -> None:
        """Skip every open task, as a person would."""
        with self.kit.store.write() as tx:
            for row in tx.instances(limit=1000, state=None, table=None):
                if row.state in {InstanceState.PENDING, InstanceState.RUNNING}:
                    moves = [
                        Transition(task_id=task.task_id, from_state=task.state, to_state=TaskState.SKIPPED, why="test")
                        for task in tx.tasks(row.instance_id)
                        if task.state in {TaskState.PENDING, TaskState.CREATED}
                    ]
                    tx.apply(moves)

    def events(self, kind: str) -> list[tuple[object, ...]]:
        """Actor and detail of the events of a kind."""
        return self.kit.sql("SELECT actor, detail FROM event WHERE kind = ? ORDER BY event_id", kind)

    def _alter(self, name: str, options: Any, note: Any) -> None:
        self.altered.append((name, dict(options)))
        with self.kit.store.write() as tx:
            note(tx)

    def _nobody(self, title: str, _on_event: Any) -> Any:
        raise AssertionError(f"{title} wants to run something")

    def _no_engine(self) -> Any:
        raise AssertionError("the engine is asked")
