"""What programs look like, for one function of each kind."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
import pytest

from adjoint.ir.dump import dump
from tests.frontend.test_values import lowered

V, M = np.ones(4), np.ones((3, 4))


def straight(x, y):
    z = x * y
    w = z
    return math.sin(w) + 2 * 3


def total(x):
    s = 0
    for v in x:
        s += v
    return s


def branch(x):
    if x > 0.0:
        y = x * 2.0
    else:
        y = 0
    return y


def search(x, t):
    for i in range(len(x)):
        if x[i] > t:
            return i
    return -1


def newton(a):
    x = a
    while abs(x * x - a) > 1e-9:
        x = 0.5 * (x + a / x)
    return x


def first_negative(x):
    i = 0
    while x[i] > 0.0:
        i += 1
    return i


def paired(x):
    q, r = x * 2.0, x + 1.0
    q, r = r, q * r
    return q - r


def buffers(u, n):
    v = np.zeros_like(u)
    for _ in range(n):
        v[1:-1] = u[:-2] + u[2:]
        u, v = v, u
    return u


def updates(x, m):
    x[0] += 1.0
    m[1][2] *= x[0]
    x += m[0]
    np.exp(x, out=x)


def helper(v, k=2.0):
    if v > k:
        return v
    return k


def inlined(x):
    y = helper(x) + helper(x, k=3.0)
    return y


def short(x, k):
    return 0 <= k < len(x) and x[k] > 0.0


def late(n):
    for i in range(n):
        pass
    return i


def lists(x):
    a = [v * 2.0 for v in x]
    return len(a), x.shape


TEXTS = {
    "straight": """
        func straight(x, y)
            z = mul(x, y)
            _1 = sin(z)
            _2 = add(_1, 6)
            return _2
    """,
    "total": """
        func total(x)
            _1 = dim(x, 0)
            for _2 in range(0, _1, 1) [s = 0.0 | s_1]
                v = getitem(x, _2)
                s_1 = add(s, v)
            return s
    """,
    "branch": """
        func branch(x)
            _1 = gt(x, 0.0)
            if _1 [y_1 = y | 0.0]
                y = mul(x, 2.0)
            return y_1
    """,
    "search": """
        func search(x, t)
            _1 = dim(x, 0)
            for i in range(0, _1, 1) [returned = False | _3, result = unbound | result_1] until _3
                _2 = getitem(x, i)
                _3 = gt(_2, t)
                if _3 [result_1 = i | result]
            if returned [result_2 = result | -1]
            return result_2
    """,
    "newton": """
        func newton(a)
            while gt(abs(sub(mul(x, x), a)), 1e-09) [x = a | x_1]
                _1 = div(a, x)
                _2 = add(x, _1)
                x_1 = mul(0.5, _2)
            return x
    """,
    "first_negative": """
        func first_negative(x)
            while gt(getitem(x, i), 0.0) [i = 0 | i_1]
                i_1 = add(i, 1)
            return i
    """,
    "paired": """
        func paired(x)
            q = mul(x, 2.0)
            r = add(x, 1.0)
            _1 = mul(q, r)
            _2 = sub(r, _1)
            return _2
    """,
    "buffers": """
        func buffers(u, n)
            v = zeros_like(u)
            for _ in range(0, n, 1) [u_1 = u | v_1, v_1 = v | u_1]
                _1 = getitem(u_1, slice(None, -2, None))
                _2 = getitem(u_1, slice(2, None, None))
                _3 = add(_1, _2)
                v_1[slice(1, -1, None)] = _3
            return u_1
    """,
    "updates": """
        func updates(x, m)
            _1 = getitem(x, 0)
            _2 = add(_1, 1.0)
            x[0] = _2
            _3 = getitem(m, 1, 2)
            _4 = getitem(x, 0)
            _5 = mul(_3, _4)
            m[1, 2] = _5
            _6 = getitem(m, 0)
            _7 = add(x, _6)
            x[Ellipsis] = _7
            _8 = exp(x)
            x[Ellipsis] = _8
            return None
    """,
    "inlined": """
        func inlined(x)
            _1 = gt(x, 2.0)
            if _1 [result = x | 2.0]
            _2 = gt(x, 3.0)
            if _2 [result_1 = x | 3.0]
            y = add(result, result_1)
            return y
    """,
    "short": """
        func short(x, k)
            _1 = le(0, k)
            _2 = dim(x, 0)
            _3 = lt(k, _2)
            _4 = and(_1, _3)
            if _4 [_7 = _6 | False]
                _5 = getitem(x, k)
                _6 = gt(_5, 0.0)
            return _7
    """,
    "late": """
        func late(n)
            for i_1 in range(0, n, 1) [i = unbound | i_1]
            return i
    """,
    "lists": """
        func lists(x)
            items = list()
            _1 = dim(x, 0)
            for _2 in range(0, _1, 1)
                v = getitem(x, _2)
                _3 = mul(v, 2.0)
                append(items, _3)
            _4 = len(items)
            return tuple(_4, shape(x))
    """,
}

CASES: list[tuple[Any, tuple[Any, ...]]] = [
    (straight, (1.0, 2.0)),
    (total, (V,)),
    (branch, (1.0,)),
    (search, (V, 1.0)),
    (newton, (2.0,)),
    (first_negative, (V,)),
    (paired, (1.0,)),
    (buffers, (V, 3)),
    (updates, (V, M)),
    (inlined, (1.0,)),
    (short, (V, 1)),
    (late, (3,)),
    (lists, (V,)),
]


@pytest.mark.parametrize(("fun", "args"), CASES, ids=[fun.__name__ for fun, _ in CASES])
def test_program(fun: Any, args: tuple[Any, ...]) -> None:
    program, _ = lowered(fun, args)
    assert dump(program) == textwrap.dedent(TEXTS[fun.__name__]).strip() + "\n"
