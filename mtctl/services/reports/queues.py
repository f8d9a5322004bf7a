"""Floor 3. What the queue commands answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.ports.workflows import QueueRow


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanged:
    """What a verb did to a queue; `row` is None once it is deleted, `changed` False where it was so already."""

    name: str
    verb: str
    changed: bool
    text: str
    row: QueueRow | None = None
