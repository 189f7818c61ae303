"""Every sample function, lowered and run statement by statement, computes what Python computes."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numba
import numpy as np
import pytest

from adjoint.frontend import lower
from adjoint.ir import Func
from tests.cases import frontend_cases, frontend_traps
from tests.frontend.interpreter import run

CASES = [*frontend_cases.CASES, *frontend_traps.CASES]
NAMES = [f"{getattr(fun, '__name__', 'function')}-{k}" for k, (fun, _) in enumerate(CASES)]


def lowered(fun: Any, args: tuple[Any, ...]) -> tuple[Func, dict[str, Any]]:
    """Return the program for these arguments, and the arguments by name; defaults stay constants."""
    plain = getattr(fun, "py_func", fun)
    parameters = list(inspect.signature(plain).parameters.values())
    given = dict(zip((p.name for p in parameters), args, strict=False))
    rest = {p.name: p.default for p in parameters if p.name not in given}
    return lower(fun, {name: numba.typeof(value) for name, value in given.items()}, constants=rest), given


def same(first: Any, second: Any) -> None:
    if isinstance(first, tuple):
        assert isinstance(second, tuple)
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            same(a, b)
    elif first is None or isinstance(first, str):
        assert first == second
    else:
        np.testing.assert_allclose(second, first, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("fun", "args"), CASES, ids=NAMES)
@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaWarning")
def test_program_computes_what_python_computes(fun: Any, args: tuple[Any, ...]) -> None:
    program, given = lowered(fun, args)
    mine, theirs = copy.deepcopy(given), copy.deepcopy(args)
    expected = getattr(fun, "py_func", fun)(*theirs)
    same(expected, run(program, mine))
    for ours, python in zip(mine.values(), theirs, strict=True):
        same(python, ours)
