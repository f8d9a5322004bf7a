"""Floor 1. Notices as the store keeps them: one message to one channel about one thing, told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Instant
    from mtctl.core.workflow import Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """One notice; `key` is unique: channel, occasion and what it is about.

    `next_at` is when it is (next) sent, None once it was sent or given up; `error` is the newest failure.
    """

    notice_id: int
    key: str
    channel: str
    occasion: Occasion
    body: Mapping[str, Any]
    created_at: Instant
    tries: int
    next_at: Instant | None
    sent_at: Instant | None
    error: str | None
