"""Floor 0. Which URLs and network addresses a request of the project may go to.

A machine's own services and its private networks are the user's business. What is refused are the places where only a
trick leads: link-local addresses, where clouds hand out their credentials, and what is no single host.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from mtctl.core.errors import MtctlError, invalid

_METADATA = frozenset({"100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"})
_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """Where a URL leads: `host` as it is resolved, `authority` as the Host header says it, `path` with its query."""

    encrypted: bool
    host: str
    port: int
    authority: str
    path: str


def parse_url(url: str, *, where: str) -> Target:
    """Return where an HTTP URL leads; raises invalid `url_scheme`, `url_text`, `url_user`, `url_host`.

    No error repeats the URL: it may be a secret.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise _refused("url_text", "the URL holds a character that must be written as %XX", where)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("url_host", "the URL names no host", where) from None
    if parts.scheme not in _PORTS:
        raise _refused("url_scheme", "the URL does not begin with https:// or http://", where)
    if parts.username is not None or parts.password is not None:
        raise _refused("url_user", "the URL holds a user or a password", where)
    if not parts.hostname or port == 0:
        raise _refused("url_host", "the URL names no host", where)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        encrypted=parts.scheme == "https",
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        authority=parts.netloc,
        path=path,
    )


def refused_address(text: str) -> str | None:
    """Return why a numeric address is not connected to, None where it may be."""
    try:
        address = _inner(ip_address(text.partition("%")[0]))
    except ValueError:
        return "is not an address"
    if address.is_link_local:
        return "is a link-local address"
    if str(address) in _METADATA:
        return "is where a cloud hands out credentials"
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        return "is not the address of one host"
    return None


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4, NAT64, or compatible."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    if number >> 32 == 0x64FF9B << 64 or (number >> 32 == 0 and number > 1):
        return IPv4Address(number & 0xFFFFFFFF)
    return address


def _refused(code: str, what: str, where: str) -> MtctlError:
    return invalid(code, what, where=where, fix="write it like https://example.org/path")
