"""Floor 0. Picking tables by name, glob or lineage, and the order in which they depend on each other.

Everything here walks without recursion: 200 levels, 5,000 neighbours and 10,000 tables are ordinary.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, invalid, not_found
from mtctl.core.names import closest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WILD = frozenset("*?[")


def select(patterns: Iterable[str], names: Iterable[str], upstream: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the tables that any of the patterns picks, upstream tables first.

    A pattern is a NAME or GLOB, `+x` with all that x reads, `x+` with all that reads x, `+x+` with both. Error
    `table_unknown` (kind NOT_FOUND) for a name nobody bears, or a glob that matches nothing.
    """
    known = frozenset(names)
    downstream: dict[str, frozenset[str]] | None = None
    picked: set[str] = set()
    for pattern in patterns:
        core = pattern.removeprefix("+").removesuffix("+")
        matched = _matching(core, known, pattern)
        picked |= matched
        if pattern.startswith("+"):
            picked |= _reachable(matched, upstream) & known
        if pattern.endswith("+"):
            downstream = downstream or reverse(upstream)
            picked |= _reachable(matched, downstream) & known
    if not picked:
        return ()
    # The order within the selection follows paths through tables outside it too.
    return tuple(name for name in topological(known, upstream) if name in picked)


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
