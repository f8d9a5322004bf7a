"""Floor 3. A workflow's form becomes a definition, and a definition is held against what the project has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.workflow_checks import Known, validate
from mtctl.core.workflow_file import read_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mtctl.config import Project
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.core.workflow_checks import Verdict
    from mtctl.ports.store import View


class Checker:
    """Parses and checks the workflows of one project."""

    def __init__(self, project: Project) -> None:
        """Keep the project: its zone is the default, its channels are known."""
        self._project = project

    def parse(self, form: Mapping[str, Any], label: str) -> WorkflowDefinition:
        """Return the definition of a file form; errors (INVALID) say where in `label` they are."""
        return read_workflow(form, name="", file=label, zone=self._project.zone)

    def check(self, view: View, definition: WorkflowDefinition, label: str, now: Instant) -> tuple[str, ...]:
        """Return the warnings of a definition; raises its first error."""
        errors, warnings = self.among(view, [definition], now)(definition, label)
        if errors:
            raise errors[0]
        return warnings

    def among(
        self, view: View, more: Iterable[WorkflowDefinition], now: Instant, *, drafts: bool = False
    ) -> Callable[[WorkflowDefinition, str], Verdict]:
        """Return what judges a definition among the tables, queues and workflows in force and `more` workflows.

        With `drafts` a table whose file is not applied yet counts as defined.
        """
        tables = {table.definition.name: table.definition for table in view.tables()}
        names = [row.name for row in view.workflows()]
        queues = [queue.name for queue in view.queues()]
        found = self._drafts(tables) if drafts else {}
        return self.judge(tables, queues, [*names, *(one.name for one in more)], now, found)

    def _drafts(self, tables: Mapping[str, TableDefinition]) -> dict[str, str]:
        """Return the files of tables that are not in force, by name; files that cannot be read are left out."""
        from mtctl.services.files import scan_files  # noqa: PLC0415 - only `validate` reads them

        files = scan_files(self._project).files
        return {file.statement.name: file.file for file in files if file.statement.name not in tables}

    def judge(
        self,
        tables: Mapping[str, TableDefinition],
        queues: Iterable[str],
        workflows: Iterable[str],
        now: Instant,
        drafts: Mapping[str, str] | None = None,
    ) -> Callable[[WorkflowDefinition, str], Verdict]:
        """Return what judges a definition among these tables (`drafts`: files by name), queues and workflows."""
        told = self._project.notify
        channels = frozenset(channel.name for channel in told.channels) if told is not None else frozenset()
        known = Known(tables, frozenset(queues), channels, frozenset(workflows), drafts or {})
        return lambda definition, label: validate(definition, known, now, file=label)
