"""Whole modules: imports, constants, helpers, decorators; the text runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint.codegen.module import module_text
from adjoint.ir import Call, Func, Let, Lit, Param, Return, Var
from tests.ir_text import parse

HELPER = '''
def twice(x):
    """Double it."""
    return 2.0 * x
'''
PROGRAM = """
def f(x: float64, v: float64[:]):
    s: float64 = sin(x) + getitem(const.WEIGHTS, 1)
    return helper.twice(s) + sum(v)
"""
TEXT = '''"""Generated."""

import math

import numpy as np

WEIGHTS = np.array([0.5, math.inf], dtype=np.float64)


def twice(x):
    """Double it."""
    return 2.0 * x


def f(x, v):
    s = math.sin(x) + WEIGHTS[1]
    return twice(s) + np.sum(v)
'''


def test_module() -> None:
    written = module_text(
        [parse(PROGRAM)], doc="Generated.", helpers=[HELPER], constants={"WEIGHTS": np.array([0.5, np.inf])}
    )
    assert written == TEXT
    space: dict[str, object] = {}
    exec(written, space)
    assert space["f"](1.0, np.ones(3)) == math.inf


def test_plain_function_has_no_head() -> None:
    assert module_text([Func("f", (Param("x"),), (Return(Var("x")),))]) == "def f(x):\n    return x\n"


def test_everything_but_the_entry_is_decorated() -> None:
    inner = Func("inner", (Param("x"),), (Return(Call("exp", (Var("x"),))),))
    entry = Func("f", (Param("x"),), (Return(Call("ref:inner", (Var("x"),))),))
    jit = {"fastmath": {"nsz", "contract"}, "cache": True, "error_model": "numpy"}
    decorator = '@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})\n'
    written = module_text([inner, entry], helpers=[HELPER], jit=jit)
    assert written.startswith(f"import numba\nimport numpy as np\n\n\n{decorator}def twice")
    assert f"\n\n\n{decorator}def inner(x):\n    return np.exp(x)\n\n\ndef f(x):\n    return inner(x)\n" in written
    assert module_text([entry], jit={}, entry="").startswith("import numba\n\n\n@numba.njit\ndef f(x):")


def test_opaque_functions_are_imported() -> None:
    func = Func("f", (Param("x"),), (Return(Call("ref:fn", (Call("ref:gamma", (Var("x"),)),))),))
    written = module_text([func], imports={"gamma": "tests.things:gamma", "fn": "tests.things:other", "unused": "a:b"})
    assert written.startswith("from tests.things import other as fn\nfrom tests.things import gamma\n\n\ndef f(x):")


CONSTANTS = [
    (1.5, "1.5"),
    ((1, (-2.0, True), "a"), '(1, (-2.0, True), "a")'),
    (np.float64(0.1), "0.1"),
    (np.float32(0.1), "np.float32(0.10000000149011612)"),
    (np.int64(3), "np.int64(3)"),
    (np.array([[1, 2]], dtype=np.int32), "np.array([[1, 2]], dtype=np.int32)"),
    (
        np.array([[1.0, 2.0], [3.0, -0.0]], order="F"),
        "np.asfortranarray(np.array([[1.0, 2.0], [3.0, -0.0]], dtype=np.float64))",
    ),
    (np.array(2.5), "np.array(2.5, dtype=np.float64)"),
    (np.array([True, False]), "np.array([True, False], dtype=np.bool_)"),
    (np.zeros((2, 0), np.float32), "np.zeros((2, 0), dtype=np.float32)"),
    (np.array([1j, 1 - 2j]), "np.array([1j, complex(1.0, -2.0)], dtype=np.complex128)"),
    (None, "None"),
]


@pytest.mark.parametrize(("value", "expected"), CONSTANTS, ids=[expected for _, expected in CONSTANTS])
def test_constant_keeps_value_and_type(value: object, expected: str) -> None:
    written = module_text([], constants={"K": value})
    assert written.splitlines()[-1] == f"K = {expected}"
    space: dict[str, object] = {}
    exec(written, space)
    assert type(space["K"]) is type(value) or isinstance(value, np.float64)
    assert np.asarray(space["K"]).dtype == np.asarray(value).dtype if isinstance(value, np.ndarray) else True
    assert repr(space["K"]) == repr(value) or isinstance(value, np.float64) and space["K"] == value


@pytest.mark.parametrize("value", [object(), np.array(["a"]), {"a": 1}])
def test_constant_without_a_text_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match="no text for "):
        module_text([], constants={"K": value})


def test_only_what_is_used_is_imported() -> None:
    func = Func("f", (Param("x"),), (Let(Var("y"), Lit(math.nan)), Return(Var("y"))))
    assert module_text([func]).startswith("import math\n\n\ndef f(x):\n    y = math.nan\n")
