"""Floor 0. Channels: who can be told, as the project file says it.

A secret stands here as a reference only (`env:NAME`, `file:PATH`); the adapter resolves it at each sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Encryption(StrEnum):
    """How a mail server is spoken to."""

    STARTTLS = "starttls"  # plain first, encrypted before anything is said
    TLS = "tls"  # encrypted from the first byte
    NONE = "none"  # never


class Shape(StrEnum):
    """What the body of a webhook looks like."""

    PLAIN = "plain"  # the notice as JSON
    SLACK = "slack"
    DINGTALK = "dingtalk"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChannel:
    """A line in the project's own log of notices."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailChannel:
    """One mail through an SMTP server. `password` is a reference; `ca` names a file of trusted certificates."""

    name: str
    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    encryption: Encryption
    user: str | None = None
    password: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChannel:
    """One POST. `url` and the values of `headers` may be references; `secret` (a reference) signs for DingTalk."""

    name: str
    url: str
    shape: Shape
    headers: tuple[tuple[str, str], ...] = ()
    secret: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandChannel:
    """A program that gets the notice as JSON on its standard input and as `MTCTL_NOTICE_*`; `env` may be references."""

    name: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


ChannelConfig: TypeAlias = "LogChannel | MailChannel | WebhookChannel | CommandChannel"
