"""Floor 3. What `notify list` answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """One channel: `target` says whom it reaches, without secrets; `rules` when the project's rules use it."""

    name: str
    kind: str
    target: str
    rules: tuple[str, ...]
