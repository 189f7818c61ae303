"""Dead statements in generated text: values that no path reads, and arrays and lists that are only written."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Names = frozenset[str]
_MAKERS = frozenset("empty zeros ones full empty_like zeros_like ones_like full_like copy".split())


def dead(text: str) -> list[str]:
    """Return what is written and never read, in the functions of a module.

    >>> dead('''
    ... def f(x, n):
    ...     s = 0.0
    ...     t = x
    ...     tape = []
    ...     rest = np.empty(n)
    ...     for i in range(n):
    ...         tape.append(s)
    ...         rest[i] = s
    ...         s = x * s
    ...         t = s + 1.0
    ...     t = 2.0
    ...     return s * t
    ... ''')
    ['f: rest', 'f: t = s + 1.0', 'f: t = x', 'f: tape']
    """
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return sorted(f"{f.name}: {each}" for f in functions for each in {*_unread(f), *_overwritten(f)})


def _loads(*nodes: ast.AST | None) -> Names:
    return frozenset(
        inner.id
        for node in nodes
        if node is not None
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    )


# -- arrays and lists ------------------------------------------------------------------------------------------------


def _unread(function: ast.FunctionDef) -> Iterator[str]:
    """Yield names of new arrays and lists that are stored to, or appended to, and not used otherwise."""
    stored: list[ast.Name] = []
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name() as name, ctx=ast.Store()):
                stored.append(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as name, attr="append" | "pop"))):
                stored.append(name)
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                values.setdefault(target, []).append(value)
            case _:
                pass
    writes = set(map(id, stored))
    read = {n.id for n in ast.walk(function) if _is_read(n) and id(n) not in writes}
    for name in dict.fromkeys(each.id for each in stored):
        if name not in read and all(map(_is_new, values.get(name, [ast.Name()]))):
            yield name


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _is_new(value: ast.expr) -> bool:
    """Whether an expression makes an array or a list, and isn't the view of another."""
    match value:
        case ast.List() | ast.BinOp():
            return True
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr in (
                "empty",
                "zeros",
                "ones",
                "full",
                "empty_like",
                "zeros_like",
                "ones_like",
                "full_like",
                "copy",
            )
        case _:
            return False


# -- values ----------------------------------------------------------------------------------------------------------


def _overwritten(function: ast.FunctionDef) -> Iterator[str]:
    walk = _Liveness([])
    walk.block(function.body, frozenset(), _Exits())
    yield from walk.found


@dataclass(frozen=True)
class _Exits:
    """What is live after the loop around, and where its next iteration starts."""

    after: Names = frozenset()
    head: Names = frozenset()


@dataclass
class _Liveness:
    found: list[str] | None

    def block(self, block: Sequence[ast.stmt], live: Names, exits: _Exits) -> Names:
        for stmt in reversed(block):
            live = self.stmt(stmt, live, exits)
        return live

    def stmt(self, stmt: ast.stmt, live: Names, exits: _Exits) -> Names:
        match stmt:
            case ast.Assign(targets=[target], value=value):
                return self.assign(stmt, target, value, live)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return live | {name} | _loads(value)
            case ast.For(target=target, iter=ranged, body=body):
                bound = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
                return self.loop(body, live, bound) | _loads(ranged)
            case ast.While(test=test, body=body):
                return self.loop(body, live, set(), _loads(test))
            case ast.If(test=test, body=then, orelse=orelse):
                return self.block(then, live, exits) | self.block(orelse, live, exits) | _loads(test)
            case ast.Return(value=value):
                return _loads(value)
            case ast.Raise(exc=value):
                return _loads(value)
            case ast.Break():
                return exits.after
            case ast.Continue():
                return exits.head
            case _:
                return live | _loads(stmt)

    def assign(self, stmt: ast.stmt, target: ast.expr, value: ast.expr, live: Names) -> Names:
        names = [target] if isinstance(target, ast.Name) else getattr(target, "elts", [])
        if not names or not all(isinstance(name, ast.Name) for name in names):
            return live | _loads(target, value)
        bound = {name.id for name in names}
        if not bound & live and self.found is not None:
            self.found.append(ast.unparse(stmt))
        return live - bound | _loads(value)

    def loop(self, body: Sequence[ast.stmt], after: Names, bound: set[str], test: Names = frozenset()) -> Names:
        silent, head = _Liveness(None), after | test
        while True:
            start = silent.block(body, head, _Exits(after, head)) - bound
            if start <= head:
                break
            head |= start
        self.block(body, head, _Exits(after, head))
        return head


__all__ = ["dead"]
