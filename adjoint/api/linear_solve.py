"""The steps of what solves `A w = b` by products with A, as compiled functions: two methods, and elimination.

Orthomin(1) keeps one direction: Vinsome, SPE 5729 (1976). It is the method of conjugate residuals if A is symmetric,
and its residuals shrink at least as those of the iteration `w - (A w - b)` do if `A + Aᵀ` is definite, as it is near an
attracting fixed point more often than not. GMRES has minimal residuals in the space of `b, Ab, A²b, ...`: Saad and
Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np

njit: Callable[..., Any] = cast("Any", numba).njit(error_model="numpy", fastmath={"reassoc", "contract"})

# Basis vectors of GMRES in a cycle, and in one after a cycle that brought little: more cost more and bring more.
SHORT, LONG = 40, 120


# Orthomin ends where a stretch of so many products brings less than this factor.
STRETCH, FACTOR = 16, 0.5


@njit
def norm(x: Any) -> Any:
    total = x.dtype.type(0.0)
    for k in range(x.size):
        total += x[k] * x[k]
    return math.sqrt(total)


@njit
def started(b: Any) -> Any:
    """Return the state of Orthomin: the solution, the residual, a direction and A times that, and numbers.

    The numbers are the square of the last, norms of solution and residual, and the most that A has stretched a vector.
    """
    numbers = np.zeros(4, b.dtype)
    numbers[2] = norm(b)
    return np.zeros_like(b), b.copy(), np.zeros_like(b), np.zeros_like(b), numbers


@njit
def descend(state: Any, product: Any) -> None:
    """Take a step of Orthomin; `product` is A times the residual."""
    w, rest, way, image, numbers = state
    shadow = square = along = size = left = grown = w.dtype.type(0.0)
    for k in range(w.size):
        shadow += product[k] * image[k]
        grown += product[k] * product[k]
    if numbers[2] > 0.0:
        numbers[3] = max(numbers[3], math.sqrt(grown) / numbers[2])
    turn = shadow / numbers[0] if numbers[0] > 0.0 else 0.0
    for k in range(w.size):
        way[k] = rest[k] - turn * way[k]
        image[k] = product[k] - turn * image[k]
        square += image[k] * image[k]
        along += rest[k] * image[k]
    length = along / square if square > 0.0 else 0.0
    for k in range(w.size):
        w[k] += length * way[k]
        rest[k] -= length * image[k]
        size += w[k] * w[k]
        left += rest[k] * rest[k]
    numbers[0], numbers[1], numbers[2] = square, math.sqrt(size), math.sqrt(left)


@njit
def is_near(state: Any, b: Any, precision: Any) -> Any:
    """Whether the residual is as small, beside the terms of the equation, as `precision`."""
    numbers = state[4]
    return numbers[2] <= precision * (numbers[3] * numbers[1] + norm(b))


@njit
def is_met(state: Any, product: Any, b: Any, precision: Any) -> Any:
    """Whether the residual is so small that is left by `product`, which is A times the solution."""
    left = product.dtype.type(0.0)
    for k in range(b.size):
        left += (b[k] - product[k]) * (b[k] - product[k])
    return math.sqrt(left) <= 2.0 * precision * (state[4][3] * state[4][1] + norm(b))


@njit
def begin(b: Any, most: Any) -> Any:
    """Return the state of a cycle of GMRES for the right-hand side `b`: basis, triangle, and rotations.

    The last hold cosines, sines, and the right-hand side in the basis, of at most `most` vectors.
    """
    most = min(b.size, most)
    basis = np.empty((most + 1, b.size), b.dtype)  # memory is taken up by the rows that come to be written
    upper = np.zeros((most + 1, most), b.dtype)
    turns = np.zeros((3, most + 1), b.dtype)
    turns[2, 0] = norm(b)
    for k in range(b.size):
        basis[0, k] = b[k] / turns[2, 0] if turns[2, 0] > 0.0 else 0.0
    return basis, upper, turns


@njit
def is_complete(state: Any, used: Any, b: Any) -> Any:
    """Whether the basis of `used` vectors is enough; else it is to be extended, by A times its last."""
    _, upper, turns = state
    return used == upper.shape[1] or abs(turns[2, used]) <= np.finfo(b.dtype).eps * norm(b)


@njit
def orthogonalise(vector: Any, basis: Any, column: Any, used: Any) -> Any:
    """Take the part in the basis from a vector, add it to `column`, and return the norm of the rest."""
    for k in range(used + 1):
        shadow = 0.0
        for i in range(vector.size):
            shadow += basis[k, i] * vector[i]
        column[k] += shadow
        for i in range(vector.size):
            vector[i] -= shadow * basis[k, i]
    return norm(vector)


@njit
def extend(state: Any, used: Any, vector: Any) -> None:
    """Extend the basis by A times its last vector; the new column of the triangle is rotated into it."""
    basis, upper, turns = state
    before, rest = norm(vector), orthogonalise(vector, basis, upper[:, used], used)
    if rest < 0.7 * before:  # what is left may consist of rounding errors
        rest = orthogonalise(vector, basis, upper[:, used], used)
    for i in range(vector.size):
        basis[used + 1, i] = vector[i] / rest if rest > 0.0 else 0.0
    for k in range(used):
        first, second = upper[k, used], upper[k + 1, used]
        upper[k, used] = turns[0, k] * first + turns[1, k] * second
        upper[k + 1, used] = turns[0, k] * second - turns[1, k] * first
    length = math.hypot(upper[used, used], rest)
    turns[0, used] = upper[used, used] / length if length > 0.0 else 1.0
    turns[1, used] = rest / length if length > 0.0 else 0.0
    upper[used, used] = length
    turns[2, used + 1] = -turns[1, used] * turns[2, used]
    turns[2, used] *= turns[0, used]


@njit
def combined(state: Any, used: Any) -> Any:
    """Return the combination of the basis that solves the triangular system; NaN if that is singular."""
    basis, upper, turns = state
    w, weights = np.zeros_like(basis[0]), turns[2].copy()
    for k in range(used - 1, -1, -1):
        for j in range(k + 1, used):
            weights[k] -= upper[k, j] * weights[j]
        weights[k] = weights[k] / upper[k, k] if upper[k, k] != 0.0 else np.nan
        for i in range(w.size):
            w[i] += weights[k] * basis[k, i]
    return w


@njit
def is_solution(state: Any, w: Any, product: Any, b: Any, precision: Any) -> Any:
    """Whether the product of A and `w` is `b`, as nearly as `precision` demands."""
    _, upper, _ = state
    largest = 0.0
    for k in range(upper.shape[1]):
        for j in range(k + 1):
            largest = max(largest, abs(upper[j, k]))
    return norm(product - b) <= precision * (largest * norm(w) + norm(b))


@njit
def eliminated(matrix: Any, b: Any) -> Any:
    """Return `w` with `matrix w = b`, by Gaussian elimination with row pivots; both are overwritten.

    Raises LinAlgError if the matrix is singular.
    """
    for k in range(b.size):
        pivot = k
        for i in range(k + 1, b.size):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if matrix[pivot, k] == 0.0:
            raise np.linalg.LinAlgError("the equation has no derivative here: its Jacobian is singular")
        for j in range(k, b.size):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        b[k], b[pivot] = b[pivot], b[k]
        for i in range(k + 1, b.size):
            factor = matrix[i, k] / matrix[k, k]
            b[i] -= factor * b[k]
            for j in range(k + 1, b.size):
                matrix[i, j] -= factor * matrix[k, j]
    for k in range(b.size - 1, -1, -1):
        for j in range(k + 1, b.size):
            b[k] -= matrix[k, j] * b[j]
        b[k] /= matrix[k, k]
    return b
