"""Gradients between processes: by name where the other process can import them, else with the source they need.

Machine code doesn't travel. The receiver finds it in the cache on its disk, or generates it again.
"""

from __future__ import annotations

import hashlib
import importlib
import linecache
import operator
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, cast

from numba import cloudpickle  # its own copy: no dependency of ours

from adjoint.backends.fingerprint import function_text, reached_functions
from adjoint.backends.request import Request

if TYPE_CHECKING:
    from adjoint.api.gradient import Gradient


@dataclass(frozen=True)
class ByName:
    """A function that the receiver imports."""

    module: str
    qualname: str

    def load(self) -> Any:
        """Return the function."""
        return operator.attrgetter(self.qualname)(importlib.import_module(self.module))


@dataclass(frozen=True)
class ByValue:
    """A function that can't be imported: its code with globals and cells, and by file the text it comes from."""

    data: bytes
    texts: tuple[tuple[str, str], ...]

    def load(self) -> FunctionType:
        """Return the function. Where the file isn't here, or is another, its text is known by another name."""
        fun: FunctionType = pickle.loads(self.data)
        moved = {name: _register(text) for name, text in self.texts if not _same_file(name, text)}
        for travelled in _travellers(fun):
            if travelled.__code__.co_filename in moved:
                travelled.__code__ = _moved(travelled.__code__, moved[travelled.__code__.co_filename])
        return fun


def reduce_gradient(gradient: Gradient) -> Any:
    """Return what `Gradient.__reduce__` returns."""
    if _importable(gradient):
        return gradient.__qualname__
    request, primal = gradient.request, portable(gradient.primal, gradient.request.fun)
    return rebuild, (primal, request.mode, request.argnums, request.single, request.has_aux, request.options)


def rebuild(primal: Any, *settings: Any) -> Gradient:
    """Make the gradient that `reduce_gradient` took apart."""
    from adjoint.api.gradient import Gradient

    primal = loaded(primal)
    return Gradient(Request(getattr(primal, "py_func", primal), *settings), primal)


def portable(primal: Any, fun: Any) -> Any:
    """Return what to send instead of a function given by the user; `fun` is the plain function behind it."""
    if _importable(primal):
        return ByName(primal.__module__, primal.__qualname__)
    if isinstance(fun, FunctionType):
        return ByValue(cast("Any", cloudpickle).dumps(fun), _texts(fun))
    return primal


def loaded(primal: Any) -> Any:
    """Return the function that `portable` took apart."""
    return primal.load() if isinstance(primal, ByName | ByValue) else primal


def _importable(value: Any) -> bool:
    """Whether a name leads from a module to exactly this object. `__main__` is another module elsewhere."""
    if value.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def _travellers(fun: FunctionType) -> Iterator[FunctionType]:
    """Yield the functions that travel by value with `fun`."""
    for reached in reached_functions(fun):
        if reached is fun or not _importable(reached):
            yield reached


def _texts(fun: FunctionType) -> tuple[tuple[str, str], ...]:
    """Return file names and texts of the functions that travel, each line in its place, all other lines empty."""
    lines: dict[str, dict[int, str]] = {}
    for reached in _travellers(fun):
        kept = lines.setdefault(reached.__code__.co_filename, {})
        kept.update(enumerate(function_text(reached).splitlines(keepends=True), start=reached.__code__.co_firstlineno))
    return tuple((name, _padded(kept)) for name, kept in lines.items() if kept)


def _padded(lines: dict[int, str]) -> str:
    return "".join(lines.get(number, "\n") for number in range(1, max(lines) + 1))


def _same_file(name: str, text: str) -> bool:
    found = linecache.getlines(name)
    lines = text.splitlines(keepends=True)
    return len(lines) <= len(found) and all(line in ("\n", there) for line, there in zip(lines, found, strict=False))


def _register(text: str) -> str:
    name = f"<adjoint pickle {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return name


def _moved(code: CodeType, filename: str) -> CodeType:
    constants = tuple(_moved(item, filename) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_filename=filename, co_consts=constants)
