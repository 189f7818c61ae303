"""The adjoint of one primitive: its rule, applied to the cotangent of its result."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from numba import types as nb

from adjoint.errors import AdjointError, Loc, MissingRuleError
from adjoint.ir import (
    Call,
    Expr,
    Let,
    Lit,
    Var,
)
from adjoint.ir.walk import map_expr, names_in, subexpressions
from adjoint.rules.missing import no_rule
from adjoint.rules.numba_types import item_types
from adjoint.rules.rule import Rule
from adjoint.transform import stores
from adjoint.transform.cotangents import scalar_type
from adjoint.transform.fits import PRODUCTS
from adjoint.transform.program import zero_of
from adjoint.transform.routine_calls import pull, routine_of

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse


def pullback(reverse: Reverse, stmt: Let, name: str, value: Expr) -> None:
    bar = reverse.bars.bar(name)
    reverse.residuals.ensure(bar.name)
    match value:
        case Var(source):
            reverse.bars.contribute(source, bar, owned=False)
        case Call("getitem", (Var(source), *index)):
            stores.read(reverse, source, tuple(index), name)
        case Call("item", (Var(source), Lit(int(position)))):
            item(reverse, stmt, source, position, bar)
        case Call("list", args):
            for k, arg in enumerate(args):
                if isinstance(arg, Var) and arg.name in reverse.active:
                    reverse.bars.contribute(arg.name, Call("getitem", (bar, Lit(k))), owned=False)
        case Call("tuple"):
            raise MissingRuleError(
                "no derivative rule for a tuple whose index is not constant", stmt.loc, help="make it an array"
            )
        case Call("array" | "asarray", (Var(source),)) if isinstance(reverse.program.types.get(source), nb.List):
            stores.spread(reverse, source, bar)
        case Call() if (routine := routine_of(value, reverse.program.refs)) is not None:
            pull(reverse, value, routine, bar, owned=reverse.bars.owned(name))
        case Call():
            refuse_lists(reverse, stmt, value)
            apply_rule(reverse, stmt, name, value, bar)
        case Lit():
            pass


def item(reverse: Reverse, stmt: Let, source: str, position: int, bar: Var) -> None:
    """Keep the cotangent of one item until the statement that made the tuple is reached."""
    if reverse.program.structure.of(source).place is not reverse.program.structure.home[id(stmt)]:
        raise MissingRuleError(
            "a result of a function with several is taken in another block", stmt.loc, help="unpack them at once"
        )
    items = reverse.items.setdefault(source, {})
    if position in items:
        reverse.emit(Let(items[position], Call("add", (items[position], bar))))
    else:
        items[position] = reverse.program.fresh("item_bar", reverse.program.types.get(bar.name), hint=False)
        reverse.emit(Let(items[position], bar))


def apply_tuple_rule(reverse: Reverse, stmt: Let, name: str, call: Call) -> None:
    items = reverse.items.pop(name)
    type_ = reverse.program.types[name]
    assert isinstance(type_, nb.BaseTuple)
    kinds = item_types(type_)
    bars = Call("tuple", tuple(items.get(k) or zero_item(reverse, name, k, kind) for k, kind in enumerate(kinds)))
    if (routine := routine_of(call, reverse.program.refs)) is not None:
        pull(reverse, call, routine, bars, owned=False)
        return
    rule = reverse.program.rule_of(call, partial(share, reverse), stmt.loc, partial(is_active, reverse))
    if rule is None:
        raise MissingRuleError(
            f"no derivative rule for `{call.prim}`, which returns a tuple", stmt.loc, help="write it with others"
        )
    parts = contributions(reverse, stmt, rule, name, call, bars)
    pairs = [pair for arg, part in zip(call.args, parts, strict=True) for pair in _receivers(arg, part, stmt.loc)]
    receivers = [(arg, map_expr(whole, _known_item)) for arg, whole in pairs if arg.name in reverse.active]
    for arg, part in once(reverse, receivers):
        reverse.residuals.ensure_all(part)
        reverse.bars.contribute(arg.name, reverse.bars.cast(part, arg.name))


def zero_item(reverse: Reverse, name: str, position: int, type_: object) -> Expr:
    if isinstance(type_, nb.Array):
        return Call("zeros_like", (Call("item", (Var(name), Lit(position))),), via="np")
    return zero_of(type_)


def is_active(reverse: Reverse, operand: Expr) -> bool:
    """Whether the cotangent of an operand is of use.

    An argument counts as active that may share memory with what is. If that memory is never written, the cotangent of
    one that isn't differentiated by is of no use.
    """
    func, facts = reverse.program.func, reverse.program.memory
    constant = {p.name for p in func.params if p.name not in reverse.wanted.wrt and not facts.is_written(p.name)}
    return any(name in reverse.active and name not in constant for name in names_in(operand))


def share(reverse: Reverse, hint: str, value: Expr) -> Var:
    """Bind what several parts of a rule use."""
    reverse.residuals.ensure_all(value)
    var = reverse.program.fresh(hint, reverse.program.type_of(value))
    reverse.emit(Let(var, value))
    return var


def refuse_lists(reverse: Reverse, stmt: Let, call: Call) -> None:
    for keyword, value in call.kwargs:
        if any(name in reverse.active for name in names_in(value)):
            raise MissingRuleError(
                f"no derivative rule for `{call.prim}` with respect to its argument `{keyword}`", stmt.loc
            )
    for arg in call.args:
        if isinstance(arg, Var) and isinstance(reverse.program.types.get(arg.name), nb.List):
            raise MissingRuleError(
                f"no derivative rule for `{call.prim}` of a list",
                stmt.loc,
                help="make it an array: `np.array(...)`",
            )


def apply_rule(reverse: Reverse, stmt: Let, name: str, call: Call, bar: Var) -> None:
    rule = reverse.program.rule_of(call, partial(share, reverse), stmt.loc, partial(is_active, reverse))
    if rule is None:
        raise no_rule(call.prim, stmt.loc)
    if rule.elementwise and apply_uniform(reverse, stmt, rule, name, call):
        return
    if call.prim in PRODUCTS:
        reverse.program.must_fit(stmt, call)
    parts = contributions(reverse, stmt, rule, name, call, bar)
    receivers = [pair for arg, part in zip(call.args, parts, strict=True) for pair in _receivers(arg, part, stmt.loc)]
    receivers = doubled(reverse, [(arg, part) for arg, part in receivers if arg.name in reverse.active])
    receivers = once(reverse, receivers)
    # A lone receiver takes over the buffer of the cotangent.
    sole = reverse.bars.owned(name) if len(receivers) == 1 else False
    masking = call.prim in ("where", "select") or (name in reverse.masked and rule.elementwise)
    for arg, part in receivers:
        if name in reverse.masked and rule.elementwise and call.prim not in _TOTAL and part != bar:
            part = masked_part(reverse, part, bar)
        reverse.residuals.ensure_all(part)
        adapted = (
            reverse.bars.adapt(part, Var(name), arg.name, stmt)
            if rule.elementwise
            else reverse.bars.cast(part, arg.name)
        )
        first = not reverse.bars.has(arg.name)
        reverse.bars.contribute(arg.name, adapted, owned=sole if adapted == bar else None)
        if first:
            note_uniform(reverse, arg.name, adapted)
        if masking:
            reverse.masked.add(arg.name)


def note_uniform(reverse: Reverse, name: str, contribution: Expr) -> None:
    match contribution:
        case Call("full_like", (Var(), scalar)) if not reverse.bars.is_shadow(name):
            reverse.bars.uniform[name] = scalar, reverse.stack[-1]
        case _:
            pass


def apply_uniform(reverse: Reverse, stmt: Let, rule: Rule, name: str, call: Call) -> bool:
    """Pull back a cotangent with equal elements as the scalar it is; say whether that was possible."""
    scalar, frame = reverse.bars.uniform.get(name, (None, None))
    if scalar is None or frame is not reverse.stack[-1] or name in reverse.masked or call.prim in ("where", "select"):
        return False
    shapes, types = reverse.program.shapes, reverse.program.types
    arrays = [a for a in call.args if shapes.of(a) != ()]
    receivers = [a for a in call.args if isinstance(a, Var) and a.name in reverse.active]
    if not all(a in arrays for a in receivers):
        return False
    shape = shapes.of(Var(name))
    if not all(reverse.program.equal(shapes.of(a), shape, stmt) for a in arrays):
        return False
    if any(scalar_type(types[n]) != nb.float64 for n in (name, *(a.name for a in receivers))):
        return False
    parts = contributions(reverse, stmt, rule, name, call, scalar)
    pairs = doubled(
        reverse, [(a, p) for a, p in zip(call.args, parts, strict=True) if p is not None and a in receivers]
    )
    for arg, part in pairs:
        reverse.residuals.ensure_all(part)
        first = not reverse.bars.has(arg.name)
        whole = (
            part
            if isinstance(reverse.program.type_of(part), nb.Array)
            else reverse.bars.adapt(part, arg, arg.name, stmt)
        )
        reverse.bars.contribute(arg.name, whole)
        if first:
            note_uniform(reverse, arg.name, whole)
    return True


def contributions(reverse: Reverse, stmt: Let, rule: Rule, name: str, call: Call, bar: Expr) -> tuple[Expr | None, ...]:
    try:
        return rule.pullback(call, Var(name), bar, reverse.program.type_of)
    except AdjointError as error:
        if error.loc is not None:
            raise
        raise type(error)(str(error.msg), stmt.loc, help=error.help) from None


def doubled(reverse: Reverse, receivers: list[tuple[Var, Expr]]) -> list[tuple[Var, Expr]]:
    """`x * x` gives `x` the same contribution twice; a person writes that as a factor of 2."""
    match receivers:
        case [(first, part), (second, other)] if first == second and part == other:
            if scalar_type(reverse.program.types[first.name]) == nb.float64:
                return [(first, Call("mul", (Lit(2.0), part)))]
        case _:
            pass
    return receivers


def once(reverse: Reverse, receivers: list[tuple[Var, Expr]]) -> list[tuple[Var, Expr]]:
    """Bind what takes long and occurs in several contributions, as a system that is solved; outermost first."""
    counts = Counter(expr for _, part in receivers for expr in dict.fromkeys(subexpressions(part)) if _is_long(expr))
    repeated = next((expr for expr, count in counts.items() if count > 1), None)
    if repeated is None:
        return receivers
    reverse.residuals.ensure_all(repeated)
    var = reverse.program.fresh("t", reverse.program.type_of(repeated), hint=False)
    reverse.emit(Let(var, repeated))
    parts = [map_expr(part, lambda expr: var if expr == repeated else expr) for _, part in receivers]
    if sum(not reverse.program.is_own(part) for part in parts) == 1:
        reverse.program.unshared.add(var.name)
    return once(reverse, [(arg, part) for (arg, _), part in zip(receivers, parts, strict=True)])


def _is_long(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.prim.startswith(("linalg.", "helper.")) and not _is_unbroadcast(expr.prim)


def _is_unbroadcast(prim: str) -> bool:
    return prim.startswith("helper.unbroadcast_")


def masked_part(reverse: Reverse, part: Expr, bar: Var) -> Expr:
    """A value that `where` did not select has cotangent zero, whatever its partials are: 0, not 0 * inf."""
    prim = "where" if isinstance(reverse.program.types.get(bar.name), nb.Array) else "select"
    return Call(prim, (Call("ne", (bar, Lit(0.0))), part, Lit(0.0)))


# Element-wise primitives whose partials are finite whatever the operands are.
_TOTAL = frozenset({"add", "sub", "neg", "pos", "where", "select", "abs", "maximum", "minimum"})


def _receivers(arg: Expr, part: Expr | None, loc: Loc | None) -> list[tuple[Var, Expr]]:
    """Pair the names in an operand with their contributions; an operand may be a tuple of values."""
    match arg, part:
        case Var(), Var() | Call() | Lit():
            return [(arg, part)]
        case Call("tuple" | "list", args), Call("tuple" | "list", parts):
            return [pair for a, p in zip(args, parts, strict=True) if p != Lit(None) for pair in _receivers(a, p, loc)]
        case Call("tuple" | "list"), Var() | Call():
            text = "no derivative rule for a list or a tuple"
            raise MissingRuleError(text, loc, help="make it an array: `np.array(...)`")
        case _:
            return []


def _known_item(expr: Expr) -> Expr:
    match expr:
        case Call("item", (Call("tuple", items), Lit(int(position)))):
            return items[position]
        case _:
            return expr
