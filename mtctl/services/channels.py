"""Floor 3. Who can be told: the channels of the project file in words that hold no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.channels import CommandChannel, LogChannel, MailChannel
from mtctl.core.secret import is_reference
from mtctl.services.reports.channels import ChannelLine

if TYPE_CHECKING:
    from mtctl.config_notify import NotifyConfig
    from mtctl.core.channels import ChannelConfig
    from mtctl.core.notices import ProjectRule


def channel_lines(notify: NotifyConfig) -> tuple[ChannelLine, ...]:
    """Return the channels by name with the rules of the project that name them."""
    return tuple(
        ChannelLine(
            name=channel.name,
            kind=_kind(channel),
            target=_target(channel),
            rules=tuple(_rule(rule) for rule in notify.rules if rule.channel == channel.name),
        )
        for channel in sorted(notify.channels, key=lambda one: one.name)
    )


def _kind(channel: ChannelConfig) -> str:
    if isinstance(channel, LogChannel):
        return "log"
    if isinstance(channel, MailChannel):
        return "mail"
    return "command" if isinstance(channel, CommandChannel) else str(channel.shape)


def _target(channel: ChannelConfig) -> str:
    """Return whom a channel reaches; of a URL only where the secret stands, or its host."""
    if isinstance(channel, LogChannel):
        return "the project's log of notices"
    if isinstance(channel, MailChannel):
        return f"{', '.join(channel.to)} by {channel.host}:{channel.port}"
    if isinstance(channel, CommandChannel):
        return channel.argv[0]
    if is_reference(channel.url):
        return channel.url
    return "/".join(channel.url.split("/")[:3])


def _rule(rule: ProjectRule) -> str:
    occasions = ", ".join(str(one) for one in rule.on)
    about = [f"workflow {rule.workflow}" if rule.workflow else "", f"tag {rule.tag}" if rule.tag else ""]
    which = " with ".join(one for one in about if one)
    return f"{occasions} of {which}" if which else occasions
