"""The text of functions that a gradient calls by reference, for a file that stands alone.

These are functions with derivatives of the user's own, and those derivatives. Each is written with all that it reads:
other functions, numbers, and the modules that such a file may import.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any, cast

import gast
import numpy as np

from adjoint.errors import UnsupportedError
from adjoint.frontend import source

# What generated text calls the modules that it may import.
_MODULES = {"math": "math", "cmath": "cmath", "numpy": "np", "numba": "numba"}


def with_functions(text: str, refs: Mapping[str, object]) -> str:
    """Return a module's text with what `refs` name in it, after the imports.

    Raises
    ------
    UnsupportedError
        If something that is read has no text, or a name would have two meanings.
    """
    tree = ast.parse(text)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    tops = {name for node in tree.body for name in _bound(node)}
    writer = _Writer((tops | read & {*dir(builtins)}) - {*refs})
    for name in sorted(refs):
        writer.bind(name, refs[name])
    text = after_imports(text, "".join(f"\n\n{part}\n" for part in writer.parts) + "\n\n" * bool(writer.parts))
    missing = (line for line in dict.fromkeys(writer.imports) if f"{line}\n" not in text)
    return after_imports(text, "".join(f"{line}\n" for line in missing))


def after_imports(text: str, added: str) -> str:
    """Return the text with something after the imports, or after the docstring."""
    tree = ast.parse(text)
    last = 0
    for position, node in enumerate(tree.body):
        docstring = position == 0 and isinstance(node, ast.Expr)
        if docstring or isinstance(node, ast.Import | ast.ImportFrom):
            last = node.end_lineno or last
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:last], added, *lines[last:]])


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name):
            return [name]
        case ast.Assign(targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case _:
            return []


class _Writer:
    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.known: dict[str, object] = {}
        self.imports: list[str] = []
        self.parts: list[str] = []

    def bind(self, name: str, value: object) -> None:
        if name in self.known and self.known[name] is value:
            return
        if name in self.known or name in self.taken:
            raise UnsupportedError(f"`{name}` has more than one meaning in what would be written", help="rename one")
        self.known[name] = value
        plain: Any = getattr(getattr(value, "fun", value), "py_func", getattr(value, "fun", value))
        usual = name not in _MODULES.values() or _MODULES.get(getattr(value, "__name__", "")) == name
        if isinstance(value, ModuleType) and value.__name__ in _MODULES and usual:
            self.imports.append(f"import {value.__name__}" + ("" if name == value.__name__ else f" as {name}"))
        elif not usual:
            raise UnsupportedError(f"`{name}` stands for something else in what would be written", help="rename it")
        elif isinstance(value, bool | int | float | complex | str):
            self.parts.append(f"{name} = {value!r}")
        elif isinstance(value, np.ufunc) and getattr(np, value.__name__, None) is value:
            self.imports.append(f"from numpy import {value.__name__} as {name}".removesuffix(f" as {value.__name__}"))
        elif isinstance(plain, FunctionType) and not hasattr(value, "primal"):
            self._function(name, plain, _options(getattr(value, "fun", value)))
        else:
            raise UnsupportedError(f"`{name}` of type {type(value).__name__} can't be written into the file")

    def _function(self, name: str, fun: FunctionType, options: str) -> None:
        made = _definition(name, fun)
        cells = (cell.cell_contents for cell in fun.__closure__ or ())
        space = {**fun.__globals__, **dict(zip(fun.__code__.co_freevars, cells, strict=True))}
        read = {node.id for node in ast.walk(made) if isinstance(node, ast.Name)}
        for each in sorted(read & space.keys() - {*fun.__code__.co_varnames}):
            self.bind(each, space[each])
        self.parts.append(f"@numba.njit({options})\n{ast.unparse(made)}")


def _options(fun: object) -> str:
    """Return how a function is compiled: as its user had it, or as we do it."""
    given: Any = getattr(fun, "targetoptions", None)
    if given is None:
        return 'cache=True, error_model="numpy"'
    kept = {name: given[name] for name in ("error_model", "fastmath") if name in given}
    return ", ".join(["cache=True", *(f"{name}={value!r}" for name, value in kept.items())]).replace("'", '"')


def _definition(name: str, fun: FunctionType) -> ast.FunctionDef:
    """Return a function as the definition of `name`, without decorators and annotations."""
    made = cast("ast.FunctionDef", gast.gast_to_ast(source.read(fun).tree))
    for each in ast.walk(made.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    made.name, made.decorator_list, made.returns = name, [], None
    return ast.fix_missing_locations(made)
