"""Floor 3. What a person means by a moment of the lake: a snapshot's number, or a time.

A time means the newest snapshot at or before it. What was made after the oldest snapshot kept may be gone too: expiry
leaves holes, and the answer may then be of an earlier snapshot than the one that was newest at that time: that is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import iso_utc
from mtctl.core.errors import MtctlError, not_found
from mtctl.core.times import parse_instant
from mtctl.core.values import replace

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.ports.history import Moment, Past


def moment_of(past: Past, text: str, *, zone: str, now: Instant, field: str) -> Moment:
    """Return the snapshot that a text means, `field` being the option that it was given to.

    Errors (NOT_FOUND): `snapshot_future`, `snapshot_expired`, `snapshot_before_first`; those of a time that cannot be
    read are usage errors.
    """
    word = text.strip()
    if word.isdigit():
        return known_moment(past, int(word), field=field)
    instant = parse_instant(word, zone, field=field)
    if instant > now:
        raise not_found("snapshot_future", f"{iso_utc(instant)} lies in the future", where=field, fix=_newest(past))
    found = past.at_or_before(instant)
    if found is not None:
        later = past.after(found.snapshot_id)
        return replace(found, is_exact=later is None or later.snapshot_id == found.snapshot_id + 1)
    oldest = past.oldest()
    if oldest.snapshot_id:
        raise _expired(past, f"what was there at {iso_utc(instant)} is not kept any more", field)
    what = f"{iso_utc(instant)} lies before the first snapshot"
    raise not_found("snapshot_before_first", what, where=field, fix=f"it was made at {iso_utc(oldest.at)}")


def known_moment(past: Past, snapshot_id: int, *, field: str) -> Moment:
    """Return a snapshot by its number; errors (NOT_FOUND) `snapshot_future` and `snapshot_expired`."""
    newest = past.newest()
    if snapshot_id > newest.snapshot_id:
        raise not_found(
            "snapshot_future", f"there is no snapshot {snapshot_id} yet", where=field, fix=_newest(past)
        )
    found = past.moment(snapshot_id)
    if found is None:
        raise _expired(past, f"snapshot {snapshot_id} is not kept any more", field)
    return found


def shown(moment: Moment) -> str:
    """Return a moment in words: `snapshot 12 of 2026-11-21T08:00:00Z`."""
    return f"snapshot {moment.snapshot_id} of {iso_utc(moment.at)}"


def hole(moment: Moment) -> str:
    """Return what is to be told of a moment that may not be the one that was meant; empty where it is."""
    if moment.is_exact:
        return ""
    return f"what was newest at that time may have expired: this is {shown(moment)}, the newest before it that is kept"


def _newest(past: Past) -> str:
    return f"the newest is {shown(past.newest())}"


def _expired(past: Past, what: str, field: str) -> MtctlError:
    fix = f"the oldest that is kept is {shown(past.oldest())}; `mtctl table history` lists the versions of a table"
    return not_found("snapshot_expired", what, where=field, fix=fix)
