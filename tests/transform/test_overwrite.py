"""Assignments instead of zero and increase, where nothing can tell them apart."""

import pytest

from adjoint.codegen.emit import text
from adjoint.transform.overwrite import overwrite
from tests.ir_text import parse

HEAD = "def f(a: float64[:], b: float64[:], k: int64, idx: int64[:]):\n"


def done(*lines: str) -> list[str]:
    func = parse(HEAD + "".join(f"    {line}\n" for line in (*lines, "return a")))
    return [line.strip() for line in text(overwrite(func)).splitlines()[1:-1]]


def test_an_element_is_assigned() -> None:
    lines = ("s: float64 = a[k]", "a[k] = 0.0", "b[k] += s", "a[k] += s * s")
    assert done(*lines) == ["s = a[k]", "b[k] += s", "a[k] = s * s"]


def test_what_was_read_for_another_statement_stays() -> None:
    lines = ("s: float64 = a[k]", "a[k] = 0.0", "t: float64 = s * b[k]", "a[k] += t * t")
    assert done(*lines) == ["s = a[k]", "t = s * b[k]", "a[k] = t * t"]


def test_a_whole_array_is_scaled_in_place() -> None:
    assert done("s: float64[:] = copy(a)", "a[...] = 0.0", "a += 2.0 * s") == ["a *= 2.0"]


def test_a_copy_that_is_not_read_element_by_element_stays() -> None:
    assert done("s: float64[:] = copy(a)", "a[...] = 0.0", "a += flip(s)") == ["s = a.copy()", "a[...] = np.flip(s)"]


@pytest.mark.parametrize(
    "between",
    [
        "b[0] = a[k]",  # reads the zero
        "a[0] = 1.0",  # may write the place
        "k: int64 = k + 1",  # another place
        "a[0] += 1.0",
    ],
)
def test_nothing_between_may_use_the_place(between: str) -> None:
    assert len(done("a[k] = 0.0", between, "a[k] += b[k]")) == 3


def test_a_view_is_a_use() -> None:
    assert len(done("v: float64[:] = a[1:]", "a[k] = 0.0", "b[0] = v[0]", "a[k] += b[k]")) == 4


def test_a_value_that_reads_the_array_stays() -> None:
    assert len(done("a[k] = 0.0", "a[k] += a[0]")) == 2


def test_repeated_indices_add_up() -> None:
    assert len(done("a[idx] = 0.0", "a[idx] += b[idx]")) == 2
