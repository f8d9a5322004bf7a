"""Floor 4. `instance`: what ran, what runs, how it ended, and the verbs of people on it.

Each module registers its commands with the group; their order here is that of the help.
"""

from __future__ import annotations

from mtctl.cli import instance_looks, instance_verbs, instance_watching
from mtctl.cli.instance_group import app

__all__ = ["app", "instance_looks", "instance_verbs", "instance_watching"]
