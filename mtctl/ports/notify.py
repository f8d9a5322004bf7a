"""Floor 1. Telling somebody: what is said, and the one verb that all channels share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Instant

SEND_SECONDS = 10
"""How long one sending may take; whoever takes longer has not been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel is to say: `subject` in one line, `text` in a few, `body` as data. `key` is the same every try."""

    key: str
    channel: str
    occasion: str
    subject: str
    text: str
    body: Mapping[str, Any]


class Channel(Protocol):
    """Somebody who can be told."""

    def send(self, message: Message, now: Instant) -> None:
        """Tell it.

        Raises MtctlError whose text holds no secret: FAILED where the message was refused, any other kind where the
        channel itself is of no use now (unreachable, secret missing), so that the next message need not try.
        """
