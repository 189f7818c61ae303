"""Structured control flow: `break`, `continue`, early `return`, loop `else` and `try` become branches and flags.

What remains is ordinary Python that computes the same. Afterwards a function has one `return`, its last
statement, and a loop is left early only by `if FLAG: break` as the last statement of its body.

    for v in x:                     for v in x:
        if v > t:                       leave = False
            break            ->         if v > t:
        s += v                              leave = True
                                        else:
                                            s += v
                                        if leave:
                                            break

Code after a conditional jump moves into the branch that doesn't jump; nothing is copied. Only where both
branches may go on, a further flag guards the rest.
"""

from __future__ import annotations

from ast import AST, expr, stmt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import gast

from adjoint.frontend.names import SCOPES, all_names, own_nodes

Stmts = list[stmt]
Node = TypeVar("Node", bound=AST)


class Exit(gast.Pass):
    """A jump to the end of the function; the result is set already."""


@dataclass(frozen=True, slots=True)
class _Context:
    """What a jump has to do here: flags to set, and whether it is in a loop."""

    leave: str = ""
    skips: tuple[str, ...] = ()
    in_loop: bool = False


def remove_jumps(tree: gast.FunctionDef) -> gast.FunctionDef:
    """Return a function that computes the same with structured control flow; see the module's text."""
    return _Remover(tree).function(tree)


def flag_of(body: Sequence[stmt]) -> tuple[Sequence[stmt], str | None]:
    """Split the body of a loop into its statements and the flag that leaves it."""
    match body:
        case [*rest, gast.If(test=gast.Name(id=flag), body=[gast.Break()], orelse=[])]:
            return rest, flag
        case _:
            return body, None


class _Remover:
    def __init__(self, tree: gast.FunctionDef) -> None:
        self._taken = set(all_names(tree))
        self._at: AST = tree
        self._result = ""
        self._returned = ""

    def function(self, tree: gast.FunctionDef) -> gast.FunctionDef:
        body = _flatten_try(tree.body)
        if _falls(body):
            body = [*body, _at(gast.Return(_constant(None, tree)), tree)]
        returns = [n for n in own_nodes(body) if isinstance(n, gast.Return)]
        last = body[-1]
        if len(returns) == 1 and last is returns[0]:
            done = [*self._block(body[:-1], _Context()), last]
        else:
            self._result, self._returned = self._fresh("result"), self._fresh("returned")
            done = self._block(body, _Context())
            done.append(_at(gast.Return(_name(self._result, last)), last))
        made = gast.FunctionDef(tree.name, tree.args, done, [], tree.returns, None, [])
        return _at(made, tree)

    def _fresh(self, base: str) -> str:
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def _block(self, stmts: Sequence[stmt], ctx: _Context) -> Stmts:
        out: Stmts = []
        for position, node in enumerate(stmts):
            rest = stmts[position + 1 :]
            match node:
                case gast.Break():
                    return [*out, *self._jump(ctx, node, leave=True)]
                case gast.Continue():
                    return [*out, *self._jump(ctx, node)]
                case Exit():
                    return [*out, *self._jump(ctx, node, leave=ctx.in_loop)]
                case gast.Return(value=value):
                    return [*out, *self._return(value, ctx, node)]
                case gast.Raise():
                    return [*out, node]
                case gast.If() if _jumps([node]):
                    return [*out, *self._branch(node, rest, ctx)]
                case gast.If():
                    out.append(self._if(node, node.body, node.orelse, ctx, ctx))
                case gast.For() | gast.While():
                    loop, after = self._loop(node)
                    out += loop
                    if after:
                        return [*out, *self._block([*after, *rest], ctx)]
                case _:
                    out.append(node)
        return out

    def _jump(self, ctx: _Context, at: stmt, *, leave: bool = False) -> Stmts:
        flags = (ctx.leave, *ctx.skips) if leave else ctx.skips
        return [_set(flag, True, at) for flag in dict.fromkeys(flags) if flag]

    def _return(self, value: expr | None, ctx: _Context, at: stmt) -> Stmts:
        result = gast.Assign([_name(self._result, at, store=True)], value or _constant(None, at), None)
        returned = [_set(self._returned, True, at)] if ctx.in_loop and ctx.leave != self._returned else []
        return [_at(result, at), *returned, *self._jump(ctx, at, leave=ctx.in_loop)]

    def _branch(self, node: gast.If, rest: Sequence[stmt], ctx: _Context) -> Stmts:
        """Put the rest of the block where control goes on; guard it by a flag if that is in both branches."""
        if not rest:
            return [self._if(node, node.body, node.orelse, ctx, ctx)]
        then_goes_on, else_goes_on = _falls(node.body), _falls(node.orelse)
        if not then_goes_on:
            rest = rest if else_goes_on else []
            return [self._if(node, node.body, [*node.orelse, *rest], ctx, ctx)]
        if not else_goes_on:
            return [self._if(node, [*node.body, *rest], node.orelse, ctx, ctx)]
        skip = self._fresh("skip")
        inner = replace(ctx, skips=(*ctx.skips, skip))
        guard = gast.If(_not(_name(skip, node)), _filled(self._block(rest, ctx), node), [])
        return [_set(skip, False, node), self._if(node, node.body, node.orelse, inner, inner), _at(guard, node)]

    def _if(
        self, node: gast.If, then: Sequence[stmt], orelse: Sequence[stmt], then_ctx: _Context, else_ctx: _Context
    ) -> stmt:
        made = gast.If(node.test, _filled(self._block(then, then_ctx), node), self._block(orelse, else_ctx))
        return _at(made, node)

    def _loop(self, node: gast.For | gast.While) -> tuple[Stmts, Stmts]:
        """Return the loop, and the statements with jumps that must follow it."""
        breaks, returns = _own_breaks(node.body), _has_return(node.body)
        leave = self._fresh("leave") if breaks else self._returned if returns else ""
        flags = [f for f in dict.fromkeys((leave, self._returned if returns else "")) if f]
        body = [_set(flag, False, node) for flag in flags]
        body += self._block(node.body, _Context(leave, (), True))
        if leave:
            body.append(_at(gast.If(_name(leave, node), [_at(gast.Break(), node)], []), node))
        body = _filled(body, node)
        after, needed = self._after(node, leave if breaks else "", returns)
        before = [_set(flag, False, node) for flag in flags if flag in needed]
        loop = (
            gast.For(node.target, node.iter, body, [], None)
            if isinstance(node, gast.For)
            else gast.While(node.test, body, [])
        )
        return [*before, _at(loop, node)], after

    def _after(self, node: gast.For | gast.While, leave: str, returns: bool) -> tuple[Stmts, set[str]]:
        needed = {self._returned} if returns else set[str]()
        after: Stmts = []
        if returns and _endless(node) and not leave:
            return [_at(Exit(), node)], needed
        if returns:
            after.append(_at(gast.If(_name(self._returned, node), [_at(Exit(), node)], []), node))
        if node.orelse and leave:
            needed.add(leave)
            after.append(_at(gast.If(_not(_name(leave, node)), node.orelse, []), node))
        elif node.orelse:
            after += node.orelse
        return after, needed


def _falls(stmts: Sequence[stmt]) -> bool:
    """Say whether control can reach the end of a block."""
    return not any(_stops(node) for node in stmts)


def _stops(node: stmt) -> bool:
    match node:
        case gast.Break() | gast.Continue() | gast.Return() | gast.Raise() | Exit():
            return True
        case gast.If(body=body, orelse=orelse):
            return not _falls(body) and not _falls(orelse)
        case gast.While():
            return _endless(node) and not _own_breaks(node.body)
        case _:
            return False


def _endless(node: gast.For | gast.While) -> bool:
    return isinstance(node, gast.While) and isinstance(node.test, gast.Constant) and bool(node.test.value)


def _jumps(stmts: Sequence[stmt]) -> bool:
    """Say whether a block has a jump out of itself."""
    for node in stmts:
        match node:
            case gast.Break() | gast.Continue() | gast.Return() | Exit():
                return True
            case gast.If(body=body, orelse=orelse):
                if _jumps([*body, *orelse]):
                    return True
            case gast.For(body=body, orelse=orelse) | gast.While(body=body, orelse=orelse):
                if _has_return(body) or _jumps(orelse):
                    return True
            case _:
                pass
    return False


def _own_breaks(stmts: Sequence[stmt]) -> bool:
    """Say whether a block has a `break` of the loop it is the body of."""
    for node in stmts:
        match node:
            case gast.Break():
                return True
            case gast.If(body=body, orelse=orelse):
                if _own_breaks([*body, *orelse]):
                    return True
            case gast.For(orelse=orelse) | gast.While(orelse=orelse):
                if _own_breaks(orelse):
                    return True
            case _:
                pass
    return False


def _has_return(stmts: Sequence[stmt]) -> bool:
    return any(isinstance(node, (gast.Return, Exit)) for node in own_nodes(stmts))


def _flatten_try(stmts: Sequence[stmt]) -> Stmts:
    """Replace every `try` by what it runs when nothing is raised."""
    out: Stmts = []
    for node in stmts:
        if isinstance(node, gast.Try):
            out += _flatten_try([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, SCOPES):
            out.append(node)
        else:
            for part in ("body", "orelse"):
                inner = getattr(node, part, None)
                if isinstance(inner, list):
                    setattr(node, part, _flatten_try(cast("Stmts", inner)))
            out.append(node)
    return out


def _at(node: Node, where: AST) -> Node:
    return cast("Node", gast.copy_location(node, where))


def _name(name: str, where: AST, *, store: bool = False) -> gast.Name:
    return _at(gast.Name(name, gast.Store() if store else gast.Load(), None, None), where)


def _constant(value: object, where: AST) -> gast.Constant:
    return _at(gast.Constant(value, None), where)


def _set(name: str, value: bool, where: AST) -> stmt:
    return _at(gast.Assign([_name(name, where, store=True)], _constant(value, where), None), where)


def _filled(stmts: Stmts, where: AST) -> Stmts:
    """Return statements that may stand as a block."""
    return stmts if len(stmts) > 0 else [_at(gast.Pass(), where)]


def _not(operand: expr) -> expr:
    return _at(gast.UnaryOp(gast.Not(), operand), operand)
