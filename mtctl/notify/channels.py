"""Floor 2. A channel for its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.channels import CommandChannel, LogChannel, MailChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.core.channels import ChannelConfig
    from mtctl.ports.notify import Channel


def open_channel(config: ChannelConfig, *, root: Path, logs: Path, say: Callable[[str], None]) -> Channel:
    """Return the channel; each brings its libraries only where it is used.

    `root` is the project's, `logs` the folder of its logs, `say` takes a line for stderr.
    """
    if isinstance(config, LogChannel):
        from mtctl.notify.log import Log  # noqa: PLC0415 - only what is used is loaded

        return Log(config, logs, say)
    if isinstance(config, MailChannel):
        from mtctl.notify.mail import Mail  # noqa: PLC0415 - the same

        return Mail(config, root)
    if isinstance(config, CommandChannel):
        from mtctl.notify.command import Command  # noqa: PLC0415 - the same

        return Command(config, root)
    from mtctl.notify.webhook import Webhook  # noqa: PLC0415 - the same

    return Webhook(config, root)
