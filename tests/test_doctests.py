"""The examples in docstrings say what the code does."""

import doctest
import importlib
from pathlib import Path

import pytest

import adjoint

ROOT = Path(adjoint.__file__).parent
MODULES = sorted(
    ".".join(("adjoint", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text()
)
# Modules that need a package which is no dependency.
BRIDGES = {"adjoint.jax": "jax", "adjoint.torch": "torch"}


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    if name in BRIDGES:
        pytest.importorskip(BRIDGES[name])
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
