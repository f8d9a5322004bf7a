"""Floor 3. What `why` answers: the words are made by `core.why`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.why import Link, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyReport:
    """Why a table or an instance is not further than it is; `kind` is table or instance."""

    kind: str
    subject: str
    why: Why

    @property
    def chain(self) -> tuple[Link, ...]:
        """From what was asked about down to the one cause."""
        return self.why.chain
