"""Floor 0. Picking tables by name, tag, state, workflow or lineage, and the order in which they depend on each other.

Everything here walks without recursion: 200 levels, 5,000 neighbours and 10,000 tables are ordinary.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, invalid, not_found, usage
from mtctl.core.names import closest, printable
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WILD = frozenset("*?[")
_KINDS = ("tag", "state", "wf")


@frozen
class Facts:
    """What selectors may ask about tables beside their names; None is what the asker did not look up.

    `tags` and `states` by table, `workflows` by name the tables that each refreshes.
    """

    tags: Mapping[str, Mapping[str, str]] | None = None
    states: Mapping[str, frozenset[str]] | None = None
    workflows: Mapping[str, frozenset[str]] | None = None


NO_FACTS = Facts()
"""Nothing but names and lineage."""

STATES = ("failed", "stale", "fresh", "late", "never", "missing")
"""What `state:` may ask for: a table may be in several."""


def select(
    patterns: Iterable[str],
    names: Iterable[str],
    upstream: Mapping[str, frozenset[str]],
    facts: Facts = NO_FACTS,
) -> tuple[str, ...]:
    """Return the tables that any of the patterns picks, upstream tables first.

    A pattern is a NAME or GLOB, `tag:k=v`, `tag:k`, `state:failed` or `wf:name`; `+x` adds all that x reads, `x+` all
    that reads x, `+x+` both; a comma joins several that must all hold. Errors `table_unknown`, `workflow_unknown`,
    `tag_unknown` (NOT_FOUND) for what nobody bears, `selector` (USAGE) for what cannot be asked. No table may be in a
    state: that picks nothing.
    """
    known = frozenset(names)
    graph = _Graph(known, upstream)
    picked: set[str] = set()
    for pattern in patterns:
        parts = [_picked(part, graph, facts) for part in pattern.split(",")]
        picked |= set.intersection(*parts)
    if not picked:
        return ()
    # The order within the selection follows paths through tables outside it too.
    return tuple(name for name in topological(known, upstream) if name in picked)


def kinds_asked(patterns: Iterable[str]) -> frozenset[str]:
    """Return which of `tag`, `state` and `wf` patterns ask for, so that only those facts are looked up."""
    parts = (part.removeprefix("+") for pattern in patterns for part in pattern.split(","))
    return frozenset(kind for part in parts for kind in _KINDS if part.startswith(f"{kind}:"))


def topological(names: Iterable[str], upstream: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the names so that each stands after all it reads, ties by name; error `cycle` where there is none."""
    known = frozenset(names)
    waiting = {name: len(upstream.get(name, frozenset()) & known) for name in known}
    readers = reverse({name: upstream.get(name, frozenset()) & known for name in known})
    ready = [name for name, count in waiting.items() if count == 0]
    heapify(ready)
    found: list[str] = []
    while ready:
        name = heappop(ready)
        found.append(name)
        for reader in readers.get(name, frozenset()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heappush(ready, reader)
    if len(found) < len(known):
        refuse_cycle(upstream)
    return tuple(found)


def reverse(upstream: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return who reads each table."""
    found: dict[str, set[str]] = {}
    for name, reads in upstream.items():
        for read in reads:
            found.setdefault(read, set()).add(name)
    return {name: frozenset(readers) for name, readers in found.items()}


def find_cycle(upstream: Mapping[str, frozenset[str]]) -> tuple[str, ...] | None:
    """Return one cycle as a path that ends where it begins (`a, b, a`), None where there is none.

    Each name of the path reads the next. The answer is the same for the same tables.
    """
    done: set[str] = set()
    for root in sorted(upstream):
        if root in done:
            continue
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(root, iter(sorted(upstream.get(root, frozenset()))))]
        path.append(root)
        on_path.add(root)
        while stack:
            name, reads = stack[-1]
            read = next(reads, None)
            if read is None:
                stack.pop()
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif read in on_path:
                return (*path[path.index(read) :], read)
            elif read not in done:
                stack.append((read, iter(sorted(upstream.get(read, frozenset())))))
                path.append(read)
                on_path.add(read)
    return None


def refuse_cycle(upstream: Mapping[str, frozenset[str]], *, where: str = "") -> None:
    """Raise the error `cycle` with its path (kind INVALID) where tables read each other in a circle."""
    cycle = find_cycle(upstream)
    if cycle is None:
        return
    path = " → ".join(cycle)
    what = f"the table '{cycle[0]}' reads itself: {path}" if len(cycle) == 2 else f"tables read each other: {path}"
    error = invalid("cycle", what, where=where, fix="let one of them read the sources instead")
    error.details["path"] = list(cycle)
    raise error


class _Graph:
    """Who reads whom, both ways; the way down is made when it is first asked for."""

    def __init__(self, known: frozenset[str], upstream: Mapping[str, frozenset[str]]) -> None:
        self.known = known
        self._upstream = upstream
        self._downstream: dict[str, frozenset[str]] | None = None

    def above(self, start: frozenset[str]) -> set[str]:
        return _reachable(start, self._upstream) & self.known

    def below(self, start: frozenset[str]) -> set[str]:
        if self._downstream is None:
            self._downstream = reverse(self._upstream)
        return _reachable(start, self._downstream) & self.known


def _picked(part: str, graph: _Graph, facts: Facts) -> set[str]:
    part = part.strip()
    core = part.removeprefix("+").removesuffix("+")
    kind, colon, rest = core.partition(":")
    matched = _of_kind(kind, rest, facts) & graph.known if colon else _matching(core, graph.known, part)
    found = set(matched)
    if part.startswith("+"):
        found |= graph.above(matched)
    if part.endswith("+"):
        found |= graph.below(matched)
    return found


def _of_kind(kind: str, rest: str, facts: Facts) -> frozenset[str]:
    if kind not in _KINDS:
        near = closest(kind, _KINDS)
        fix = f"did you mean '{near}:'?" if near else "write tag:k=v, state:failed or wf:name"
        raise usage("selector", f"'{printable(kind[:40])}:' is not something to select by", fix=fix)
    table = {"tag": facts.tags, "state": facts.states, "wf": facts.workflows}[kind]
    if table is None:
        raise usage("selector", f"'{kind}:' cannot be used here", fix="name tables")
    if not rest:
        raise usage("selector", f"'{kind}:' names nothing", fix="write tag:k=v, state:failed or wf:name")
    if kind == "tag":
        return _tagged(rest, facts.tags or {})
    if kind == "wf":
        return _of_workflow(rest, facts.workflows or {})
    if rest not in STATES:
        near = closest(rest, STATES)
        fix = f"did you mean 'state:{near}'?" if near else f"the states are {', '.join(STATES)}"
        raise usage("selector", f"'{printable(rest[:40])}' is not a state of a table", fix=fix)
    return frozenset(name for name, states in (facts.states or {}).items() if rest in states)


def _tagged(rest: str, tags: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    key, equals, value = rest.partition("=")
    found = frozenset(
        name for name, own in tags.items() if key in own and (not equals or fnmatchcase(own[key], value))
    )
    if found:
        return found
    keys = sorted({each for own in tags.values() for each in own})
    if key in keys:
        values = sorted({own[key] for own in tags.values() if key in own})
        fix = f"the values of '{key}' are {', '.join(values[:20])}"
    else:
        fix = f"the tags are {', '.join(keys[:20])}" if keys else "no table has a tag"
    raise not_found("tag_unknown", f"no table has the tag '{printable(rest[:80])}'", fix=fix)


def _of_workflow(rest: str, workflows: Mapping[str, frozenset[str]]) -> frozenset[str]:
    if _WILD & set(rest):
        matching = [tables for name, tables in workflows.items() if fnmatchcase(name, rest)]
        if matching:
            return frozenset().union(*matching)
    elif rest in workflows:
        return workflows[rest]
    near = closest(rest, sorted(workflows))
    raise MtctlError(
        "workflow_unknown", f"no workflow is named '{printable(rest[:80])}'", kind=Kind.NOT_FOUND,
        fix=f"did you mean '{near}'?" if near else "`mtctl workflow list` shows the workflows",
        details={"did_you_mean": [near]} if near else None,
    )  # fmt: skip


def _matching(core: str, known: frozenset[str], pattern: str) -> frozenset[str]:
    name = core.lower()
    if _WILD & set(core):
        found = frozenset(each for each in known if fnmatchcase(each, name))
        if found:
            return found
        what = f"no table matches '{printable(pattern[:80])}'"
        raise not_found("table_unknown", what, fix="`mtctl table list` shows the tables")
    if name.startswith("main."):
        name = name.removeprefix("main.")
    if name in known:
        return frozenset({name})
    near = closest(name, sorted(known))
    raise MtctlError(
        "table_unknown", f"no table is named '{printable(core[:80])}'", kind=Kind.NOT_FOUND,
        fix=f"did you mean '{near}'?" if near else "`mtctl table list` shows the tables",
        details={"did_you_mean": [near]} if near else None,
    )  # fmt: skip


def _reachable(start: frozenset[str], edges: Mapping[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    open_ = list(start)
    while open_:
        for name in edges.get(open_.pop(), frozenset()):
            if name not in found:
                found.add(name)
                open_.append(name)
    return found
