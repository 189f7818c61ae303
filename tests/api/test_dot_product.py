"""Forward and reverse mode are transposes of each other: the dot-product identity on every case.

Random programs ask the same question of one program in four: `python -m tests.programs --count 20000`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint.api.containers import leaves_of, shaped
from adjoint.api.seeds import is_differentiable
from adjoint.api.sweeps import Form, sweep
from adjoint.backends.request import Options
from adjoint.errors import AdjointError
from tests.cases.registry import Case
from tests.oracle import clone
from tests.test_idioms import CASES, REFUSED

RTOL = 1e-12
# A complex argument needs another pairing; one case is about an error of the library.
LEFT_OUT = 2


def random_like(value: Any, numbers: np.random.Generator) -> Any:
    """Return numbers in the structure of a value; zero for what has no derivative."""
    found: list[Any] = []
    for leaf in leaves_of(value):
        if not is_differentiable(leaf):
            found.append(0.0)
        elif isinstance(leaf, np.ndarray):
            order = "F" if leaf.flags.fnc else "C"
            found.append(np.array(numbers.uniform(-1.0, 1.0, leaf.shape), leaf.dtype, order=order))
        else:
            found.append(type(leaf)(numbers.uniform(-1.0, 1.0)))
    return shaped(value, iter(found))


def paired(first: Any, second: Any) -> np.ndarray:
    """Return the products of the numbers of two values of one structure."""
    pairs = zip(leaves_of(first), leaves_of(second), strict=True)
    products = [np.ravel(np.asarray(a, np.float64) * b) for a, b in pairs if is_differentiable(a)]
    return np.concatenate([np.zeros(0), *products])


def mismatch(case: Case) -> float | None:
    """Return by how much the two products differ, relative to the sum of their terms; None if there are not both."""
    wrt = (case.wrt,) if isinstance(case.wrt, int) else case.wrt
    args, numbers = (*clone(case.args), *case.kwargs.values()), np.random.default_rng(3)
    form, options = Form(len(case.args), tuple(case.kwargs)), Options(target="python", cache=False)
    if any(np.iscomplexobj(leaf) for k in wrt for leaf in leaves_of(args[k])):
        return None
    ways = [random_like(args[k], numbers) for k in wrt]
    try:
        value, tangent = sweep("jvp", case.fun, form, wrt, options)(*clone(args), *ways)
        seed = random_like(value, numbers)
        _, bars = sweep("vjp", case.fun, form, wrt, options)(*clone(args), seed)
    except (AdjointError, np.linalg.LinAlgError):
        return None
    if any(np.iscomplexobj(leaf) for leaf in leaves_of(value)):
        return None
    forward = paired(tangent, seed)
    reverse = np.concatenate([paired(bar, way) for bar, way in zip(bars, ways, strict=True)])
    single = any(np.asarray(leaf).dtype == np.float32 for leaf in leaves_of(args))
    size = np.sum(np.abs(forward)) + np.sum(np.abs(reverse)) or 1.0
    return float(abs(np.sum(forward) - np.sum(reverse)) / size) * (1e-7 if single else 1.0)


@pytest.mark.filterwarnings("ignore")
def test_every_case() -> None:
    found = {name: mismatch(case) for name, case in CASES.items() if name not in REFUSED}
    left_out = [name for name, difference in found.items() if difference is None]
    print(f"left out: {', '.join(left_out)}")
    assert len(left_out) <= LEFT_OUT
    assert {name: d for name, d in found.items() if d is not None and not d <= RTOL} == {}
