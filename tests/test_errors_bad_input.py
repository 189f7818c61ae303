"""Bad input: what the user is told, word for word, and under which words the caret stands."""

from __future__ import annotations

import math
import pickle
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from adjoint import grad
from adjoint.errors import SourceError, TypingError, UnsupportedError
from tests.cases import bad_input as bad

X = np.array([0.5, 1.5])


@dataclass(frozen=True)
class Row:
    """What the user does, and all that they read. What only makes a transform must raise without a call."""

    make: Callable[[], Any]
    kind: type[Exception]
    told: str


def told(error: BaseException) -> str:
    """The text under a traceback, with the place of the file and the number of the line left out."""
    lines = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
    text = "\n".join(re.sub(r'^  File ".*?([^/\\"]+)", line \d+', r'  File "\1"', line) for line in lines)
    return text.replace(f"{type(error).__module__}.{type(error).__name__}", type(error).__name__)


def _typed_at_a_prompt() -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec("def typed(x):\n    return x", names)
    return names["typed"]


ROWS: dict[str, Row] = {
    "integer argument": Row(
        lambda: grad(bad.square)(3),
        TypeError,
        "TypeError: grad of square: argument 'x' is an int64 scalar, which has no derivative; pass float(x)",
    ),
    "boolean argument": Row(
        lambda: grad(bad.square)(True),
        TypeError,
        "TypeError: grad of square: argument 'x' is a bool scalar, which has no derivative; pass float(x)",
    ),
    "integer array": Row(
        lambda: grad(bad.elementwise)(np.arange(3)),
        TypeError,
        "TypeError: grad of elementwise: argument 'x' is an array of int64, which has no derivative; pass "
        "x.astype(np.float64)",
    ),
    "boolean array": Row(
        lambda: grad(bad.elementwise)(np.array([True])),
        TypeError,
        "TypeError: grad of elementwise: argument 'x' is an array of bool, which has no derivative; pass "
        "x.astype(np.float64)",
    ),
    "integer named in argnums": Row(
        lambda: grad(bad.scaled, argnums=(0, "n"))(1.0, 2),
        TypeError,
        "TypeError: grad of scaled: argument 'n' is an int64 scalar, which has no derivative; pass float(n)",
    ),
    "a list": Row(
        lambda: grad(bad.square)([1.0, 2.0]),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    return x * x\n"
        "           ^^^^^\n"
        "UnsupportedError: `mul` of a list\n"
        "help: make it an array: `np.array(...)`",
    ),
    "a list of integers": Row(
        lambda: grad(bad.square)([1, 2]),
        TypeError,
        "TypeError: grad of square: argument 'x' is a list without a float or complex number or array in it",
    ),
    "a set in a dictionary": Row(
        lambda: grad(bad.square)({"a": [X, {2.0}]}),
        TypeError,
        "TypeError: square was given a dict, whose item ['a'][1] is a set, which compiled code can't take; pass "
        "numbers, NumPy arrays, or tuples, lists, dictionaries, named tuples and dataclasses of them",
    ),
    "a string": Row(
        lambda: grad(bad.square)("one"),
        TypeError,
        "TypeError: grad of square: argument 'x' is a string, which has no derivative",
    ),
    "None": Row(
        lambda: grad(bad.square)(None),
        TypeError,
        "TypeError: grad of square: argument 'x' is None, which has no derivative",
    ),
    "an object": Row(
        lambda: grad(bad.square)(object()),
        TypeError,
        "TypeError: square was given an object, which compiled code can't take; pass numbers, NumPy arrays, "
        "or tuples, lists, dictionaries, named tuples and dataclasses of them",
    ),
    "a matrix": Row(
        lambda: grad(bad.square)(np.ones((1, 1)).view(np.matrix)),
        TypeError,
        "TypeError: square was given a matrix, which compiled code can't take; pass `np.asarray(...)` of it, "
        "and write `@` for products",
    ),
    "masked array": Row(
        lambda: grad(bad.elementwise)(np.ma.masked_array(X, [True, False])),
        TypeError,
        "TypeError: elementwise was given a masked array, which compiled code can't take; "
        "pass the data and the mask as two arrays",
    ),
    "array of another byte order": Row(
        lambda: grad(bad.elementwise)(X.astype(X.dtype.newbyteorder())),
        TypeError,
        "TypeError: elementwise was given an array of another byte order, which compiled code can't take; "
        "pass `.astype(dtype.newbyteorder('='))` of it",
    ),
    "half precision": Row(
        lambda: grad(bad.elementwise)({"a": X.astype(np.float16)}),
        TypeError,
        "TypeError: elementwise was given a dict, whose item ['a'] is a value of float16, "
        "which compiled code can't take; pass `.astype(np.float64)` of it",
    ),
    "unpacked into too few names": Row(
        lambda: grad(bad.unpacked)(np.ones(3)), ValueError, "ValueError: expected 2 values to unpack"
    ),
    "rows unpacked into too many names": Row(
        lambda: grad(bad.rows)(np.ones((3, 1))), ValueError, "ValueError: expected 2 values to unpack"
    ),
    "object array": Row(
        lambda: grad(bad.elementwise)(np.array([1.0, None])),
        TypingError,
        '  File "bad_input.py"\n'
        "    return x * 2.0\n"
        "           ^^^^^^^\n"
        "TypingError: Numba has no `mul` for operands array(pyobject, 1d, C), float64",
    ),
    "datetime array": Row(
        lambda: grad(bad.elementwise)(np.array(["2020-01-01"], dtype="M8[D]")),
        TypingError,
        '  File "bad_input.py"\n'
        "    return x * 2.0\n"
        "           ^^^^^^^\n"
        "TypingError: Numba has no `mul` for operands array(datetime64[D], 1d, C), float64",
    ),
    "array result": Row(
        lambda: grad(bad.elementwise)(X),
        TypeError,
        "TypeError: elementwise: the gradient is defined for a function that returns one float, and this one "
        "returns array(float64, 1d, C); use `adjoint.jacobian` for all derivatives of an array result, or "
        "`adjoint.vjp` with a cotangent",
    ),
    "array result of a scalar function": Row(
        lambda: grad(bad.square)(X),
        TypeError,
        "TypeError: square: the gradient is defined for a function that returns one float, and this one "
        "returns array(float64, 1d, C); use `adjoint.jacobian` for all derivatives of an array result, or "
        "`adjoint.vjp` with a cotangent",
    ),
    "integer result": Row(
        lambda: grad(bad.returns_int)(1.0),
        TypeError,
        "TypeError: returns_int: the gradient is defined for a function that returns one float, and this one "
        "returns int64; use `adjoint.jacobian` for all derivatives of an array result, or `adjoint.vjp` with "
        "a cotangent",
    ),
    "no result": Row(
        lambda: grad(bad.returns_nothing)(1.0),
        TypeError,
        "TypeError: returns_nothing: the gradient is defined for a function that returns one float, and this "
        "one returns nothing; if it writes its results into arguments, name them: `adjoint.vjp(fun, *args, "
        "outputs=(...))`",
    ),
    "pair without has_aux": Row(
        lambda: grad(bad.returns_a_pair)(1.0),
        TypeError,
        "TypeError: returns_a_pair: the gradient is defined for a function that returns one float, and this "
        "one returns UniTuple(float64 x 2); use `adjoint.jacobian` for all derivatives of an array result, "
        "or `adjoint.vjp` with a cotangent",
    ),
    "has_aux without a pair": Row(
        lambda: grad(bad.square, has_aux=True)(1.0),
        TypeError,
        "TypeError: square: with has_aux=True the function must return a pair (value, aux)",
    ),
    "complex result": Row(
        lambda: grad(bad.returns_complex)(1.0),
        TypeError,
        "TypeError: returns_complex: the gradient is defined for a function that returns one float, and this "
        "one returns complex128; use `adjoint.jacobian` for all derivatives of an array result, or "
        "`adjoint.vjp` with a cotangent",
    ),
    "results of two types": Row(
        lambda: grad(bad.mixed_results)(1.0),
        UnsupportedError,
        '  File "bad_input.py"\n'
        '    return "negative"\n'
        "    ^^^^^^^^^^^^^^^^^\n"
        "UnsupportedError: `result` is float64 in one branch and unicode_type in the other",
    ),
    "generator": Row(
        lambda: grad(bad.generator),
        SourceError,
        '  File "bad_input.py"\n'
        "    def generator(x: float) -> Generator[float]:\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "SourceError: `generator` is a generator function\n"
        "help: write a plain function that returns its result",
    ),
    "async": Row(
        lambda: grad(bad.coroutine),
        SourceError,
        '  File "bad_input.py"\n'
        "    async def coroutine(x: float) -> float:\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "SourceError: `coroutine` is an `async` function\n"
        "help: write a plain function that returns its result",
    ),
    "async generator": Row(
        lambda: grad(bad.async_generator),
        SourceError,
        '  File "bad_input.py"\n'
        "    async def async_generator(x: float) -> Any:\n"
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "SourceError: `async_generator` is an asynchronous generator function\n"
        "help: write a plain function that returns its result",
    ),
    "star arguments": Row(
        lambda: grad(bad.star_arguments),
        SourceError,
        '  File "bad_input.py"\n'
        "    def star_arguments(*xs: float) -> float:\n"
        "                        ^^^^^^^^^\n"
        "SourceError: the parameter `*xs`\n"
        "help: name every parameter",
    ),
    "star keywords": Row(
        lambda: grad(bad.star_keywords),
        SourceError,
        '  File "bad_input.py"\n'
        "    def star_keywords(x: float, **options: float) -> float:\n"
        "                                  ^^^^^^^^^^^^^^\n"
        "SourceError: the parameter `**options`\n"
        "help: name every parameter",
    ),
    "source from exec": Row(
        lambda: grad(_typed_at_a_prompt()),
        SourceError,
        "SourceError: the source of `typed` can't be read\n"
        "help: define the function in a file or a notebook cell; source made by `exec` or typed at a prompt "
        "is not kept",
    ),
    "C function": Row(
        lambda: grad(math.sin),
        SourceError,
        "SourceError: `sin` is written in C, not a Python function\nhelp: pass a `def` function or a lambda",
    ),
    "ufunc": Row(
        lambda: grad(np.sin),
        SourceError,
        "SourceError: `sin` is written in C, not a Python function\nhelp: pass a `def` function or a lambda",
    ),
    "NumPy function": Row(
        lambda: grad(np.sum),
        SourceError,
        "SourceError: `sum` is an object of type `_ArrayFunctionDispatcher`, not a Python function\n"
        "help: pass a `def` function or a lambda",
    ),
    "class": Row(
        lambda: grad(bad.Model),
        SourceError,
        "SourceError: `Model` is a class, not a Python function\nhelp: pass a `def` function or a lambda",
    ),
    "bound method": Row(
        lambda: grad(bad.Model().loss),
        SourceError,
        "SourceError: `Model.loss` is a bound method, not a Python function\nhelp: pass a `def` function or a lambda",
    ),
    "callable object": Row(
        lambda: grad(bad.Model()),
        SourceError,
        "SourceError: `Model` is an object of type `Model`, not a Python function\n"
        "help: pass a `def` function or a lambda",
    ),
    "not a function": Row(
        lambda: grad(3.0),
        TypeError,
        "TypeError: grad takes a function, not 3.0",
    ),
    "argnums out of range": Row(
        lambda: grad(bad.square, argnums=1),
        ValueError,
        "ValueError: argnums=1: square has 1 parameters; its parameters are x",
    ),
    "argnums negative out of range": Row(
        lambda: grad(bad.square, argnums=-2),
        ValueError,
        "ValueError: argnums=-2: square has 1 parameters; its parameters are x",
    ),
    "argnums unknown name": Row(
        lambda: grad(bad.scaled, argnums="y"),
        ValueError,
        "ValueError: argnums='y': scaled has no parameter of that name; its parameters are x, n, offset",
    ),
    "argnums twice": Row(
        lambda: grad(bad.scaled, argnums=("x", 0)),
        ValueError,
        "ValueError: argnums names the argument 'x' of scaled more than once",
    ),
    "argnums a float": Row(
        lambda: grad(bad.square, argnums=0.5),
        TypeError,
        "TypeError: argnums is an int, a name or a tuple of those, not float",
    ),
    "argnums True": Row(
        lambda: grad(bad.square, argnums=True),
        TypeError,
        "TypeError: argnums is an int, a name or a tuple of those; True is a bool",
    ),
    "argnums empty": Row(
        lambda: grad(bad.square, argnums=()),
        ValueError,
        "ValueError: argnums is empty: name at least one argument",
    ),
    "argnums and wrt": Row(
        lambda: grad(bad.square, argnums=0, wrt="x"),
        TypeError,
        "TypeError: give either argnums or wrt: they mean the same",
    ),
    "argnums a set": Row(
        lambda: grad(bad.square, argnums={0}),
        TypeError,
        "TypeError: argnums is an int, a name or a tuple of those, not set",
    ),
    "unknown option": Row(
        lambda: grad(bad.square, jit=True),
        TypeError,
        "TypeError: grad has no option 'jit'; it has target, parallel, fastmath, cache, memory_limit, nan_check, "
        "deterministic",
    ),
    "unknown target": Row(
        lambda: grad(bad.square, target="tpu"),
        ValueError,
        "ValueError: target='tpu' is not known; choose from 'cpu', 'python', 'cuda'",
    ),
    "has_aux not a bool": Row(
        lambda: grad(bad.square, has_aux="yes"),
        TypeError,
        "TypeError: has_aux is True or False, not 'yes'",
    ),
    "too few arguments": Row(
        lambda: grad(bad.scaled)(1.0),
        TypeError,
        "TypeError: scaled() missing 1 required positional argument: 'n'",
    ),
    "too many arguments": Row(
        lambda: grad(bad.square)(1.0, 2.0),
        TypeError,
        "TypeError: too many arguments: expected 1, got 2",
    ),
    "unknown keyword": Row(
        lambda: grad(bad.square)(1.0, y=2.0),
        TypeError,
        "TypeError: too many arguments: expected 1, got 2",
    ),
    "with": Row(
        lambda: grad(bad.with_statement),
        UnsupportedError,
        '  File "bad_input.py"\n'
        '    with open("table.txt") as table:\n'
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "UnsupportedError: `with` is not supported\n"
        "help: open resources outside the function",
    ),
    "set": Row(
        lambda: grad(bad.set_of_numbers),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    table = {x}\n"
        "            ^^^\n"
        "UnsupportedError: a set is not supported\n"
        "help: use a tuple or an array",
    ),
    "global": Row(
        lambda: grad(bad.writes_global),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    global COUNTER\n"
        "    ^^^^^^^^^^^^^^\n"
        "UnsupportedError: `global` is not supported\n"
        "help: pass the value in as a parameter and return the new one",
    ),
    "f-string": Row(
        lambda: grad(bad.text_inside),
        UnsupportedError,
        '  File "bad_input.py"\n'
        '    label = f"{x:.3f}"\n'
        "            ^^^^^^^^^^\n"
        "UnsupportedError: an f-string is not supported\n"
        "help: format text outside the function",
    ),
    "class inside": Row(
        lambda: grad(bad.class_inside),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    class Inner:\n"
        "    ^^^^^^^^^^^^\n"
        "UnsupportedError: a class inside the function is not supported\n"
        "help: define the class outside",
    ),
    "match": Row(
        lambda: grad(bad.matching),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    match n:\n"
        "    ^^^^^^^^\n"
        "UnsupportedError: `match` is not supported\n"
        "help: write `if` and `elif`",
    ),
    "del": Row(
        lambda: grad(bad.deletes),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    del y\n"
        "    ^^^^^\n"
        "UnsupportedError: `del` is not supported\n"
        "help: leave the name bound, or build a new list",
    ),
    "unknown function": Row(
        lambda: grad(bad.unknown_function)(1.0),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    return x * random.random()\n"
        "               ^^^^^^^^^^^^^^^\n"
        "UnsupportedError: a call of `random`, which is not a function that can be read\n"
        "help: write it in Python, or give it a derivative with `adjoint.rule`",
    ),
    "unknown name": Row(
        lambda: grad(bad.unknown_name)(1.0),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    return x * undefined_name  # noqa: F821\n"
        "               ^^^^^^^^^^^^^^\n"
        "UnsupportedError: `undefined_name` is not defined",
    ),
    "unknown attribute": Row(
        lambda: grad(bad.unknown_attribute)(X),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    return np.sum(x) * x.no_such_attribute\n"
        "                       ^^^^^^^^^^^^^^^^^^^\n"
        "UnsupportedError: the attribute `.no_such_attribute`",
    ),
    "unknown method": Row(
        lambda: grad(bad.unknown_method)(X),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    return x.frobnicate()\n"
        "           ^^^^^^^^^^^^^^\n"
        "UnsupportedError: the method `.frobnicate`",
    ),
    "unsupported container": Row(
        lambda: grad(bad.unsupported_container)(1.0),
        UnsupportedError,
        '  File "bad_input.py"\n'
        "    counter = collections.Counter([1, 2])\n"
        "              ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "UnsupportedError: a call of `Counter`, which is not a function that can be read\n"
        "help: write it in Python, or give it a derivative with `adjoint.rule`",
    ),
    "unsupported NumPy function": Row(
        lambda: grad(bad.unsupported_call_with_keywords)(X),
        TypingError,
        '  File "bad_input.py"\n'
        '    return np.sum(np.fromiter(x, float))\n'
        "                  ^^^^^^^^^^^^^^^^^^^^^\n"
        "TypingError: Numba has no `np.fromiter` for operands array(float64, 1d, C), unicode_type",
    ),
    "type changes in a loop": Row(
        lambda: grad(bad.type_changes)(1.0),
        TypingError,
        '  File "bad_input.py"\n'
        "    for _ in range(2):\n"
        "    ^^^^^^^^^^^^^^^^^^\n"
        "TypingError: `y` is float64 before the loop and array(float64, 1d, C) after an iteration\n"
        "help: give it one type from the start",
    ),
    "wrong rank": Row(
        lambda: grad(bad.wrong_rank)(X),
        TypingError,
        '  File "bad_input.py"\n'
        "    return x[0, 0]\n"
        "           ^^^^^^^\n"
        "TypingError: Numba cannot index array(float64, 1d, C) with int64, int64",
    ),
    "adds text": Row(
        lambda: grad(bad.adds_text)(1.0),
        TypingError,
        '  File "bad_input.py"\n'
        '    return x + "1"\n'
        "           ^^^^^^^\n"
        "TypingError: Numba has no `add` for operands float64, unicode_type",
    ),
    "source before a call": Row(
        lambda: grad(bad.square).source,
        RuntimeError,
        "NotCalledError: <grad of square with respect to x> has no source yet: call it, or use "
        ".source_for(*args) with arguments or Numba types",
    ),
    "unknown stage": Row(
        lambda: grad(bad.square).inspect("nowhere", 1.0),
        ValueError,
        "ValueError: there is no stage 'nowhere'; the stages are ssa, reverse, dce, copyprop, simplify, "
        "join, coalesce, renest, sink, polish, branches, skip, names, numba, source, compiled",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_told(name: str) -> None:
    row = ROWS[name]
    with pytest.raises(row.kind) as caught:
        row.make()
    assert told(caught.value) == row.told


def shared(x: np.ndarray, y: np.ndarray) -> float:
    x[0] = y[1] * 2.0
    return np.sum(x * y)


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_arguments_that_share_memory(target: str) -> None:
    gradient = grad(shared, argnums=(0, 1), target=target)
    both = np.arange(4.0)
    with pytest.raises(ValueError, match="x and y share memory, and one of them is written: pass a copy"):
        gradient(both[:3], both[1:])
    assert gradient(both[:2], both[2:])[1].tolist() == [6.0, 5.0]
    np.testing.assert_array_equal(both, np.arange(4.0))


def test_errors_are_syntax_errors_at_the_place() -> None:
    with pytest.raises(SyntaxError) as caught:
        grad(bad.set_of_numbers)
    error = caught.value
    assert isinstance(error, UnsupportedError)
    assert error.filename == bad.__file__
    assert error.text is not None
    assert error.offset is not None
    assert error.end_offset is not None
    assert error.text[error.offset - 1 : error.end_offset - 1] == "{x}"
    assert pickle.loads(pickle.dumps(error)).args == error.args
