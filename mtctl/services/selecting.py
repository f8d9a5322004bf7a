"""Floor 3. Tables picked by what a command names: looks up only those facts that the words ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.selector import Facts, kinds_asked, select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.states import Outcome
    from mtctl.core.table_view import TableView
    from mtctl.ports.store import Store


def chosen_tables(patterns: Sequence[str], views: Mapping[str, TableView], store: Store) -> tuple[str, ...]:
    """Return the tables that the patterns pick, upstream first; errors of `core.selector.select`."""
    kinds = kinds_asked(patterns)
    upstream = {name: frozenset(read.table for read in view.definition.reads) for name, view in views.items()}
    facts = Facts(
        tags={name: dict(view.definition.tags) for name, view in views.items()} if "tag" in kinds else None,
        states=_states(views, store) if "state" in kinds else None,
        workflows=_workflows(store) if "wf" in kinds else None,
    )
    return select(patterns, tuple(views), upstream, facts)


def states_of(view: TableView, last_outcome: Outcome | None, *, running: bool) -> frozenset[str]:
    """Return the words of `state:` that hold of a table."""
    from mtctl.core.health import Health, health  # noqa: PLC0415 - only where somebody asks
    from mtctl.core.ledger import missing, todo  # noqa: PLC0415 - the same

    due = todo(view.wanted, view.coverage)
    words = {
        Health.FRESH: "fresh", Health.LATE: "late", Health.FAILING: "failed", Health.NEVER: "never",
    }  # fmt: skip
    found = {words[health(view, last_outcome, running=running)]}
    if "failed" in found:
        found.add("late")
    if due & view.coverage.stale_set:
        found.add("stale")
    if missing(view.wanted, view.coverage):
        found.add("missing")
    if not view.coverage.fresh and not view.coverage.stale:
        found.add("never")
    return frozenset(found)


def _states(views: Mapping[str, TableView], store: Store) -> dict[str, frozenset[str]]:
    with store.read() as view:
        attempts, running = view.last_attempts(), view.running()
    found = {}
    for name, one in views.items():
        last = attempts.get(one.table.table_id)
        busy = one.table.table_id in running
        found[name] = states_of(one, last.outcome if last is not None else None, running=busy)
    return found


def _workflows(store: Store) -> dict[str, frozenset[str]]:
    from mtctl.core.workflow import RefreshSpec  # noqa: PLC0415 - only where somebody asks

    with store.read() as view:
        rows = view.workflows()
    return {
        row.name: frozenset(task.spec.table for task in row.definition.tasks if isinstance(task.spec, RefreshSpec))
        for row in rows
    }
