"""Floor 0. The picture of a workflow: a tree of text, Mermaid or DOT, the same for the same definition.

A task that waits for several is drawn below the first of them and pointed at from the others. Nothing here recurses:
a chain of ten thousand tasks is drawn too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from mtctl.core.errors import usage
from mtctl.core.names import closest, printable
from mtctl.core.workflow import (
    CommandSpec,
    HttpSpec,
    RefreshSpec,
    SqlSpec,
    priority_of,
    queue_of,
    retries_of,
    timeout_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mtctl.core.workflow import WorkflowDefinition, WorkflowTask

FORMATS = ("text", "mermaid", "dot")
"""The ways to draw."""

_UNITS = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"))


def graph(definition: WorkflowDefinition, lineage: Mapping[str, Collection[str]], form: str = "text") -> str:
    """Return the picture; `lineage` says which tables each table reads, for what a refresh takes from outside.

    Error `graph_format` (USAGE).
    """
    match form:
        case "text":
            return text_graph(definition, lineage)
        case "mermaid":
            return mermaid_graph(definition)
        case "dot":
            return dot_graph(definition)
    near = closest(form, FORMATS)
    fix = f"did you mean {near}?" if near else f"one of {', '.join(FORMATS)}"
    raise usage("graph_format", f"'{printable(form[:40])}' is not a way to draw", where="--format", fix=fix)


class Branch(NamedTuple):
    """One line of the tree: what stands before the task, its name, and whether it is drawn elsewhere already."""

    before: str
    task: str
    is_pointer: bool


def text_graph(definition: WorkflowDefinition, lineage: Mapping[str, Collection[str]]) -> str:
    """Return the tree: the workflow, its first tasks, below each what waits for it."""
    inside = {task.spec.table for task in definition.tasks if isinstance(task.spec, RefreshSpec)}
    by_name = {task.name: task for task in definition.tasks}
    lines = [_head(definition)]
    for before, name, is_pointer in tree(definition):
        text = f"→ {name}" if is_pointer else _line(definition, by_name[name], lineage, inside)
        lines.append(f"{before}{text}")
    return "\n".join(lines) + "\n"


def tree(definition: WorkflowDefinition) -> Iterator[Branch]:
    """Return the lines of the tree, from the first tasks down; a task with several above hangs below the first."""
    below = _below(definition)
    by_name = {task.name: task for task in definition.tasks}
    roots = [task.name for task in definition.tasks if not task.upstream]
    stack = [(name, "", at == len(roots) - 1, "") for at, name in enumerate(roots)][::-1]
    while stack:
        name, indent, is_last, above = stack.pop()
        branch = indent + ("└─ " if is_last else "├─ ")
        if above and by_name[name].upstream[0] != above:
            yield Branch(branch, name, is_pointer=True)
            continue
        yield Branch(branch, name, is_pointer=False)
        deeper = indent + ("   " if is_last else "│  ")
        children = below.get(name, [])
        stack += [(child, deeper, at == len(children) - 1, name) for at, child in enumerate(children)][::-1]


def mermaid_graph(definition: WorkflowDefinition) -> str:
    """Return a Mermaid flow chart."""
    ids = {task.name: f"t{at}" for at, task in enumerate(definition.tasks)}
    lines = ["flowchart TD"]
    lines += [f'  {ids[task.name]}["{task.name}<br/>{_mermaid(what(task))}"]' for task in definition.tasks]
    lines += [f"  {ids[above]} --> {ids[task.name]}" for task in definition.tasks for above in task.upstream]
    return "\n".join(lines) + "\n"


def dot_graph(definition: WorkflowDefinition) -> str:
    """Return a Graphviz digraph."""
    lines = [f"digraph {_dot(definition.name)} {{", "  node [shape=box];"]
    lines += [f"  {_dot(task.name)} [label={_dot(task.name + chr(10) + what(task))}];" for task in definition.tasks]
    lines += [f"  {_dot(above)} -> {_dot(task.name)};" for task in definition.tasks for above in task.upstream]
    return "\n".join([*lines, "}"]) + "\n"


def what(task: WorkflowTask) -> str:
    """Return what a task does in a few words: the table, the files, the program, the host."""
    match task.spec:
        case RefreshSpec(table=table):
            return f"refresh {table}"
        case SqlSpec(exports=exports, database=database):
            if exports:
                return f"sql {', '.join(printable(each.path) for each in exports)}"
            return f"sql script in {printable(database or '')}"
        case CommandSpec(argv=argv, shell=shell):
            return "command sh" if shell else f"command {printable(argv[0])}"
        case HttpSpec(method=method, url=url):
            return f"http {method} {printable(urlsplit(url).netloc)}"


def _below(definition: WorkflowDefinition) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task in definition.tasks:
        for above in task.upstream:
            found.setdefault(above, []).append(task.name)
    return found


def _head(definition: WorkflowDefinition) -> str:
    parts = [definition.name]
    if definition.schedule is not None:
        parts.append(f"{definition.schedule.text} ({definition.zone})")
    else:
        parts.append("on demand")
    parts += [f"waits for {each.workflow}" for each in definition.depends_on]
    if definition.max_parallel is not None:
        parts.append(f"at most {definition.max_parallel} at once")
    return "  ".join(parts)


def _line(
    definition: WorkflowDefinition, task: WorkflowTask, lineage: Mapping[str, Collection[str]], inside: set[str]
) -> str:
    parts = [task.name, f"[{what(task)}]"]
    if isinstance(task.spec, RefreshSpec):
        outside = sorted(set(lineage.get(task.spec.table, ())) - inside)
        parts += [f"reads {', '.join(outside)}"] if outside else []
    if len(task.upstream) > 1:
        parts.append(f"after {', '.join(task.upstream)}")
    if task.when is not None:
        parts.append("when …")
    if queue_of(definition, task) != "default":
        parts.append(f"queue={queue_of(definition, task)}")
    if retries_of(definition, task) != definition.retries:
        parts.append(f"retries={retries_of(definition, task)}")
    if priority_of(definition, task) != 0:
        parts.append(f"priority={priority_of(definition, task)}")
    if task.timeout is not None and task.timeout != definition.timeout:
        parts.append(f"timeout={_duration(timeout_of(definition, task))}")
    if not task.retry_lost:
        parts.append("once")
    return "  ".join(parts)


def _duration(length: int | None) -> str:
    if length is None:
        return "none"
    size, unit = next(each for each in _UNITS if length % each[0] == 0)
    return f"{length // size}{unit}"


def _mermaid(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _dot(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
