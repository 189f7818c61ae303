"""Which names syntax binds and reads, in the order of the text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

import gast

SCOPES = (gast.FunctionDef, gast.Lambda, gast.AsyncFunctionDef, gast.ClassDef)
COMPREHENSIONS = (gast.ListComp, gast.GeneratorExp, gast.SetComp, gast.DictComp)


def own_nodes(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes under `roots` in textual order, without those inside nested functions."""
    for root in roots:
        yield root
        if not isinstance(root, SCOPES):
            yield from own_nodes(ast.iter_child_nodes(root))


def bound_names(roots: Iterable[ast.AST]) -> tuple[str, ...]:
    """Return the names that statements or expressions bind in their own scope, first come first."""
    return tuple(dict.fromkeys(_bound(roots)))


def _bound(roots: Iterable[ast.AST]) -> Iterator[str]:
    for root in roots:
        match root:
            case gast.FunctionDef(name=name):
                yield name
            case gast.Lambda():
                pass
            case gast.Import(names=names) | gast.ImportFrom(names=names):
                yield from (a.asname or a.name.split(".")[0] for a in names)
            case gast.Name(id=name, ctx=gast.Store()):
                yield name
            case gast.ListComp() | gast.GeneratorExp() | gast.DictComp():
                pass
            case _:
                yield from _bound(ast.iter_child_nodes(root))


def read_names(root: ast.AST | None) -> frozenset[str]:
    """Return the names an expression reads from the scope it stands in; those of nested functions count."""
    if root is None:
        return frozenset()
    return frozenset(_read(root))


def _read(root: ast.AST) -> Iterator[str]:
    match root:
        case gast.Name(id=name, ctx=gast.Load()):
            yield name
        case (
            gast.ListComp(generators=generators)
            | gast.GeneratorExp(generators=generators)
            | gast.DictComp(generators=generators)
        ):
            own = bound_names(g.target for g in generators)
            yield from (n for child in ast.iter_child_nodes(root) for n in _read(child) if n not in own)
        case gast.FunctionDef(args=args, body=body):
            yield from captured(args, body)
        case gast.Lambda(args=args, body=body):
            yield from captured(args, [body])
        case _:
            for child in ast.iter_child_nodes(root):
                yield from _read(child)


def captured(args: gast.arguments, body: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names a nested function reads from outside."""
    own = {*(p.id for p in parameters(args)), *bound_names(body)}
    reads = {name for node in body for name in _read(node)}
    defaults = {name for d in (*args.defaults, *args.kw_defaults) if d is not None for name in _read(d)}
    return frozenset((reads - own) | defaults)


def parameters(args: gast.arguments) -> tuple[gast.Name, ...]:
    """Return positional-only, ordinary and keyword-only parameters."""
    return (*args.posonlyargs, *args.args, *args.kwonlyargs)


def all_names(root: ast.AST) -> frozenset[str]:
    """Return every name that occurs in a function, nested ones included."""
    return frozenset(n.id for n in ast.walk(root) if isinstance(n, gast.Name))


def changed_names(root: ast.AST) -> frozenset[str]:
    """Return the names of what may be changed in place as a list is: by a method, or by assignment to an item."""
    return frozenset(name for node in ast.walk(root) for name in _changed(node))


def _changed(node: ast.AST) -> Iterator[str]:
    match node:
        case gast.Attribute(value=base, attr="append" | "pop" | "extend" | "insert"):
            yield from _base_name(base)
        case gast.AugAssign(target=gast.Name(id=name)):
            yield name
        case gast.Subscript(ctx=gast.Store()):
            yield from _base_name(node)
        case _:
            pass


def _base_name(node: ast.AST) -> Iterator[str]:
    while isinstance(node, gast.Subscript):
        node = node.value
    if isinstance(node, gast.Name):
        yield node.id
