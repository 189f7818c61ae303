"""Functions that tell the transform from one with a deliberate bug in it; docs/decisions/0004-mutation-testing.md."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.registry import Table, numbers

MUTANTS = Table()
V4, W4, V6 = numbers(4, seed=61), numbers(4, seed=62), numbers(6, seed=63)


def _tripled(a):
    a[0] = 3.0 * a[0]
    return a[0] * a[1]


@MUTANTS("in-place arithmetic", V4)
def increment_that_is_disturbed(x):
    """The element is read, overwritten by the helper, and then increased from what was read."""
    a = x * 1.0
    a[0] += _tripled(a)
    return a[0] * a[1] + a[2]


@MUTANTS("carried arrays", V4, W4, 3, wrt=(0, 1))
def one_contribution_to_two_carried_arrays(y, z, n):
    """`y` and `z` get the same buffer as their cotangent, which the iteration before must not write in place."""
    s = 0.0
    for _ in range(n):
        a = y + z
        y = np.sin(a)
        z = np.cos(a)
        s += np.sum(y * y * 0.3) + np.sum(z * 0.2)
    return s + np.sum(y * z)


@MUTANTS("carried arrays", V6, 4)
def three_buffers_in_a_ring(x, n):
    a, b, c = x.copy(), np.zeros(6), np.zeros(6)
    for t in range(n):
        for i in range(6):
            b[i] = math.sin(a[i]) + 0.5 * c[i] * (t + 1.0)
        a, b, c = b, c, a
    return np.sum(a * c) + b[0]


@MUTANTS("shared cotangents", V4, W4, wrt=(0, 1))
def part_of_one_of_two_summands(x, z):
    """`x` and `z` get the same buffer as their cotangent, then one element of `x` gets more."""
    first = 2.0 * x[0]
    y = x + z
    return np.sum(y * y) + first * first


@MUTANTS("in-place arithmetic", V6)
def overwritten_in_the_other_branch(x):
    """The element that each iteration reads is overwritten where the test on the index fails."""
    a = x * 1.0
    s = 0.0
    for i in range(6):
        s += a[5] * a[5]
        if i < 3:
            s += a[i]
        else:
            a[i] = math.sin(x[i])
    return s


@MUTANTS("in-place arithmetic", V4)
def increased_by_itself_then_overwritten(x):
    y = x * 1.0
    y[0] += 3.0 * y[0]
    y[0] = x[1]
    return np.sum(y * y)


@MUTANTS("in-place arithmetic", V6)
def read_one_ahead_of_what_is_overwritten(x):
    a = x * 1.0
    s = 0.0
    for i in range(5):
        s += a[i + 1] * a[i + 1]
        a[i] = math.sin(x[i])
    return s + a[0]


@MUTANTS("carried arrays", V6, 3)
def made_anew_and_carried_by_an_inner_loop(u, n):
    """What an iteration makes is read under the names that the loop in it carries, and overwritten after that."""
    s = 0.0
    for _ in range(n):
        new = u * u
        a, b = new, u * 0.5
        for k in range(4):
            s += a[k] * a[k + 1]
            a, b = b, a
        for k in range(5):
            new[k] = math.sin(u[k])
        u = new + b
    return s + np.sum(u)


@MUTANTS("in-place arithmetic", V6)
def read_before_a_branch_overwrites_it(x):
    """The condition of the branch is about what the element was before."""
    left = x[::-1].copy()
    for i in range(6):
        before = left[i]
        if x[i] > before:
            left[i] = 0.1 * x[i] * x[i]
        else:
            left[i] = 2.0 + before * before
    return np.sum(left)
