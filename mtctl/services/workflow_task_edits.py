"""Floor 3. The tasks of a workflow one by one: add, set, remove, link.

A task for a table is linked by lineage: it waits for the tasks of the tables that it reads, and the tables that read it
are proposed as tasks too.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import conflict, invalid, not_found, usage
from mtctl.core.names import closest
from mtctl.core.workflow_checks import propose_downstream
from mtctl.services.naming import unknown_table
from mtctl.services.reports.workflows import TaskAdded
from mtctl.services.workflow_naming import find_workflow
from mtctl.services.workflow_text import names_below, put_task, without_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtctl.ports.store import Store
    from mtctl.services.reports.workflows import TaskArgs, WorkflowChange
    from mtctl.services.workflow_edits import WorkflowEdits

_KINDS = ("table", "command", "http", "sql")
_COMMAND_KEYS = ("shell", "env", "inherit", "folder", "ok", "transient")


class TaskEdits:
    """The verbs that change one task of a workflow made by command."""

    def __init__(self, store: Store, edits: WorkflowEdits) -> None:
        """Keep the ports."""
        self._store = store
        self._edits = edits

    def add(self, workflow: str, args: TaskArgs, *, downstream: bool, actor: str) -> TaskAdded:
        """Add a task; of a table also what it proposes: with `downstream` those tables' tasks are added too.

        Conflict `task_exists`; errors of the parser.
        """
        lineage = self._lineage()
        task = new_task(args)
        table = task.get("table")
        if table is not None and table not in lineage:
            raise unknown_table(str(table), lineage)
        added: list[str] = []
        proposed: list[str] = []

        def change(form: dict[str, Any]) -> dict[str, Any]:
            added.clear()
            proposed.clear()
            if any(one["name"] == task["name"] for one in form["tasks"]):
                raise conflict(
                    "task_exists",
                    f"workflow {workflow!r} has a task {task['name']!r}",
                    fix=f"`mtctl workflow set-task {workflow} {task['name']}` changes it",
                )
            form = put_task(form, _linked(form, task, lineage))
            added.append(task["name"])
            if table is None:
                return form
            present = {one.get("table") for one in form["tasks"]}
            proposed.extend(name for name in propose_downstream(str(table), lineage) if name not in present)
            for name in proposed if downstream else ():
                form = put_task(form, _linked(form, {"name": name, "table": name}, lineage))
                added.append(name)
            return form

        done = self._edits.rewrite(workflow, change, actor=actor, verb="workflow_add_task")
        left = () if downstream else tuple(proposed)
        return TaskAdded(change=done, tasks=tuple(added), proposed=left)

    def proposals(self, workflow: str, table: str) -> tuple[str, ...]:
        """Return the tables downstream of one that a workflow does not refresh yet."""
        lineage = self._lineage()
        if table not in lineage:
            raise unknown_table(table, lineage)
        with self._store.read() as view:
            row = find_workflow(view, workflow)
        present = {getattr(task.spec, "table", None) for task in row.definition.tasks}
        return tuple(name for name in propose_downstream(table, lineage) if name not in present)

    def set(self, workflow: str, name: str, args: TaskArgs, *, actor: str) -> WorkflowChange:
        """Change the given keys of a task, the others stay; another kind replaces what it did."""

        def change(form: dict[str, Any]) -> dict[str, Any]:
            old = _task_of(form, name)
            given = _given(args)
            if not given:
                raise usage("nothing_to_set", "nothing to set", fix="add an option, e.g. --retries 3")
            if any(kind in given for kind in _KINDS):
                old = {key: value for key, value in old.items() if key not in (*_KINDS, *_COMMAND_KEYS)}
            joined = {**old, **given, "name": name}
            joined = {key: value for key, value in joined.items() if value not in ((), [])}
            return put_task(form, joined)

        return self._edits.rewrite(workflow, change, actor=actor, verb="workflow_set_task")

    def remove(self, workflow: str, name: str, *, actor: str) -> WorkflowChange:
        """Remove a task; conflict `task_in_use` while others wait for it."""

        def change(form: dict[str, Any]) -> dict[str, Any]:
            _task_of(form, name)
            below = names_below(form, name)
            if below:
                raise conflict(
                    "task_in_use",
                    f"task {below[0]!r} waits for {name!r}",
                    fix=f"`mtctl workflow link {workflow} {name} {below[0]} --remove` first",
                )
            if len(form["tasks"]) == 1:
                raise conflict(
                    "task_last", f"{name!r} is the only task", fix=f"`mtctl workflow delete {workflow}` deletes all"
                )
            return without_task(form, name)

        return self._edits.rewrite(workflow, change, actor=actor, verb="workflow_remove_task")

    def link(self, workflow: str, first: str, then: str, *, remove: bool, actor: str) -> WorkflowChange:
        """Let one task wait for another, or no more; a link that is so already changes nothing."""

        def change(form: dict[str, Any]) -> dict[str, Any]:
            _task_of(form, first)
            task = _task_of(form, then)
            others = [name for name in task.get("upstream", []) if name != first]
            upstream = others if remove else sorted([*others, first], key=_place_in(form))
            changed = {key: value for key, value in task.items() if key != "upstream"}
            return put_task(form, {**changed, "upstream": upstream} if upstream else changed)

        return self._edits.rewrite(workflow, change, actor=actor, verb="workflow_link")

    def _lineage(self) -> dict[str, frozenset[str]]:
        with self._store.read() as view:
            return {
                table.definition.name: frozenset(read.table for read in table.definition.reads)
                for table in view.tables()
            }


def new_task(args: TaskArgs) -> dict[str, Any]:
    """Return the file form of a task from words; usage error `task_kind` unless it is exactly one kind."""
    form = _given(args)
    kinds = [kind for kind in _KINDS if kind in form]
    if len(kinds) != 1:
        raise usage("task_kind", "a task is one of --table, --command, --http or a file", fix="give exactly one")
    name = form.get("name") or _default_name(form)
    return {"name": name, **{key: value for key, value in form.items() if key != "name" and value not in ((), [])}}


def task_of_word(word: str) -> dict[str, Any]:
    """Return the file form of `[NAME=]table:T`, `[NAME=]command:PROGRAM ARG…` or `[NAME=]http:URL`."""
    import shlex  # noqa: PLC0415 - only where tasks are written as words

    head, _, rest = word.partition(":")
    name, sign, kind = head.rpartition("=")
    form: dict[str, Any]
    match kind:
        case "table":
            form = {"table": rest}
        case "command":
            try:
                form = {"command": shlex.split(rest)}
            except ValueError as error:
                raise usage("task_word", f"'{word}': {error}", where="--task", fix="close the quotes") from None
        case "http":
            form = {"http": _http(rest)}
        case _:
            raise usage(
                "task_word", f"'{word}' is no task", where="--task", fix="e.g. table:orders or load=command:./load.sh"
            )
    if not rest.strip():
        raise usage("task_word", f"'{word}' names nothing", where="--task", fix="e.g. table:orders")
    return {"name": name if sign else _default_name(form), **form}


def _given(args: TaskArgs) -> dict[str, Any]:
    form: dict[str, Any] = _toml_task(args.text) if args.text is not None else {}
    form |= {} if args.command is None else {"command": list(args.command)}
    form |= {} if args.http is None else {"http": _http(args.http)}
    plain = {
        "name": args.name,
        "table": args.table,
        "retries": args.retries,
        "timeout": args.timeout,
        "queue": args.queue,
        "priority": args.priority,
        "upstream": list(args.upstream) if args.upstream is not None else None,
    }
    return form | {key: value for key, value in plain.items() if value is not None}


def _toml_task(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid("toml_syntax", f"the task is not TOML: {error}", fix="write its keys, e.g. table = 't'") from None


def _http(text: str) -> dict[str, str]:
    """Return the request of `URL` or `METHOD URL`."""
    method, gap, url = text.strip().partition(" ")
    return {"method": method.upper(), "url": url.strip()} if gap else {"method": "GET", "url": method}


def _default_name(form: Mapping[str, Any]) -> str:
    """Return a name for a task that was given none: its table, its program or the host of its request."""
    if "table" in form:
        return str(form["table"])
    if "command" in form:
        return str(form["command"][0]).rpartition("/")[2] if form["command"] else "command"
    if "http" in form:
        return str(form["http"]["url"]).partition("://")[2].partition("/")[0].partition(":")[0] or "http"
    return "sql"


def _linked(form: Mapping[str, Any], task: dict[str, Any], lineage: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """Return the task waiting for the tasks of the tables that it reads, unless somebody said for what it waits."""
    if "upstream" in task or "table" not in task:
        return task
    reads = lineage.get(task["table"], frozenset())
    upstream = [one["name"] for one in form["tasks"] if one.get("table") in reads]
    return {**task, "upstream": upstream} if upstream else task


def _place_in(form: Mapping[str, Any]) -> Callable[[str], int]:
    """Return where a task stands in the file, so that the same links are the same list."""
    return [one["name"] for one in form["tasks"]].index


def _task_of(form: Mapping[str, Any], name: str) -> dict[str, Any]:
    names = [one["name"] for one in form["tasks"]]
    if name not in names:
        near = closest(name, names)
        raise not_found(
            "task_unknown",
            f"no task is named {name!r}",
            fix=f"did you mean {near!r}?" if near else f"the tasks are {', '.join(names)}",
        )
    return dict(next(one for one in form["tasks"] if one["name"] == name))
