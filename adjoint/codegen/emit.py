"""A program in the imperative dialect -> the AST of a Python function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from adjoint.codegen import unparse
from adjoint.codegen.calls import BINARY, Expressions, constant, dotted, name
from adjoint.codegen.kinds import Kinds
from adjoint.codegen.module_names import module_names
from adjoint.errors import UnsupportedError
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Param,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import blocks, bound, names_in, operands, statements_of
from adjoint.rules.containers import Layout

_AUGMENTED = ("add", "sub", "mul", "div")
_COMMUTATIVE = ("add", "mul")


# Python 3.12 and 3.13 want the field, Python 3.11 doesn't know it.
_NO_TYPE_PARAMETERS: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}


def emit(func: Func) -> ast.FunctionDef:
    """Return the Python function that means what an imperative program means.

    Raises
    ------
    UnsupportedError
        If a name of the program hides a name that the text needs, such as a parameter called `np`.
    """
    emitter = _Emitter(func)
    function = ast.FunctionDef(
        name=func.name,
        args=emitter.parameters(func.params),
        body=emitter.block(func.body) or [ast.Pass()],
        decorator_list=[],
        returns=None,
        type_comment=None,
        **_NO_TYPE_PARAMETERS,
    )
    _check_hiding(func, function)
    return function


def text(func: Func) -> str:
    """Return the text of one function."""
    return unparse.unparse(emit(func))


class _Emitter:
    def __init__(self, func: Func) -> None:
        self.kinds = Kinds(func)
        self.write = Expressions(self.kinds)
        self.layout, self.refs = cast("Layout", func.layout), func.refs
        everything = statements_of(func)
        self.reads = Counter(n for stmt in everything for e in operands(stmt) for n in names_in(e))
        # Flags that are read only where their loop is left: the text says `break` there, and they vanish.
        self.flags = frozenset(
            stmt.until.name
            for stmt in everything
            if isinstance(stmt, For | While) and stmt.until is not None and self.reads[stmt.until.name] == 1
        )

    def parameters(self, params: Sequence[Param]) -> ast.arguments:
        # A default before a parameter without one (a keyword-only one in the primal) has no Python syntax.
        required = max((i + 1 for i, p in enumerate(params) if p.default is None), default=0)
        return ast.arguments(
            posonlyargs=[],
            args=[ast.arg(arg=p.name) for p in params],
            vararg=None,
            kwonlyargs=[],
            kw_defaults=[],
            kwarg=None,
            defaults=[self.write.expr(p.default) for p in params[required:] if p.default is not None],
        )

    def block(self, block: Block) -> list[ast.stmt]:
        lines: list[ast.stmt] = []
        skipped = self._flag_starts(block)
        for position, stmt in enumerate(block):
            if position in skipped:
                continue
            lines += self.stmt(stmt, starts_false=position in skipped.values())
        return lines

    def _flag_starts(self, block: Block) -> dict[int, int]:
        """Return the positions of the `flag = False` that are not needed, each with the position of its loop."""
        found: dict[int, int] = {}
        for position, stmt in enumerate(block):
            if isinstance(stmt, For | While) and stmt.until is not None and stmt.until.name in self.flags:
                before = [k for k in range(position) if _binds(block[k], stmt.until)]
                if before and _is_false(block[before[-1]]):
                    found[before[-1]] = position
        return found

    def suite(self, block: Block) -> list[ast.stmt]:
        """Return a block that Python accepts where at least one statement must stand."""
        return self.block(block) or [ast.Pass()]

    def stmt(self, stmt: Stmt, *, starts_false: bool = False) -> list[ast.stmt]:
        """Return the lines of a statement; `starts_false` says that the flag of a loop is false before it."""
        known = False if starts_false else None
        match stmt:
            case Let():
                return [self._let(stmt)]
            case Store():
                return [self._store(stmt)]
            case Accum():
                return [self._accum(stmt)]
            case For():
                return [self._for(stmt, known)]
            case While(cond, body, until=until):
                return [ast.While(test=self.write.expr(cond), body=self._loop_body(body, until, known), orelse=[])]
            case If():
                return self._if(stmt)
            case Effect(value):
                return [self._effect(value)]
            case Comment(line):
                return [unparse.Comment(line)]
            case Return(value):
                return [ast.Return(value=self.write.assembled(value, self.layout, self.refs))]

    # Assignments

    def _place(self, target: Var, index: Sequence[Expr]) -> ast.Name | ast.Subscript:
        if not index:
            return ast.Name(id=target.name, ctx=ast.Store())
        return self.write.subscript(target, index, ast.Store)

    def _let(self, stmt: Let) -> ast.stmt:
        if self.kinds.is_scalar(stmt.target) and (update := self._update(stmt.target, stmt.value)) is not None:
            return self._augmented(self._place(stmt.target, ()), *update)
        return ast.Assign(targets=[self._place(stmt.target, ())], value=self.write.expr(stmt.value), type_comment=None)

    def _store(self, stmt: Store) -> ast.stmt:
        whole = stmt.index == (Lit(...),)
        element = Call("getitem", (stmt.array, *stmt.index))
        update = self._update(element, stmt.value)
        if update is None and whole:
            update = self._update(stmt.array, stmt.value)
        if update is not None and self._may_update(stmt.array, element, update[1]):
            return self._augmented(self._place(stmt.array, () if whole else stmt.index), *update)
        place = self._place(stmt.array, stmt.index)
        return ast.Assign(targets=[place], value=self.write.expr(stmt.value), type_comment=None)

    def _accum(self, stmt: Accum) -> ast.stmt:
        place = Call("getitem", (stmt.target, *stmt.index)) if stmt.index else stmt.target
        unknown = not stmt.index and self.kinds.kind(place) != "array"
        if unknown or self._may_update(stmt.target, place, stmt.value):
            return self._augmented(self._place(stmt.target, stmt.index), "add", stmt.value)
        where = self._place(stmt.target, stmt.index or (Lit(...),))
        return ast.Assign(targets=[where], value=self.write.expr(Call("add", (place, stmt.value))), type_comment=None)

    def _may_update(self, target: Var, place: Expr, operand: Expr) -> bool:
        """Whether `place op= operand` means `place = place op operand`.

        Numba updates arrays in place element by element, even where the operand overlaps them.
        """
        return self.kinds.is_scalar(place) or not self.kinds.may_overlap(target.name, operand)

    def _update(self, place: Expr, value: Expr) -> tuple[str, Expr] | None:
        """Return `(op, e)` if a value is `place op e`."""
        match value:
            case Call(op, (left, right), ()) if op in _AUGMENTED and self.write.is_operator(value):
                if left == place:
                    return op, right
                if right == place and op in _COMMUTATIVE:
                    return op, left
            case _:
                pass
        return None

    def _augmented(self, place: ast.Name | ast.Subscript, op: str, operand: Expr) -> ast.stmt:
        if op in ("add", "sub") and (positive := _negated(operand)) is not None:
            op, operand = "sub" if op == "add" else "add", positive
        return ast.AugAssign(target=place, op=BINARY[op](), value=self.write.expr(operand))

    # Control flow

    def _for(self, stmt: For, known: bool | None) -> ast.stmt:
        bounds = [stmt.start, stmt.stop, stmt.step]
        if stmt.step == Lit(1):
            bounds = [stmt.stop] if stmt.start == Lit(0) else [stmt.start, stmt.stop]
        function = dotted("numba.prange") if stmt.parallel else name("range")
        return ast.For(
            target=ast.Name(id=stmt.index.name, ctx=ast.Store()),
            iter=ast.Call(func=function, args=self.write.exprs(bounds), keywords=[]),
            body=self._loop_body(stmt.body, stmt.until, known),
            orelse=[],
            type_comment=None,
        )

    def _if(self, stmt: If) -> list[ast.stmt]:
        return self._branches(stmt, self.block(stmt.then), self.block(stmt.orelse))

    def _branches(self, stmt: If, then: list[ast.stmt], orelse: list[ast.stmt]) -> list[ast.stmt]:
        test = self.write.expr(stmt.cond)
        if orelse and all(isinstance(s, unparse.Comment) for s in then):
            match test:
                case ast.UnaryOp(op=ast.Not(), operand=operand):
                    test = operand
                case _:
                    test = ast.UnaryOp(op=ast.Not(), operand=test)
            then, orelse = [*then, *orelse], []
        return [ast.If(test=test, body=then or [ast.Pass()], orelse=orelse)]

    def _loop_body(self, body: Block, until: Var | None, known: bool | None) -> list[ast.stmt]:
        if until is None:
            return self.suite(body)
        if until.name not in self.flags:
            return self._left_early(body, until) or [*self.block(body), _leave(self.write.expr(until))]
        # False in the first iteration is false in every other one, or it would not have been reached.
        return self._until(body, until, known)

    def _left_early(self, body: Block, flag: Var) -> list[ast.stmt] | None:
        """Return a body that ends in `if not flag: ...` or the like with `break` before what is then left out."""
        match body:
            case (*before, If(cond, then, orelse) as last) if cond in (flag, Call("not", (flag,))):
                if _binds(last, flag):
                    return None
            case _:
                return None
        leaving, staying = (then, orelse) if cond == flag else (orelse, then)
        test: Expr = flag
        match before:
            case [*_, Let(target, value)] if target == flag and self.reads[flag.name] == 2:
                test, before = value, before[:-1]
            case _:
                pass
        leave = ast.If(test=self.write.expr(test), body=[*self.block(leaving), ast.Break()], orelse=[])
        return [*self.block(tuple(before)), leave, *self.block(staying)]

    def _until(self, block: Block, flag: Var, known: bool | None) -> list[ast.stmt]:
        """Return the end of a loop body, with `break` where the flag is true and without the flag where that works.

        `known` is the value of the flag before the block. A path that binds the flag to a constant doesn't say so,
        hence no path may read what another iteration has bound: the flag is known, or bound on every path.
        """
        for position, stmt in enumerate(block):
            if not _binds(stmt, flag):
                continue
            before, after = self.block(block[:position]), block[position + 1 :]
            match stmt:
                case Let(_, Lit(bool() as value)):
                    return [*before, *self._until(after, flag, known=value)]
                case Let(_, value) if not after:
                    return [*before, _leave(self.write.expr(value))]
                case If(_, then, orelse) if not after and (known is not None or _always_binds(stmt, flag)):
                    texts = self._until(then, flag, known), self._until(orelse, flag, known)
                    return [*before, *(self._branches(stmt, *texts) if any(texts) else [])]
                case _:
                    start: list[ast.stmt] = [] if known is None else [_assign(flag, constant(known))]
                    return [*start, *self.block(block), _leave(self.write.expr(flag))]
        end: list[ast.stmt] = [_leave(self.write.expr(flag))] if known is None else [ast.Break()] if known else []
        return [*self.block(block), *end]

    # Effects

    def _effect(self, call: Call) -> ast.stmt:
        match call:
            case Call("raise", (Lit(str() as what),)):
                return ast.parse(f"raise {what}").body[0]
            case Call("assert", (condition, *message)):
                given = [m for m in message if m != Lit(None)]
                return ast.Assert(test=self.write.expr(condition), msg=self.write.expr(given[0]) if given else None)
            case Call("move", (Call("tuple", targets), Call("tuple", values))):
                places = [self._target(t) for t in targets]
                return ast.Assign(
                    targets=[ast.Tuple(elts=places, ctx=ast.Store())],
                    value=ast.Tuple(elts=self.write.exprs(values), ctx=ast.Load()),
                    type_comment=None,
                )
            case Call("move", (Call("tuple", targets), Call() as value)):
                places = [self._target(t) for t in targets]
                whole = ast.Tuple(elts=places, ctx=ast.Store())
                return ast.Assign(targets=[whole], value=self.write.expr(value), type_comment=None)
            case _:
                return ast.Expr(value=self.write.expr(call))

    def _target(self, target: Expr) -> ast.expr:
        match target:
            case Var():
                return self._place(target, ())
            case Call("getitem", (Var() as array, *index)):
                return self._place(array, index)
            case _:
                raise AssertionError(f"not a place: {target}")


def _negated(expr: Expr) -> Expr | None:
    """Return `e` if an expression is written `-e` (also `-2.0 * x`)."""
    match expr:
        case Call("neg", (positive,)):
            return positive
        case Lit(int() | float() as number) if number < 0:
            return Lit(-number)
        case Call("mul", (Lit(int() | float() as number), other)) if number < 0:
            return replace(expr, args=(Lit(-number), other))
        case Call("mul", (other, Lit(int() | float() as number))) if number < 0:
            return replace(expr, args=(other, Lit(-number)))
        case _:
            return None


def _check_hiding(func: Func, function: ast.FunctionDef) -> None:
    own = {p.name for p in func.params} | {v.name for stmt in statements_of(func) for v in bound(stmt)}
    for hidden in sorted(own & module_names(function)):
        raise UnsupportedError(
            f"a variable called `{hidden}` hides the `{hidden}` that the derivative needs",
            func.loc,
            help=f"rename the variable `{hidden}`",
        )


def _assign(target: Var, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(id=target.name, ctx=ast.Store())], value=value, type_comment=None)


def _leave(condition: ast.expr) -> ast.stmt:
    return ast.If(test=condition, body=[ast.Break()], orelse=[])


def _binds(stmt: Stmt, flag: Var) -> bool:
    return flag in bound(stmt) or any(_binds(inner, flag) for block in blocks(stmt) for inner in block)


def _always_binds(stmt: Stmt, flag: Var) -> bool:
    """Whether every way through a statement binds the flag."""
    if isinstance(stmt, If):
        return all(any(_always_binds(inner, flag) for inner in block) for block in (stmt.then, stmt.orelse))
    return isinstance(stmt, Let) and stmt.target == flag


def _is_false(stmt: Stmt) -> bool:
    return isinstance(stmt, Let) and stmt.value == Lit(False)
