"""The package stays small enough to read: sizes, and the few words that never belong in it."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "adjoint"
FILES = sorted(PACKAGE.rglob("*.py"))

MAX_FILE = 400
MAX_BODY = 40
P90_BODY = 25
MEDIAN_BODY = 10

FORBIDDEN = {
    "type: ignore": "strict typing has two doors, `typing.cast` and `Any`, where gast, astunparse and numba come in",
    "uuid": "generated text is deterministic",
    "XXX": "write an issue",
}
VAGUE_NAMES = {"utils", "util", "misc", "helper", "helper2", "common", "stuff"}


def functions() -> Iterator[tuple[str, int]]:
    """Yield `file:line name` and the number of lines of the body, docstring aside, of every function."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                yield f"{path.relative_to(PACKAGE.parent)}:{node.lineno} {node.name}", lines


def over(sizes: Iterable[tuple[str, int]], limit: int) -> list[str]:
    """Name what is over a limit."""
    return [f"{name}: {size} lines, at most {limit}" for name, size in sizes if size > limit]


def test_files_are_short() -> None:
    sizes = {str(path.relative_to(PACKAGE.parent)): len(path.read_text().splitlines()) for path in FILES}
    assert over(sizes.items(), MAX_FILE) == []


def test_no_function_is_long() -> None:
    assert over(functions(), MAX_BODY) == []


def test_most_functions_are_short() -> None:
    sizes = [size for _, size in functions()]
    p90 = statistics.quantiles(sizes, n=10)[-1]
    assert statistics.median(sizes) <= MEDIAN_BODY
    assert p90 <= P90_BODY, f"90 % of the functions have up to {p90:.0f} lines"


def test_functions_are_simple() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "C90", "--output-format", "concise", "--no-cache", PACKAGE],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("word", FORBIDDEN)
def test_words_that_do_not_belong(word: str) -> None:
    assert [str(path) for path in FILES if word in path.read_text()] == [], FORBIDDEN[word]


def test_file_names_say_what_is_inside() -> None:
    assert [str(path) for path in FILES if path.stem in VAGUE_NAMES] == []
