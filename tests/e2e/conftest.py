"""Lets the checks of the kit say what they compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("e2e.kit", "e2e.kills")
