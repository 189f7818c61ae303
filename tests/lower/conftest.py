"""What tests of the lowering share."""

from __future__ import annotations

import pytest

from adjoint.lower import multiply


@pytest.fixture
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loops of a few iterations multiply matrices, in blocks of three rows."""
    monkeypatch.setattr(multiply, "BLOCK", 3)
    for name in ("FEWEST", "FEWER", "SHORTEST"):
        monkeypatch.setattr(multiply, name, 2)
    monkeypatch.setattr(multiply, "LEAST", 1)
