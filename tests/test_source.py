"""The text of the gradient: as we meant it (golden files), short, ours nowhere in it, the same in every process."""

from __future__ import annotations

import ast
import inspect
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.errors import AdjointError
from tests.cases.found import FOUND
from tests.cases.idioms import IDIOMS
from tests.cases.idioms_hard import HARD
from tests.cases.idioms_traps import TRAPS
from tests.cases.mutants import MUTANTS
from tests.cases.registry import Case, Table
from tests.dead import dead
from tests.oracle import clone

ROOT = Path(__file__).parents[1]
CASES = {case.name: case for case in IDIOMS}


@cache
def source(name: str) -> str | None:
    return _text(CASES[name])


def _text(case: Case) -> str | None:
    with np.errstate(all="ignore"):
        aux = isinstance(case.fun(*clone(case.args), **case.kwargs), tuple)
    try:
        return value_and_grad(case.fun, case.wrt, has_aux=aux, cache=False).source_for(*case.args, **case.kwargs)
    except AdjointError:
        return None


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", '"""', "@")))


def _entry(name: str, text: str) -> str:
    """Return the generated function without the helpers around it."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    found = next(f for f in functions if f.name.endswith("_value_and_grad"))
    return ast.get_source_segment(text, found) or ""


def _primal_lines(case: Case) -> int:
    text = inspect.getsource(case.fun)
    return _lines(text[max(text.find("def "), 0) :])


def _ratio(case: Case) -> float | None:
    text = source(case.name)
    if text is None:
        return None
    return _lines(_entry(case.name, text)) / _primal_lines(case)


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    text = source(name)
    if text is not None:
        golden(name.strip("<>"), text)


@pytest.mark.parametrize("name", CASES)
def test_imports_only_the_three(name: str) -> None:
    text = source(name)
    if text is None:
        pytest.skip("refused")
    imported = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"math", "numpy", "numba", "cmath"}
    assert "adjoint" not in {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def test_sources_are_short() -> None:
    ratios = {name: ratio for name, case in CASES.items() if (ratio := _ratio(case)) is not None}
    print({name: round(ratio, 1) for name, ratio in ratios.items() if ratio > 4})
    assert statistics.median(ratios.values()) <= 4


TABLES = {"idioms": IDIOMS, "hard": HARD, "traps": TRAPS, "found": FOUND, "mutants": MUTANTS}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_nothing_is_written_and_never_read(table: Table) -> None:
    texts = {case.name: text for case in table if (text := _text(case)) is not None}
    assert {name: found for name, text in texts.items() if (found := dead(text))} == {}


def test_the_same_in_another_process() -> None:
    script = "from tests.test_source import *; print(''.join(source(name) or '' for name in CASES))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 10_000
