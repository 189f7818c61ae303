"""A kernel's own text with another library in the place of NumPy, and the tools that take nothing else.

autograd traces calls of `autograd.numpy`; tangent reads the text, as we do, and writes NumPy. Where arrays can't be
written, a store becomes what a user makes of it without thinking: `A[i] = x` becomes `A = A.at[i].set(x)`.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.kernels import Kernel

UPDATES = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}


def swapped(fun: Any, library: Any, stores: bool = True) -> Callable[..., Any]:
    """Return a function whose `np` and `math` are a library's, as after a change of the import; its helpers likewise.

    Without `stores`, what it writes into arrays is written by `.at`.
    """
    fun = getattr(fun, "py_func", fun)
    names = {
        name: _swap(value, library, stores) for name, value in fun.__globals__.items() if name in fun.__code__.co_names
    }
    if stores:
        return types.FunctionType(fun.__code__, names, fun.__name__, fun.__defaults__, fun.__closure__)
    tree = ast.parse(textwrap.dedent(inspect.getsource(fun)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    exec(compile(ast.fix_missing_locations(_Functional().visit(tree)), fun.__code__.co_filename, "exec"), names)
    return names[fun.__name__]


class _Functional(ast.NodeTransformer):
    """`A[i] = x` to `A = A.at[i].set(x)`, `A[i] += x` to `A = A.at[i].add(x)`."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return self._updated(node, node.targets[0], "set")

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._updated(node, node.target, UPDATES[type(node.op)])

    def _updated(self, node: ast.Assign | ast.AugAssign, target: ast.expr, method: str) -> ast.AST:
        if not isinstance(target, ast.Subscript):
            return node
        at = ast.Attribute(target.value, "at", ast.Load())
        update = ast.Attribute(ast.Subscript(at, target.slice, ast.Load()), method, ast.Load())
        array = ast.parse(ast.unparse(target.value) + " = 0").body[0]
        assert isinstance(array, ast.Assign)
        array.value = ast.Call(update, [node.value], [])
        return ast.copy_location(array, node)


def _swap(value: Any, library: Any, stores: bool) -> Any:
    if value is np:
        return library
    if value is math:
        # What the library lacks is about sizes only: `math.lgamma(0.5 * D)`.
        return types.SimpleNamespace(**{name: getattr(library, name, found) for name, found in vars(math).items()})
    if isinstance(value, types.FunctionType) or hasattr(value, "py_func"):
        return swapped(value, library, stores)
    return value


def autograd(kernel: Kernel, args: tuple[Any, ...]) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    import autograd.numpy
    from autograd import value_and_grad

    gradient = value_and_grad(swapped(kernel.fun, autograd.numpy), kernel.positions)
    return lambda: gradient(*args), lambda result: (float(result[0]), list(result[1]))


def tangent(kernel: Kernel, args: tuple[Any, ...]) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    from tangent import grad

    gradient = grad(swapped(kernel.fun, np), wrt=kernel.positions, preserve_result=True)
    return lambda: gradient(*args), lambda result: (float(result[-1]), list(result[:-1]))
