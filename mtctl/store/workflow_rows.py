"""Floor 2. Turns rows about workflows, queues and notices into the values of the ports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.states import InstanceState, WorkflowState
from mtctl.core.workflow import Occasion
from mtctl.ports.notices import NoticeRow
from mtctl.ports.workflows import OpenInstance, QueueRow, SkippedFires, WorkflowRow
from mtctl.store.workflows import decode

if TYPE_CHECKING:
    from mtctl.store.session import Row


def workflow(row: Row, counts: tuple[tuple[InstanceState, int], ...]) -> WorkflowRow:
    """Return a workflow with the version in force."""
    return WorkflowRow(
        workflow_id=row[0],
        name=row[1],
        state=WorkflowState(row[2]),
        version=row[3],
        origin=row[4],
        definition=decode(row[5]),
        table_id=row[6],
        file=row[7],
        file_sha256=row[8],
        created_at=row[9],
        changed_at=row[10],
        last_fire_at=row[11],
        next_fire_at=row[12],
        due_at=row[13],
        counts=counts,
    )


def instance_state(text: str) -> InstanceState:
    """Return the state that a text names."""
    return InstanceState(text)


def open_instance(row: Row) -> OpenInstance:
    """Return an instance that has not ended."""
    return OpenInstance(
        instance_id=row[0], ulid=row[1], state=InstanceState(row[2]), fire_at=row[3], started=bool(row[4])
    )


def skipped_fires(row: Row) -> SkippedFires:
    """Return a range of fires that made nothing."""
    return SkippedFires(first_fire_at=row[0], last_fire_at=row[1], fires=row[2], reason=row[3], at=row[4])


def queue(row: Row) -> QueueRow:
    """Return a queue with who holds its slots and how many wait."""
    commands: list[str] = json.loads(row[6])
    return QueueRow(
        name=row[0],
        slots=row[1],
        paused=bool(row[2]),
        paused_why=row[3],
        memory=row[4],
        threads=row[5],
        running=len(commands),
        waiting=row[7],
        holders=tuple(dict.fromkeys(commands)),
    )


def notice(row: Row) -> NoticeRow:
    """Return one notice."""
    return NoticeRow(
        notice_id=row[0],
        key=row[1],
        channel=row[2],
        occasion=Occasion(row[3]),
        body=json.loads(row[4]),
        created_at=row[5],
        tries=row[6],
        next_at=row[7],
        sent_at=row[8],
        error=row[9],
    )
