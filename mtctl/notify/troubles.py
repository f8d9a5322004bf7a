"""Floor 2. The ways in which telling fails, in words that hold no secret.

Whatever a channel lets out goes through here. FAILED is about the one message; any other kind is about the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.notices import one_line
from mtctl.core.secret import redact

if TYPE_CHECKING:
    from collections.abc import Iterable


def refused(channel: str, what: str, secrets: Iterable[str] = ()) -> MtctlError:
    """Return an error about a message that the other side did not take."""
    return _trouble("notice_refused", what, Kind.FAILED, channel, "look at what the other side says", secrets)


def unreachable(channel: str, what: str, secrets: Iterable[str] = ()) -> MtctlError:
    """Return an error about a channel that cannot be reached now."""
    return _trouble("channel_unreachable", what, Kind.BUSY, channel, "it is tried again later", secrets)


def too_slow(channel: str, seconds: float) -> MtctlError:
    """Return an error about a channel that did not answer in time."""
    what = f"no answer within {seconds:g} s"
    return _trouble("channel_timeout", what, Kind.TIMEOUT, channel, "it is tried again later", ())


def misconfigured(channel: str, what: str, fix: str, secrets: Iterable[str] = ()) -> MtctlError:
    """Return an error about a channel that cannot work as it is configured."""
    return _trouble("channel_settings", what, Kind.INVALID, channel, fix, secrets)


def where_of(channel: str) -> str:
    """Return where a channel is written down."""
    return f"[notify.{channel}]"


def _trouble(code: str, what: str, kind: Kind, channel: str, fix: str, secrets: Iterable[str]) -> MtctlError:
    # Freed of secrets first and shortened after: half a secret is not found any more.
    return MtctlError(code, one_line(redact(what, secrets)), kind=kind, where=where_of(channel), fix=fix)
