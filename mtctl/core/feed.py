"""Floor 0. The change feed of a table: which of its intervals differ between two moments, by the ledger alone.

An interval is unchanged where its content fingerprint is, however often it was refreshed, carried into another file
or compacted in between; then none of its rows has to be read. Where fingerprints cannot be compared (made by engines
that hash otherwise) the rows decide, unless both moments show the very same rows of the very same file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class ChangeKind(StrEnum):
    """What became of a stretch of a table."""

    ADDED = "added"  # only the later moment has intervals there
    REMOVED = "removed"  # only the earlier one has
    CHANGED = "changed"  # both have, and their content differs or may differ


@frozen
class Part:
    """One interval as one moment holds it: rows [row_start, row_start + rows) of a file, None where it is empty."""

    interval: Interval
    fingerprint: str
    rows: int
    file_id: int | None = None
    row_start: int = 0


@frozen
class IntervalChange:
    """One stretch in which two moments differ, with what each holds there.

    Both sides have the same single interval, or one has none; where the intervals themselves were cut otherwise (the
    grain changed), a stretch is as wide as it takes to hold whole intervals of both sides.
    """

    span: Interval
    before: tuple[Part, ...]
    after: tuple[Part, ...]

    @property
    def kind(self) -> ChangeKind:
        """Whether the stretch came, went or changed."""
        if not self.before:
            return ChangeKind.ADDED
        return ChangeKind.CHANGED if self.after else ChangeKind.REMOVED


def changes(before: Iterable[Part], after: Iterable[Part]) -> tuple[IntervalChange, ...]:
    """Return where two moments of one table differ, by start; the spans are disjoint.

    The parts of each side are disjoint, in any order. What is left out holds the same rows at both moments.
    """
    old = {part.interval: part for part in before}
    new = {part.interval: part for part in after}
    # The same interval on both sides overlaps nothing else: the parts of a side are disjoint.
    same = {key for key, part in old.items() if key in new and _is_same(part, new[key])}
    left = [(part, True) for key, part in old.items() if key not in same]
    left += [(part, False) for key, part in new.items() if key not in same]
    left.sort(key=lambda one: one[0].interval)
    return tuple(_change(group) for group in _groups(left))


def comparable(one: str, other: str) -> bool:
    """Whether two fingerprints were made by the same hash, so that a difference means another content."""
    return one.split("-")[:2] == other.split("-")[:2]


def _is_same(old: Part, new: Part) -> bool:
    if old.fingerprint == new.fingerprint:
        return True
    in_place = (old.file_id, old.row_start, old.rows) == (new.file_id, new.row_start, new.rows)
    return in_place and not comparable(old.fingerprint, new.fingerprint)


def _groups(ordered: Sequence[tuple[Part, bool]]) -> Iterator[list[tuple[Part, bool]]]:
    """Yield runs of parts that overlap each other; parts that only touch are apart."""
    group: list[tuple[Part, bool]] = []
    end = 0
    for one in ordered:
        interval = one[0].interval
        if group and interval.start >= end:
            yield group
            group = []
        end = max(end, interval.end) if group else interval.end
        group.append(one)
    if group:
        yield group


def _change(group: Sequence[tuple[Part, bool]]) -> IntervalChange:
    start = min(part.interval.start for part, _ in group)
    end = max(part.interval.end for part, _ in group)
    return IntervalChange(
        span=Interval(start, end),
        before=tuple(part for part, is_old in group if is_old),
        after=tuple(part for part, is_old in group if not is_old),
    )
