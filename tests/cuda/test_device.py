"""Gradients of functions of numbers as device functions."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from adjoint import grad
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
    assert max(json.loads(done.stdout)) <= 1e-14


def test_a_value_to_record_as_often_as_only_the_thread_knows_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="has to be recorded in a device function") as caught:
        grad(halved, target="cuda").device()
    assert caught.value.help == "bound the loop by a constant, or differentiate the kernel that calls the function"
    assert caught.value.loc is not None


def test_number_of_types() -> None:
    with pytest.raises(TypeError, match="smooth takes 2 arguments; 1 types were given"):
        grad(smooth, target="cuda").device(numba.float64)
