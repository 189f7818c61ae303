"""Statements, one `case` each."""

from __future__ import annotations

import importlib
from ast import expr, stmt
from collections.abc import Sequence

import gast

from adjoint.frontend.assign import augmented, bind
from adjoint.frontend.branches import branch
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import nested
from adjoint.frontend.guards import guarded
from adjoint.frontend.loops import for_loop, while_loop
from adjoint.frontend.messages import message_text, raise_text
from adjoint.frontend.names import bound_names, own_nodes
from adjoint.frontend.operators import test
from adjoint.frontend.values import UNKNOWN, Display, Items, Known, UnknownRead
from adjoint.ir import Call, Effect, Lit


def block(frame: Frame, stmts: Sequence[stmt]) -> None:
    """Lower statements in order.

    In the first round of a loop a statement may read a name whose type comes later in the body. It is left out
    then, and what it binds stays unknown; the next round knows more.
    """
    for node in stmts:
        try:
            statement(frame, node)
        except UnknownRead as error:
            if not frame.session.rounds:
                raise frame.unsupported(f"`{error.name}` is read before it is bound", error.node) from None
            frame.session.skipped = frame.session.skipped or error
            for name in bound_names([node]):
                frame.env[name] = UNKNOWN
            if isinstance(node, gast.Return):
                frame.result = UNKNOWN


def statement(frame: Frame, node: stmt) -> None:  # noqa: C901 (one case per statement)
    match node:
        case gast.Assign(targets=targets, value=value):
            _assign(frame, targets, value)
        case gast.AnnAssign(target=target, value=value):
            if value is not None:
                _assign(frame, [target], value)
        case gast.AugAssign():
            augmented(frame, node)
        case gast.If():
            _if(frame, node)
        case gast.For():
            for_loop(frame, node)
        case gast.While():
            while_loop(frame, node)
        case gast.Return(value=value):
            frame.result = Lit(None) if value is None else frame.expr(value)
        case gast.Expr(value=gast.Constant()) | gast.Pass() | gast.Break():
            pass
        case gast.Expr(value=value):
            frame.expr(value)
        case gast.FunctionDef():
            frame.env[node.name] = nested(frame, node)
        case gast.Import() | gast.ImportFrom():
            _import(frame, node)
        case gast.Raise():
            _raise(frame, node)
        case gast.Assert():
            _assert(frame, node)
        case _:
            raise frame.unsupported("this statement", node)


def _assign(frame: Frame, targets: list[expr], value: expr) -> None:
    match targets:
        case [gast.Name(id=name)]:
            bind(frame, targets[0], frame.expr(value, name))
        case [gast.Tuple(elts=names)] if isinstance(value, gast.Tuple) and _is_paired(names, value.elts):
            # In `a, b = b, a + b` the names still mean the old values.
            old = {each.id for each in own_nodes([value]) if isinstance(each, gast.Name)}
            hints = (name.id if isinstance(name, gast.Name) and name.id not in old else None for name in names)
            items = tuple(frame.expr(item, hint) for item, hint in zip(value.elts, hints, strict=True))
            bind(frame, targets[0], Items(items))
        case _:
            found = frame.expr(value)
            if isinstance(found, Display) and len(targets) > 1:
                raise frame.unsupported("several names for one new list", value, "assign it to one name first")
            for target in targets:
                bind(frame, target, found)


def _is_paired(targets: list[expr], values: list[expr]) -> bool:
    """Say whether each target gets the value at its place: `a, b = 1.0, 2.0`."""
    return len(targets) == len(values) and not any(isinstance(each, gast.Starred) for each in (*targets, *values))


def _if(frame: Frame, node: gast.If) -> None:
    cond = test(frame, node.test)
    live = frame.live.after[node]
    names = [name for name in bound_names([*node.body, *node.orelse]) if name in live]
    branch(frame, cond, lambda: frame.block(node.body), lambda: frame.block(node.orelse), names, node)


def _import(frame: Frame, node: gast.Import | gast.ImportFrom) -> None:
    for alias in node.names:
        try:
            if isinstance(node, gast.ImportFrom):
                module = importlib.import_module(node.module or "")
                found = getattr(module, alias.name)
            else:
                found = importlib.import_module(alias.name)
                if alias.asname is None:
                    found = importlib.import_module(alias.name.split(".")[0])
        except (ImportError, AttributeError):
            raise frame.unsupported(f"`{alias.name}` can't be imported", node) from None
        frame.env[alias.asname or alias.name.split(".")[0]] = Known(found)


def _raise(frame: Frame, node: gast.Raise) -> None:
    if guarded(frame, node):
        raise frame.unsupported(
            "a `try` whose body calls a function that raises", node, "write the handler as a branch: `if ...:`"
        )
    frame.builder.add(Effect(Call("raise", (Lit(raise_text(frame, node)),)), frame.loc(node)))


def _assert(frame: Frame, node: gast.Assert) -> None:
    cond = test(frame, node.test)
    if cond == Lit(True):
        return
    text = Lit(None) if node.msg is None else Lit(message_text(node.msg))
    frame.builder.add(Effect(Call("assert", (cond, text)), frame.loc(node)))
