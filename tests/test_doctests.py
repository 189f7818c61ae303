"""The examples in docstrings say what the code does."""

import doctest
import importlib
import inspect
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


# What has no example of its own: classes and modules that others return or hold, and what the examples of others show.
BARE = {"Gradient", "__version__", "errors", "jacfwd", "jacobian", "jacrev", "stop_gradient"}


@pytest.mark.parametrize("name", sorted(set(adjoint.__all__) - BARE))
def test_a_public_function_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(getattr(adjoint, name)) or "")
