"""What rules write, compiled by Numba, against the same expression in NumPy: the forms are ones that Numba has."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytest

from adjoint.codegen.module import module_text
from adjoint.ir import Call, Expr, Func, Lit, Param, Return, Var
from adjoint.ir.walk import names_in, subexpressions
from adjoint.rules import helpers
from adjoint.rules.find import find
from tests.rules import test_linear, test_special
from tests.rules.evaluate import evaluate, types_in

# NumPy functions that Numba does not have: their primal can't be compiled either.
NOT_IN_NUMBA = frozenset("squeeze tile inner tensordot compress diagonal moveaxis".split())
# Operands that NumPy takes and Numba does not.
NOT_OF_SCALARS = frozenset("dot atleast_1d atleast_2d atleast_3d".split())
SAMPLE = ["sum-[(5,)]-{}", "matmul-[(3, 4), (4, 2)]-{}", "max-[(5,)]-{}", "linalg.solve-[(4, 4), (4,)]-{}"]
NUMBA_OPTIONS = {"axis": {"sum", "cumsum", "take"}, "keepdims": set(), "ddof": set()}


def compilable(prim: str, options: dict[str, Any], values: dict[str, Any]) -> bool:
    if prim in NOT_IN_NUMBA or prim == "array" or prim.startswith("fft."):
        return False
    if prim in NOT_OF_SCALARS and "s" in values.values() or prim == "vdot" and values["a"] == (3, 4):
        return False
    return all(prim in NUMBA_OPTIONS.get(option, {prim}) for option in options)


def module_of(expr: Expr, env: dict[str, Any]) -> str:
    """Return the text of a module with one function that returns the expression."""
    names = sorted(set(names_in(expr)))
    kinds = {name: numba.typeof(env[name]) for name in names}
    func = Func("f", tuple(map(Param, names)), (Return(expr),), types=kinds)
    used: list[str] = []
    for node in subexpressions(expr):
        if isinstance(node, Call) and node.prim.startswith("helper."):
            name = node.prim.removeprefix("helper.")
            used += [other for other in (*helpers.needs(name), name) if other not in used]
    return module_text([func], helpers=[helpers.source(name) for name in used], jit={"error_model": "numpy"}, entry="")


def run(expr: Expr, env: dict[str, Any]) -> Any:
    space: dict[str, Any] = {"np": np, "math": math}
    exec(module_of(expr, env), space)
    return space["f"](*(env[name] for name in sorted(set(names_in(expr)))))


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, tuple):
        for f, w in zip(found, wanted, strict=True):
            same(f, w)
    elif wanted is not None:
        assert np.asarray(found).dtype == np.asarray(wanted).dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def expressions(prim: str, operands: Any, options: dict[str, Any], values: dict[str, Any], single: bool = False) -> Any:
    """Yield what the rule writes for both modes, with the values of the names in it."""
    rng = np.random.default_rng(5)
    env: dict[str, Any] = dict(test_linear.DATA)
    for name, value in values.items():
        half = prim.removeprefix("fft.") in test_linear.HALF
        filled = test_linear.fill(value, rng, half) if isinstance(value, (tuple, str)) else value
        env[name] = _single(filled) if single else filled
        moved = test_special.direction(env[name], rng)
        env[f"{name}_dot"] = _single(moved) if single else moved
    args = tuple(arg if isinstance(arg, (Var, Call)) else Lit(arg) for arg in operands)
    kwargs = tuple((k, v if isinstance(v, (Var, Call)) else Lit(v)) for k, v in options.items())
    call = Call(prim, args, kwargs, "method" if prim == "flatten" else "")
    y = evaluate(call, env)
    env["y"] = tuple(y) if isinstance(y, tuple) else y
    y_bar: Expr = Var("y_bar")
    if isinstance(y, tuple):
        used = test_special.USED.get(prim, range(len(y)))
        env |= {f"y_bar{k}": np.ones_like(y[k]) if np.ndim(y[k]) else 1.0 for k in used}
        y_bar = Call("tuple", tuple(Var(f"y_bar{k}") if k in used else Lit(None) for k in range(len(y))))
    else:
        env["y_bar"] = np.ones_like(y) if np.ndim(y) else type(y)(1.0)
    rule = find(prim)
    assert rule is not None
    type_of = types_in(env)
    for part in rule.pullback(call, Var("y"), y_bar, type_of):
        if part is not None:
            yield part, env
    dots = tuple(test_linear.tangents(arg, {name: f"{name}_dot" for name in values}) for arg in args)
    tangent = rule.pushforward(call, Var("y"), dots, type_of)
    if tangent is not None and not isinstance(y, tuple):
        yield tangent, env


def shape_of(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "ndim", 0), getattr(kind, "dtype", kind)


def _single(value: Any) -> Any:
    return np.asarray(value, np.complex64 if np.iscomplexobj(value) else np.float32)[()]


LABELLED = {
    f"{c[0]}-{[v if isinstance(v, (tuple, str)) else np.shape(v) for v in c[3].values()]}-{c[2]}": c
    for c in (*test_linear.CASES, *test_special.CASES)
    if compilable(c[0], c[2], c[3])
}


SINGLE = [
    name
    for name, case in LABELLED.items()
    if case[0] in "sum mean matmul max var std prod cumsum median linalg.inv linalg.det linalg.svd linalg.norm".split()
]


@pytest.mark.slow
@pytest.mark.parametrize("label", SINGLE)
def test_single_precision_compiles_to_single_precision(label: str) -> None:
    """The element type of arrays is kept; scalars may be wider."""
    for expr, env in expressions(*LABELLED[label], single=True):
        with np.errstate(all="ignore"):
            found, wanted = run(expr, env), evaluate(expr, env)
        assert np.ndim(found) == 0 or found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "label", [pytest.param(name, marks=[] if name in SAMPLE else [pytest.mark.slow]) for name in LABELLED]
)
def test_rules_compile(label: str) -> None:
    for expr, env in expressions(*LABELLED[label]):
        with np.errstate(all="ignore"):
            found = run(expr, env)
            same(found, evaluate(expr, env))
        if isinstance(expr, Call) and expr.prim.startswith("helper."):
            operands = tuple(map(types_in(env), expr.args))
            said, seen = helpers.result_type(expr.prim.removeprefix("helper."), operands), numba.typeof(found)
            assert shape_of(said) == shape_of(seen), f"typed as {said}, is {seen}"
