"""What a user may hand in by mistake. Every function is valid Python; none can be differentiated as asked."""

from __future__ import annotations

import collections
import random
from collections.abc import Generator
from typing import Any

import numpy as np
from numba import njit


def square(x: float) -> float:
    return x * x


def scaled(x: Any, n: int, *, offset: float = 0.0) -> Any:
    return x * n + offset


def elementwise(x: np.ndarray) -> np.ndarray:
    return x * 2.0


def returns_int(x: float) -> int:
    return 3


def returns_nothing(x: float) -> None:
    y = x * x  # noqa: F841


def returns_a_pair(x: float) -> tuple[float, float]:
    return x, x * x


def returns_complex(x: float) -> complex:
    return x * 1j


def mixed_results(x: float) -> Any:
    if x > 0.0:
        return x
    return "negative"


def generator(x: float) -> Generator[float]:
    yield x * x


async def coroutine(x: float) -> float:
    return x * x


async def async_generator(x: float) -> Any:
    yield x


def star_arguments(*xs: float) -> float:
    return xs[0]


def star_keywords(x: float, **options: float) -> float:
    return x


def with_statement(x: float) -> float:
    with open("table.txt") as table:
        return x * float(table.read())


def set_of_numbers(x: float) -> float:
    table = {x}
    return len(table) * x


def writes_global(x: float) -> float:
    global COUNTER
    COUNTER = 1
    return x


def text_inside(x: float) -> float:
    label = f"{x:.3f}"
    return x * len(label)


def class_inside(x: float) -> float:
    class Inner:
        y = 2.0

    return x * Inner.y


def matching(x: float, n: int) -> float:
    match n:
        case 0:
            return x
        case _:
            return x * x


def deletes(x: float) -> float:
    y = x * x
    del y
    return x


def unknown_function(x: float) -> float:
    return x * random.random()


def unknown_name(x: float) -> float:
    return x * undefined_name  # noqa: F821


def unknown_attribute(x: np.ndarray) -> float:
    return np.sum(x) * x.no_such_attribute


def unknown_method(x: np.ndarray) -> float:
    return x.frobnicate()


def unsupported_container(x: float) -> float:
    counter = collections.Counter([1, 2])
    return x * counter[1]


def unsupported_call_with_keywords(x: np.ndarray) -> float:
    return np.sum(np.fromiter(x, float))


def type_changes(x: Any) -> Any:
    y = x
    for _ in range(2):
        y = np.array([y, y])
    return y


def wrong_rank(x: np.ndarray) -> float:
    return x[0, 0]


def maybe_unbound(x: float) -> float:
    if x > 0.0:
        y = x
    return y * y


def adds_text(x: float) -> float:
    return x + "1"


@njit
def compiled(x: float) -> float:
    return x * x


class Model:
    weight = 2.0

    def loss(self, x: float) -> float:
        return self.weight * x

    def __call__(self, x: float) -> float:
        return x


def unpacked(x):
    first, second = x
    return first * second


def rows(x):
    total = 0.0
    for first, second in x:
        total += first * second
    return total
