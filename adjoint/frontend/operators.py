"""Operators: arithmetic, comparison, truth; constants are folded, tuples are taken apart."""

from __future__ import annotations

import ast
import inspect
import math
import operator
from ast import AST, expr
from collections.abc import Callable, Sequence
from typing import Any, cast

import gast
from numba import types

from adjoint.frontend.arithmetic import comparable, on_containers, without_lists
from adjoint.frontend.branches import choose
from adjoint.frontend.convert import atom, dim, is_scalar_value, items_of, type_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.guards import guard_division, guard_result
from adjoint.frontend.names import bound_names
from adjoint.frontend.values import Closure, Display, Items, Known, Listed, Partial, Record, ShapeOf, Value
from adjoint.ir import Call, Expr, Let, Lit, Stmt, Var
from adjoint.rules.definitions.table import written_out
from adjoint.rules.typing import is_array, is_number

BINARY: dict[type[AST], str] = {
    gast.Add: "add", gast.Sub: "sub", gast.Mult: "mul", gast.Div: "div", gast.FloorDiv: "floordiv", gast.Mod: "mod",
    gast.Pow: "pow", gast.MatMult: "matmul", gast.BitAnd: "bitand", gast.BitOr: "bitor", gast.BitXor: "bitxor",
    gast.LShift: "lshift", gast.RShift: "rshift",
}  # fmt: skip
UNARY: dict[type[AST], str] = {gast.USub: "neg", gast.UAdd: "pos", gast.Invert: "invert"}
COMPARE: dict[type[AST], str] = {
    gast.Lt: "lt", gast.LtE: "le", gast.Gt: "gt", gast.GtE: "ge", gast.Eq: "eq", gast.NotEq: "ne",
}  # fmt: skip
_IDENTITY: dict[type[AST], bool] = {gast.Is: True, gast.IsNot: False}

_FOLD: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mod": operator.mod,
    "floordiv": cast("Any", operator).floordiv,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip
_ANY_CONSTANT = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})

# What may be computed although the program would not have come to it: it can't fail, and costs next to nothing.
SAFE = frozenset(
    "add sub mul neg pos lt le gt ge eq ne not and or is is_not dim size maximum minimum abs cast.float64 cast.bool "
    "item".split()
)


def binary(frame: Frame, prim: str, left: Value, right: Value, node: AST, hint: str | None = None) -> Value:
    """Apply a binary operator."""
    if isinstance(left, Record | Listed) or isinstance(right, Record | Listed):
        found = on_containers(frame, prim, left, right, node)
        if found is not None:
            return found
        left, right = without_lists(frame, prim, left, right, node)
    joined = _tuples(frame, prim, left, right, node)
    if joined is not None:
        return joined
    left, right = _arrays(frame, left, right, node)
    a, b = atom(frame, left, node), atom(frame, right, node)
    folded = fold(prim, a, b)
    if folded is not None:
        return folded
    guard_division(frame, prim, b, node)
    made = Call(prim, (a, b), via="operator")
    if prim == "matmul" and (function := written_out(made, frame.type_of)) is not None:
        return _of_stacks(frame, function, made, node, hint)
    result = frame.emit(made, node, hint)
    guard_result(frame, made, result, node)
    return result


def _arrays(frame: Frame, left: Value, right: Value, node: AST) -> tuple[Value, Value]:
    if isinstance(left, Display | Items) or isinstance(right, Display | Items):
        from adjoint.frontend.calls import primitive
        from adjoint.frontend.sequences import beside

        return beside(frame, left, right, node, primitive)
    return left, right


def _of_stacks(frame: Frame, function: Any, made: Call, node: AST, hint: str | None) -> Value:
    """`@` of arrays of more than two axes."""
    from adjoint.frontend.by_text import by_text

    return by_text(frame, function, made, node, hint)


def fold(prim: str, left: Expr, right: Expr) -> Lit | None:
    """Compute with integer constants, and compare constants of any kind."""
    match left, right:
        case Lit(a), Lit(b):
            exact = isinstance(a, int) and isinstance(b, int)
            if prim in _FOLD and (exact or prim in _ANY_CONSTANT):
                try:
                    value = _FOLD[prim](a, b)
                except (ZeroDivisionError, TypeError):
                    return None
                return Lit(value) if not isinstance(value, int) or abs(value) < 2**63 else None
        case _:
            pass
    return None


def _tuples(frame: Frame, prim: str, left: Value, right: Value, node: AST) -> Value | None:
    """Concatenate tuples, and repeat lists of constants."""
    match prim, left, right:
        case "add", Items() | ShapeOf(), Items() | ShapeOf():
            return Items((*(items_of(frame, left, node) or ()), *(items_of(frame, right, node) or ())))
        case "mul", Items(items), Lit(int() as count):
            return Items(items * count)
        case "mul", Display(items), Lit(int() as count):
            return Display(items * count)
        case "add", Display(a), Display(b):
            return Display((*a, *b))
        case "mul", Display([only]), Var() if is_scalar_value(frame, right):
            return _repeated(frame, only, right, node)
        case _:
            return None


def _repeated(frame: Frame, only: Value, count: Var, node: AST) -> Value:
    """`[x] * n`: append n times."""
    from adjoint.frontend.lists import repeat

    return repeat(frame, only, count, node)


def unary(frame: Frame, op: AST, value: Value, node: AST, hint: str | None = None) -> Value:
    """Apply `-`, `+`, `~` or `not`."""
    if isinstance(op, gast.Not):
        return negate(frame, truth(frame, value, node), node, hint)
    prim = UNARY[type(op)]
    match prim, value:
        case "neg", Lit(int() | float() | complex() as number) if not isinstance(number, bool):
            return Lit(-number)
        case "pos", Lit(int() | float() | complex()):
            return value
        case _:
            return frame.emit(Call(prim, (atom(frame, value, node),), via="operator"), node, hint)


def negate(frame: Frame, value: Var | Lit, node: AST, hint: str | None = None) -> Var | Lit:
    """Return `not value` of a truth value."""
    if isinstance(value, Lit):
        return Lit(not value.value)
    return frame.emit(Call("not", (value,), via="operator"), node, hint)


def truth(frame: Frame, value: Value, node: AST) -> Var | Lit:
    """Return the truth value of any value, as a condition tests it."""
    match value:
        case Lit(constant):
            return Lit(bool(constant))
        case Known(obj) if inspect.isroutine(obj) or inspect.isclass(obj) or inspect.ismodule(obj):
            return Lit(True)
        case Closure() | Partial():
            return Lit(True)
        case Items(items) | Display(items):
            return Lit(bool(items))
        case Record(form, items):
            return Lit(bool(items) or form.kind == "data")
        case Listed(array):
            return frame.emit(Call("ne", (dim(frame, array, 0, node), Lit(0)), via="operator"), node)
        case Var():
            return _truth_of_name(frame, value, node)
        case _:
            raise frame.unsupported("the truth value of this expression", node, "compare with `==`, `<` or `is`")


def _truth_of_name(frame: Frame, value: Var, node: AST) -> Var:
    kind = frame.type_of(value)
    if isinstance(kind, types.Boolean):
        return value
    if is_number(kind):
        return frame.emit(Call("ne", (value, Lit(0)), via="operator"), node)
    if isinstance(kind, types.List):
        length = frame.emit(Call("len", (value,)), node)
        return frame.emit(Call("ne", (length, Lit(0)), via="operator"), node)
    what = "an array" if is_array(kind) else f"a value of type {kind}"
    raise frame.unsupported(f"the truth value of {what}", node, "use `np.any(...)`, `np.all(...)` or a comparison")


def test(frame: Frame, node: expr) -> Var | Lit:
    """Lower an expression as a condition."""
    return truth(frame, frame.expr(node), node)


def bool_op(frame: Frame, node: gast.BoolOp, hint: str | None = None) -> Value:
    """Lower `and` or `or`; the right operand is computed only if the left one asks for it, or if it can't fail."""
    conjunction = isinstance(node.op, gast.And)
    return _bool_rest(frame, node.values, conjunction, node, hint)


def _bool_rest(frame: Frame, values: list[expr], conjunction: bool, node: gast.BoolOp, hint: str | None) -> Value:
    left = frame.expr(values[0])
    if len(values) == 1:
        return left
    known = truth(frame, left, node) if not isinstance(left, Var) else left
    if isinstance(known, Lit):
        goes_on = bool(known.value) is conjunction
        return _bool_rest(frame, values[1:], conjunction, node, hint) if goes_on else left
    cond = truth(frame, left, values[0])
    cheap = _safe(frame, values[1:], conjunction, node) if is_scalar_value(frame, left) else None
    if cheap is not None and left == cond:
        prim = "and" if conjunction else "or"
        return frame.emit(Call(prim, (cond, cheap), via="operator"), node, hint)

    def rest() -> Value:
        return _bool_rest(frame, values[1:], conjunction, node, None)

    def keep() -> Value:
        # Where a condition decides, its value is known.
        return Lit(not conjunction) if left == cond else left

    branches = (rest, keep) if conjunction else (keep, rest)
    return choose(frame, cond, *branches, node, hint, bound_names(values[1:]))


def _safe(frame: Frame, values: list[expr], conjunction: bool, node: gast.BoolOp) -> Var | None:
    """Compute the other operands if they are truth values that can be computed in any case; else leave no trace."""
    if _has_names_or_functions(values):
        return None
    mark, at = frame.builder.mark(), len(frame.builder.current)
    value = _bool_rest(frame, values, conjunction, node, None)
    if (
        _is_safe(frame.builder.current[at:])
        and isinstance(value, Var)
        and isinstance(type_of(frame, value), types.Boolean)
    ):
        return value
    frame.builder.back_to(mark)
    return None


def _is_safe(stmts: list[Stmt]) -> bool:
    return all(isinstance(s, Let) and isinstance(s.value, Call) and s.value.prim in SAFE for s in stmts)


def _has_names_or_functions(nodes: list[expr]) -> bool:
    """Say whether expressions bind names or make functions, which can't be undone."""
    return any(isinstance(n, (gast.NamedExpr, gast.Lambda)) for node in nodes for n in ast.walk(node))


def compare(frame: Frame, node: gast.Compare, hint: str | None = None) -> Value:
    """Lower a comparison; in a chain the later operands are computed only while it holds."""
    left = frame.expr(node.left)
    return _compare_rest(frame, left, node.ops, node.comparators, node, hint)


def _compare_rest(
    frame: Frame, left: Value, ops: list[AST], others: list[expr], node: gast.Compare, hint: str | None
) -> Value:
    right = frame.expr(others[0])
    last = len(ops) == 1
    found = compare_pair(frame, ops[0], left, right, node, hint if last else None)
    if last:
        return found
    cond = truth(frame, found, node)
    if isinstance(cond, Lit):
        return _compare_rest(frame, right, ops[1:], others[1:], node, hint) if cond.value else cond
    if not _has_names_or_functions(others[1:]):
        mark, at = frame.builder.mark(), len(frame.builder.current)
        rest = _compare_rest(frame, right, ops[1:], others[1:], node, None)
        if isinstance(rest, Var) and _is_safe(frame.builder.current[at:]):
            return frame.emit(Call("and", (cond, rest), via="operator"), node, hint)
        frame.builder.back_to(mark)

    def others_hold() -> Value:
        return _compare_rest(frame, right, ops[1:], others[1:], node, None)

    return choose(frame, cond, others_hold, lambda: Lit(False), node, hint, bound_names(others[1:]))


def compare_pair(frame: Frame, op: AST, left: Value, right: Value, node: AST, hint: str | None = None) -> Value:
    """Compare two values by one operator."""
    match op:
        case gast.Is() | gast.IsNot():
            return _identity(frame, left, right, isinstance(op, gast.Is), node)
        case gast.In():
            return _membership(frame, left, right, node)
        case gast.NotIn():
            return negate(frame, truth(frame, _membership(frame, left, right, node), node), node, hint)
        case _:
            return _order(frame, COMPARE[type(op)], left, right, node, hint)


def _order(frame: Frame, prim: str, left: Value, right: Value, node: AST, hint: str | None) -> Value:
    match left, right:
        case Known(a), Known(b) if prim in ("eq", "ne"):
            return Lit(bool(a == b) is (prim == "eq"))
        case (Items() | ShapeOf() | Record(), _) | (_, Items() | ShapeOf() | Record()) if prim in ("eq", "ne"):
            return _equal_tuples(frame, prim, left, right, node)
        case _:
            a, b = atom(frame, left, node), atom(frame, right, node)
            return fold(prim, a, b) or frame.emit(Call(prim, (a, b), via="operator"), node, hint)


def _equal_tuples(frame: Frame, prim: str, left: Value, right: Value, node: AST) -> Value:
    first, second = items_of(frame, left, node), items_of(frame, right, node)
    if first is None or second is None or any(isinstance(v, Record) and not comparable(v) for v in (left, right)):
        raise frame.unsupported("a tuple is compared with something else", node, "compare the items")
    equal: Var | Lit = Lit(len(first) == len(second))
    for a, b in zip(first, second, strict=False):
        each = truth(frame, _order(frame, "eq", a, b, node, None), node)
        equal = _conjunction(frame, equal, each, node)
    return equal if prim == "eq" else negate(frame, equal, node)


def _conjunction(frame: Frame, left: Var | Lit, right: Var | Lit, node: AST) -> Var | Lit:
    if isinstance(left, Lit):
        return right if left.value else left
    if isinstance(right, Lit):
        return left if right.value else right
    return frame.emit(Call("and", (left, right), via="operator"), node)


def _identity(frame: Frame, left: Value, right: Value, positive: bool, node: AST) -> Value:
    match left, right:
        case Lit(a), Lit(b) if a is None or b is None:
            return Lit((a is b) is positive)
        case (Lit(None), other) | (other, Lit(None)):
            if isinstance(type_of(frame, other), types.Optional):
                raise frame.unsupported("`is None` of a value that may be either", node, "decide before the call")
            return Lit(not positive)
        case Known(a), Known(b):
            return Lit((a is b) is positive)
        case Lit(bool() as a), Lit(bool() as b):
            return Lit((a is b) is positive)
        case Var() as a, Var() as b if is_array(frame.type_of(a)) and a == b:
            return Lit(positive)
        case _:
            raise frame.unsupported("`is` between values", node, "compare with `==`; `is` is for `None`")


def _membership(frame: Frame, left: Value, right: Value, node: AST) -> Value:
    """`x in (a, b)`: true if it equals one of them."""
    match left, right:
        case Lit(str() as part), Lit(str() as text):
            return Lit(part in text)
        case _:
            pass
    options = items_of(frame, right, node)
    if options is None:
        raise frame.unsupported("`in` on anything but a tuple or a list written out", node, "write a loop")
    found: Var | Lit = Lit(False)
    for option in options:
        each = truth(frame, _order(frame, "eq", left, option, node, None), node)
        if isinstance(each, Lit):
            found = each if each.value else found
        elif isinstance(found, Lit):
            found = found if found.value else each
        else:
            found = frame.emit(Call("or", (found, each), via="operator"), node)
    return found


def is_finite_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def subscripts_of(frame: Frame, position: Value, lengths: Sequence[Value], node: AST) -> tuple[Value, ...]:
    """Return the subscripts of the element at a position, or at several: the last one runs fastest."""
    found: list[Value] = []
    for length in reversed(lengths[1:]):
        found.append(binary(frame, "mod", position, length, node))
        position = binary(frame, "floordiv", position, length, node)
    return (position, *reversed(found))
