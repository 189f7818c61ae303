"""Functions that call themselves: they stay functions, each read once for the types of its arguments.

A call in progress has the type that the other paths through the function give its result. So the function is read in
rounds: in the first, what depends on a call of itself is left out; then with the type found so far, until that stays.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import cast

import gast
from numba import types

from adjoint.errors import TypingError, UnsupportedError
from adjoint.frontend.boundary import as_result
from adjoint.frontend.builder import Builder
from adjoint.frontend.convert import items_of
from adjoint.frontend.frame import Code, Frame, Session
from adjoint.frontend.guards import guarded
from adjoint.frontend.names import parameters
from adjoint.frontend.passing import Form, Packer, Unpacker
from adjoint.frontend.routines import Key
from adjoint.frontend.source import loc_of
from adjoint.frontend.values import Closure, Items, UnknownRead, Value
from adjoint.ir import Call, Expr, Func, Lit, Param, Return, Var
from adjoint.ir.routine import Routine
from adjoint.rules import typing
from adjoint.rules.numba_types import item_types, tuple_of
from adjoint.rules.typing import Type

_MAX_ROUNDS = 20
_MAX_OPEN = 12


def call_routine(
    frame: Frame,
    code: Code,
    fun: FunctionType | None,
    env: Mapping[str, Value],
    node: AST,
    closure: Closure | None = None,
    hint: str | None = None,
) -> Value:
    """Lower a call of a function that calls itself to a call of its routine."""
    name = code.tree.name
    if guarded(frame, node):
        raise frame.unsupported(f"a call of `{name}`, which calls itself, inside `try`", node, "write a loop")
    packer = Packer(frame, node)
    forms = tuple((p.id, packer.form(env[p.id], p.id)) for p in parameters(code.tree.args))
    around = None if closure is None else packer.form(closure, name)
    asked = _Asked(frame.session, code, fun, forms, around, tuple(packer.hints))
    routines = frame.session.routines
    routine = routines.known.get(asked.key) or routines.open.get(asked.key)
    if routine is None:
        if len(routines.open) >= _MAX_OPEN:
            raise frame.unsupported(
                f"`{name}` calls itself with arguments of ever new types", node, "give them the same types each time"
            )
        routine = asked.read()
    if routine.result_type is None:
        raise UnknownRead(name, node)
    prim = f"ref:{routine.name}"
    while frame.builder.refs.get(prim, routine) is not routine:
        prim += "_"
    frame.builder.refs[prim] = routine
    single = not isinstance(routine.returns, types.BaseTuple | types.NoneType)
    result = frame.emit(Call(prim, tuple(packer.leaves)), node, hint if single else None)
    if single:
        return result
    return _shaped(routine.returns, iter(items_of(frame, result, node) or ()))


def _shaped(kind: Type, leaves: Iterator[Value]) -> Value:
    """Return a result of a type: a routine returns the numbers and arrays in it, side by side."""
    if isinstance(kind, types.BaseTuple):
        return Items(tuple(_shaped(item, leaves) for item in item_types(kind)))
    return Lit(None) if isinstance(kind, types.NoneType) else next(leaves)


def _leaves(kind: Type) -> list[Type]:
    if isinstance(kind, types.BaseTuple):
        return [leaf for item in item_types(kind) for leaf in _leaves(item)]
    return [] if isinstance(kind, types.NoneType) else [kind]


def _flat_type(kind: Type) -> Type:
    """Return the type that a routine returns for a function that returns `kind`."""
    return tuple_of(tuple(_leaves(kind))) if isinstance(kind, types.BaseTuple) and _leaves(kind) else _plain(kind)


def _plain(kind: Type) -> Type:
    return types.none if isinstance(kind, types.BaseTuple) else kind


def _flat(value: Expr, kind: Type) -> Expr:
    if not isinstance(kind, types.BaseTuple):
        return value
    parts = _leaves_of(value)
    return Call("tuple", parts) if parts else Lit(None)


def _leaves_of(value: Expr) -> tuple[Expr, ...]:
    if isinstance(value, Call) and value.prim == "tuple":
        return tuple(leaf for part in value.args for leaf in _leaves_of(part))
    return () if value == Lit(None) else (value,)


def _apart(frame: Frame, value: Value, node: AST) -> Value:
    """Return a value without tuples that are names."""
    if isinstance(value, Var) and isinstance(frame.type_of(value), types.BaseTuple):
        value = Items(items_of(frame, value, node) or ())
    return Items(tuple(_apart(frame, item, node) for item in value.items)) if isinstance(value, Items) else value


@dataclass(frozen=True, slots=True)
class _Asked:
    """A function to be read for arguments of these forms."""

    session: Session
    code: Code
    fun: FunctionType | None
    forms: tuple[tuple[str, Form], ...]
    around: Form | None
    hints: tuple[str, ...]

    @property
    def key(self) -> Key:
        return self.code, self.forms, self.around

    def read(self) -> Routine:
        """Return the routine; its type is None if that depends on a function that is still being read."""
        routines, name = self.session.routines, self.code.tree.name
        routine = Routine("fun" if name == "<lambda>" else name)
        routines.open[self.key] = routine
        before = routines.known
        try:
            for _ in range(_MAX_ROUNDS):
                # What was read for an earlier guess of the type is void.
                routines.known = dict(before)
                func, found = self._once(routine)
                if found is None and routine.result_type is None:
                    self._refuse_endless()
                    return routine
                kind = self._joined(routine.returns, found)
                if kind == routine.returns:
                    break
                routine.returns, routine.result_type = kind, _flat_type(kind)
            else:
                raise AssertionError("the type of a result keeps changing")
        finally:
            del routines.open[self.key]
        routine.func = func
        routines.known[self.key] = routine
        return routine

    def _refuse_endless(self) -> None:
        others = [r for key, r in self.session.routines.open.items() if key != self.key and r.result_type is None]
        if not others:
            raise TypingError(
                f"`{self.code.tree.name}` calls itself on every path, or on every path that tells what it returns",
                loc_of(self.code.tree, self.code.file),
                help="return a value without a call first: `if n == 0: return 1.0`",
            )

    def _joined(self, known: Type | None, found: Type | None) -> Type:
        kind = known if found is None else found if known is None else typing.unify(known, found)
        if kind is None:
            raise TypingError(
                f"`{self.code.tree.name}` returns {known} on one path and {found} on another",
                loc_of(self.code.tree, self.code.file),
            )
        self._refuse_result(kind)
        return kind

    def _refuse_result(self, kind: Type) -> None:
        if isinstance(kind, types.BaseTuple):
            for item in item_types(kind):
                self._refuse_result(item)
        elif not isinstance(kind, (types.Number, types.Boolean, types.Array, types.NoneType)):
            raise self._refused_result("a list" if isinstance(kind, types.List) else f"a value of type {kind}")

    def _refused_result(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"`{self.code.tree.name}`, which calls itself, returns {what}",
            loc_of(self.code.tree, self.code.file),
            help="return numbers, arrays or tuples of those",
        )

    def _once(self, routine: Routine) -> tuple[Func, Type | None]:
        """Read the function with what is known of the types."""
        code, outside = self.code, self.session
        builder, params = Builder(code.names), list[Param]()
        session = Session(
            builder,
            outside.lower_expr,
            outside.lower_block,
            outside.lower_object,
            stack=[code],
            synthetic=outside.routines.synthetic,
            routines=outside.routines,
            rounds=int(outside.routines.pending),
        )

        def define(hint: str, kind: Type) -> Var:
            var = builder.define(hint, kind)
            params.append(Param(var.name))
            return var

        unpacker = Unpacker(session, self.hints, define)
        env = {name: unpacker.value(form) for name, form in self.forms}
        around = None if self.around is None else unpacker.value(self.around)
        outer = around.frame if isinstance(around, Closure) else None
        frame = Frame(session, code, cast("FunctionType | None", self.fun), env, code.live, outer)
        frame.block(code.tree.body)
        frame.result = _apart(frame, frame.result, code.tree)
        func, kind = finished(frame, routine.name, params)
        if func.layout is not None:
            raise self._refused_result("a dictionary, a named tuple, a dataclass or a list of known length")
        exit_: object = func.body[-1]
        assert isinstance(exit_, Return)
        return replace(func, body=(*func.body[:-1], replace(exit_, value=_flat(exit_.value, kind)))), kind


def finished(frame: Frame, name: str, params: Sequence[Param]) -> tuple[Func, Type | None]:
    """Return the program of a function whose body has been read, and the type of its result.

    That is None, and the program not complete, if it is not known yet.
    """
    builder, code = frame.builder, frame.code
    last = cast("gast.AST", code.tree.body[-1] if code.tree.body else code.tree)
    try:
        returned, layout = as_result(frame, frame.result, last)
        kind = builder.type_of(returned)
    except UnknownRead:
        if not frame.session.rounds:
            raise
        returned, layout, kind = Lit(None), None, None
    body = (*builder.prelude, *builder.current, Return(returned, loc_of(last, code.file)))
    func = Func(
        name,
        tuple(params),
        body,
        hints=builder.hints,
        types=builder.types,
        refs=builder.refs,
        loc=loc_of(code.tree, code.file),
        layout=layout,
    )
    return func, kind
