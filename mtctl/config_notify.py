"""Floor 1. The channels and rules of a project file: `[notify.<name>]` and `[[notify_rules]]`.

Keys are closed lists for each type. Secrets are named, never written: what looks like one in clear is refused, and no
error repeats the value of a key that may hold one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtctl.core.addresses import parse_url
from mtctl.core.channels import (
    ChannelConfig,
    CommandChannel,
    Encryption,
    LogChannel,
    MailChannel,
    Shape,
    WebhookChannel,
)
from mtctl.core.errors import MtctlError, invalid
from mtctl.core.names import closest, printable
from mtctl.core.notices import ProjectRule
from mtctl.core.secret import is_reference, parse_reference
from mtctl.core.workflow import Occasion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum
    from pathlib import Path

_KEYS = {
    "log": (),
    "mail": ("host", "port", "from", "to", "encryption", "user", "password", "ca"),
    "webhook": ("url", "shape", "headers", "secret", "ca"),
    "command": ("argv", "env"),
}
_RULE_KEYS = ("channel", "on", "workflow", "tag")
_PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "content-type", "transfer-encoding"})
_SECRET_HEADERS = re.compile(r"authori[sz]ation|cookie|token|secret|key|password|credential", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_REFUSED_VARIABLES = re.compile(r"PATH|LD_.*|DYLD_.*|BASH_ENV|ENV|IFS|PYTHON.*|MTCTL_NOTICE_.*")
_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\]+@[^\s<>@,;:\"()\[\]\\]+")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyConfig:
    """The channels of a project and its rules for many workflows."""

    channels: tuple[ChannelConfig, ...] = ()
    rules: tuple[ProjectRule, ...] = ()


def read_notify(data: Mapping[str, Any], file: Path) -> NotifyConfig:
    """Return what a parsed project file says about channels and rules.

    Raises invalid `key_unknown`, `config_value`, `channel_unknown`, `secret_reference` and those of `parse_url`.
    """
    sections = _table(data.get("notify", {}), f"{file}: [notify]")
    channels = tuple(_channel(name, values, file) for name, values in sections.items())
    rows = data.get("notify_rules", [])
    if not isinstance(rows, list):
        raise _value("notify_rules is not a list", str(file), "write [[notify_rules]]")
    names = [channel.name for channel in channels]
    rules = tuple(_rule(row, names, f"{file}: notify_rules[{number}]") for number, row in enumerate(rows))
    return NotifyConfig(channels=channels, rules=rules)


def _channel(name: str, raw: Any, file: Path) -> ChannelConfig:
    where = f"{file}: [notify.{printable(name[:80])}]"
    if not _NAME.fullmatch(name):
        raise _value("this cannot name a channel", where, "use a to z, digits, _ and -, beginning with a letter")
    values = _table(raw, where)
    kind = values.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise _value("the type of a channel is missing or unknown", where, f"type = one of {', '.join(_KEYS)}")
    _check_keys(values, ("type", *_KEYS[kind]), where)
    match kind:
        case "log":
            return LogChannel(name=name)
        case "mail":
            return _mail(name, values, where)
        case "webhook":
            return _webhook(name, values, where)
    return _command(name, values, where)


def _mail(name: str, values: dict[str, Any], where: str) -> MailChannel:
    host = _text(values, "host", where)
    if not _HOST.fullmatch(host):
        raise _value("host is not a host name", where, "write it like mail.example.org")
    encryption = Encryption(_one_of(values, "encryption", Encryption, Encryption.STARTTLS, where))
    port = values.get("port", _PORTS[encryption])
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise _value("port is not a port", where, "a number from 1 to 65535")
    password = _secret(values, "password", where)
    user = _text(values, "user", where) if "user" in values else None
    if (password is None) != (user is None):
        raise _value("user and password belong together", where, "give both or neither")
    if password is not None and encryption is Encryption.NONE and host not in _HERE:
        raise _value("a password would be sent in clear", where, "set encryption = 'starttls' or 'tls'")
    return MailChannel(
        name=name,
        host=host,
        port=port,
        sender=_address(_text(values, "from", where), "from", where),
        to=tuple(_address(text, "to", where) for text in _texts(values, "to", where)),
        encryption=encryption,
        user=user,
        password=password,
        ca=_text(values, "ca", where) if "ca" in values else None,
    )


def _webhook(name: str, values: dict[str, Any], where: str) -> WebhookChannel:
    shape = Shape(_one_of(values, "shape", Shape, Shape.PLAIN, where))
    url = _text(values, "url", where)
    if is_reference(url) and not url.startswith("file://"):  # that is a URL, and refused as one
        parse_reference(url, where=f"{where}: url")
    elif shape is not Shape.PLAIN:
        what = f"a {shape} URL is a secret: whoever knows it can write there"
        raise invalid("secret_reference", what, where=f"{where}: url", fix="write 'env:NAME' and put the URL there")
    else:
        parse_url(url, where=f"{where}: url")
    if "secret" in values and shape is not Shape.DINGTALK:
        raise _value("secret signs for DingTalk only", where, "set shape = 'dingtalk', or a header")
    return WebhookChannel(
        name=name,
        url=url,
        shape=shape,
        headers=tuple(_header(key, value, where) for key, value in _texts_by_name(values, "headers", where)),
        secret=_secret(values, "secret", where),
        ca=_text(values, "ca", where) if "ca" in values else None,
    )


def _command(name: str, values: dict[str, Any], where: str) -> CommandChannel:
    if isinstance(values.get("argv"), str):
        raise _value("argv is one text", where, "write a list: argv = ['program', 'argument']")
    variables = _texts_by_name(values, "env", where)
    for key, value in variables:
        if not _VARIABLE.fullmatch(key) or _REFUSED_VARIABLES.fullmatch(key.upper()):
            raise _value(f"{printable(key[:80])!r} may not be set", f"{where}: env", "give it another name")
        if is_reference(value):
            parse_reference(value, where=f"{where}: env.{key}")
        elif _SECRET_HEADERS.search(key):
            raise _in_clear(f"{where}: env.{key}")
    return CommandChannel(name=name, argv=_texts(values, "argv", where), env=variables)


def _rule(raw: Any, channels: list[str], where: str) -> ProjectRule:
    values = _table(raw, where)
    _check_keys(values, _RULE_KEYS, where)
    channel = _text(values, "channel", where)
    if channel not in channels:
        near = closest(channel, channels)
        fix = f"did you mean {near!r}?" if near else f"add [notify.{printable(channel[:80])}]"
        raise invalid("channel_unknown", f"there is no channel {printable(channel[:80])!r}", where=where, fix=fix)
    on = []
    for text in _texts(values, "on", where):
        if text not in list(Occasion):
            what = f"on has {printable(text[:80])!r}, which is no occasion"
            raise _value(what, where, f"some of {', '.join(Occasion)}")
        on.append(Occasion(text))
    return ProjectRule(
        channel=channel,
        on=tuple(dict.fromkeys(on)),
        workflow=_text(values, "workflow", where) if "workflow" in values else None,
        tag=_text(values, "tag", where) if "tag" in values else None,
    )


def _header(name: str, value: str, where: str) -> tuple[str, str]:
    where = f"{where}: headers.{printable(name[:80])}"
    if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
        raise _value("this header may not be set", where, "leave it out")
    if is_reference(value):
        parse_reference(value, where=where)
    elif _SECRET_HEADERS.search(name):
        raise _in_clear(where)
    elif not value.isprintable() or not value.isascii():
        raise _value("the value holds a character that headers cannot", where, "write plain ASCII")
    return name, value


def _address(text: str, key: str, where: str) -> str:
    if len(text) > 254 or not text.isprintable() or not _ADDRESS.fullmatch(text):
        raise _value(f"{key} holds what is no mail address", where, "write it like ops@example.org")
    return text


def _secret(values: dict[str, Any], key: str, where: str) -> str | None:
    if key not in values:
        return None
    text = values[key]
    parse_reference(text if isinstance(text, str) else "", where=f"{where}: {key}")
    return str(text)


def _one_of(values: dict[str, Any], key: str, known: type[StrEnum], default: str, where: str) -> str:
    found = values.get(key, default)
    if found not in list(known):
        raise _value(f"{key} is unknown", where, f"one of {', '.join(known)}")
    return str(found)


def _texts(values: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    found = values.get(key)
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise _value(f"{key} is not a list of texts", where, f"write {key} = ['…']")
    return tuple(found)


def _texts_by_name(values: dict[str, Any], key: str, where: str) -> tuple[tuple[str, str], ...]:
    found = _table(values.get(key, {}), f"{where}: {key}")
    if not all(isinstance(value, str) and value for value in found.values()):
        raise _value(f"{key} has a value that is not a text", where, "write it in quotes")
    return tuple(found.items())


def _text(values: dict[str, Any], key: str, where: str) -> str:
    found = values.get(key)
    if not isinstance(found, str) or not found:
        raise _value(f"{key} is missing or not a text", where, f"add {key} = '…'")
    return found


def _table(raw: Any, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _value("this is not a table", where, "write its keys below its name in brackets")
    return raw


def _check_keys(values: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            near = closest(key, known)
            fix = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
            raise invalid("key_unknown", f"unknown key {printable(key[:80])!r}", where=where, fix=fix)


def _in_clear(where: str) -> MtctlError:
    return invalid("secret_reference", "this looks like a secret", where=where, fix="write 'env:NAME' or 'file:PATH'")


def _value(what: str, where: str, fix: str) -> MtctlError:
    return invalid("config_value", what, where=where, fix=fix)
