"""Branches: both sides are lowered, and the names they leave different are merged."""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Sequence

from numba import types

from adjoint.errors import TypingError
from adjoint.frontend.builder import raises
from adjoint.frontend.convert import cast_to, items_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.values import UNKNOWN, Broken, Items, Listed, Record, ShapeOf, Unknown, UnknownRead, Value, same
from adjoint.ir import Call, Expr, If, Lit, Merge, Var
from adjoint.rules import typing
from adjoint.rules.typing import Type

# The key under which a conditional expression leaves its value in the environment.
_VALUE = "<value>"


class _Branch:
    """What one side of a branch did."""

    def __init__(self, frame: Frame, work: Callable[[], None]) -> None:
        before = dict(frame.env)
        with frame.builder.block() as self.block:
            work()
        self.env = frame.env
        self.ends = raises(self.block)
        frame.env = before


def choose(
    frame: Frame,
    cond: Var | Lit,
    then: Callable[[], Value],
    orelse: Callable[[], Value],
    node: AST,
    hint: str | None,
    assigned: Sequence[str] = (),
) -> Value:
    """Return the value of one of two computations; only one of them is run."""
    if isinstance(cond, Lit):
        return then() if cond.value else orelse()

    def store(compute: Callable[[], Value]) -> Callable[[], None]:
        def work() -> None:
            try:
                frame.env[_VALUE] = compute()
            except UnknownRead as error:
                if not frame.session.rounds:
                    raise
                frame.session.skipped = frame.session.skipped or error
                frame.env[_VALUE] = UNKNOWN

        return work

    branch(frame, cond, store(then), store(orelse), (*assigned, _VALUE), node, {_VALUE: hint})
    value = frame.env.pop(_VALUE)
    if isinstance(value, Broken):
        raise value.error
    return value


def branch(
    frame: Frame,
    cond: Var | Lit,
    then: Callable[[], None],
    orelse: Callable[[], None],
    names: Sequence[str],
    node: AST,
    hints: dict[str, str | None] | None = None,
) -> None:
    """Run `then` or `orelse`; afterwards `names` stand for what the side that was taken made of them."""
    if isinstance(cond, Lit):
        (then if cond.value else orelse)()
        return
    first, second = _Branch(frame, then), _Branch(frame, orelse)
    merger = _Merger(frame, cond, first, second, node)
    for name in names:
        merger.name(name, (hints or {}).get(name, name))
    made = If(cond, tuple(first.block), tuple(second.block), tuple(merger.merges), frame.loc(node))
    if made.then or made.orelse or made.merges:
        frame.builder.add(made)
    for name, value in merger.negated.items():
        frame.env[name] = frame.emit(Call("not", (value,), via="operator"), node)


class _Merger:
    def __init__(self, frame: Frame, cond: Var, first: _Branch, second: _Branch, node: AST) -> None:
        self.frame, self.cond, self.first, self.second, self.node = frame, cond, first, second, node
        self.merges: list[Merge] = []
        self.negated: dict[str, Var] = {}

    def name(self, name: str, hint: str | None) -> None:
        """Bind a name to the merge of what it is on both sides."""
        before = self.frame.env.get(name)
        a = None if self.first.ends else self.first.env.get(name)
        b = None if self.second.ends else self.second.env.get(name)
        if self.first.ends and same(b, before) or self.second.ends and same(a, before):
            return
        if a is None and b is None:
            self.frame.env.pop(name, None)
        elif same(a, Lit(False)) and same(b, Lit(True)):
            self.negated[name] = self.cond
        else:
            self.frame.env[name] = self._merge(a, b, name, hint)

    def _merge(self, a: Value | None, b: Value | None, name: str, hint: str | None) -> Value:
        if a is not None and same(a, b):
            return a
        if same(a, Lit(True)) and same(b, Lit(False)):
            return self.cond
        if isinstance(a, (Record, Listed)) or isinstance(b, (Record, Listed)):
            return self._merge_records(a, b, name, hint)
        if isinstance(a, (Items, ShapeOf)) or isinstance(b, (Items, ShapeOf)):
            return self._merge_items(a, b, name, hint)
        match a, b:
            case (Unknown(), None) | (None, Unknown()) | (Unknown(), Unknown()):
                return UNKNOWN
            case (Var() | Lit() | None | Unknown(), Var() | Lit() | None | Unknown()):
                return self._merge_atoms(_bound(a), _bound(b), name, hint)
            case (value, None | Unknown()) | (None | Unknown(), value):
                # A function or the like: it doesn't depend on the branch where it is bound at all.
                return value
            case _:
                return self._broken(name, "is not the same kind of thing in both branches")

    def _merge_atoms(self, a: Expr | None, b: Expr | None, name: str, hint: str | None) -> Value:
        kind = self._unified(a, b)
        if kind is None:
            shown = f"is {_shown(self.frame, a)} in one branch and {_shown(self.frame, b)} in the other"
            return self._broken(name, shown)
        first, second = self._cast(a, kind, self.first), self._cast(b, kind, self.second)
        target = self.frame.builder.define(hint, kind)
        self.merges.append(Merge(target, first, second))
        return target

    def _unified(self, a: Expr | None, b: Expr | None) -> Type | None:
        if a is None or b is None:
            known = a if a is not None else b
            assert known is not None
            return self.frame.type_of(known)
        return typing.unify(self.frame.type_of(a), self.frame.type_of(b))

    def _cast(self, value: Expr | None, kind: Type, side: _Branch) -> Expr | None:
        if value is None:
            return None
        with self.frame.builder.within(side.block):
            return cast_to(self.frame, value, kind, self.node)

    def _merge_items(self, a: Value | None, b: Value | None, name: str, hint: str | None) -> Value:
        first, second = self._items(a, self.first), self._items(b, self.second)
        width = max(len(first or ()), len(second or ()))
        first, second = first or (None,) * width, second or (None,) * width
        if len(first) != len(second):
            return self._broken(name, "is a tuple of another length, or none, in one of the branches")
        merged = (self._merge(x, y, name, hint) for x, y in zip(first, second, strict=True))
        return Items(tuple(merged))

    def _merge_records(self, a: Value | None, b: Value | None, name: str, hint: str | None) -> Value:
        """Merge containers, or one with a name that isn't bound on the other side."""
        match a, b:
            case (Record(form, items), None | Unknown()) | (None | Unknown(), Record(form, items)):
                first, second = (items if isinstance(side, Record) else (side,) * len(items) for side in (a, b))
            case (Record(form, first), Record(other, second)) if form == other and len(first) == len(second):
                pass
            case (Listed(x), Listed(y)):
                merged = self._merge_atoms(x, y, name, hint)
                return Listed(merged) if isinstance(merged, Var) else merged
            case _:
                return self._broken(name, "is not the same kind of container, with the same keys, in both branches")
        parts = tuple(self._merge(x, y, name, hint) for x, y in zip(first, second, strict=True))
        return Record(form, parts)

    def _items(self, value: Value | None, side: _Branch) -> tuple[Value | None, ...] | None:
        if value is None or isinstance(value, Unknown):
            return None
        with self.frame.builder.within(side.block):
            found = items_of(self.frame, value, self.node)
        return () if found is None else found

    def _broken(self, name: str, what: str) -> Broken:
        shown = "the value of this expression" if name == _VALUE else f"`{name}`"
        return Broken(TypingError(f"{shown} {what}", self.frame.loc(self.node)))


def _bound(value: Var | Lit | Unknown | None) -> Var | Lit | None:
    return None if isinstance(value, Unknown) else value


def _shown(frame: Frame, value: Expr | None) -> str:
    kind = frame.type_of(value) if value is not None else types.none
    return str(kind)
