"""Forward mode: from an SSA program to one that also carries the tangent of every varied value.

Each statement is followed by its linearisation. Arrays have tangent arrays that are shared, viewed, permuted and
overwritten exactly as the primal's, so aliasing needs no analysis here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.activity import is_differentiable, varied_names
from adjoint.analysis.memory import is_memory, shows
from adjoint.errors import AdjointError, MissingRuleError
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
from adjoint.ir.walk import located, names_in, operands
from adjoint.rules.missing import no_rule
from adjoint.rules.numba_types import element_type
from adjoint.rules.rule import Rule
from adjoint.transform import aliasing
from adjoint.transform.cotangents import scalar_type
from adjoint.transform.forward_sweep import moves
from adjoint.transform.program import Program, is_fresh, zero_of
from adjoint.transform.routine_calls import push, routine_of


def forward(func: Func, wrt: Sequence[str], *, name: str) -> Func:
    """Return the function that computes the value of `func` and its tangent: `(value, value_dot)`.

    Its parameters are those of `func`, then `x_dot` for every `x` in `wrt`.

    Raises:
        MissingRuleError: a primitive on the way has no derivative rule.
    """
    func = aliasing.own_written_arguments(func)
    program = Program.of(func)
    program.taken.add(name)
    return _Forward(program, wrt).build(name)


class _Forward:
    def __init__(self, program: Program, wrt: Sequence[str]) -> None:
        self.program = program
        self.wrt = tuple(wrt)
        varied = varied_names(program.func, program.memory, self.wrt)
        self.varied = frozenset(n for n in varied if is_differentiable(program.types.get(n)))
        self.dots: dict[str, Var] = {}
        self.shared: list[Stmt] = []

    def build(self, name: str) -> Func:
        func = self.program.func
        added = tuple(Param(self.dot(p).name) for p in self.wrt)
        # A name may stand for an array that is differentiated by or for another argument.
        others = [p.name for p in func.params if p.name in self.varied and p.name not in self.wrt]
        constant = tuple(Let(self.dot(name), self.zero(Var(name)), func.loc) for name in others)
        exit_ = func.body[-1]
        assert isinstance(exit_, Return)
        result = Return(Call("tuple", (exit_.value, self.tangent_of_result(exit_.value))), exit_.loc)
        body = (*constant, *self.block(func.body[:-1]), result)
        return self.program.finished(name, (*func.params, *added), body, func.refs)

    def dot(self, name: str) -> Var:
        if name not in self.dots:
            label = self.program.label(name)
            hint = not label.startswith("_")
            self.dots[name] = self.program.fresh(f"{label}_dot", self.program.types.get(name), hint=False)
            if hint:
                self.program.hints[self.dots[name].name] = f"{label}_dot"
        return self.dots[name]

    def tangent(self, expr: Expr) -> Expr | None:
        return self.dot(expr.name) if isinstance(expr, Var) and expr.name in self.varied else None

    def tangent_of_result(self, value: Expr) -> Expr:
        if isinstance(value, Call) and value.prim == "tuple":
            return Call("tuple", tuple(self.tangent_of_result(part) for part in value.args))
        return self.tangent(value) or self.zero(value)

    def zero(self, like: Expr) -> Expr:
        if isinstance(like, Call) and like.prim in ("tuple", "list"):
            return Call(like.prim, tuple(map(self.zero, like.args)))
        type_ = self.program.type_of(like)
        if isinstance(type_, nb.Array):
            return Call("zeros_like", (like,), via="np")
        if isinstance(type_, nb.BaseTuple):
            return Call("tuple", tuple(self.zero(Call("item", (like, Lit(k)))) for k in range(len(type_))))
        if isinstance(type_, nb.List):
            return Call("mul", (Call("list", (zero_of(element_type(type_)),)), Call("len", (like,))))
        return zero_of(type_)

    def block(self, block: Block) -> Block:
        return tuple(self.placed(new, stmt) for stmt in block for new in self.stmt(stmt))

    def placed(self, new: Stmt, stmt: Stmt) -> Stmt:
        """Say of what statement a new one is the linearisation."""
        loc = getattr(stmt, "loc", None)
        return new if new is stmt or loc is None else located(new, replace(loc, role="tangent"))

    def stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case Let():
                return self.let(stmt)
            case Store(array, index, value):
                return [*self.store(array, index, value), stmt]
            case Effect(Call("append", (Var(name), value))) if name in self.varied:
                dot = self.tangent(value) or self.zero(value)
                return [Effect(Call("append", (self.dot(name), dot), via="method")), stmt]
            case For() | While():
                return self.loop(stmt)
            case If(cond, then, orelse, merges):
                pairs = [[(m.target, (m.then, m.orelse)[k]) for m in merges] for k in (0, 1)]
                first, second = (
                    (*self.block(body), *self.moves([(t, v) for t, v in pairs[k] if v is not None]))
                    for k, body in enumerate((then, orelse))
                )
                return [If(cond, first, second, loc=stmt.loc)]
            case Effect() | Comment() | Return():
                return [stmt]
            case Accum():
                raise AssertionError(f"not a primal statement: {stmt}")

    def store(self, array: Var, index: tuple[Expr, ...], value: Expr) -> list[Stmt]:
        if array.name not in self.varied:
            return []
        return [Store(self.dot(array.name), index, self.tangent(value) or Lit(0.0))]

    def loop(self, stmt: For | While) -> list[Stmt]:
        inits = [(c.phi, c.init) for c in stmt.carried if c.init is not None]
        body = (*self.block(stmt.body), *self.moves([(c.phi, c.next) for c in stmt.carried]))
        before = [s for pair in inits for s in self.moves([pair])]
        if isinstance(stmt, For):
            new: Stmt = For(
                stmt.index,
                stmt.start,
                stmt.stop,
                stmt.step,
                body,
                until=stmt.until,
                parallel=stmt.parallel,
                loc=stmt.loc,
            )
        else:
            new = While(stmt.cond, body, until=stmt.until, loc=stmt.loc)
        return [*before, new]

    def moves(self, pairs: list[tuple[Var, Expr]]) -> list[Stmt]:
        """Return the parallel assignment of values and of their tangents."""
        dots = [(self.dot(t.name), self.tangent(v) or self.zero(v)) for t, v in pairs if t.name in self.varied]
        return moves([*dots, *pairs])

    def let(self, stmt: Let) -> list[Stmt]:
        name = stmt.target.name
        if name not in self.varied:
            return [stmt]
        match stmt.value:
            case Call("pop", (Var(source),)):
                return [Let(self.dot(name), Call("pop", (self.dot(source),), via="method")), stmt]
            case Var() as source:
                return [Let(self.dot(name), self.tangent(source) or self.zero(source)), stmt]
            case Call("item", (source, position)):
                return [stmt, Let(self.dot(name), Call("item", (self.tangent(source) or source, position)))]
            case Call("getitem", (source, *index)):
                dot = self.tangent(source)
                value = self.zero(stmt.target) if dot is None else Call("getitem", (dot, *index))
                return [stmt, Let(self.dot(name), value)]
            case Call("list", items):
                dots = tuple(self.tangent(item) or self.zero(item) for item in items)
                return [stmt, Let(self.dot(name), Call("list", dots))]
            case Call() as call if (routine := routine_of(call, self.program.refs)) is not None:
                tangents = [self.tangent(arg) for arg in call.args]
                replaced, tangent = push(self.program, stmt, call, routine, tangents, self.zero)
                return [*replaced, Let(self.dot(name), tangent)]
            case Call():
                dot = Let(self.dot(name), self.own(stmt, self.pushforward(stmt, stmt.value)))
                shared, self.shared = self.shared, []
                return [stmt, *shared, dot]
            case Lit():
                return [stmt, Let(self.dot(name), self.zero(stmt.target))]

    def own(self, stmt: Let, tangent: Expr) -> Expr:
        """Give a fresh array a tangent of its own where either is written: `x_dot` is that of `x * 1.0` too."""
        facts, types = self.program.memory, self.program.types
        fresh = is_memory(types.get(stmt.target.name)) and not shows(stmt, self.program.func)
        reshaped = facts.is_reshaped(stmt.target.name)
        if not fresh or is_fresh(tangent) and not reshaped:
            return tangent
        held = [stmt.target.name, *(name for arg in operands(stmt) for name in names_in(arg))]
        written = any(is_memory(types.get(name)) and facts.is_written(name) for name in held)
        return Call("copy", (tangent,), via="method") if written else tangent

    def pushforward(self, stmt: Let, call: Call) -> Expr:
        for keyword, value in call.kwargs:
            if any(name in self.varied for name in names_in(value)):
                raise MissingRuleError(
                    f"no derivative rule for `{call.prim}` with respect to its argument `{keyword}`", stmt.loc
                )
        dots = tuple(self.tangents(arg) for arg in call.args)
        if all(dot is None for dot in dots):
            return self.zero(stmt.target)
        rule = self.program.rule_of(call, self.share, stmt.loc)
        if rule is None:
            raise no_rule(call.prim, stmt.loc)
        value = self.applied(stmt, rule, call, dots)
        if value is None:
            return self.zero(stmt.target)
        if isinstance(value, Call) and isinstance(self.program.types[stmt.target.name], nb.BaseTuple):
            return self.complete(stmt.target, value)
        return self.fit(stmt, call, value, dots) if rule.elementwise else self.cast(value, stmt.target.name)

    def applied(self, stmt: Let, rule: Rule, call: Call, dots: tuple[Expr | None, ...]) -> Expr | None:
        try:
            return rule.pushforward(call, stmt.target, dots, self.program.type_of)
        except AdjointError as error:
            if error.loc is not None:
                raise
            raise type(error)(str(error.msg), stmt.loc, help=error.help) from None

    def share(self, hint: str, value: Expr) -> Var:
        """Bind what several parts of a rule use."""
        var = self.program.fresh(hint, self.program.type_of(value))
        self.shared.append(Let(var, value))
        return var

    def complete(self, target: Var, value: Call) -> Expr:
        """Write zeros where a rule says that an item has no tangent."""
        items = [
            self.zero(Call("item", (target, Lit(k)))) if item == Lit(None) else item
            for k, item in enumerate(value.args)
        ]
        return Call("tuple", tuple(items))

    def tangents(self, arg: Expr) -> Expr | None:
        if isinstance(arg, Call) and arg.prim in ("tuple", "list"):
            parts = [self.tangents(part) for part in arg.args]
            if all(part is None for part in parts):
                return None
            return Call(
                arg.prim, tuple(p if p is not None else self.zero(a) for p, a in zip(parts, arg.args, strict=True))
            )
        return self.tangent(arg)

    def fit(self, stmt: Let, call: Call, value: Expr, dots: tuple[Expr | None, ...]) -> Expr:
        """Give the tangent of an element-wise result its full shape where only small operands vary."""
        target = stmt.target
        if isinstance(self.program.types[target.name], nb.Array):
            arrays = [(a, d) for a, d in zip(call.args, dots, strict=True) if self.program.shapes.of(a) != ()]
            full = any(d is not None and self.program.shapes.same(a, target) for a, d in arrays)
            if not full and not all(d is not None for _, d in arrays):
                value = Call("add", (Call("zeros_like", (target,), via="np"), value))
        return self.cast(value, target.name)

    def cast(self, value: Expr, name: str) -> Expr:
        want, have = scalar_type(self.program.types[name]), scalar_type(self.program.type_of(value))
        if want == have or isinstance(value, Lit):
            return value
        kind = "astype" if is_memory(self.program.type_of(value)) else "cast"
        return Call(f"{kind}.{want}", (value,))
