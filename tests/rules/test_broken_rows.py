"""Tests of the tests: rows broken on purpose fail the tests of their own primitive, and no others."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# By primitive: the file, what its row says, and what it says once it is broken.
BROKEN = {
    "hypot": ("elementwise", "a / y if y != 0 else 0 ; b / y", "b / y if y != 0 else 0 ; b / y"),
    "linalg.inv": ("special", "-(transpose(y) @ y_bar @ transpose(y))", "(transpose(y) @ y_bar @ transpose(y))"),
    "linalg.det": ("special", "y_bar * helper.cofactors(a) | sum", "2 * y_bar * helper.cofactors(a) | sum"),
    "fft.fft": ("linear", "| fft.fft(y_bar, axis=axis)", "| fft.ifft(y_bar, axis=axis)"),
    "var": ("composite", "var(a) * size(a) / (size(a) - ddof)", "var(a) * size(a) / size(a)"),
}
FILES = "elementwise linear special composite zero".split()


def copied(place: Path) -> Path:
    for part in ("adjoint", "tests"):
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    return place / "adjoint" / "rules"


def failures(place: Path, *files: str) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"tests/rules/test_{f}.py" for f in files),
    ]
    run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    return re.findall(r"^FAILED (\S+)", run.stdout, re.MULTILINE)


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) >= 1, old
    file.write_text(text.replace(old, new, 1))


@pytest.mark.slow
def test_each_broken_row_fails_its_own_tests_only(tmp_path: Path) -> None:
    rules = copied(tmp_path)
    for name, old, new in BROKEN.values():
        replaced(rules / f"{name}.py", old, new)
    found = {re.split(r"[-\]]", test.partition("[")[2])[0] for test in failures(tmp_path, *FILES)}
    assert found == set(BROKEN)


@pytest.mark.slow
def test_a_function_without_a_row_is_noticed(tmp_path: Path) -> None:
    rules = copied(tmp_path)
    replaced(rules / "elementwise.py", "    hypot(a, b) ", "    # hypot(a, b) ")
    assert "tests/rules/test_zero.py::test_every_function_of_numba_has_a_rule_or_a_reason" in failures(tmp_path, "zero")
