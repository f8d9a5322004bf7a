"""Floor 2. What was done long ago is forgotten: ended instances, events, definitions and holders that nothing names.

A fire cannot happen again for that: the mark of its workflow has moved past it, and the mark stays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant
    from mtctl.store.session import Session

KEPT_GOOD = 100
"""How many of the newest instances of a workflow stay, beside those of the last hour."""

KEPT_BAD = 1_000
"""How many stay of those that did not end well; of what belongs to no workflow as many stay whatever their end."""

SETTLED = 3_600_000_000
"""How long any ended instance stays: an hour in microseconds."""

_EVENTS = 6
"""How many events go with a task at most, in one step."""

_NONE = -1


class Forgetting:
    """The part of `ports.RetentionTx` about the past that only people ask for."""

    def __init__(self, session: Session) -> None:
        """Read and write through this session."""
        self.session = session

    def ended_instances(self, before: Instant, limit: int) -> list[int]:
        """Return ended instances that may be forgotten: by age, or since many newer ones of their workflow exist."""
        times = {"before": before, "settled": self.session.now - SETTLED}
        found = self._ended("_of_nobody", {}, times, KEPT_BAD, limit)
        for (workflow_id,) in self.session.rows("forgetting.workflows"):
            if len(found) >= limit:
                break
            found += self._ended("", {"workflow_id": workflow_id}, times, KEPT_GOOD, limit - len(found))
        return found

    def attempts_known(self, ulids: Sequence[str]) -> frozenset[str]:
        """Return which of these ulids belong to attempts whose task is still there."""
        asked = {"ulids": json.dumps(list(ulids))}
        return frozenset(one for (one,) in self.session.rows("forgetting.attempts_known", asked))

    def forget_instances(
        self, instance_ids: Sequence[int], untold_from: Instant, limit: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Remove ended instances with tasks, attempts and events; return those that are gone, and those that stay.

        Of a big one only so many tasks and events go at a time: it is in neither of both until all are gone. Attempts
        that a ledger row names, and the last of each table, stay without their task. What somebody is still to be told
        of stays until its events are older than `untold_from`.
        """
        run, rows = self.session.run, self.session.rows
        asked = _ids(one for (one,) in rows("forgetting.endable", _ids(instance_ids)))
        going = [one for (one,) in rows("forgetting.told", asked | {"before": untold_from})]
        staying = frozenset(instance_ids) - frozenset(going)
        if not going:
            return frozenset(), staying
        asked = _ids(going) | {"limit": limit}
        self._forget_tasks([one for (one,) in rows("forgetting.tasks_of", asked)])
        run("forgetting.drop_events", asked | {"limit": limit * _EVENTS})
        return frozenset(one for (one,) in rows("forgetting.drop_instances", asked)), staying

    def _forget_tasks(self, tasks: Sequence[int]) -> None:
        if not tasks:
            return
        run, asked = self.session.run, {"tasks": json.dumps(tasks)}
        run("forgetting.archive")
        run("forgetting.archive_task")
        for statement in ("archive_attempts", "drop_attempts", "drop_edges", "drop_edges_down", "drop_tasks"):
            run(f"forgetting.{statement}", asked)

    def forget_events(self, before: Instant, told_before: Instant, limit: int) -> int:
        """Remove events, sent notices and skipped fires from before an instant, unread events from before another."""
        asked = {"before": before, "told_before": told_before, "limit": limit}
        return sum(self.session.run(f"forgetting.drop_old_{what}", asked) for what in ("events", "notices", "skipped"))

    def forget_books(self, before: Instant, limit: int) -> int:
        """Remove versions of definitions that nothing names and holders that are long gone."""
        run, rows = self.session.run, self.session.rows
        asked = {"before": before, "limit": limit}
        versions = [one for (one,) in rows("forgetting.old_table_versions", asked)]
        run("forgetting.drop_table_versions", _ids(versions))
        holders = [one for (one,) in rows("forgetting.gone_holders", asked)]
        for statement in ("groups", "pins", "leases"):
            run(f"forgetting.drop_holder_{statement}", _ids(holders))
        run("forgetting.drop_holders", _ids(holders))
        return len(versions) + len(holders)

    def _ended(
        self, group: str, of: dict[str, int], times: dict[str, int], kept: int, limit: int
    ) -> list[int]:
        last_good = self.session.value(f"forgetting.newest_kept{group}", of | {"kept": kept})
        last_bad = None
        if last_good is not None:
            last_bad = self.session.value(f"forgetting.newest_bad{group}", of | {"kept": KEPT_BAD})
        asked = {
            "last_good": _NONE if last_good is None else last_good,
            "last_bad": _NONE if last_bad is None else last_bad,
            "limit": limit,
        }
        return [one for (one,) in self.session.rows(f"forgetting.ended{group}", of | times | asked)]


def _ids(found: Iterable[int]) -> dict[str, object]:
    return {"ids": json.dumps(list(found))}
