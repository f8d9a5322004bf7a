"""Floor 0. How tables hang together: the tree that a list of them draws, and the surroundings of one of them.

Every table is drawn once, however many it reads: it hangs from the last of them, so that it stands below all that it
reads. Nothing here recurses, and an edge is looked at once: five hundred tables in one chain are as fine as in one row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LEVELS = 5
"""How many levels of a tree are drawn; of deeper ones the nearest, behind a sign that there are more."""

_STEP = 3
_DOWN = {"fork": "├─ ", "last": "└─ "}
_UP = {"fork": "├─ ", "last": "┌─ "}


class Way(StrEnum):
    """Where something stands around a table."""

    ABOVE = "above"  # it is read, directly or not
    HERE = "here"
    BELOW = "below"  # it reads, directly or not


@frozen
class Branch:
    """One table of the whole tree: `stem` is drawn before its name."""

    name: str
    stem: str


@frozen
class Twig:
    """One line around a table: a name, or (`again`) those that are drawn elsewhere already and only named here."""

    name: str
    stem: str
    way: Way
    again: tuple[str, ...] = ()


def branches(upstream: Mapping[str, Iterable[str]]) -> tuple[Branch, ...]:
    """Return all tables, each below everything that it reads, and how the tree is drawn."""
    above = {name: [one for one in reads if one in upstream and one != name] for name, reads in upstream.items()}
    order, parents = _hung(above)
    stems = _stems([parents[name] for name in order], _DOWN)
    return tuple(Branch(name=name, stem=stem) for name, stem in zip(order, stems, strict=True))


def surroundings(subject: str, upstream: Mapping[str, Iterable[str]]) -> tuple[Twig, ...]:
    """Return what a table reads (above it, the farthest first), the table, and what reads it, to any depth.

    What hangs together in several ways is followed once and named elsewhere: two lines a table at most.
    """
    downstream = reversed_edges(upstream)
    above = list(_followed(subject, upstream))
    below = list(_followed(subject, downstream))
    stems_above = _stems([parent for _, parent, _ in above], _UP)
    stems_below = _stems([parent for _, parent, _ in below], _DOWN)
    return (
        *reversed([
            Twig(name=name, stem=stem, way=Way.ABOVE, again=again)
            for (name, _, again), stem in zip(above[1:], stems_above[1:], strict=True)
        ]),
        Twig(name=subject, stem="", way=Way.HERE),
        *(
            Twig(name=name, stem=stem, way=Way.BELOW, again=again)
            for (name, _, again), stem in zip(below[1:], stems_below[1:], strict=True)
        ),
    )  # fmt: skip


def reversed_edges(upstream: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return who reads each name, sorted."""
    found: dict[str, set[str]] = {}
    for name, reads in upstream.items():
        for read in reads:
            found.setdefault(read, set()).add(name)
    return {name: sorted(readers) for name, readers in found.items()}


def worst_path(lags: Mapping[str, int], upstream: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the chain from a source to the table with the greatest lag, empty where none has any.

    Each step up goes to what is behind most; ties go by name. `lags` are 0 for what is as it should be.
    """
    worst = min(lags, key=lambda name: (-lags[name], name), default=None)
    if worst is None or lags[worst] <= 0:
        return ()
    path, seen = [worst], {worst}
    while True:
        above = [one for one in upstream.get(path[-1], ()) if one not in seen]
        if not above:
            return tuple(reversed(path))
        path.append(min(above, key=lambda name: (-lags.get(name, 0), name)))
        seen.add(path[-1])


def _hung(above: Mapping[str, Sequence[str]]) -> tuple[list[str], dict[str, int | None]]:
    """Return the order of drawing, and from which place in it each name hangs (None: from nothing)."""
    waiting = {name: len(set(reads)) for name, reads in above.items()}
    readers = reversed_edges(above)
    order: list[str] = []
    parents: dict[str, int | None] = {}
    walk: list[tuple[int, Iterator[str]]] = []

    def hang(name: str, parent: int | None) -> None:
        parents[name] = parent
        walk.append((len(order), iter(readers.get(name, ()))))
        order.append(name)

    for root in sorted(name for name, count in waiting.items() if not count):
        hang(root, None)
        while walk:
            place, below = walk[-1]
            name = next(below, None)
            if name is None:
                walk.pop()
                continue
            waiting[name] -= 1
            if not waiting[name]:
                hang(name, place)
    for name in sorted(set(above) - set(order)):  # a loop cannot be applied; if there is one, its tables are not hidden
        parents[name] = None
        order.append(name)
    return order, parents


def _followed(start: str, edges: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, int | None, tuple[str, ...]]]:
    """Yield names with the place of what they hang from; a name that was there already is gathered behind the rest."""
    seen = {start}
    place = 0
    walk: list[tuple[int, Iterator[str], list[str]]] = [(0, iter(sorted(edges.get(start, ()))), [])]
    yield start, None, ()
    while walk:
        parent, names, again = walk[-1]
        name = next(names, None)
        if name is None:
            walk.pop()
            if again:
                place += 1
                yield "", parent, tuple(again)
        elif name in seen:
            again.append(name)
        else:
            seen.add(name)
            place += 1
            walk.append((place, iter(sorted(edges.get(name, ()))), []))
            yield name, parent, ()


def _stems(parents: Sequence[int | None], signs: Mapping[str, str]) -> list[str]:
    """Return what is drawn before each line of a tree; a parent stands before its children."""
    last = {parent: place for place, parent in enumerate(parents)}
    rails: list[str] = []
    stems: list[str] = []
    for place, parent in enumerate(parents):
        if parent is None:
            rails.append("")
            stems.append("")
            continue
        is_last = last[parent] == place
        stem = rails[parent] + signs["last" if is_last else "fork"]
        rail = rails[parent] + ("   " if is_last else "│  ")
        stems.append(_cut(stem))
        rails.append(rail[-LEVELS * _STEP :] if len(rail) > LEVELS * _STEP else rail)
    return stems


def _cut(stem: str) -> str:
    """Return the nearest levels of a stem."""
    return stem if len(stem) <= LEVELS * _STEP else "… " + stem[-LEVELS * _STEP :]
