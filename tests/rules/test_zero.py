"""The zero table, and that every function is in one table."""

from __future__ import annotations

import cmath
import math
import operator
from typing import Any

import numpy as np
import pytest

from adjoint.ir import Call, Lit, Var
from adjoint.rules.definitions.table import DEFINITIONS
from adjoint.rules.elementwise import DRAWS, ELEMENTWISE
from adjoint.rules.find import find, kind
from adjoint.rules.linear import LINEAR
from adjoint.rules.missing import MISSING
from adjoint.rules.signatures import signature_of
from adjoint.rules.special import SPECIAL
from adjoint.rules.spelling import primitive_of
from adjoint.rules.zero import DRAWS_OF_NOTHING, ZERO
from tests.rules.evaluate import apply

TABLES = {
    "elementwise": set(ELEMENTWISE),
    "linear": set(LINEAR),
    "special": set(SPECIAL) | set(DRAWS) | set(DRAWS_OF_NOTHING),
    "zero": set(ZERO),
    "missing": set(MISSING),
}

# What the frontend turns into other primitives or statements, and what is not of floats.
OF_THE_PROGRAM = {"getitem", "polar", "rect"}
IN_PLACE = {"contains", "delitem", "setitem", "truth", "polar", "rect"}

# Zero is right where the result is not a float, or is constant around almost every point.
NOT_FLOATS = {"lt": 2, "ge": 2, "isnan": 1, "isfinite": 1, "argmax": 1, "argsort": 1, "any": 1, "shape": 1, "size": 1}
NOT_FLOAT_OPTIONS = set(
    "axis out keepdims equal_nan kind order dtype subok shape M k side sorter right decimals".split()
)
STEPS = "floor ceil trunc rint round fix sign signbit int_floor int_ceil int_trunc int_round".split()


def test_a_function_is_in_one_table() -> None:
    for first, members in TABLES.items():
        for second, others in TABLES.items():
            assert first == second or not members & others, (first, second, members & others)


def test_kinds() -> None:
    for name, members in TABLES.items():
        for prim in members:
            assert kind(prim) == (None if name == "missing" else name)
            assert (find(prim) is None) == (name == "missing")


@pytest.mark.parametrize("prim", STEPS)
def test_steps_are_flat(prim: str) -> None:
    for x in (-1.7, 0.3, 2.2):
        assert prim in ZERO
        assert apply(prim, [x + 1e-6], {}) == apply(prim, [x - 1e-6], {})


@pytest.mark.parametrize("prim", NOT_FLOATS)
def test_results_are_not_floats(prim: str) -> None:
    result = np.asarray(apply(prim, [np.array([1.0, 2.0])] * NOT_FLOATS[prim], {}))
    assert prim in ZERO and result.dtype.kind in "iub"


X, Y, Z = np.array([1.37, -0.72, 2.21, 0.53]), np.array([0.31, 1.94, -2.27, 0.08]), np.array([-1.2, 0.4, 1.1, 3.0])
# Operands and options that may be floats; the derivative by each of them must be zero, or the result no float.
OF_FLOATS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **{p: ((0.37,), {}) for p in "floor ceil trunc rint round fix sign signbit spacing not isscalar".split()},
    **{p: ((X,), {}) for p in "floor ceil trunc rint round fix sign signbit spacing".split()},
    **{p: ((7.37,), {}) for p in "int_floor int_ceil int_trunc int_round".split()},
    **{p: ((X, Y), {}) for p in "floordiv floor_divide lt le gt ge eq ne logical_and logical_or logical_xor".split()},
    **{p: ((X,), {}) for p in "isnan isinf isfinite isneginf isposinf iscomplex isreal logical_not any all".split()},
    **{p: ((X,), {}) for p in "argmax argmin nanargmax nanargmin argsort argwhere nonzero flatnonzero".split()},
    **{p: ((X,), {}) for p in "count_nonzero zeros_like ones_like shape size ndim len iscomplexobj isrealobj".split()},
    **{p: ((X, Y), {"rtol": 0.1, "atol": 0.2}) for p in ("isclose", "allclose")},
    **{p: ((X, Y), {}) for p in ("array_equal", "isin")},
    "argpartition": ((X, 2), {}),
    "searchsorted": ((Z, X), {}),
    "digitize": ((X, Z), {}),
    "lexsort": (((X, Y),), {}),
    "linalg.matrix_rank": ((X.reshape(2, 2),), {"tol": 0.1}),
    **{f"astype.{kind}": ((X,), {}) for kind in ("int32", "int64", "bool")},
}
# What takes whole numbers, shapes, types or anything, and results that are not initialised.
NOT_OF_FLOATS = set("""
    is is_not in not_in and or bitand bitor bitxor invert lshift rshift isnat dim itemsize nbytes dtype strides
    zeros ones empty empty_like eye identity tri indices tril_indices triu_indices tril_indices_from triu_indices_from
    diag_indices unravel_index ravel_multi_index bartlett blackman hamming hanning gcd lcm factorial comb perm isqrt
    ilogb popcount popc broadcast_shapes in1d range slice print assert raise helper.unmoved
    """.split())


def test_the_table_is_checked_by_name() -> None:
    converted = {prim for prim in ZERO if prim.startswith(("cast.", "astype."))}
    assert ZERO - converted - NOT_OF_FLOATS == OF_FLOATS.keys() - converted


@pytest.mark.parametrize("prim", OF_FLOATS)
def test_no_float_that_a_function_takes_changes_its_result(prim: str) -> None:
    operands, options = OF_FLOATS[prim]
    fixed = np.asarray(apply(prim, [*operands], options))
    for step in (-1e-7, 1e-7):
        for k, operand in enumerate(operands):
            moved = [*operands]
            if np.asarray(operand).dtype.kind == "f":
                moved[k] = tuple(x + step for x in operand) if isinstance(operand, tuple) else operand + step
            np.testing.assert_array_equal(apply(prim, moved, options), fixed)
        for name, value in options.items():
            np.testing.assert_array_equal(apply(prim, [*operands], {**options, name: value + step}), fixed)


@pytest.mark.parametrize("prim", sorted(ZERO))
def test_no_option_of_floats_is_forgotten(prim: str) -> None:
    """Options are checked above, or are no floats: `weights` of a count would be one."""
    signature = signature_of(prim)
    known = OF_FLOATS.get(prim, ((), {}))[1].keys() | NOT_FLOAT_OPTIONS
    assert signature is None or not set(signature.options) - known


def test_zero_rules_contribute_nothing() -> None:
    rule = find("floor")
    assert rule is not None
    call = Call("floor", (Var("x"), Lit(1)))
    assert rule.pullback(call, Var("y"), Var("y_bar"), lambda _: None) == (None, None)
    assert rule.pushforward(call, Var("y"), (Var("d"), None), lambda _: None) is None


def known_to_numba() -> dict[str, Any]:
    """Return the functions of math, cmath, operator and NumPy that Numba can type, by name."""
    from numba.core.registry import cpu_target

    context: Any = cpu_target.typing_context
    cpu_target.target_context.refresh()
    context.refresh()
    known = {function for function in (*context._functions, *context._globals) if callable(function)}
    modules = {"": (math, cmath, operator, np), "linalg.": (np.linalg,), "fft.": (np.fft,), "random.": (np.random,)}
    found: dict[str, Any] = {}
    for prefix, group in modules.items():
        for module in group:
            for name in sorted(dir(module)):
                function = getattr(module, name)
                if callable(function) and not isinstance(function, type) and function in known:
                    found[f"{module.__name__}.{prefix}{name}"] = function
    return found


def is_in_place(name: str) -> bool:
    """The frontend makes statements of `operator.iadd` and its like."""
    short = name.rsplit(".", 1)[-1].strip("_")
    return name.startswith("_operator") or name.startswith("operator") and (short[0] == "i" or short in IN_PLACE)


def test_every_function_of_numba_has_a_rule_or_a_reason() -> None:
    lacking: list[str] = []
    functions = known_to_numba()
    assert len(functions) > 350
    for name, function in functions.items():
        prim = primitive_of(function)
        if is_in_place(name) or prim in OF_THE_PROGRAM or prim is None and name.rsplit(".", 1)[-1] in IN_PLACE:
            continue
        if prim is None or kind(prim) is None and prim not in MISSING and prim not in DEFINITIONS:
            lacking.append(f"{name} ({prim})")
    assert lacking == []


def test_the_missing_list_is_short_and_has_reasons() -> None:
    assert len(MISSING) <= 15
    assert all(len(reason) > 20 for reason in MISSING.values())


def test_there_are_many_rules() -> None:
    assert sum(len(members) for name, members in TABLES.items() if name != "missing") >= 350
