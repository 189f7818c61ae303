"""Functions that are refused when they are lowered."""

# ruff: noqa: F821, F841, E741, SIM, RUF, B, C4, UP, E731
from __future__ import annotations

import math
import os

import numpy as np

TABLE = np.ones(4)
NUMBERS = iter([1.0])


def unbound(x):
    y = z + x
    z = 1.0
    return y


def undefined(x):
    return x + nowhere


def two_types(x):
    if x > 0.0:
        y = x
    else:
        y = np.zeros(3)
    return y


def loop_types(x):
    y = None
    for k in range(3):
        y = x * k
    return y


def truth_of_array(v):
    if v > 0.0:
        return 1.0
    return 0.0


def unknown_function(x):
    return os.getenv("A")


def written_constant(x):
    TABLE[0] = x
    return x


def attribute_of_object(x):
    return NUMBERS.get("a")


def wrong_arguments(x):
    return math.hypot(x) + helper(x, 1, 2, 3)


def helper(x, k=2.0):
    return x * k


def too_many(x):
    return helper(x, 1, 2)


def missing(x):
    return helper()


def unknown_keyword(x):
    return helper(x, scale=2.0)


def float_index(v, x):
    return v[x]


def float_range(x):
    s = 0.0
    for i in range(x):
        s += 1.0
    return s


def iteration_over_number(x):
    for i in x:
        pass
    return x


def unpacking(x):
    a, b = x, x, x
    return a


def tuple_index(x):
    return (x, x)[2]


def axis(v):
    return v.shape[1]


def complex_in_real(v):
    v[0] = 1j
    return v


def growing(x):
    items = [x]
    for v in items:
        items.append(v)
    return x


def list_types(x):
    items = [1]
    items.append(x)
    return items[0]


def function_as_value(x):
    return x + math.sin


def no_method(v):
    return v.tobytes()


def raising_helper(x):
    if x < 0.0:
        raise ValueError("negative")
    return x


def try_around_raise(x):
    try:
        y = raising_helper(x)
    except ValueError:
        y = 0.0
    return y
