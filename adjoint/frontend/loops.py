"""Loops: lowered once more with better types until the carried values agree with what an iteration makes of them."""

from __future__ import annotations

import functools
from ast import AST, expr_context, stmt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, cast

import gast
from numba import types

from adjoint.frontend.assign import bind
from adjoint.frontend.branches import branch
from adjoint.frontend.carried import Form, carriable, carries, form_of, join, phi_of, unknown
from adjoint.frontend.frame import Frame
from adjoint.frontend.iterables import Bounds, bounds, element, iterable, known_range
from adjoint.frontend.jumps import flag_of
from adjoint.frontend.lengths import Rows, guard_rows, unpacked_rows
from adjoint.frontend.names import bound_names, own_nodes
from adjoint.frontend.operators import SAFE, test, truth
from adjoint.frontend.values import (
    Elements,
    Enumerate,
    Items,
    Iterable,
    Range,
    Reversed,
    Unknown,
    UnknownRead,
    UnrolledError,
    Value,
    Zip,
    same,
)
from adjoint.ir import Block, Call, Carry, Effect, Expr, For, If, Let, Lit, Merge, Stmt, Var, While
from adjoint.ir.walk import statements, substitute
from adjoint.rules.spelling import is_elementwise
from adjoint.rules.typing import is_array, is_number

_MAX_ROUNDS = 20


@dataclass(slots=True)
class _Solution:
    """What is known about a loop: the forms of carried names, and names that it leaves as they are."""

    forms: dict[str, Form] = field(default_factory=dict[str, Form])
    fixed: set[str] = field(default_factory=set[str])


def for_loop(frame: Frame, node: gast.For) -> None:
    """Lower a `for` loop; over a tuple it is unrolled."""
    source = iterable(frame, frame.expr(node.iter), node.iter)
    body, flag = flag_of(node.body)
    if isinstance(source, Items):
        _unroll(frame, node, source.items, body, flag)
        return
    limits = bounds(frame, source, node.iter)
    loop = _For(frame, node, body, flag, source, limits, guard_rows(frame, node.target, source, node.iter))
    known = known_range(limits)
    if not isinstance(source, Range) or known is None:
        loop.lower()
        return
    mark, env = frame.builder.mark(), dict(frame.env)
    frame.session.unrollable += 1
    try:
        loop.lower()
        return
    except UnrolledError:
        frame.builder.back_to(mark)
        frame.env = env
    finally:
        frame.session.unrollable -= 1
    _unroll(frame, node, tuple(map(Lit, known)), body, flag)


def while_loop(frame: Frame, node: gast.While) -> None:
    """Lower a `while` loop; a condition that isn't a plain scalar expression is tested inside the body."""
    body, flag = flag_of(node.body)
    key = (frame.path, node, "general")
    if key not in frame.session.solved:
        mark, env = frame.builder.mark(), dict(frame.env)
        try:
            _While(frame, node, body, flag).lower()
        except _NotPlainError:
            frame.builder.back_to(mark)
            frame.env = env
            frame.session.solved[key] = True
        else:
            return
    _general_while(frame, node, body, flag)


def _counts(source: Iterable) -> bool:
    """Say whether the loop's index is the element."""
    return isinstance(source, Range) or (isinstance(source, Reversed) and isinstance(source.source, Range))


def _sources(source: Value) -> Iterator[Var]:
    """Yield the arrays and lists that are iterated over."""
    match source:
        case Var() | Elements(Var()):
            yield source if isinstance(source, Var) else source.source
        case Enumerate(inner) | Reversed(inner):
            yield from _sources(inner)
        case Zip(inner):
            for each in inner:
                yield from _sources(each)
        case _:
            pass


class _NotPlainError(Exception):
    """The condition of a `while` needs statements."""


def _unroll(frame: Frame, node: gast.For, items: Sequence[Value], body: Sequence[stmt], flag: str | None) -> None:
    path = frame.path
    live = frame.live.after[node]
    names = [name for name in bound_names([node.target, *body]) if name in live]

    def run(start: int) -> None:
        for position in range(start, len(items)):
            frame.path = (*path, position)
            bind(frame, node.target, items[position])
            frame.block(body)
            left = Lit(False) if flag is None else truth(frame, frame.lookup(flag, node), node)
            if isinstance(left, Var):
                branch(frame, left, lambda: None, functools.partial(run, position + 1), names, node)
                return
            if left.value:
                return

    try:
        run(0)
    finally:
        frame.path = path


class _Loop:
    """One loop, lowered in rounds."""

    def __init__(self, frame: Frame, node: gast.For | gast.While, body: Sequence[stmt], flag: str | None) -> None:
        self.frame, self.node, self.body, self.flag = frame, node, body, flag
        self.key = (frame.path, node)
        known = frame.session.solved.get(self.key)
        self.solution = known if isinstance(known, _Solution) else _Solution()
        frame.session.solved[self.key] = self.solution
        self.carried = frame.live.carried[node]
        self.before = dict(frame.env)
        self.phis: dict[str, Value] = {}

    def lower(self) -> None:
        frame, session = self.frame, self.frame.session
        mark = frame.builder.mark()
        for _ in range(_MAX_ROUNDS):
            frame.env = dict(self.before)
            self._start()
            pending = any(unknown(phi) for phi in self.phis.values())
            session.rounds += pending
            skipped, session.skipped = session.skipped, None
            try:
                with frame.builder.block() as block:
                    self.head()
                    frame.block(self.body)
                    until = self._until()
            finally:
                session.rounds -= pending
            lost, session.skipped = session.skipped, skipped or session.skipped
            if not self._learn():
                if not pending or session.rounds:
                    self._finish(block, until)
                    return
                self._give_up_unknown(lost)
            frame.builder.back_to(mark)
        raise AssertionError("the types of a loop keep changing")

    def head(self) -> None:
        """Start an iteration."""

    def make(self, body: Block, carried: tuple[Carry, ...], until: Var | None) -> None:
        """Add the finished loop."""
        raise NotImplementedError

    def never(self) -> bool:
        """Say whether the body is known not to run."""
        return False

    def _start(self) -> None:
        """Bind the carried names to phis."""
        self.phis = {}
        for name in self.carried:
            init = self.before.get(name)
            if name in self.solution.fixed:
                continue
            if not carriable(init):
                self.solution.fixed.add(name)
                continue
            start = form_of(self.frame, init)
            form = self.solution.forms.get(name)
            form = start if form is None else join(self.frame, form, start, name, self.node)
            self.solution.forms[name] = form
            self.phis[name] = phi_of(self.frame, form, name)
        self.frame.env.update(self.phis)

    def _learn(self) -> bool:
        """Compare the carried values with what the iteration made of them; say whether that was news."""
        news = False
        for name in self.carried:
            after = self.frame.env.get(name)
            if name in self.solution.fixed:
                if not same(after, self.before.get(name)):
                    self._release(name, after)
                    news = True
                continue
            phi = self.phis[name]
            if same(after, phi) and not unknown(phi):
                self.solution.fixed.add(name)
                news = True
                continue
            form = join(self.frame, self.solution.forms[name], form_of(self.frame, after), name, self.node)
            news = news or form != self.solution.forms[name]
            self.solution.forms[name] = form
        return news

    def _release(self, name: str, after: Value | None) -> None:
        if not carriable(after) or not carriable(self.before.get(name)):
            raise self.frame.unsupported(
                f"`{name}` is bound to something else in each iteration", self.node, "use a number or an array"
            )
        self.solution.fixed.discard(name)

    def _give_up_unknown(self, lost: UnknownRead | None) -> None:
        """No round tells more about some names: one was read too early, or none is ever bound."""
        if lost is not None:
            raise self.frame.unsupported(f"`{lost.name}` is read before it is bound", lost.node)
        self.solution.fixed.update(name for name, phi in self.phis.items() if unknown(phi))

    def _until(self) -> Var | None:
        if self.flag is None:
            return None
        value = self.frame.env.get(self.flag)
        if value is None or isinstance(value, Unknown):
            return None
        left = truth(self.frame, value, self.node)
        if isinstance(left, Var):
            return left
        if not left.value:
            return None
        always = self.frame.builder.define(None, types.boolean)
        self.frame.builder.add(Let(always, left))
        return always

    def _finish(self, block: list[Stmt], until: Var | None) -> None:
        frame, carried = self.frame, list[Carry]()
        if self.never():
            frame.env = self.before
            return
        after = frame.env
        for name, phi in self.phis.items():
            carried += carries(frame, phi, self.before.get(name), after.get(name), block, self.node)
        frame.env = {**self.before, **self.phis}
        for name in bound_names(self._binders()):
            if name not in self.phis and name not in self.solution.fixed:
                frame.env.pop(name, None)
        self._refuse_growing(block)
        self.make(tuple(block), tuple(carried), until)

    def _binders(self) -> list[AST]:
        first = self.node.target if isinstance(self.node, gast.For) else self.node.test
        return [first, *self.body]

    def _refuse_growing(self, block: list[Stmt]) -> None:
        """A list must not grow or shrink while a loop runs over it."""


class _For(_Loop):
    def __init__(
        self,
        frame: Frame,
        node: gast.For,
        body: Sequence[stmt],
        flag: str | None,
        source: Iterable,
        limits: Bounds,
        rows: Rows,
    ) -> None:
        super().__init__(frame, node, body, flag)
        self.target, self.place, self.source, self.limits = node.target, node.iter, source, limits
        self.rows = rows
        self.index = Var("")

    def head(self) -> None:
        self.index = self.frame.builder.define(self._index_hint(), types.intp)
        hint = self.target.id if isinstance(self.target, gast.Name) else None
        with unpacked_rows(self.frame, self.rows):
            bind(self.frame, self.target, element(self.frame, self.source, self.index, self.place, hint))

    def _index_hint(self) -> str | None:
        match self.target, self.source:
            case gast.Name(id=name), source if not isinstance(source, Enumerate) and _counts(source):
                return name
            case gast.Tuple(elts=[gast.Name(id=name), _]), Enumerate(_, Lit(0)):
                return name
            case _:
                return None

    def make(self, body: Block, carried: tuple[Carry, ...], until: Var | None) -> None:
        limits, loc = self.limits, self.frame.loc(self.node)
        made = For(self.index, limits.start, limits.stop, limits.step, body, carried, until, limits.parallel, loc)
        self.frame.builder.add(made)

    def _refuse_growing(self, block: list[Stmt]) -> None:
        lists = [v for v in _sources(self.source) if isinstance(self.frame.type_of(v), types.List)]
        for each in statements(tuple(block)):
            match each:
                case Effect(Call("append" | "pop", (Var() as grown, *_))) | Let(_, Call("pop", (Var() as grown, *_))):
                    if grown in lists:
                        raise self.frame.unsupported(
                            "a list changes its length while a loop runs over it", self.node, "loop over `range(n)`"
                        )
                case _:
                    pass


class _While(_Loop):
    cond: Expr = Lit(True)

    def head(self) -> None:
        assert isinstance(self.node, gast.While)
        frame = self.frame
        if any(isinstance(n, gast.NamedExpr) for n in own_nodes([self.node.test])):
            raise _NotPlainError
        mark = frame.builder.mark()
        with frame.builder.block() as block:
            value = test(frame, self.node.test)
        tree = _tree(frame, block, value)
        frame.builder.back_to(mark)
        self.cond = tree

    def never(self) -> bool:
        return self.cond == Lit(False)

    def make(self, body: Block, carried: tuple[Carry, ...], until: Var | None) -> None:
        self.frame.builder.add(While(self.cond, body, carried, until, self.frame.loc(self.node)))


def _tree(frame: Frame, block: Sequence[Stmt], value: Expr, outer: Mapping[str, Expr] = MappingProxyType({})) -> Expr:
    """Return the statements that compute a condition as one expression: they must be pure and scalar."""
    known = dict(outer)
    for each in block:
        match each:
            case Let(target, Call(prim, args) as call) if is_number(frame.type_of(target)) and _is_plain(prim):
                if prim == "getitem" and not is_array(frame.type_of(cast("Var", args[0]))):
                    raise _NotPlainError
                known[target.name] = substitute(call, known)
            case If(cond, then, (), (Merge(target, made, Lit(False)),)) if made is not None:
                known[target.name] = Call("and", (substitute(cond, known), _tree(frame, then, made, known)))
            case If(cond, (), orelse, (Merge(target, Lit(True), made),)) if made is not None:
                known[target.name] = Call("or", (substitute(cond, known), _tree(frame, orelse, made, known)))
            case _:
                raise _NotPlainError
    return substitute(value, known)


def _is_plain(prim: str) -> bool:
    return prim in SAFE or prim == "getitem" or is_elementwise(prim)


def _general_while(frame: Frame, node: gast.While, body: Sequence[stmt], flag: str | None) -> None:
    """Lower `while test: body` as an endless loop that tests first and leaves by a flag."""
    made = frame.session.synthetic.get(node)
    if not isinstance(made, gast.While):
        made = frame.session.synthetic[node] = _rewritten(node, body, flag, frame.code.names)
    frame.synthetic(node, [made], frame.live.after[node])


def _rewritten(node: gast.While, body: Sequence[stmt], flag: str | None, taken: frozenset[str]) -> gast.While:
    done = next(name for name in ("done", *(f"done_{k}" for k in range(1, 1000))) if name not in taken)

    def name(text: str, ctx: expr_context) -> gast.Name:
        return _at(gast.Name(text, ctx, None, None), node)

    def store(value: gast.Name | gast.Constant) -> stmt:
        return _at(gast.Assign([name(done, gast.Store())], value, None), node)

    left = name(flag, gast.Load()) if flag is not None else _at(gast.Constant(False, None), node)
    choice = _at(gast.If(node.test, [*body, store(left)], [store(_at(gast.Constant(True, None), node))]), node)
    leave = _at(gast.If(name(done, gast.Load()), [_at(gast.Break(), node)], []), node)
    return _at(gast.While(_at(gast.Constant(True, None), node), [choice, leave], []), node)


Node = TypeVar("Node", bound=AST)


def _at(node: Node, where: AST) -> Node:
    return cast("Node", gast.copy_location(node, where))
