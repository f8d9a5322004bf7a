"""Floor 2. Reads about one queue for dashboards: numbers, and a part of what runs and waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.states import TaskState
from mtctl.ports.queue_board import QueuedTask, QueueSide

if TYPE_CHECKING:
    from mtctl.store.session import Row, Session


class SqliteQueueBoard:
    """Implements `ports.queue_board.QueueReads`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session

    def queue(self, name: str) -> QueueSide | None:
        """Return a queue in numbers, None where there is no such queue."""
        asked = {"name": name, "boot_id": self.session.boot_id, "boottime": self.session.boottime}
        row = self.session.row("queue_board.queue", asked)
        if row is None:
            return None
        return QueueSide(
            name=row[0],
            slots=row[1],
            paused=bool(row[2]),
            paused_why=row[3],
            memory=row[4],
            threads=row[5],
            runs=row[6],
            held=row[7],
            waits=row[8],
            oldest_at=row[9],
        )

    def running(self, name: str, offset: int, limit: int) -> list[QueuedTask]:
        """Return a part of what runs, the longest first."""
        found = self.session.rows("queue_board.running", {"name": name, "offset": offset, "limit": limit})
        return [_task(row) for row in found]

    def waiting(self, name: str, offset: int, limit: int) -> list[QueuedTask]:
        """Return a part of what is pending, in the order of turns; however deep, only the part is read."""
        found = self.session.rows("queue_board.waiting", {"name": name, "offset": offset, "limit": limit})
        return [_task(row) for row in found]


def _task(row: Row) -> QueuedTask:
    return QueuedTask(
        task_id=row[0],
        name=row[1],
        instance=row[2],
        title=row[3],
        state=TaskState(row[4]),
        table=row[5],
        intervals=row[6],
        priority=row[7],
        rank=row[8],
        asked_at=row[9],
        started_at=row[10],
        ready_at=row[11],
        why=row[12],
        tries=row[13],
        max_tries=row[14],
        error_code=row[15],
        error=row[16],
        holder=row[17],
        owner=row[18],
        cancel_requested=bool(row[19]),
        waits_for=row[20],
        older=row[21] or "",
        busy=row[22],
        max_parallel=row[23],
        parallel=row[24],
    )
