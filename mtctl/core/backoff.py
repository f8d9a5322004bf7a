"""Floor 0. How long a failed task waits before its next try."""

from __future__ import annotations

FIRST = 30_000_000
"""The wait after the first try, before jitter: 30 s in microseconds."""

CAP = 900_000_000
"""The longest wait: 15 min in microseconds."""

_DOUBLINGS = 5  # 30 s doubled five times is past the cap


def backoff(tries: int, jitter: float) -> int:
    """Return the wait after the `tries`-th try in microseconds: 30 s × 2^(tries − 1), at most 15 min, × `jitter`.

    `jitter` is a random number from 0 to 1 that the caller draws ("full jitter": many tasks that failed together
    do not come back together). Raises `ValueError` where either is out of range.
    """
    if tries < 1:
        raise ValueError(f"a wait follows a try: tries is {tries}")
    if not 0 <= jitter <= 1:
        raise ValueError(f"jitter lies between 0 and 1, not {jitter}")
    return int(min(FIRST << min(tries - 1, _DOUBLINGS), CAP) * jitter)
