"""Floor 2. One write transaction: the verbs of `ports.Tx`, each in its own module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.store import claims, instances, publish, sources, staleness, tables, work
from mtctl.store.catalog import with_slash
from mtctl.store.workflow_tx import WorkflowTx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import SourceFile
    from mtctl.core.states import Outcome, Transition
    from mtctl.ports.changes import Claimed, NewInstance, NewTable, Publication, Published, Refused
    from mtctl.ports.work import TaskRow


class SqliteTx(WorkflowTx):
    """Implements `ports.Tx`; everything in it happens at `now` and is committed together."""

    def add_holder(self, *, ulid: str, kind: str, pid: int, pid_started: int, command: str) -> int:
        """Register this process; return its holder id."""
        bindings = {
            "ulid": ulid,
            "kind": kind,
            "pid": pid,
            "pid_started": pid_started,
            "command": command,
            "boot_id": self.session.boot_id,
            "boottime": self.session.boottime,
        }
        return int(self.session.value("leases.add_holder", bindings))

    def set_runner_group(self, holder_id: int, group: int | None) -> None:
        """Record the process group of the holder's runner, to be killed when the holder is found dead."""
        self.session.run("leases.set_runner_group", {"holder_id": holder_id, "group": group})

    def end_holder(self, holder_id: int) -> None:
        """Mark a holder as gone; its pins go."""
        claims.end_holder(self.session, holder_id)

    def beat(self, holder_id: int) -> list[int] | None:
        """Renew all leases and pins of the holder; return the ids of its own attempts, None when it was ended."""
        return claims.beat(self.session, holder_id)

    def lose(self, holder_id: int) -> None:
        """End a dead holder: its open attempts are `lost`, its undetached instances' open tasks `cancelled`."""
        claims.lose(self.session, holder_id)

    def put_tables(self, tables_: Sequence[NewTable]) -> dict[str, int]:
        """Put definitions in force in one lake snapshot; return table ids by name."""
        return tables.put_tables(self.session, tables_)

    def drop_tables(self, table_ids: Sequence[int]) -> None:
        """Drop tables: catalog, ledger, coverage, workflow; epochs rise."""
        tables.drop_tables(self.session, table_ids)

    def touch_file(self, table_id: int, *, file: str, sha256: str, size: int, mtime_ns: int) -> None:
        """Record that a file with the same meaning was seen again."""
        seen = {"table_id": table_id, "file": file, "sha256": sha256, "size": size, "mtime_ns": mtime_ns}
        self.session.run("tables.touch_file", seen)

    def add_instance(self, instance: NewInstance) -> int:
        """Insert an instance with tasks and edges, advance it, return its id; the known one's for a known key."""
        return instances.add_instance(self.session, instance)

    def apply(self, transitions: Sequence[Transition]) -> None:
        """Change task states: guarded update, event row, roll-up. Raises `state_conflict`."""
        work.apply(self.session, transitions)

    def advance_below(self, task_id: int) -> None:
        """Let go on what waited for a task that is done."""
        work.advance_below(self.session, task_id)

    def claim(
        self, holder_id: int, *, attempt_ulid: str, instance_id: int | None, task: TaskRow | None = None
    ) -> Claimed | None:
        """Take the next claimable task (queue, pause, one writer per table), of one instance or of any ownerless.

        `task` is what `next_task` has said in this transaction, unchanged since: then nothing is looked for again.
        """
        return claims.claim(self.session, holder_id, attempt_ulid=attempt_ulid, instance_id=instance_id, turn=task)

    def finish(
        self,
        claimed: Claimed,
        outcome: Outcome,
        *,
        error_code: str,
        error: str,
        transition: Transition,
        rows: int | None = None,
    ) -> bool:
        """End an attempt that did not publish and move its task; False when it is no longer mine."""
        return claims.finish(self.session, claimed, outcome, (error_code, error), transition, rows)

    def publish(self, publication: Publication) -> Published | Refused:
        """Make an attempt's data visible: the only way."""
        return publish.publish(self.session, publication)

    def pin(self, holder_id: int, snapshot_id: int, purpose: str) -> int:
        """Keep a snapshot for a reader."""
        bindings = {
            "holder_id": holder_id,
            "snapshot": snapshot_id,
            "purpose": purpose,
            "expires": self.session.lease_until,
            "boot_id": self.session.boot_id,
        }
        return int(self.session.value("leases.add_pin", bindings))

    def unpin(self, pin_id: int) -> None:
        """Let a snapshot go."""
        self.session.run("leases.drop_pin", {"pin_id": pin_id})

    def observe_sources(self, files: Sequence[SourceFile]) -> None:
        """Record the present version of files; intervals built from other versions become stale with that reason."""
        sources.observe(self.session, files)

    def invalidate(self, table_id: int, intervals: IntervalSet, reason: str) -> None:
        """Make live intervals stale for a reason, until they are published again; the first reason stays."""
        staleness.invalidate(self.session, table_id, intervals, reason)

    def adopt_path(self, data_path: str, *, moved: tuple[str, str] | None = None) -> None:
        """Rewrite the catalog's absolute data path after the project has moved.

        `moved` are the project's folders before and now, each with a trailing slash: source files below follow.
        """
        self.session.run("catalog.set_data_path", {"value": with_slash(data_path)})
        self.session.forget_data_path()
        if moved is not None:
            self.session.run("ledger.move_sources", {"before": moved[0], "after": moved[1]})
