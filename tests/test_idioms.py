"""Every idiom is differentiated right or refused with the message listed here: never wrong."""

from __future__ import annotations

import re
import warnings

import numba
import numpy as np
import pytest

from adjoint.errors import AdjointError
from tests.cases.found import FOUND
from tests.cases.idioms import COVERED, IDIOMS
from tests.cases.idioms_hard import HARD
from tests.cases.idioms_traps import TRAPS
from tests.cases.mutants import MUTANTS
from tests.cases.numpy_forms import FORMS
from tests.cases.registry import Case
from tests.oracle import check_gradient, clone, leaves

CASES = {case.name: case for case in (*IDIOMS, *HARD, *TRAPS, *FOUND, *MUTANTS, *FORMS)}

# What is refused so far, and a piece of what the user is told.
REFUSED: dict[str, str] = {
    "handler_reached_through_a_helper": "a `try` whose body calls a function that raises",
}
# What fails loudly where the function itself does not, and is owed.
OWED = {"handler_reached_in_a_library": np.linalg.LinAlgError}


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # in what `np.where` does not select
@pytest.mark.parametrize("name", CASES)
def test_idiom(name: str) -> None:
    case = CASES[name]
    if name in REFUSED:
        with pytest.raises(AdjointError, match=re.escape(REFUSED[name])):
            _check(case)
    elif name in OWED:
        with pytest.raises(OWED[name]):
            _check(case)
    else:
        _check(case)


def _check(case: Case) -> None:
    check_gradient(case.fun, case.args, case.wrt, case.rtol, kwargs=case.kwargs)


def test_every_listed_idiom_has_a_case() -> None:
    assert {case.idiom for case in IDIOMS} == set(COVERED)
    assert len(CASES) == len(IDIOMS) + len(HARD) + len(TRAPS) + len(FOUND) + len(MUTANTS) + len(FORMS)


def test_most_idioms_are_differentiated() -> None:
    assert set(REFUSED) <= set(CASES)
    # An idiom counts as refused if none of its cases is differentiated.
    refused = {case.idiom for case in IDIOMS} - {case.idiom for case in IDIOMS if case.name not in REFUSED}
    print(f"{len(CASES) - len(REFUSED)} of {len(CASES)} cases differentiated; refused: {sorted(REFUSED)}")
    assert len(refused) <= 0.1 * len(COVERED)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_numba_compiles_what_the_table_says(name: str) -> None:
    case = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = numba.njit(case.fun)(*clone(case.args), **case.kwargs)
        except (numba.core.errors.NumbaError, TypeError):
            assert not case.numba
            return
        expected = case.fun(*clone(case.args), **case.kwargs)
    same = all(np.allclose(a, b, rtol=1e-5) for (_, a), (_, b) in zip(leaves(value), leaves(expected), strict=True))
    assert same == case.numba
