"""Random programs: differentiated right or refused, never wrong, and no error but ours."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.programs import generate, grow
from tests.programs.check import check
from tests.programs.program import Program
from tests.programs.shrink import shrink

pytestmark = [
    pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning"),
    pytest.mark.filterwarnings("ignore:Passing more than 2 positional arguments:DeprecationWarning"),
]
# About a minute; `python -m tests.programs` runs as many as one likes.
INTERPRETED = int(os.environ.get("ADJOINT_PROGRAMS", "120"))
COMPILED = max(1, INTERPRETED // 60)
SHARE_DIFFERENTIATED = 0.95
FAILURES = ("wrong", "crash", "uncompiled")


def test_a_seed_is_a_program() -> None:
    source, args = generate(7)
    again, same = generate(7)
    assert source == again
    assert repr(args) == repr(same)
    assert source != generate(8)[0]


@given(seed=st.integers(0, 2**30))
@settings(
    max_examples=INTERPRETED, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_interpreted(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _hold(seed, tmp_path_factory.getbasetemp(), compiled=False)


@given(seed=st.integers(0, 2**30))
@settings(
    max_examples=COMPILED, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_compiled(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _hold(seed, tmp_path_factory.getbasetemp(), compiled=True)


def test_most_programs_are_differentiated(tmp_path: Path) -> None:
    kinds = Counter(check(grow(seed), tmp_path).kind for seed in range(60))
    assert kinds["right"] >= SHARE_DIFFERENTIATED * (60 - kinds["unfit"] - kinds["kink"]), kinds


def _hold(seed: int, folder: Path, *, compiled: bool) -> None:
    outcome = check(grow(seed), folder, compiled=compiled)
    if outcome.kind not in FAILURES:
        return

    def fails(program: Program) -> bool:
        numbers = outcome.kind == "wrong"
        return check(program, folder, compiled=compiled, numbers=numbers).kind == outcome.kind

    small = shrink(grow(seed), fails, budget=20 if compiled else 200)
    again = check(small, folder, compiled=compiled)
    pytest.fail(f"seed {seed}: {again.kind}: {again.text}\nargnums={small.argnums}\nargs={small.args}\n{small.source}")
