"""List comprehensions, and generator expressions inside `sum`, `any` and `all`: loops."""

from __future__ import annotations

import ast
from ast import expr, stmt
from typing import Any, cast

import gast

from adjoint.frontend.frame import Frame
from adjoint.frontend.names import bound_names
from adjoint.frontend.operators import negate, truth
from adjoint.frontend.values import Value

# What the loop adds up in, by function; the name shows in the generated text.
_NAMES = {"list": "items", "sum": "total", "any": "found", "all": "fails"}

Comprehension = gast.ListComp | gast.GeneratorExp


def comprehension(frame: Frame, node: Comprehension, function: str = "list") -> Value:
    """`[e for x in xs if c]`: a list that grows in a loop; `sum(e for x in xs)`: a loop that adds up.

    `any` and `all` leave their loop at the first element that decides, as Python does.
    """
    name, stmts = _loop_of(frame, node, function)
    targets = bound_names([g.target for g in node.generators])
    before = {n: frame.env[n] for n in targets if n in frame.env}
    frame.synthetic(node, stmts, frozenset({name}))
    for target in targets:
        frame.env.pop(target, None)
    frame.env.update(before)
    value = frame.env.pop(name)
    return negate(frame, truth(frame, value, node), node) if function == "all" else value


def consumer(obj: object, node: gast.Call) -> str | None:
    """Return the name of the function in `sum(... for ...)` and its like; None if the call is something else."""
    if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], gast.GeneratorExp):
        return None
    known: dict[int, str] = {id(f): f.__name__ for f in (sum, any, all, list)}
    return known.get(id(obj))


def _loop_of(frame: Frame, node: Comprehension, function: str) -> tuple[str, list[stmt]]:
    made = frame.session.synthetic.get(node)
    if isinstance(made, tuple):
        return cast("tuple[str, list[stmt]]", made)
    taken = frame.code.names | frozenset(frame.env)
    name = _NAMES[function]
    while name in taken:
        name += "_"
    start = gast.List([], gast.Load()) if function == "list" else gast.Constant(0 if function == "sum" else False, None)
    body: Any = _step(node, name, function)
    for generator in reversed(node.generators):
        for condition in reversed(generator.ifs):
            body = gast.If(condition, [body], [])
        stop = [gast.If(_load(name), [gast.Break()], [])] if function in ("any", "all") else []
        body = gast.For(generator.target, generator.iter, [body, *stop], [], None)
    stmts: list[Any] = [_placed(gast.Assign([_store(name)], start, None), node), _placed(body, node)]
    frame.session.synthetic[node] = (name, stmts)
    return name, stmts


def _step(node: Comprehension, name: str, function: str) -> stmt:
    """What the loop does with one element."""
    match function:
        case "list":
            return gast.Expr(gast.Call(gast.Attribute(_load(name), "append", gast.Load()), [node.elt], []))
        case "sum":
            return gast.Assign([_store(name)], gast.BinOp(_load(name), gast.Add(), node.elt), None)
        case _:
            found = gast.Assign([_store(name)], gast.Constant(True, None), None)
            wanted = node.elt if function == "any" else gast.UnaryOp(gast.Not(), node.elt)
            return gast.If(wanted, [found], [])


def _load(name: str) -> gast.Name:
    return gast.Name(name, gast.Load(), None, None)


def _store(name: str) -> gast.Name:
    return gast.Name(name, gast.Store(), None, None)


def _placed(tree: Any, where: expr) -> Any:
    """Give the new nodes of a tree a place in the user's text."""
    for each in ast.walk(tree):
        if "lineno" in getattr(each, "_attributes", ()) and getattr(each, "lineno", None) is None:
            gast.copy_location(each, where)
    return tree
