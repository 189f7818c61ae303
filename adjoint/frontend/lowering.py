"""A Python function and the types of its arguments -> its SSA program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any, cast

import gast
from numba import types

from adjoint.errors import TypingError
from adjoint.frontend.boundary import argument
from adjoint.frontend.builder import Builder
from adjoint.frontend.convert import constant
from adjoint.frontend.expressions import expression
from adjoint.frontend.frame import Code, Frame, Session, code_of
from adjoint.frontend.functions import own_lists
from adjoint.frontend.names import parameters
from adjoint.frontend.objects import object_value
from adjoint.frontend.recursion import call_routine, finished
from adjoint.frontend.routines import Recursion, Routines
from adjoint.frontend.source import plain_function
from adjoint.frontend.statements import block
from adjoint.frontend.values import Value
from adjoint.ir import Comment, Expr, Func, Lit, Param, Var
from adjoint.rules.containers import Tree, class_problem, classes_in, is_container
from adjoint.rules.typing import Type


def lower(
    fun: object,
    arg_types: Mapping[str, Type],
    *,
    constants: Mapping[str, object] | None = None,
    threads: tuple[int, int, int] | None = None,
) -> Func:
    """Return the typed SSA program of a function.

    Args:
        fun: a Python function, lambda, closure or Numba dispatcher.
        arg_types: the Numba types of its parameters, by name.
        constants: values of parameters that are known, by name; they are not variables of the program.
        threads: for a CUDA kernel, the numbers of threads of a block along x, y and z.

    Raises:
        AdjointError: the function can't be read, or is outside the accepted subset; it names file, line and column.
    """
    function, routines = plain_function(fun), Routines()
    while True:
        try:
            return _read(function, code_of(function), arg_types, constants or {}, routines, threads)
        except Recursion as found:
            routines.recursive.add(found.code)


def _read(
    function: FunctionType,
    code: Code,
    arg_types: Mapping[str, Type],
    constants: Mapping[str, object],
    routines: Routines,
    threads: tuple[int, int, int] | None,
) -> Func:
    """Return the program, if all its functions that call themselves are known to do so."""
    builder = Builder(code.names)
    session = Session(
        builder, expression, block, object_value, stack=[code], synthetic=routines.synthetic, routines=routines
    )
    session.block = threads
    frame = Frame(session, code, function, {}, code.live)
    params, inputs = list[Param](), list[tuple[str, object]]()
    for param in parameters(code.tree.args):
        frame.env[param.id], tree = _argument(frame, param, arg_types, constants, params)
        inputs.append((param.id, tree))
    params = [replace(p, default=_default(function, p.name)) for p in params]
    own_lists(frame, code.tree)
    if code in routines.recursive:
        frame.result = call_routine(frame, code, function, frame.env, code.tree)
    else:
        frame.block(code.tree.body)
    func, _ = finished(frame, code.tree.name, params)
    func = replace(func, inputs=tuple(inputs))
    if code not in routines.recursive:
        return func
    # No line of the text says that the function calls itself from outside.
    body = tuple(stmt if isinstance(stmt, Comment) else replace(stmt, loc=None) for stmt in func.body)
    return replace(func, body=body)


def _argument(
    frame: Frame,
    param: gast.Name,
    arg_types: Mapping[str, Type],
    constants: Mapping[str, object],
    params: list[Param],
) -> tuple[Value, Tree]:
    """Return an argument as a value, and the names of its leaves, which are added to the parameters."""
    kind, builder, name = arg_types.get(param.id), frame.builder, param.id

    def define(hint: str, leaf: Type) -> Var:
        var = builder.define(hint, leaf)
        params.append(Param(var.name))
        return var

    if kind is not None and not isinstance(kind, types.Omitted):
        for cls in classes_in(kind):
            if (problem := class_problem(cls)) is not None:
                raise frame.unsupported(f"`{cls.__name__}` {problem}", param, "use a plain named tuple or dataclass")
        if is_container(kind):
            builder.define(name, kind)
        elif isinstance(kind, types.NoneType):
            params.append(Param(name))
        return argument(name, kind, define)
    if kind is None and name not in constants:
        raise TypingError(f"the argument `{name}` has no type", frame.loc(param))
    params.append(Param(name))
    constant = constants[name] if kind is None else cast("Any", kind).value
    return object_value(frame, constant, name, param), name


def _default(function: Any, name: str) -> Expr | None:
    known: dict[str, object] = dict(function.__kwdefaults__ or {})
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = function.__defaults__ or ()
    known |= dict(zip(names[len(names) - len(values) :], values, strict=True))
    if name not in known:
        return None
    found = constant(known[name])
    return found if isinstance(found, Lit) else None
