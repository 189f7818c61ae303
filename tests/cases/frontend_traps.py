"""Functions that are read right only if scoping, evaluation order and rebinding are."""

# ruff: noqa: E731

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.cases.frontend_cases import F32, I, M, V, W, square

CASES: list[tuple[Any, tuple[Any, ...]]] = []


def case(*args: Any) -> Any:
    def enter(fun: Any) -> Any:
        CASES.append((fun, args))
        return fun

    return enter


@case(2.0)
def late_binding(x):
    def f(v):
        return v * x

    a = f(1.0)
    x = x + 1.0
    b = f(1.0)
    for k in range(3):
        x = x * 2.0
        a += f(k)
    if a > 5.0:
        x = 0.5
    return a + b * f(10.0)


@case(2.0)
def defaults_are_early(x):
    def f(v, k=x):
        return v * k

    x = 100.0
    return f(1.0) + x


@case(2.0)
def names_that_collide(x):
    _1 = x * 2.0
    x_1 = _1 + 1.0
    result = 3.0
    leave = 1.0
    returned = 2.0
    for x_2 in range(3):
        x = x * 1.5 + x_1
        if x > 10.0:
            break
        if x > 100.0:
            return result
    return x + leave + returned + result + x_2 + (x * _1) * 2.0


@case(V)
def shadowed_builtins(x):
    sum = 0.0
    max = 2
    for len in range(max):
        sum += x[len]
    return sum + len


@case(V)
def alias_then_rebind(x):
    a = x
    x = x + 1.0
    a[0] = 5.0
    b = x
    x[1] = 7.0
    x = np.zeros(2)
    return a, b, x


@case(5)
def bound_is_fixed(n):
    s = 0
    for i in range(n):
        n = n - 1
        s += n * i
    return s + n


@case(V)
def source_is_fixed(x):
    s = 0.0
    for v in x:
        x = x * 2.0
        s += v + x[0]
    for v in x:
        x[3] = 1.0
        s += v
    return s


@case(V)
def shrinking_view(x):
    s = 0.0
    while len(x) > 1:
        s = s * 0.5 + x[0]
        x = x[1:]
    return s + x[0]


@case(M)
def transposed_in_loop(m):
    for k in range(3):
        m = m.T
        m[0, 1] += k
    return m


@case(V)
def rotating(x):
    a, b, c = x, x * 2.0, x * 3.0
    for k in range(4):
        a, b, c = b, c, a
        a[0] = k
    return a, b, c


@case(1.0, 2.0, 3.0)
def rotating_scalars(a, b, c):
    for k in range(4):
        a, b, c = b, c, a + 0.5
    return a + 10.0 * b + 100.0 * c


@case(3)
def fibonacci(n):
    a, b = 0, 1
    while b < 100:
        a, b = b, a + b
        n += a
    return a, b, n


@case(V, W)
def nested_targets(x, y):
    s = 0.0
    for (a, b), c in zip(zip(x, y), y):
        s = s * 0.5 + a * b - c
    for k, (i, (a, b)) in enumerate(enumerate(zip(x, y))):
        s += k * i * a - b
    return s


@case(1.0)
@case(-1.0)
def conditional_tuples(x):
    a, b = (x, 1) if x > 0.0 else (2, x)
    (c, d), e = ((a, b), 0) if x > 0.5 else ((b, a), x)
    return a + 10.0 * b + c - 3.0 * d + e


@case(V, 0)
@case(V, 2)
def truth_of_numbers(x, n):
    s = 0.0
    if n and x[n]:
        s += 1.0
    if not n or x[0] - x[0]:
        s += 2.0
    while n:
        n -= 1
        s += 5.0
    return s


@case(V)
def comprehension_scopes(x):
    v, k = 100.0, 5
    a = [v * k for v in x]
    b = [sum([u * w for u in x if u > w]) for w in x]
    c = [(lambda t: t * q + k)(2.0) for q in (1.0, 2.0)]
    d = [[i * j for j in range(i)] for i in range(3)]
    return sum(a) + sum(b) + sum(c) + v + k + len(d) + d[2][1]


@case(V)
def list_in_loop(x):
    total = 0.0
    for i in range(3):
        row = []
        for j in range(i + 1):
            row.append(x[j] * i)
        total += len(row) + row[-1]
        row[0] = 1.0
    return total + row[0]


@case(M, 0.9)
@case(M, -0.9)
@case(M, 99.0)
def return_from_deep(m, t):
    s = 0.0
    for i in range(3):
        j = 0
        while j < 4:
            for k in range(2):
                if m[i, j] > t:
                    return s, i, j
                if k == 1:
                    break
                s += m[i, j]
            else:
                s -= 1000.0
            j += 1
        else:
            s += 0.125
    else:
        s += 0.5
    return s, -1, -1


@case(V, 1.0)
@case(V, 99.0)
def try_in_loop(x, t):
    s = 0.0
    for v in x:
        try:
            if v > t:
                break
            s += v * 2.0
        except IndexError:
            s = -1.0
        s += 1.0
    return s


@case(1.0)
@case(-1.0)
def reassigned_parameter(x, y=2.0):
    if x > 0.0:
        x = y
        y = x * 2.0
    else:
        y += x
    return x * 10.0 + y


@case(V)
@case(V[::-1])
def layouts(x):
    if x[0] > 1.0:
        y = x[::2]
    else:
        y = x[1:3] + 1.0
    for k in range(2):
        y = y[::-1] if k == 0 else y
    return y


@case(F32)
def float32_loop(x):
    s = np.float32(0.0)
    for v in x:
        s = s + v * v
    t = x.sum()
    return s, t


@case(V)
def in_place_in_branch(x):
    y = x.copy()
    for k in range(4):
        if y[k] > 1.0:
            y -= 0.5
        elif y[k] < 0.0:
            y = y * 2.0
        else:
            y[k] = 0.25
    return y


@case(V)
def chained_targets(x):
    a = b = x[0]
    y = np.zeros(4)
    i = 1
    i, y[i] = 2, a
    y[i], i = 5.0, 0
    c = y[i] = b * 2.0
    return y, a + b + c, i


@case(V)
def evaluation_order(x):
    y = x.copy()
    i = 0
    y[i] += (i := 2) * 1.0
    z = x[0] + (x := x * 3.0)[0] + x[0]
    return y, z, i


@case(3.0)
def helper_in_loop_types(x):
    def mean(a, b):
        t = 0
        for v in (a, b):
            t += v
        return t / 2

    s = mean(1, 2)
    for i in range(3):
        s = mean(s, i) + mean(i, i)
    return s


@case(4)
def loop_in_helper_in_loop(n):
    def count(k):
        c = 0
        for i in range(k):
            if i == 3:
                continue
            c = c + i
        return c

    s = 0
    for i in range(n):
        s = s + count(i) * 0.5
        s = s * count(n)
    return s


@case(V)
def conditional_bindings(x):
    found = False
    for i in range(4):
        if x[i] < 0.0:
            where = i
            value = x[i] * 2.0
            found = True
    if found:
        return where + value
    return 0.0


@case(V)
def sentinel(x):
    best = -math.inf
    k = -1
    for i, v in enumerate(x):
        if v > best:
            best, k = v, i
    return best, k


@case(V, 2)
def while_counts_down(x, n):
    s = 0.0
    i = n
    while i >= 0:
        s = s * 2.0 + x[i]
        i -= 1
        if s > 1e6:
            i = -5
    return s, i


@case(0.5)
def empty_loops(x):
    for i in range(0):
        x = x * 2.0
    for i in range(3, 1):
        x = x + 1.0
    while False:
        x = x - 1.0
    for v in ():
        x = x * v
    return x


@case(V)
def any_row(x):
    m = np.empty((2, 4))
    for i in range(2):
        row = m[i]
        row[:] = x
        row *= i + 1
        m[i, :2] += m[1 - i, 2:] if i else x[2:]
    return m


@case(V)
def if_in_while_test(x):
    i = 0
    s = 0.0
    while (x[i] if i < 4 else -1.0) > -0.5:
        s += x[i]
        i += 1
    return s, i


@case(6)
def skips(n):
    s = 0
    for i in range(n):
        if i % 2 == 0:
            if i == 4:
                continue
            s += 1
        else:
            if i == 5:
                break
            s += 10
        s += 100
        if i == 3:
            if s > 5:
                s += 1000
                continue
            s += 5
        s += 10000
    return s


@case(V)
def array_or_view(x):
    y = x if x[0] > 0.0 else x[1:]
    y[0] = 9.0
    z = y.copy() if x[1] > 100.0 else y
    z[1] = 8.0
    return x


@case(V)
def unpacked_array(x):
    a, b, c, d = x
    (e, f), g = x[:2], x[2]
    return a * b - c * d + e * f * g


@case(V, I)
def index_by_index(x, idx):
    y = np.zeros(4)
    for k in range(len(idx)):
        y[idx[k]] += x[k] * idx[idx[k]]
    return y


@case(2.0)
def functions_in_tuples(x):
    for f in (math.sin, square, lambda v: v - 1.0):
        x = f(x)
    table = (square, math.cos)
    return table[0](x) + table[1](x)


@case(2.0)
def none_until_found(x):
    best = None
    for c in (1.0, 3.0, 2.0):
        if best is None or c * x > best:
            best = c * x
    return best


@case(2.0)
def closure_sees_branch(x):
    y = 1.0

    def f(v):
        return v * y

    s = 0.0
    if x > 1.0:
        if x > 1.5:
            y = x
        s = f(1.0)
        y = 5.0
    return s + f(1.0)


@case(V)
def closure_in_comprehension(x):
    y = 1.0

    def f(v):
        return v * y

    a = [f(v) for v in x]
    for k in range(3):
        y = y * 2.0 if k else 3.0
        a.append(f(x[k]))
        y += 1.0
    return sum(a), y


@case(2.0, 1.0)
@case(-2.0, 1.0)
def walrus_in_condition(x, y):
    if x > 0.0 and (y := x * 3.0) > 1.0:
        x = y
    if x > 100.0 or (z := x + y) > 0.0:
        y = y + 1.0
    w = 1.0 if 0.0 < (y := y * 2.0) < (x := x + 1.0) else 2.0
    return x, y, w


@case(np.arange(24.0).reshape(2, 3, 4), I)
def chained_fancy_indices(x, idx):
    a = x[1][:, idx]
    b = x[1][idx[1:]]
    c = x[0][x[0] > 3.0]
    x[1][:, idx] = -1.0
    x[0][1][idx] += 5.0
    return a, b, c, x[1][..., 0], x[1][None, :, 0], x[0][1:][0]


@case(V, 2)
@case(V, -4)
def try_index(x, k):
    y = np.zeros(4)
    try:
        y[k] = x[k] ** 2.0
        y[-1] = math.sqrt(x[1])
    except (IndexError, ValueError):
        y[0] = 100.0
    return y


@case(V)
def any_stops(x):
    a = any(x[i] > 1.0 for i in range(400))
    b = all(x[i] < 1.0 for j in range(3) for i in range(400 * (j + 1)))
    return (1.0 if a else 0.0) + (2.0 if b else 0.0)


@case(3)
def list_starts_empty_twice(n):
    values = []
    for k in range(n):
        if k % 2 == 0:
            values = []
        values.append(k * 0.5)
    return len(values) + values[0]


@case(V)
def list_takes_ints(x):
    values = [0.5]
    values.append(2)
    values[0] = 3
    return values[0] / 2 + values[1] / 4


@case(2.0)
def none_in_condition(x, y=None, z=0.0, name=""):
    a = 1.0 if y else 2.0
    b = 3.0 if name or z else 4.0
    return a * x + b if y is None or z == 0.0 else x


@case(3)
def many_unrolled(n):
    s = 0
    for k in (0,) * 150:
        s += n
        if s > 100000:
            break
    return s


@case(V)
def tuple_of_arrays_in_loop(x):
    pair = (x, x * 2.0)
    for k in range(3):
        a, b = pair
        pair = (b, a + k)
    return pair


@case(5)
def deep_flags(n):
    s = 0
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if k == i:
                    break
                if k + j == 6:
                    return s, i, j, k
                s += 1
            else:
                s += 10
            if j > i:
                break
        else:
            s += 100
            if i == 3:
                continue
        s += 1000
    return s, -1, -1, -1


@case(2.0)
def while_else_return(x):
    while x < 100.0:
        x = x * x
        if x > 50.0 and x < 60.0:
            break
    else:
        if x > 200.0:
            return x
        x += 1.0
    return -x


@case(V, W)
def mixed_zip(x, y):
    s = 0.0
    for i, (a, (j, b)) in zip(range(1, 10, 2), zip(x, enumerate(y, 5))):
        s = s * 0.5 + a * i - b * j
    return s, i, j


@case(M)
@case(M.T)
def masks_of_matrices(m):
    y = m.copy()
    y[y < -0.5] = 0.0
    y[y > 0.5] += 1.0
    z = np.zeros(m.shape)
    z[m > 0.0] = m[m > 0.0] * 2.0
    m.T[m.T > 0.9] = 7.0
    return y, z, m, m[m < 0.0]
