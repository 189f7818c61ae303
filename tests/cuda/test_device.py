"""Gradients of functions of numbers as device functions."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from adjoint import grad
from adjoint.api import cuda_each
from adjoint.errors import UnsupportedError

ROOT = Path(__file__).parents[2]


def smooth(x, a):
    v = x
    for _ in range(3):
        v = v + a * math.sin(v)
    return v if v > 0.0 else v * v


def halved(x):
    while x > 1.0:
        x = math.sqrt(x) * 0.9
    return x


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("kernel_device_gradient", grad(smooth, ("x", "a"), target="cuda").device_source())


def test_single_precision() -> None:
    text = grad(smooth, target="cuda").device_source(numba.float32, numba.float32)
    assert "float64" not in text
    assert "v_bar = float32(1.0)" in text


def test_kernels_call_it() -> None:
    """In the simulator, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda.device"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *double, single = json.loads(done.stdout)
    assert max(double) <= 1e-14
    assert single <= 1e-6


def test_a_value_to_record_as_often_as_only_the_thread_knows_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="has to be recorded in a device function") as caught:
        grad(halved, target="cuda").device()
    assert caught.value.help == "bound the loop by a constant, or differentiate the kernel that calls the function"
    assert caught.value.loc is not None


def test_golden_at_each_element(golden: Callable[[str, str], None]) -> None:
    """A parameter that has the name of an index, arrays of two axes, and two results."""

    def fun(i, result_1):
        return i * math.exp(result_1)

    args = np.ones((3, 4)), np.float32(2.0)
    asked = cuda_each.elements(fun, args)
    device = grad(fun, (0, 1), target="cuda").device_source(*asked.types)
    text = cuda_each.kernel_source(device, asked, 2, ("i", "result_1"))
    golden("kernel_each", text)
    compile(text, "kernel_each", "exec")


BAD: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "shapes": ((np.ones(3), np.ones(4)), ValueError, r"x has shape \(3,\) and a has \(4,\); arrays have one shape"),
    "axes": ((np.ones((1, 1, 1, 1)), 1.0), ValueError, "x has 4 axes; a kernel has 3 at most"),
    "count": ((np.ones(3),), TypeError, "smooth takes 2 arguments, x, a; 1 were given"),
    "kind": ((np.ones(3), "a"), TypeError, "was given a str"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name: str) -> None:
    args, error, message = BAD[name]
    with pytest.raises(error, match=message):
        grad(smooth, target="cuda")(*args)


def test_number_of_types() -> None:
    with pytest.raises(TypeError, match="smooth takes 2 arguments; 1 types were given"):
        grad(smooth, target="cuda").device(numba.float64)
