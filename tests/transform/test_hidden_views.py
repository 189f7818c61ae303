"""Real and imaginary parts, diagonals and their like, of arrays that are written: right, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import grad, jvp
from adjoint.errors import AliasError
from tests.oracle import central

X = np.linspace(0.4, 1.3, 6)


def part_then_write(x):
    z = np.zeros(6, np.complex128)
    z[:] = x * (1.0 + 2.0j)
    part = z.imag
    total = np.sum(part**3)
    z *= x
    return total + np.sum(np.abs(z))


def part_in_loop(x):
    z = x + 1j * x[::-1] ** 2
    total = 0.0
    for _ in range(3):
        total += np.sum(np.real(z) ** 2)
        z *= 1.5 + x[0]
    return total


def part_that_is_written(x):
    part = (x + 1j * x**2).imag
    part *= x[1]
    part[2] = 0.0
    return np.sum(part**2)


def both_parts_written(x):
    z = np.exp(1j * x)
    re, im = z.real, z.imag
    re *= 2.0
    im += re
    return np.sum(im**2) + np.sum(re * x)


def copied_part(x):
    z = x * (1.0 + 1.0j)
    part = z.real.copy()
    z *= part
    part *= 2.0
    return np.sum(part * z.imag)


def diagonal_then_write(x):
    a = np.outer(x, x)
    total = np.sum(np.diag(a) ** 2)
    a[0] = x
    return total + np.sum(a**2)


def real_part_of_real_numbers(x):
    z = x.copy()
    part = z.real
    z *= x
    part[1] = x[0] ** 2
    return np.sum(part**2) + np.sum(z[2:] ** 3)


RIGHT = [
    part_then_write,
    part_in_loop,
    part_that_is_written,
    both_parts_written,
    copied_part,
    diagonal_then_write,
    real_part_of_real_numbers,
]


@pytest.mark.parametrize("fun", RIGHT)
def test_parts_of_what_is_written(fun: Callable[..., Any]) -> None:
    expected = central(fun, (X,))
    gradient = grad(fun)
    np.testing.assert_allclose(gradient.python(X), expected, rtol=1e-6)
    np.testing.assert_allclose(gradient(X), expected, rtol=1e-6)
    np.testing.assert_allclose(jvp(fun, (X,), (X[::-1].copy(),))[1], expected @ X[::-1], rtol=1e-6)


def test_a_part_is_copied_only_where_something_is_written_later() -> None:
    def unwritten(x):
        z = np.zeros(6, np.complex128)
        z[:] = x * 1j
        return np.sum(z.imag**2)

    assert ".copy()" in grad(part_then_write).source_for(X)
    assert ".copy()" not in grad(unwritten).source_for(X).partition("# backward")[0]


def written_after_part(x):
    z = x + 1j * x**2
    part = z.real
    z *= 2.0
    return np.sum(part**2)


def write_by_part(x):
    z = x + 1j * x**2
    part = z.imag
    part *= 2.0
    return np.sum(np.abs(z))


def written_after_diagonal(x):
    a = np.outer(x, x)
    corner = np.diagonal(a)
    a *= 2.0
    return np.sum(corner)


def written_next_time(x):
    z = x * 1j
    part = z.imag
    total = 0.0
    for _ in range(2):
        total += np.sum(part)
        z *= 2.0
    return total


def both_written(x):
    z = np.zeros(6, np.complex128)
    z[:] = x * (1.0 + 2.0j)
    part = z.real
    part *= 2.0
    z[1] = 7.0
    return np.sum(part**2)


REFUSED = [written_after_part, write_by_part, written_after_diagonal, written_next_time, both_written]


@pytest.mark.parametrize("fun", REFUSED)
def test_refused(fun: Callable[..., Any]) -> None:
    for ask in (grad(fun).python, lambda x: jvp(fun, (x,), (x,))):
        with pytest.raises(AliasError, match="and one of the two is written while the other is in use") as caught:
            ask(X)
        assert "`.copy()` gives it memory of its own" in (caught.value.help or "")
        assert any(each in caught.value.text for each in ("z.real", "z.imag", "np.diagonal(a)"))
