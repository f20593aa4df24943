"""What every test file here shares."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: needs torch, or a built worker (LOSSLAB_WORKER)")
