"""Functions of the user: nested ones become closures, and a call is replaced by the function's body.

Only calls of functions that call themselves stay calls, see `recursion`.
"""

from __future__ import annotations

import functools
from ast import AST
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import gast

from adjoint.errors import SourceError
from adjoint.frontend.frame import Code, Frame, child, code_of, prepare
from adjoint.frontend.names import parameters
from adjoint.frontend.recursion import call_routine
from adjoint.frontend.routines import Recursion
from adjoint.frontend.source import plain_function
from adjoint.frontend.values import Closure, Display, Unknown, UnknownRead, Value

_MAX_DEPTH = 64
# Functions written here make functions for Python to call; compiled code has no use for them.
_API = str(Path(__file__).parent.parent / "api")


def nested(frame: Frame, node: gast.FunctionDef) -> Closure:
    """Return a nested function; its defaults are evaluated now."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    named = list(zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True))
    named += [(p, d) for p, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d is not None]
    return Closure(node, frame, {param.id: frame.expr(default) for param, default in named})


def nested_lambda(frame: Frame, node: gast.Lambda) -> Closure:
    """Return a lambda as a nested function."""
    made = frame.session.synthetic.get(node)
    if not isinstance(made, gast.FunctionDef):
        result = cast("gast.Return", gast.copy_location(gast.Return(node.body), node.body))
        made = gast.FunctionDef("<lambda>", node.args, [result], [], None, None, [])
        gast.copy_location(made, node)
        frame.session.synthetic[node] = made
    return nested(frame, made)


def is_function(obj: object) -> bool:
    """Say whether an object is a function whose body can be read: plain, compiled by Numba, or partial."""
    if isinstance(obj, functools.partial):
        return is_function(cast("Any", obj).func)
    return isinstance(obj, FunctionType) or isinstance(getattr(obj, "py_func", None), FunctionType)


def call_function(
    frame: Frame, obj: object, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST, hint: str | None
) -> Value:
    """Inline a Python function."""
    if isinstance(obj, functools.partial):
        partial = cast("functools.partial[Any]", obj)
        lower = frame.session.lower_object
        first = [lower(frame, each, "argument", node) for each in partial.args]
        named = {name: lower(frame, each, name, node) for name, each in partial.keywords.items()}
        return call_function(frame, partial.func, [*first, *args], {**named, **kwargs}, node, hint)
    fun = plain_function(obj)
    if fun.__code__.co_filename.startswith(_API):
        what = f"`{fun.__name__}` of adjoint is called in the function"
        raise frame.unsupported(what, node, "call it outside, and use what it returns here")
    try:
        code = code_of(fun)
    except SourceError as error:
        raise frame.unsupported(
            f"call of `{fun.__name__}`: {error.msg}", node, "give it a derivative with `adjoint.rule`"
        ) from None
    defaults = _defaults_of(frame, fun, node)
    env = _bind(frame, code.tree, defaults, args, kwargs, node)
    return _inline(frame, code, fun, env, node, hint=hint)


def call_closure(
    frame: Frame, closure: Closure, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST
) -> Value:
    """Inline a nested function or lambda."""
    made = frame.session.synthetic.get(closure.tree)
    if not isinstance(made, Code):
        made = frame.session.synthetic[closure.tree] = prepare(closure.tree, closure.frame.code.file)
    env = _bind(frame, made.tree, closure.defaults, args, kwargs, node)
    return _inline(frame, made, None, env, node, closure)


def _defaults_of(frame: Frame, fun: FunctionType, node: AST) -> dict[str, Value]:
    names = fun.__code__.co_varnames[: fun.__code__.co_argcount]
    values = fun.__defaults__ or ()
    known: dict[str, object] = dict(zip(names[len(names) - len(values) :], values, strict=True))
    known |= fun.__kwdefaults__ or {}
    return {name: frame.session.lower_object(frame, value, name, node) for name, value in known.items()}


def _bind(
    frame: Frame,
    tree: gast.FunctionDef,
    defaults: Mapping[str, Value],
    args: Sequence[Value],
    kwargs: Mapping[str, Value],
    node: AST,
) -> dict[str, Value]:
    """Match arguments to parameters, as Python does."""
    positional = [p.id for p in (*tree.args.posonlyargs, *tree.args.args)]
    names = [p.id for p in parameters(tree.args)]
    if len(args) > len(positional):
        raise frame.unsupported(f"`{tree.name}` takes {len(positional)} positional arguments, not {len(args)}", node)
    env = dict(zip(positional, args, strict=False))
    for name, value in kwargs.items():
        if name not in names or name in env:
            what = "got more than one value for" if name in env else "has no parameter"
            raise frame.unsupported(f"`{tree.name}` {what} `{name}`", node)
        env[name] = value
    for name in names:
        if name not in env and name not in defaults:
            raise frame.unsupported(f"the call of `{tree.name}` lacks the argument `{name}`", node)
        if name not in env:
            env[name] = defaults[name]
    return env


def _inline(
    frame: Frame,
    code: Code,
    fun: FunctionType | None,
    env: dict[str, Value],
    node: AST,
    closure: Closure | None = None,
    hint: str | None = None,
) -> Value:
    session = frame.session
    if code in session.routines.recursive:
        return call_routine(frame, code, fun, env, node, closure, hint)
    if code in session.stack:
        raise Recursion(code)
    if len(session.stack) >= _MAX_DEPTH:
        raise frame.unsupported(f"calls nested more than {_MAX_DEPTH} deep", node)
    inner = child(frame, code, fun, env, node)
    inner.outer = None if closure is None else closure.frame
    own_lists(inner, node)
    session.stack.append(code)
    try:
        inner.block(code.tree.body)
    finally:
        session.stack.pop()
    if isinstance(inner.result, Unknown):
        raise UnknownRead(code.tree.name, node)
    return inner.result


def own_lists(frame: Frame, node: AST) -> None:
    """A list written out as an argument becomes a list."""
    from adjoint.frontend.assign import own_list

    for name, value in frame.env.items():
        if isinstance(value, Display):
            frame.env[name] = own_list(frame, value, node, name)
