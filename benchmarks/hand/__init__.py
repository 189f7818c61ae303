"""Adjoints written by hand: the value and the gradients that a kernel's `WRT` names, as fast as we know how.

Each module has `value_and_grad`, compiled, with the kernel's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def load(name: str) -> Callable[..., Any] | None:
    """Return the hand-written value and gradient of a kernel, if there is one."""
    if find_spec(f"benchmarks.hand.{name}") is None:
        return None
    return import_module(f"benchmarks.hand.{name}").value_and_grad
