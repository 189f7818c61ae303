"""The rules users add: derivatives by functions of theirs, which generated code calls.

An object with such a rule has a method `__adjoint_rule__(scope) -> Rule`; a program calls it by `ref:NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from adjoint.errors import MissingRuleError, TypingError, UnsupportedError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import map_expr, substitute
from adjoint.rules import build
from adjoint.rules.elementwise import Elementwise
from adjoint.rules.numba_types import element_type, is_list
from adjoint.rules.rule import TypeOf

Let: TypeAlias = Callable[[str, Expr], Var]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule may ask of the program it is applied in.

    `reference(name, function)` returns the primitive that calls a Python object, `let(hint, value)` binds a value that
    several parts of the derivative use, `let_new` a tuple of arrays that nobody else holds. `wanted(operand)` says
    whether its cotangent is of use.
    """

    reference: Callable[[str, object], str]
    let: Let
    let_new: Let
    wanted: Callable[[Expr], bool]


@dataclass(frozen=True, slots=True)
class Partials(Elementwise):
    """Partial derivatives of an element-wise function, one for each parameter; None where there is none.

    `prims` says which primitives the names of the user's functions in them stand for.
    """

    params: tuple[str, ...] = ()
    given: tuple[Expr | None, ...] = ()
    prims: Mapping[str, str] = field(default_factory=dict[str, str])

    def partials(self, call: Call, y: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        if len(call.args) != len(self.params):
            raise MissingRuleError(
                f"the rule of `{self.prim}` is for {len(self.params)} operands, and it is called with {len(call.args)}"
            )
        values = dict(zip(self.params, call.args, strict=True)) | {"y": y}
        found = (None if p is None else map_expr(substitute(p, values), build.simplified) for p in self.given)
        return tuple(None if p is None else map_expr(p, lambda e: _named(e, self.prims)) for p in found)


def _named(expr: Expr, prims: Mapping[str, str]) -> Expr:
    if isinstance(expr, Call) and expr.prim in prims:
        return Call(prims[expr.prim], expr.args, expr.kwargs)
    return expr


@dataclass(frozen=True, slots=True)
class ByPullback:
    """`fwd(args...) -> (y, residuals)` and `bwd(fixed..., residuals, y_bar) -> cotangents` of all that is not fixed.

    The backward sweep calls both: residuals are made again there, not kept.
    """

    name: str
    fwd: object
    bwd: object
    fixed: tuple[int, ...]
    scope: Scope

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        _refuse_containers(call, type_of, self.scope.wanted)
        pair = self.scope.let(f"{self.name}_pair", Call(self.scope.reference(f"{self.name}_fwd", self.fwd), call.args))
        self._check_pair(pair, y, type_of)
        residuals = self.scope.let(f"{self.name}_residuals", Call("item", (pair, Lit(1))))
        first = tuple(call.args[k] for k in self.fixed)
        bwd = self.scope.reference(f"{self.name}_bwd", self.bwd)
        bars = self.scope.let(f"{self.name}_bars", Call(bwd, (*first, residuals, y_bar)))
        open_ = [k for k in range(len(call.args)) if k not in self.fixed]
        kinds = items_of(type_of(bars))
        if kinds is None or len(kinds) != len(open_):
            raise TypingError(
                f"the pullback of `{self.name}` returns {type_of(bars)}, and not a tuple with an entry for each "
                f"of {len(open_)} arguments"
            )
        found: list[Expr | None] = [None] * len(call.args)
        for position, k in enumerate(open_):
            found[k] = self._entry(call.args[k], k, Call("item", (bars, Lit(position))), type_of)
        return tuple(found)

    def _check_pair(self, pair: Expr, y: Expr, type_of: TypeOf) -> None:
        kinds = items_of(type_of(pair))
        if kinds is None or len(kinds) != 2 or not _alike(kinds[0], type_of(y)):
            raise TypingError(
                f"the forward function of `{self.name}` returns {type_of(pair)}, and not a pair (value, residuals) "
                f"with a value of type {type_of(y)}"
            )

    def _entry(self, arg: Expr, k: int, entry: Expr, type_of: TypeOf) -> Expr | None:
        kind, wanted = type_of(entry), type_of(arg)
        if str(kind) == "none":
            return None
        if build.is_inexact(wanted) and build.rank(kind) != build.rank(wanted):
            raise TypingError(
                f"the pullback of `{self.name}` returns {kind} as the cotangent of argument {k}, which is {wanted}"
            )
        return entry

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        raise MissingRuleError(
            f"`{self.name}` has a pullback of its own and no pushforward",
            help="give it one by `custom_jvp`, or differentiate it in reverse mode",
        )


@dataclass(frozen=True, slots=True)
class ByPushforward:
    """`jvp(primals, tangents) -> (y, y_dot)`; `transpose(positions)` makes its pullback, `f(args..., dots..., y_bar)`.

    The pullback returns cotangents, an entry for each of `positions`.
    """

    name: str
    jvp: object
    transpose: Callable[[int, tuple[int, ...]], object]
    scope: Scope

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        wrt = differentiable(call, type_of, self.scope.wanted)
        zeros = tuple(zero_like(arg, type_of) for arg in call.args)
        prim = self.scope.reference(f"{self.name}_transpose", self.transpose(len(call.args), wrt))
        bars = self.scope.let_new(f"{self.name}_bars", Call(prim, (*call.args, *zeros, y_bar)))
        return spread(bars, wrt, len(call.args))

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        tangents = tuple(
            zero_like(arg, type_of) if dot is None else dot for arg, dot in zip(call.args, dots, strict=True)
        )
        prim = self.scope.reference(f"{self.name}_jvp", self.jvp)
        pair = self.scope.let(f"{self.name}_pair", Call(prim, (Call("tuple", call.args), Call("tuple", tangents))))
        kinds = items_of(type_of(pair))
        if kinds is None or len(kinds) != 2 or build.rank(kinds[1]) != build.rank(type_of(y)):
            raise TypingError(
                f"the pushforward of `{self.name}` returns {type_of(pair)}, and not a pair (value, tangent) "
                f"of the type of the value, {type_of(y)}"
            )
        return Call("item", (pair, Lit(1)))


@dataclass(frozen=True, slots=True)
class BySweep:
    """A function that is run again where its derivative is needed; `sweep(mode, types, positions)` makes that."""

    name: str
    sweep: Callable[[str, tuple[object, ...], tuple[int, ...]], object]
    scope: Scope

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        wrt = differentiable(call, type_of, self.scope.wanted)
        if not wrt:
            return (None,) * len(call.args)
        bars = self.scope.let_new(f"{self.name}_bars", self._swept("pullback", call, wrt, (y_bar,), type_of))
        return spread(bars, wrt, len(call.args))

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        wrt = tuple(k for k, dot in enumerate(dots) if dot is not None)
        moved = self._swept("pushforward", call, wrt, tuple(dot for dot in dots if dot is not None), type_of)
        return self.scope.let(f"{self.name}_moved", moved)

    def _swept(self, mode: str, call: Call, wrt: tuple[int, ...], seeds: tuple[Expr, ...], type_of: TypeOf) -> Call:
        sweep = self.sweep(mode, tuple(map(type_of, call.args)), wrt)
        return Call(self.scope.reference(f"{self.name}_{mode}", sweep), (*call.args, *seeds))


@dataclass(frozen=True, slots=True)
class Stopped:
    """No derivative, whatever the argument."""

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        return (None,) * len(call.args)

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        return None


def differentiable(call: Call, type_of: TypeOf, wanted: Callable[[Expr], bool]) -> tuple[int, ...]:
    """Return the positions of the operands that have derivatives, of those that are wanted."""
    _refuse_containers(call, type_of, wanted)
    return tuple(k for k, arg in enumerate(call.args) if wanted(arg) and build.is_inexact(type_of(arg)))


def _refuse_containers(call: Call, type_of: TypeOf, wanted: Callable[[Expr], bool]) -> None:
    for arg in call.args:
        if wanted(arg) and _holds_numbers(type_of(arg)):
            raise UnsupportedError(
                f"`{call.prim.removeprefix('ref:')}` has a derivative of its own, and is given {type_of(arg)}",
                help="give it the numbers and arrays as arguments of their own",
            )


def _holds_numbers(kind: object) -> bool:
    """Whether a type is of tuples or lists with numbers that may have derivatives in them."""
    within = items_of(kind) or ((element_type(kind),) if is_list(kind) else ())
    return any(build.is_inexact(each) or _holds_numbers(each) for each in within)


def zero_like(arg: Expr, type_of: TypeOf) -> Expr:
    """Return the zero tangent of an operand; a number where it has none."""
    kind = type_of(arg)
    if build.rank(kind) > 0 and build.is_inexact(kind):
        return build.call("zeros_like", arg)
    return build.in_precision(Lit(0.0), kind) if build.is_inexact(kind) else Lit(0.0)


def spread(items: Expr, positions: tuple[int, ...], count: int) -> tuple[Expr | None, ...]:
    """Return the items of a tuple at their positions among `count`."""
    found: list[Expr | None] = [None] * count
    for index, position in enumerate(positions):
        found[position] = Call("item", (items, Lit(index)))
    return tuple(found)


def _alike(first: object, second: object) -> bool:
    """Whether two types differ in layout at most."""
    items, others = items_of(first), items_of(second)
    if items is not None and others is not None:
        return len(items) == len(others) and all(map(_alike, items, others))
    return build.rank(first) == build.rank(second) and build.dtype_name(first) == build.dtype_name(second)


def items_of(kind: object) -> tuple[object, ...] | None:
    """Return the types of the items of a tuple type."""
    found = getattr(kind, "types", None)
    return tuple(found) if found is not None else None
