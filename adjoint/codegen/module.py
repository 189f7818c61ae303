"""Functions, helpers and constants -> the text of a module that needs nothing but `math`, NumPy and Numba."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from adjoint.codegen.calls import constant, dotted, dtype
from adjoint.codegen.emit import emit
from adjoint.codegen.module_names import module_names
from adjoint.codegen.unparse import unparse
from adjoint.ir import Func

_STANDARD = {"cmath": "import cmath", "math": "import math"}
_THIRD_PARTY = {"numba": "import numba", "np": "import numpy as np"}


def module_text(
    funcs: Sequence[Func],
    *,
    doc: str = "",
    helpers: Sequence[str] = (),
    constants: Mapping[str, object] | None = None,
    imports: Mapping[str, str] | None = None,
    jit: Mapping[str, object] | None = None,
    entry: str | None = None,
    plain: Sequence[Func] = (),
) -> str:
    """Return the text of a module: docstring, imports, constants, helpers, functions.

    Args:
        funcs: the functions, in the imperative dialect; callees before callers.
        doc: the docstring of the module.
        helpers: the texts of the functions that `helper.NAME` calls, without decorators.
        constants: the values of `const:NAME`: numbers, tuples and arrays.
        imports: where the functions called by `ref:NAME` come from, as "module:name".
        jit: the options of `numba.njit` for everything but the entry, which whoever imports the module compiles;
            None leaves all functions plain Python.
        plain: functions that stay Python's in any case.
        entry: the name of the function that stays undecorated; the last one if None, no function if "".

    Raises:
        TypeError: a constant has no text.
        UnsupportedError: a variable hides a name that the text needs.
    """
    entry = funcs[-1].name if entry is None and funcs else entry
    written, others = [emit(func) for func in funcs], [emit(func) for func in plain]
    known = {name: _value(value) for name, value in sorted((constants or {}).items())}
    chunks = [_decorated(helper.strip("\n") + "\n", jit) for helper in helpers]
    chunks += [_decorated(unparse(made), None if made.name == entry else jit) for made in written]
    chunks += map(unparse, others)
    values = "".join(f"{name} = {unparse(value)}\n" for name, value in known.items())
    used = {*module_names(*written, *others, *known.values()), *_names_in("\n".join(helpers))}
    if any(chunk.startswith("@numba.") for chunk in chunks):
        used.add("numba")
    head = [_docstring(doc), *_imports(used, imports or {}), values]
    top = "\n".join(part for part in head if part)
    return "\n\n".join([*([top] if top else []), *chunks])


def _docstring(doc: str) -> str:
    return unparse(ast.Module(body=[ast.Expr(value=ast.Constant(value=doc))], type_ignores=[])) if doc else ""


def _decorated(text: str, jit: Mapping[str, object] | None) -> str:
    if jit is None:
        return text
    options = ", ".join(f"{key}={_option(value)}" for key, value in sorted(jit.items()))
    return f"@numba.njit({options})\n{text}" if options else f"@numba.njit\n{text}"


def _option(value: object) -> str:
    if isinstance(value, set | frozenset):
        flags = cast("frozenset[object]", value)
        return "{" + ", ".join(sorted(unparse(constant(flag)) for flag in flags)) + "}"
    return unparse(constant(value))


def _names_in(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} if text else set()


def _imports(used: Collection[str], extra: Mapping[str, str]) -> list[str]:
    """Return the groups of import lines that a text needs, by the names that occur in it."""
    groups = [[line for name, line in known.items() if name in used] for known in (_STANDARD, _THIRD_PARTY)]
    groups.append([_import(name, extra[name]) for name in sorted(extra) if name in used])
    return ["".join(f"{line}\n" for line in group) for group in groups]


def _import(name: str, place: str) -> str:
    module, _, original = place.partition(":")
    return f"from {module} import {original}" + (f" as {name}" if original != name else "")


def _value(value: object) -> ast.expr:
    """Return the expression that makes a constant, of exactly its type."""
    if isinstance(value, np.ndarray):
        return _array(cast("NDArray[Any]", value))
    if isinstance(value, np.generic):
        number = cast("np.generic[Any]", value)
        plain = constant(number.item())
        return plain if number.dtype.name in ("float64", "complex128") else _call(dtype(number.dtype.name), plain)
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        return ast.Tuple(elts=[_value(item) for item in items], ctx=ast.Load())
    if value is None or isinstance(value, bool | int | float | complex | str):
        return constant(value)
    raise TypeError(f"no text for a constant of type `{type(value).__name__}`")


def _array(value: NDArray[Any]) -> ast.expr:
    if value.dtype.kind not in "biufc":
        raise TypeError(f"no text for an array of `{value.dtype}`")
    kind = ast.keyword(arg="dtype", value=dtype(value.dtype.name))
    if value.size == 0:
        return ast.Call(func=dotted("np.zeros"), args=[constant(value.shape)], keywords=[kind])
    elements: object = value.tolist()
    array = ast.Call(func=dotted("np.array"), args=[_nested(elements)], keywords=[kind])
    return _call(dotted("np.asfortranarray"), array) if value.ndim > 1 and value.flags.fnc else array


def _nested(value: object) -> ast.expr:
    if isinstance(value, list):
        items = cast("list[object]", value)
        return ast.List(elts=[_nested(item) for item in items], ctx=ast.Load())
    return constant(value)


def _call(function: ast.expr, arg: ast.expr) -> ast.expr:
    return ast.Call(func=function, args=[arg], keywords=[])
