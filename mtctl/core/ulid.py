"""Floor 0. Time-sorted ids: a ULID from an instant and given random bytes."""

from __future__ import annotations

from functools import cache

ENTROPY_BYTES = 10
"""How many random bytes an id holds (80 bits)."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_PLACES = range(120, -1, -10)


def ulid(now_us: int, entropy: bytes) -> str:
    """Return the 26 Crockford characters of a ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 of entropy.

    `now_us` is microseconds since 1970 UTC. Ids of a later millisecond sort after those of an earlier one.
    Raises `ValueError` for other than 10 bytes of entropy or an instant outside 48 bits of milliseconds.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a ULID takes {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    milliseconds = now_us // 1000
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"instant {now_us} µs does not fit a ULID")

    number = milliseconds << 80 | int.from_bytes(entropy, "big")
    pairs = _pairs()
    return "".join([pairs[number >> place & 1023] for place in _PLACES])


@cache
def _pairs() -> list[str]:
    """Return the two characters of each ten bits: every attempt gets an id, a pair at a time takes half as long."""
    return [first + second for first in _ALPHABET for second in _ALPHABET]
