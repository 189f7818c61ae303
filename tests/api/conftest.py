"""A stand-in for the compiler: the functions below have gradients written by hand."""

import importlib
import sys

import pytest

from adjoint.api import gradient, transforms
from adjoint.backends.request import Generated

TEXTS = {
    "grad": "def {name}_grad({parameters}):\n    return {partials}\n",
    "value_and_grad": "def {name}_value_and_grad({parameters}):\n    return {value}, {partials}\n",
}
FUNCTIONS = {
    "scaled": ("x, k=3.0", "x * x * k", {0: "2.0 * x * k", 1: "x * x"}),
    "named": ("x, p=1.0, *, k=2.0", "x * x * p * k", {0: "2.0 * x * p * k"}),
    "required": ("x, p=1.0, *, k", "x * x * p * k", {0: "2.0 * x * p * k"}),
    "<lambda>": ("x", "x * x", {0: "2.0 * x"}),
    "scaled_grad": ("x, k=3.0", "2.0 * x * k", {0: "2.0 * k"}),
    "doubled": ("x", "x", {0: "x + x"}),
    "broken": ("x", "x", {0: "x.no_such_attribute"}),
}


class FakeCompiler:
    """Writes texts from the table, and remembers what it was asked for."""

    def __init__(self):
        self.requests = []

    def __call__(self, request, arg_types):
        self.requests.append((request.fun.__name__, request.mode, arg_types))
        parameters, value, partials = FUNCTIONS[request.fun.__name__]
        chosen = ", ".join(partials[k] for k in request.argnums)
        name = request.fun.__name__.strip("<>")
        text = TEXTS[request.mode].format(
            name=name, parameters=parameters, value=value, partials=chosen if request.single else f"({chosen},)"
        )
        return Generated(text, text, f"{name}_{request.mode}", {"ssa": "the program"})


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    fake = FakeCompiler()
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(gradient, "generate", fake)
    monkeypatch.setattr(transforms, "check_syntax", lambda fun: None)
    return fake


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module, import it, and forget it after the test."""
    names = []

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        names.append(name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    monkeypatch.syspath_prepend(tmp_path)
    # A module written twice within a second has the time stamp of its bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write
    for name in names:
        sys.modules.pop(name, None)
