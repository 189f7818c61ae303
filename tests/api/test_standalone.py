"""Gradients that call functions of the user's own are exported with these, or refused."""

import math
import subprocess
import sys

import numpy as np
import pytest

from adjoint import checkpoint, grad, rule
from adjoint.api.export import check
from adjoint.errors import UnsupportedError

MODULE = "exported_rules"
TEXT = """\
import math
from numpy import exp
import numba
import adjoint
SCALE = 2.0
@numba.njit(fastmath=True)
def helper(x):
    return math.sin(x) * SCALE
def value(x: float) -> float:
    return helper(x) + exp(x)
value = adjoint.rule(value, lambda x: math.cos(x) * SCALE + exp(x))
@adjoint.custom_vjp
def clipped(x):
    return x
def forward(x):
    return clipped(x), ()
clipped.defvjp(forward, lambda residuals, g: (min(max(g, -1.0), 1.0),))
def fun(x):
    return 3.0 * clipped(x) * value(x)
"""
WRITTEN = """\
import numba
from numpy import exp
import math


@numba.njit(cache=True, error_model="numpy")
def clipped(x):
    return x


@numba.njit(cache=True, error_model="numpy")
def clipped_bwd(residuals, g):
    return (min(max(g, -1.0), 1.0),)


@numba.njit(cache=True, error_model="numpy")
def clipped_fwd(x):
    return (clipped(x), ())


SCALE = 2.0


@numba.njit(cache=True, fastmath=True)
def helper(x):
    return math.sin(x) * SCALE


@numba.njit(cache=True, error_model="numpy")
def value(x):
    return helper(x) + exp(x)


@numba.njit(cache=True, error_model="numpy")
def value_partial_0(x):
    return math.cos(x) * SCALE + exp(x)


@numba.njit(cache=True, fastmath={"arcp", "contract", "nsz", "reassoc"}, error_model="numpy")
def fun_grad(x):
"""


def test_functions_are_written_with_what_they_read(module, tmp_path):
    primal = module(MODULE, TEXT)
    path = grad(primal.fun).export(tmp_path / "out.py", 0.3)
    assert "".join(path.read_text().splitlines(keepends=True)[3:]).startswith(WRITTEN)
    program = f"import sys, out; assert abs(out.fun_grad(0.3) / {grad(primal.fun)(0.3)!r} - 1.0) < 1e-15"
    subprocess.run([sys.executable, "-c", f"{program}; assert 'adjoint' not in sys.modules"], cwd=tmp_path, check=True)
    assert check(path) is None
    module(MODULE, TEXT.replace("math.cos(x) *", "math.cos(x) +"))
    assert check(path) == f"{MODULE}:fun has changed"


TABLE = np.ones(3)


def looked_up(x):
    return x * TABLE[0]


def shadowing(abs):
    return lambda x: x * abs


again = checkpoint(lambda x: math.sin(x))
smooth, other = rule(looked_up, lambda x: TABLE[0]), rule(shadowing(2.0), "2.0")


@pytest.mark.parametrize(
    ("fun", "message"),
    [
        (lambda x: smooth(x), "`TABLE` of type ndarray can't be written into the file"),
        (lambda x: abs(x) * other(x), "`abs` has more than one meaning"),
        (lambda x: again(x), "can't be written into the file"),
    ],
)
def test_what_has_no_text_is_refused(fun, message, tmp_path):
    with pytest.raises(UnsupportedError, match=message):
        grad(fun).export(tmp_path / "out.py", 0.3)
