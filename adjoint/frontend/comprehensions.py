"""List comprehensions, and generator expressions inside `sum`, `any` and `all`: loops."""

from __future__ import annotations

import ast
from ast import expr, stmt
from collections.abc import Callable
from typing import Any, TypeVar, cast

import gast

from adjoint.frontend.assign import bind
from adjoint.frontend.containers import known_key, record_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.iterables import iterable
from adjoint.frontend.names import bound_names
from adjoint.frontend.operators import negate, truth
from adjoint.frontend.values import Display, Items, Value
from adjoint.ir import Lit

# What the loop adds up in, by function; the name shows in the generated text.
_NAMES = {"list": "items", "sum": "total", "any": "found", "all": "fails"}

Comprehension = gast.ListComp | gast.GeneratorExp


def comprehension(frame: Frame, node: Comprehension, function: str = "list") -> Value:
    """`[e for x in xs if c]`: a list that grows in a loop; `sum(e for x in xs)`: a loop that adds up.

    `any` and `all` leave their loop at the first element that decides, as Python does.
    """
    if function == "list" and (items := _known(frame, node, lambda: frame.expr(node.elt))) is not None:
        return Display(tuple(items))
    name, stmts = _loop_of(frame, node, function)
    targets = bound_names([g.target for g in node.generators])
    before = {n: frame.env[n] for n in targets if n in frame.env}
    frame.synthetic(node, stmts, frozenset({name}))
    for target in targets:
        frame.env.pop(target, None)
    frame.env.update(before)
    value = frame.env.pop(name)
    return negate(frame, truth(frame, value, node), node) if function == "all" else value


def dict_comprehension(frame: Frame, node: gast.DictComp) -> Value:
    """`{k: e for k in ...}`, of keys that are known."""
    pairs = _known(frame, node, lambda: (known_key(frame, frame.expr(node.key), node.key), frame.expr(node.value)))
    if pairs is None:
        raise frame.unsupported("a dictionary whose keys depend on the arguments", node, "use an array")
    return record_of(dict(pairs))


_Found = TypeVar("_Found")


def _known(frame: Frame, node: Comprehension | gast.DictComp, element: Callable[[], _Found]) -> list[_Found] | None:
    """Return the elements if it is known which they are; else leave no trace."""
    targets = bound_names([g.target for g in node.generators])
    mark, before, path = frame.builder.mark(), dict(frame.env), frame.path
    found: list[_Found] = []
    try:
        known = _run(frame, node.generators, element, found)
    finally:
        frame.path = path
    if not known:
        frame.builder.back_to(mark)
        frame.env = before
        return None
    for target in targets:
        frame.env.pop(target, None)
    frame.env.update((name, before[name]) for name in targets if name in before)
    return found


def _run(
    frame: Frame, generators: list[gast.comprehension], element: Callable[[], _Found], found: list[_Found]
) -> bool:
    """Go through the elements; say whether it is known which they are."""
    if not generators:
        found.append(element())
        return True
    first, path = generators[0], frame.path
    source = iterable(frame, frame.expr(first.iter), first.iter)
    if not isinstance(source, Items):
        return False
    for position, each in enumerate(source.items):
        frame.path = (*path, position)
        bind(frame, first.target, each)
        wanted = [truth(frame, frame.expr(condition), condition) for condition in first.ifs]
        if not all(isinstance(each, Lit) for each in wanted):
            return False
        if all(each == Lit(True) for each in wanted) and not _run(frame, generators[1:], element, found):
            return False
    return True


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
