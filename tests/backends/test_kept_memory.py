"""glibc keeps the memory of freed arrays from the first compiled gradient on, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adjoint import grad
from adjoint.backends.kept_memory import VARIABLE, keep_memory, wanted

LENGTH = 5_000_000  # larger than what glibc's own limit grows to
CALLS = 10

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits are glibc's")


def loss(x):
    return np.sum(x * np.tanh(x))


def faults() -> float:
    """Return the page faults of a call, of many."""
    import resource

    gradient, x = grad(loss), np.linspace(-1.0, 1.0, LENGTH)
    assert not keep_memory.cache_info().currsize, "set before anything is compiled"
    gradient(x)
    gradient(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        gradient(x)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / CALLS


def left(mebibytes: int) -> int:
    """Return how many MiB stay with the process of so many in one array that is freed."""
    keep_memory()
    before = resident()
    array = np.ones(mebibytes << 17)
    assert resident() >= before + mebibytes - 1
    del array
    return resident() - before


def resident() -> int:
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def in_a_process(expression: str, **settings: str) -> float:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", VARIABLE))}
    code = f"from tests.backends.test_kept_memory import *; print({expression})"
    run = [sys.executable, "-c", code]
    root = Path(__file__).parents[2]
    return float(subprocess.run(run, cwd=root, env=kept | settings, check=True, capture_output=True, text=True).stdout)


@on_linux
def test_repeated_calls_have_next_to_no_page_faults():
    assert in_a_process("faults()") < 3


@on_linux
@pytest.mark.parametrize(
    ("name", "value"),
    [
        (VARIABLE, "0"),
        (VARIABLE, "1000000"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072"),
    ],
)
def test_what_the_user_sets_stays(name, value):
    assert in_a_process("faults()", **{name: value}) > 15


@on_linux
def test_what_is_beyond_the_limit_goes_back():
    assert in_a_process("left(40)") >= 39
    assert in_a_process("left(40)", **{VARIABLE: str(16 << 20)}) <= 2


def test_limits():
    assert wanted({}) == wanted({VARIABLE: " "}) == 1 << 30
    assert wanted({VARIABLE: "65536", "GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}) == 65536
    assert wanted({VARIABLE: "0"}) == 0
    assert wanted({VARIABLE: str(1 << 40)}) == (1 << 31) - 1
    assert wanted({VARIABLE: "65536", "MALLOC_MMAP_MAX_": "7"}) == 0
    with pytest.raises(ValueError, match="ADJOINT_KEEP_MEMORY is a number of bytes, 0 for none, not '1G'"):
        wanted({VARIABLE: "1G"})
