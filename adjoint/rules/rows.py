"""Rows of the tables of non-elementwise primitives, applied to a call: which row fits, and what it becomes."""

from __future__ import annotations

from functools import reduce

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import map_expr
from adjoint.rules import build
from adjoint.rules.build import call
from adjoint.rules.rule import TypeOf
from adjoint.rules.table import Row, Table


def choose(table: Table, call: Call, type_of: TypeOf) -> Row:
    """Return the first row of a table for these options and ranks; an option that may be anything is a scalar."""
    options = dict(call.kwargs)
    for row in table[call.prim]:
        ignored = {name for name in row.optional if name in options and build.rank(type_of(options[name])) == 0}
        wanted = {*row.keywords} == {*options} - ignored
        if wanted and len(row.params) == len(call.args) and row.columns and _ranks_fit(row, call, type_of):
            return row
    raise missing(call, type_of)


def missing(call: Call, type_of: TypeOf) -> MissingRuleError:
    """Say that a primitive has a rule, but not for these options or ranks."""
    options = ", ".join(f"`{name}`" for name, _ in call.kwargs)
    ranks = ", ".join(f"{build.rank(type_of(arg))}-d" for arg in call.args)
    how = f" with {options}" if options else ""
    return MissingRuleError(f"no derivative rule for `{call.prim}` of {ranks} operands{how}")


def _ranks_fit(row: Row, call: Call, type_of: TypeOf) -> bool:
    wanted = row.columns[0].split()
    return all(
        want in ("*", str(build.rank(type_of(arg)))) for want, arg in zip(wanted, call.args, strict=False)
    )


def values_of(row: Row, call: Call) -> dict[str, Expr]:
    options = dict(call.kwargs)
    return dict(zip(row.params, call.args, strict=True)) | {name: options[name] for name in row.keywords}


def finish(expr: Expr, arg: Expr, source: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> Expr:
    """Turn a row's expression into what is written: no `contiguous`, no `conj` of reals, single precision kept."""
    kind = type_of(y)
    in_complex = any(build.is_complex(type_of(item)) for item in (y, *source.args))

    def change(node: Expr) -> Expr:
        match node:
            case Call("conj" | "real", (inner,)) if not in_complex:
                return inner
            case Call("dim", (array, Call("tuple", axes))):
                return reduce(lambda a, b: call("mul", a, b), [call("dim", array, axis) for axis in axes])
            case Call("contiguous", (inner,)):
                return inner if _is_contiguous(inner, type_of) else _contiguous(inner)
            case Call("helper.unbroadcast", (bar, like)):
                return unbroadcast(bar, kind, like, type_of(like))
            case Call("mul" | "div" as prim, (left, right)) if _meets_count(left, right, type_of):
                left, right = (build.in_precision(e, kind) if _is_count(e) else e for e in (left, right))
                return build.simplified(call(prim, left, right))
            case _:
                return build.simplified(node)

    result = build.with_precision(map_expr(expr, change), kind)
    real_from_complex = build.is_complex(kind) and not build.is_complex(type_of(arg))
    return call("real", result) if real_from_complex else result


def _contiguous(expr: Expr) -> Expr:
    return call("ascontiguousarray", expr)


def _meets_count(left: Expr, right: Expr, type_of: TypeOf) -> bool:
    """Whether one of two operands counts elements and the other may be a float."""
    if _is_count(left) == _is_count(right):
        return False
    other = right if _is_count(left) else left
    return not isinstance(other, Var | Lit) or build.is_inexact(type_of(other))


def _is_count(expr: Expr) -> bool:
    """Whether an expression counts elements: a whole number."""
    match expr:
        case Call("size" | "dim"):
            return True
        case Call("sum", (Call("eq" | "isnan"),)):
            return True
        case Call("sub", (left, _)):
            return _is_count(left)
        case _:
            return False


def _is_contiguous(expr: Expr, type_of: TypeOf) -> bool:
    match expr:
        case Call("getitem" | "transpose" | "flip"):
            return False
        case Call():
            return True
        case _:
            return getattr(type_of(expr), "layout", "C") == "C"


def unbroadcast(y_bar: Expr, kind: object, like: Expr, like_kind: object) -> Expr:
    """Return the sum of `y_bar` over the axes along which `like` was broadcast."""
    source, target = build.rank(kind), build.rank(like_kind)
    if source == 0:
        return y_bar
    if target == 0:
        return call("sum", y_bar)
    return call(f"helper.unbroadcast_{source}d_{target}d", y_bar, like)
