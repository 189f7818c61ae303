"""What has no adjoint in a kernel is refused at its line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from adjoint import grad, jacobian, jvp, value_and_grad, vjp
from adjoint.errors import AdjointError

# ruff: noqa: F821

SIZE = 8


def returns(x, y):
    y[0] = x[0]
    return x[0]


def whole_arrays(x, y):
    z = x * 2.0
    y[0] = z[0]


def independent(x, y):
    for i in numba.prange(x.shape[0]):
        y[i] = math.sin(x[i])


def old_value(x, y):
    k = cuda.atomic.add(y, 0, x[0])
    y[1] = k


def warp(x, y):
    y[0] = cuda.shfl_down_sync(0xFFFFFFFF, x[0], 1)


def atomic_max(x, y):
    cuda.atomic.max(y, 0, x[0])


def dynamic_shared(x, y):
    s = cuda.shared.array(0, numba.float64)
    s[0] = x[0]
    y[0] = s[0]


def size_of_argument(x, y):
    s = cuda.local.array(x.shape[0], numba.float64)
    s[0] = x[0]
    y[0] = s[0]


def unknown_trips(x, y):
    i = cuda.grid(1)
    v = x[i]
    while v > 1.0:
        v = math.sqrt(v) * v
    y[i] = v


def trips_of_a_thread(x, y):
    i = cuda.grid(1)
    v = x[i]
    for _ in range(int(x[i])):
        v = math.sin(v)
    y[i] = v


def random_number(x, y):
    y[0] = x[0] * np.random.rand()


def numpy_only(x, y):
    y[0] = np.i0(x[0])


REFUSED: dict[str, tuple[Callable[..., object], str, str]] = {
    "returns": (returns, "returns something", "def returns"),
    "whole arrays": (whole_arrays, "whole arrays", "z = x * 2.0"),
    "prange": (independent, "`prange` in a kernel, of which every thread runs the whole loop", "for i in numba.prange"),
    "old value": (old_value, "atomic operation returns", "y[1] = k"),
    "warp": (warp, "cuda.shfl_down_sync", "shfl_down_sync"),
    "atomic max": (atomic_max, "cuda.atomic.max", "cuda.atomic.max"),
    "dynamic shared": (dynamic_shared, "isn't a positive constant", "cuda.shared.array"),
    "size of argument": (size_of_argument, "isn't a positive constant", "cuda.local.array"),
    "unknown trips": (unknown_trips, "has to be recorded in every iteration", "while v > 1.0"),
    "trips of a thread": (trips_of_a_thread, "has to be recorded in every iteration", "for _ in range"),
    "random number": (random_number, "a random draw", "np.random.rand"),
    "numpy only": (numpy_only, "i0", "np.i0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    kernel, message, line = REFUSED[name]
    with pytest.raises(AdjointError) as caught:
        grad(kernel, target="cuda").source_for(np.ones(8), np.ones(8), block=8)
    assert message in str(caught.value.msg)
    assert caught.value.loc is not None
    assert line in caught.value.loc.text


def array_sum(x):
    return (x * x).sum()


def prange_sum(x):
    s = 0.0
    for i in numba.prange(x.shape[0]):
        s += math.sin(x[i])
    return s


@pytest.mark.parametrize("fun", [array_sum, prange_sum])
def test_functions_of_whole_arrays_are_not_launched(fun: Callable[..., object]) -> None:
    """They are called, and launch kernels themselves."""
    gradient: Any = grad(fun, target="cuda")
    with pytest.raises(AdjointError, match="a kernel that returns something") as caught:
        gradient[1, 8](np.ones(8))
    assert "call its gradient with arrays, without a launch" in str(caught.value.help)


def test_neither_a_function_of_arrays_nor_of_numbers() -> None:
    def fun(x):
        return x[::-1]

    with pytest.raises(AdjointError) as caught:
        grad(fun, target="cuda")(np.ones(8))
    assert "of these arguments it returns array(float64, 1d, A)" in "\n".join(caught.value.__notes__)
    assert caught.value.loc is not None


def test_names_of_cuda_outside_a_kernel() -> None:
    def fun(x):
        return x * cuda.grid(1)

    with pytest.raises(AdjointError, match=r"`cuda\.grid` outside a kernel"):
        grad(fun)(2.0)


OTHERS: dict[str, Callable[[], object]] = {
    "jvp": lambda: jvp(numpy_only, (1.0, 1.0), (1.0, 1.0), target="cuda"),
    "vjp": lambda: vjp(numpy_only, 1.0, 1.0, target="cuda"),
    "jacobian": lambda: jacobian(numpy_only, target="cuda"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_transforms_have_no_kernels(name: str) -> None:
    with pytest.raises(TypeError, match="has no target 'cuda'"):
        OTHERS[name]()


def test_a_kernel_has_no_value() -> None:
    with pytest.raises(TypeError, match="has no target 'cuda' for a kernel"):
        value_and_grad(cuda.jit(whole_arrays), target="cuda")
    with pytest.raises(TypeError, match="this one returns nothing"):
        value_and_grad(whole_arrays, target="cuda")(np.ones(8), np.ones(8))


@pytest.mark.parametrize(
    "options",
    [{"parallel": True}, {"fastmath": True}, {"memory_limit": 9}, {"nan_check": True}, {"has_aux": True}],
    ids=lambda options: next(iter(options)),
)
def test_options_that_kernels_have_not(options: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=f"has no option '{next(iter(options))}'"):
        grad(whole_arrays, target="cuda", **options)


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian])
def test_an_option_of_kernels(transform: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="has the option 'deterministic' for kernels only"):
        transform(numpy_only, deterministic=True)


def test_what_has_a_value_is_refused_at_its_line() -> None:
    """The gradient of a function of numbers is a device function, which is called and not launched."""

    def cube(x):
        return x * x * x

    with pytest.raises(AdjointError, match="a kernel that returns something"):
        grad(cube, target="cuda").source_for(2.0, block=8)
