"""Random programs and idioms: the loops that Numba compiles, run by the interpreter, do what `.source` does."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numba
import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.backends.request import Generated
from adjoint.errors import AdjointError
from adjoint.lower import BROADCAST_GUARD
from tests.cases.idioms import IDIOMS
from tests.cases.idioms_hard import HARD
from tests.cases.idioms_traps import TRAPS
from tests.cases.registry import Case
from tests.oracle import clone, leaves
from tests.programs import Program, grow
from tests.programs.check import deadline, load, runs, unload

PROGRAMS = int(os.environ.get("ADJOINT_LOWERED_PROGRAMS", "12"))
CASES = {case.name: case for case in (*IDIOMS, *HARD, *TRAPS)}
EVERY = int(os.environ.get("ADJOINT_LOWERED_CASES", "20"))  # one idiom in so many
RTOL = 1e-12


def both(generated: Generated, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Run the text for people and the text for Numba; empty if they agree, "guard" if a guard stops one."""
    given = clone(args)
    with warnings.catch_warnings(), np.errstate(all="ignore"), deadline(20.0):
        warnings.simplefilter("ignore")
        try:
            expected = _entry(generated, generated.source)(*clone(args), **kwargs)
            found = _entry(generated, generated.compiled_text)(*given, **kwargs)
        except ValueError as error:
            if str(error).startswith(BROADCAST_GUARD):
                return "guard"
            raise
    for (path, a), (_, b) in zip(leaves(found), leaves(expected), strict=True):
        problem = _difference(a, b)
        if problem:
            return f"result {path}: {problem}"
    changed = [path for (path, a), (_, b) in zip(leaves(given), leaves(args), strict=True) if _difference(a, b)]
    return f"arguments changed: {changed}" if changed else ""


def _entry(generated: Generated, text: str) -> Any:
    module = ModuleType("lowered")
    vars(module).update(generated.refs)
    with mock.patch.object(numba, "njit", _uncompiled):
        exec(compile(text, "<lowered>", "exec"), vars(module))
    return getattr(module, generated.entry)


def _uncompiled(*args: Any, **_: Any) -> Any:
    return args[0] if args and callable(args[0]) else lambda fun: fun


def _difference(found: Any, expected: Any) -> str:
    if not isinstance(expected, np.ndarray | np.generic | int | float | complex):
        return "" if type(found) is type(expected) else f"{found!r} and {expected!r}"
    if np.shape(found) != np.shape(expected):
        return f"shapes {np.shape(found)} and {np.shape(expected)}"
    a, b = np.asarray(found), np.asarray(expected)
    known = np.isfinite(b)
    scale = max(1.0, float(np.max(np.abs(b[known]), initial=0.0)))
    rtol = RTOL if b.dtype.itemsize > 4 and b.dtype != np.complex64 else 1e-5
    return "" if np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True) else f"{found!r} and {expected!r}"


def of_program(program: Program, folder: Path) -> str:
    """Compare the two texts of one program; "unfit" and "refused" are no tests."""
    fun = load(program.source, folder)
    try:
        if runs(fun, program) is not None:
            return "unfit"
        return of_function(fun, program.args, program.argnums, {})
    finally:
        unload(fun)


def of_function(fun: Any, args: tuple[Any, ...], wrt: int | tuple[int, ...], kwargs: dict[str, Any]) -> str:
    try:
        generated = value_and_grad(fun, wrt, cache=False).generated_for(*args, **kwargs)
    except (AdjointError, TypeError):
        return "refused"
    return both(generated, args, kwargs)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed: int, tmp_path: Path) -> None:
    assert of_program(grow(seed), tmp_path) in ("", "unfit", "refused")


@pytest.mark.parametrize("case", [*CASES.values()][::EVERY], ids=lambda case: case.name)
def test_idiom(case: Case) -> None:
    # A guard is an answer where an axis of length 1, hidden from the types, is stretched.
    assert of_function(case.fun, case.args, case.wrt, case.kwargs) in ("", "guard", "refused")
