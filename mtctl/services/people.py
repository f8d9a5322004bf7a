"""Floor 3. Who asks: the name of the user that runs this process, for the log of events."""

from __future__ import annotations

import os
import pwd


def user_name() -> str:
    """Return the login name of the process's user id, or the number itself; no environment variable has a say."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
