"""Liveness on the syntax tree: which names a loop carries and a branch merges.

Facts hold after `jumps`, so control flow is nested and a loop is left only at its head or by its last statement.
They err on the side of liveness.
"""

from __future__ import annotations

from ast import AST, stmt
from collections.abc import Sequence
from dataclasses import dataclass, field

import gast

from adjoint.frontend.jumps import flag_of
from adjoint.frontend.names import bound_names, captured, own_nodes, read_names

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Liveness:
    """`after` holds the names live after a statement, `carried` those a loop must carry, in textual order.

    `always` are the names that nested functions read: a call may come at any time.
    """

    always: Names
    after: dict[AST, Names] = field(default_factory=dict[AST, Names])
    carried: dict[AST, tuple[str, ...]] = field(default_factory=dict[AST, tuple[str, ...]])


def liveness(stmts: Sequence[stmt], live_after: Names = frozenset(), always: Names = frozenset()) -> Liveness:
    """Return the facts about every statement of a block, nested ones included."""
    facts = Liveness(_captured(stmts) | always)
    _block(stmts, live_after, facts)
    return facts


def _captured(stmts: Sequence[stmt]) -> Names:
    """Return the names that nested functions read."""
    found: Names = frozenset()
    for node in own_nodes(stmts):
        if isinstance(node, gast.FunctionDef):
            found |= captured(node.args, node.body)
        elif isinstance(node, gast.Lambda):
            found |= captured(node.args, [node.body])
    return found


def _block(stmts: Sequence[stmt], live: Names, facts: Liveness) -> Names:
    """Return what is live before a block, given what is live after it."""
    live |= facts.always
    for node in reversed(stmts):
        facts.after[node] = live
        live = _stmt(node, live, facts) | facts.always
    return live


def _stmt(node: stmt, live: Names, facts: Liveness) -> Names:
    match node:
        case gast.If(test=test, body=body, orelse=orelse):
            return read_names(test) | _block(body, live, facts) | _block(orelse, live, facts)
        case gast.For(target=target, iter=source):
            head = _loop(node, frozenset(bound_names([target])), read_names(target), live, facts)
            return read_names(source) | (live | head)
        case gast.While(test=test):
            return _loop(node, frozenset(), read_names(test), live, facts)
        case gast.AugAssign(target=target, value=value):
            return live | read_names(value) | read_names(target) | frozenset(bound_names([target]))
        case gast.FunctionDef(name=name, args=args, body=body):
            return (live - {name}) | captured(args, body)
        case gast.Assign(targets=targets, value=value):
            written = {n.id for t in targets for n in own_nodes([t]) if _is_store(n) and isinstance(n, gast.Name)}
            return (live - written) | read_names(value) | frozenset(n for t in targets for n in read_names(t))
        case gast.AnnAssign(target=gast.Name(id=name), value=value) if value is not None:
            return (live - {name}) | read_names(value)
        case gast.AnnAssign():
            return live
        case _:
            return live | read_names(node)


def _is_store(node: AST) -> bool:
    return isinstance(getattr(node, "ctx", None), gast.Store)


def _loop(node: gast.For | gast.While, targets: Names, reads: Names, live: Names, facts: Liveness) -> Names:
    """Return what is live at the head of a loop, from the fixed point over its back edge."""
    body, flag = flag_of(node.body)
    head = live | reads
    while True:
        at_end = head | ({flag} if flag is not None else frozenset[str]())
        before = (_block(body, at_end, facts) - targets) | reads | live
        if before <= head:
            break
        head |= before
    first = [node.target] if isinstance(node, gast.For) else [node.test]
    assigned = bound_names([*first, *body])
    facts.carried[node] = tuple(name for name in assigned if name in head)
    return head
