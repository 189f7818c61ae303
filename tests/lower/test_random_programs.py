"""Random programs and idioms: the loops that Numba compiles, run by the interpreter, do what `.source` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from adjoint import value_and_grad
from adjoint.errors import AdjointError
from tests.cases.idioms import IDIOMS
from tests.cases.idioms_hard import HARD
from tests.cases.idioms_traps import TRAPS
from tests.cases.numpy_forms import FORMS
from tests.cases.registry import Case
from tests.programs import Program, grow
from tests.programs.check import load, unload
from tests.programs.deeper import GUARD, both
from tests.programs.references import deadline, runs

PROGRAMS = int(os.environ.get("ADJOINT_LOWERED_PROGRAMS", "12"))
CASES = {case.name: case for case in (*IDIOMS, *HARD, *TRAPS, *FORMS)}
EVERY = int(os.environ.get("ADJOINT_LOWERED_CASES", "20"))  # one idiom in so many


def of_program(program: Program, folder: Path) -> str:
    """Compare the two texts of one program; "unfit" and "refused" are no tests."""
    fun = load(program.source, folder)
    try:
        if runs(fun, program.args) is not None:
            return "unfit"
        return of_function(fun, program.args, program.argnums, {})
    finally:
        unload(fun)


def of_function(fun: Any, args: tuple[Any, ...], wrt: int | tuple[int, ...], kwargs: dict[str, Any]) -> str:
    try:
        generated = value_and_grad(fun, wrt, cache=False).generated_for(*args, **kwargs)
    except (AdjointError, TypeError):
        return "refused"
    with deadline(20.0):
        return both(generated, args, kwargs)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed: int, tmp_path: Path) -> None:
    # A guard is an answer, if one that costs time: the function is compiled as it stands then.
    assert of_program(grow(seed), tmp_path) in ("", GUARD, "unfit", "refused")


@pytest.mark.parametrize("case", [*CASES.values()][::EVERY], ids=lambda case: case.name)
def test_idiom(case: Case) -> None:
    # A guard is an answer where an axis of length 1, hidden from the types, is stretched.
    assert of_function(case.fun, case.args, case.wrt, case.kwargs) in ("", GUARD, "refused")
