"""Floor 0. Which small files of a table become one: by order of time, near the target size, when it is worth it.

Writing a big file anew for each small one beside it would cost more than it brings. So while a table is being written
to, what is added must be a fair share of what is written anew; once it is at rest, nothing small stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant

WARM = 5 * 60 * 1_000_000
"""A file whose newest rows are younger (microseconds) is left alone by a round: it may soon be replaced anyway."""

REST = 60 * 60 * 1_000_000
"""Files whose newest rows are older (microseconds) are at rest: a round makes the fewest files of them."""

CROWD = 64
"""So many small files of one table are merged however young they are: readers open every one of them."""

_SLACK = 1.25
"""How far over the target a merged file may be, so that what was taken out of a full one fits into it again."""

_FEWEST = 4
"""So many files at least are merged while a table is being written to."""

_MANY = 16
"""So many files are worth it however big the greatest is."""

_SHARE = 4
"""What is added to the greatest file must be one of so many parts of it."""


@frozen
class Small:
    """A live file as it is planned with: `start` is that of its first interval, `layout` says what may be merged."""

    file_id: int
    start: Instant
    rows: int
    bytes: int
    written_at: Instant
    layout: str = ""


@frozen
class Size:
    """A number of rows and of bytes."""

    rows: int
    bytes: int

    def holds(self, rows: int, size: int, slack: float = 1.0) -> bool:
        """Whether so much is within it."""
        return rows <= self.rows * slack and size <= self.bytes * slack


def merges(files: Iterable[Small], target: Size) -> list[tuple[Small, ...]]:
    """Return the groups of files that become one each, so that the fewest files are left.

    First neighbours in time that fit together, then what is small and stands alone, whatever lies between.
    """
    found: list[tuple[Small, ...]] = []
    for layout in sorted({one.layout for one in files}):
        ordered = sorted((one for one in files if one.layout == layout), key=lambda one: (one.start, one.file_id))
        groups = _packed([(one,) for one in ordered], target)
        loose = [group for group in groups if _is_small(group, target)]
        found += [group for group in groups if len(group) > 1 and not _is_small(group, target)]
        found += [group for group in _packed(loose, target) if len(group) > 1]
    return found


def worthwhile(groups: Iterable[tuple[Small, ...]], now: Instant) -> list[tuple[Small, ...]]:
    """Return the groups that a round of upkeep merges: those at rest, and those that are worth it before."""
    return [group for group in groups if _at_rest(group, now) or _is_worth_it(group)]


def cold(files: Sequence[Small], target: Size, now: Instant) -> list[Small]:
    """Return the files that a round of upkeep may touch."""
    if sum(is_small(one, target) for one in files) > CROWD:
        return list(files)
    return [one for one in files if now - one.written_at >= WARM]


def is_small(one: Small, target: Size) -> bool:
    """Whether a file is less than half of the target."""
    return _is_small((one,), target)


def _packed(ordered: Sequence[tuple[Small, ...]], target: Size) -> list[tuple[Small, ...]]:
    """Return neighbours together while they fit; the slack is for what belongs into a file that is nearly full."""
    groups: list[list[Small]] = []
    rows = size = 0
    for one in ordered:
        more = sum(part.rows for part in one), sum(part.bytes for part in one)
        rows, size = rows + more[0], size + more[1]
        fits = target.holds(rows, size) or (_is_small(one, target) and target.holds(rows, size, _SLACK))
        if groups and fits:
            groups[-1].extend(one)
        else:
            groups.append(list(one))
            rows, size = more
    return [tuple(group) for group in groups]


def _is_small(group: Sequence[Small], target: Size) -> bool:
    return target.holds(2 * sum(one.rows for one in group), 2 * sum(one.bytes for one in group))


def _at_rest(group: Sequence[Small], now: Instant) -> bool:
    return all(now - one.written_at >= REST for one in group)


def _is_worth_it(group: Sequence[Small]) -> bool:
    greatest = max(one.bytes for one in group)
    rest = sum(one.bytes for one in group) - greatest
    return len(group) >= _MANY or (len(group) >= _FEWEST and rest * _SHARE >= greatest)
