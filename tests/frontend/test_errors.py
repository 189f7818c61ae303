"""What is refused at the first call: the words, the place, and what to do instead."""

# ruff: noqa: E501

from __future__ import annotations

import inspect
import linecache
from typing import Any

import numba
import numpy as np
import pytest

from adjoint.errors import AdjointError, TypingError
from adjoint.frontend import lower
from tests.frontend import error_samples as samples

# fmt: off
# Function | message | text under the caret | help. A parameter `v` is a vector, any other a float.
ROWS: list[tuple[Any, str, str, str | None]] = [
    (samples.unbound, "`z` is read before it is bound", "z", None),
    (samples.undefined, "`nowhere` is not defined", "nowhere", None),
    (samples.two_types, "`y` is float64 in one branch and array(float64, 1d, C) in the other", "y", None),
    (
        samples.loop_types,
        "`y` is none before the loop and float64 after an iteration",
        "for k in range(3):",
        "give it one type from the start",
    ),
    (
        samples.truth_of_array,
        "the truth value of an array",
        "v > 0.0",
        "use `np.any(...)`, `np.all(...)` or a comparison",
    ),
    (
        samples.unknown_function,
        "call of `getenv`: the source of `getenv` can't be read",
        'os.getenv("A")',
        "give it a derivative with `adjoint.rule`",
    ),
    (samples.written_constant, "a write to a global array, which is a constant", "TABLE[0]", "pass it as an argument"),
    (
        samples.attribute_of_object,
        "the attribute `.get` of an object of type `list_iterator`",
        "NUMBERS.get",
        "pass its value as an argument",
    ),
    (samples.wrong_arguments, "Numba has no `math.hypot` for operands float64", "math.hypot(x)", None),
    (samples.too_many, "`helper` takes 2 positional arguments, not 3", "helper(x, 1, 2)", None),
    (samples.missing, "the call of `helper` lacks the argument `x`", "helper()", None),
    (samples.unknown_keyword, "`helper` has no parameter `scale`", "helper(x, scale=2.0)", None),
    (samples.float_index, "an index of type float64", "x", "convert it with `int(...)`"),
    (samples.float_range, "a range with a bound of type float64", "range(x)", "convert it with `int(...)`"),
    (
        samples.iteration_over_number,
        "iteration over a value of type float64",
        "x",
        "iterate over a range, an array, a list, `zip` or `enumerate`",
    ),
    (samples.unpacking, "unpacking 3 values into 2 names", "a, b", None),
    (samples.tuple_index, "index 2 is out of range for a tuple of 2", "(x, x)[2]", None),
    (samples.axis, "axis 1 of an array with 1 dimension", "v.shape[1]", None),
    (samples.complex_in_real, "a complex value is stored in a real array", "v[0]", "store `.real` or `abs(...)`"),
    (samples.growing, "a list changes its length while a loop runs over it", "for v in items:", "loop over `range(n)`"),
    (
        samples.list_types,
        "a value of type float64 in a list of int64",
        "items.append(x)",
        "give the list items of one type from the start",
    ),
    (samples.function_as_value, "`sin` is used as a value", "x + math.sin", "call it, or pass it to a function"),
    (samples.no_method, "the method `.tobytes`", "v.tobytes()", None),
    (
        samples.try_around_raise,
        "a `try` whose body calls a function that raises",
        'raise ValueError("negative")',
        "write the handler as a branch: `if ...:`",
    ),
]
# fmt: on


def refused(fun: Any) -> AdjointError:
    vector, number = numba.typeof(np.ones(4)), numba.typeof(1.5)
    kinds = {name: vector if name == "v" else number for name in inspect.signature(fun).parameters}
    with pytest.raises(AdjointError) as caught:
        lower(fun, kinds)
    return caught.value


def place(error: AdjointError) -> str:
    assert error.loc is not None
    line = linecache.getline(error.loc.file, error.loc.line).rstrip("\n")
    end = error.loc.end_column - 1 if error.loc.end_line == error.loc.line else len(line)
    return line[error.loc.column - 1 : end]


@pytest.mark.parametrize(("fun", "message", "under", "help"), ROWS, ids=[fun.__name__ for fun, *_ in ROWS])
def test_refused(fun: Any, message: str, under: str, help: str | None) -> None:
    error = refused(fun)
    assert (error.msg, place(error), error.help) == (message, under, help)


def test_an_argument_without_type() -> None:
    with pytest.raises(TypingError) as caught:
        lower(samples.helper, {"k": numba.float64})
    assert caught.value.msg == "the argument `x` has no type"
