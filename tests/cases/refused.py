"""What is refused, each with the smallest function that shows it: the page docs/reference/refused.md is this table.

A parameter's name gives its type: `v` and `w` are vectors, `a` a matrix, `n` an integer, `c` a complex number, `t` a
pair of a vector and a float, `params` a dictionary, `numbers` a list of floats, `layers` one of arrays, all others
floats.
"""

# ruff: noqa: F401, F821, F841, E741, SIM, RUF, B, C4, UP, E731, E501
from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np

import adjoint
from adjoint.errors import AdjointError, AliasError, MissingRuleError, TypingError, UnsupportedError
from adjoint.rules.containers import Form, container

VECTOR, MATRIX = numba.typeof(np.ones(4)), numba.typeof(np.ones((3, 3)))
KINDS = {
    "v": VECTOR,
    "w": VECTOR,
    "a": MATRIX,
    "n": numba.int64,
    "c": numba.complex128,
    "t": numba.types.Tuple((VECTOR, numba.float64)),
    "params": container(Form("dict", ("w", "s")), (VECTOR, numba.float64)),
    "numbers": container(Form("numbers"), (VECTOR,)),
    "layers": container(Form("list"), (VECTOR, MATRIX)),
}
TABLE = np.ones(4)


class Settings:
    """An object that is neither a function nor a container."""


class Point(NamedTuple):
    x: float
    y: float


class Turned(NamedTuple):
    x: float
    y: float

    def __iter__(self):
        return iter((self.y, self.x))


@dataclass
class State:
    x: float
    w: np.ndarray


SETTINGS = Settings()


@dataclass(frozen=True)
class Refused:
    """`under` is the text under the caret; `fun` is differentiated with respect to all that isn't an integer."""

    group: str
    fun: Callable[..., Any]
    kind: type[AdjointError]
    message: str
    under: str
    help: str | None

    @property
    def kinds(self) -> list[Any]:
        """The Numba types of the arguments."""
        return [KINDS.get(name, numba.float64) for name in inspect.signature(self.fun).parameters]

    @property
    def wrt(self) -> tuple[str, ...]:
        return tuple(name for name in inspect.signature(self.fun).parameters if name != "n")


REFUSED: list[Refused] = []
_group = ""


def group(name: str) -> None:
    global _group
    _group = name


def refused(
    message: str, under: str, help: str | None = None, kind: type[AdjointError] = UnsupportedError
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the function below."""

    def enter(fun: Callable[..., Any]) -> Callable[..., Any]:
        REFUSED.append(Refused(_group, fun, kind, message, under, help))
        return fun

    return enter


group("Names and values")


@refused("`z` is read before it is bound", "z")
def unbound(x):
    y = z + x
    z = 1.0
    return y


@refused("`nowhere` is not defined", "nowhere")
def undefined(x):
    return x + nowhere


@refused("`y` is float64 in one branch and array(float64, 1d, C) in the other", "y")
def two_types(x):
    if x > 0.0:
        y = x
    else:
        y = np.zeros(3)
    return y


@refused(
    "`y` is none before the loop and float64 after an iteration",
    "for k in range(3):",
    "give it one type from the start",
    TypingError,
)
def type_after_an_iteration(x):
    y = None
    for k in range(3):
        y = x * k
    return y


@refused("`y` is array(float64, 1d, C) in one branch and float64 in the other", "if k == 2:", None, TypingError)
def two_types_at_the_end_of_an_iteration(x):
    y = x
    for k in range(3):
        if k == 2:
            y = np.ones(3)
        else:
            x *= 2.0
            continue
        break
    return y


@refused("`result` is float64 in one branch and none in the other", "def return_nothing_else(x):")
def return_nothing_else(x):
    if x > 0.0:
        return x


@refused("`sin` is used as a value", "x + math.sin", "call it, or pass it to a function")
def function_as_value(x):
    return x + math.sin


@refused("a function is used as a value", "x + (lambda y: y)", "call it, or pass it to a function")
def lambda_as_value(x):
    return x + (lambda y: y)


@refused("a range, `zip` or `enumerate` is used as a value", "x + range(3)", "iterate over it in a `for` loop")
def range_as_value(x):
    return x + range(3)


@refused("the attribute `.get` of an object of type `Settings`", "SETTINGS.get", "pass its value as an argument")
def object_attribute(x):
    return SETTINGS.get("a")


@refused("`math` has no attribute `no_such_thing`", "math.no_such_thing")
def missing_attribute(x):
    return math.no_such_thing(x)


@refused("the attribute `.flat`", "v.flat")
def attribute_of_value(v):
    return v.flat


@refused("a write to a global array, which is a constant", "TABLE[0]", "pass it as an argument")
def written_constant(x):
    TABLE[0] = x
    return x


@refused("`no_such_module` can't be imported", "import no_such_module")
def missing_import(x):
    import no_such_module

    return x


@refused("Numba has no `add` for operands float64, none", "x + y", kind=TypingError)
def none_in_arithmetic(x):
    y = None
    return x + y


@refused("Numba has no `add` for operands unicode_type, float64", '"a" + x', kind=TypingError)
def text_in_arithmetic(x):
    return "a" + x


group("Assignments and tuples")


@refused("unpacking 3 values into 2 names", "a, b")
def unpacked_wrongly(x):
    a, b = x, x, x
    return a


@refused("unpacking something that is not a tuple", "a, b", "index it")
def unpacked_number(x):
    a, b = x
    return a


@refused("unpacking 2 values into 3 names", "a, b, c")
def unpacked_new_array(x):
    a, b, c = np.array([x, 2.0 * x])
    return a


@refused("a value of type array(float64, 1d, C) is stored in one element", "v[0]", "store a number")
def array_in_element(v):
    v[0] = v
    return v[0]


@refused("a value of type none is stored in one element", "v[0]", "store a number")
def nothing_in_element(v):
    v[0] = None
    return v[0]


@refused("a value of type unicode_type is stored in an array", "v[:2]", "store numbers")
def text_in_array(v):
    v[:2] = "ab"
    return v[0]


@refused("a starred target for an array", "first, *rest", "take a slice")
def starred_array(v):
    first, *rest = v
    return first


@refused("index 2 is out of range for a tuple of 2", "(x, x)[2]")
def tuple_index(x):
    return (x, x)[2]


@refused("Numba cannot index Tuple(float64, int64) with int64", "t[n]", kind=TypingError)
def variable_index_of_mixed_tuple(x, n):
    t = (x, 1)
    return t[n]


@refused(
    "no derivative rule for a tuple whose index is not constant",
    "(x, 2.0 * x)[n]",
    "make it an array",
    MissingRuleError,
)
def variable_index(x, n):
    return (x, 2.0 * x)[n]


@refused("assignment to an item of something that is not an array", "x[0]", "use an array")
def item_of_number(x):
    x[0] = 1.0
    return x


@refused("Numba cannot index float64 with int64", "x[0]", kind=TypingError)
def index_of_number(x):
    return x[0]


@refused("a complex value is stored in a real array", "v[0]", "store `.real` or `abs(...)`")
def complex_in_real(v):
    v[0] = 1j
    return v[1]


@refused("a float is added in place to an integer array", "k += x", "make it a float array first")
def float_in_integers(n, x):
    k = np.zeros(3, np.int64)
    k += x
    return x


@refused("several names for one new list", "[x]", "assign it to one name first")
def several_names(x):
    a = b = [x]
    return a[0]


@refused("indexing something that is not an array, list or tuple", 'SETTINGS["a"]', "use an array")
def lookup_in_an_object(x):
    return SETTINGS["a"] * x


@refused("a tuple is compared with something else", "(x, x) == x", "compare the items")
def compared_tuples(x):
    return 1.0 if (x, x) == x else 0.0


@refused("`*` before something that is not a tuple", "*x", "pass the items one by one")
def star_of_number(x):
    return helper(*x)


group("Control flow")


@refused("a range with a bound of type float64", "range(x)", "convert it with `int(...)`")
def float_range(x):
    s = 0.0
    for i in range(x):
        s += 1.0
    return s


@refused("a range with step 0", "range(0, 3, 0)")
def zero_step(x):
    for i in range(0, 3, 0):
        x = x * 2.0
    return x


@refused("`range` with this number of arguments", "range(0, 3, 1, 1)")
def four_bounds(x):
    for i in range(0, 3, 1, 1):
        x = x * 2.0
    return x


@refused("iteration over a value of type float64", "x", "iterate over a range, an array, a list, `zip` or `enumerate`")
def iteration_over_number(x):
    s = 0.0
    for i in x:
        s += i
    return s


@refused("`zip` of a tuple and an array", "zip((x, x), v)", "make the tuple an array")
def zip_of_tuple_and_array(v, x):
    s = 0.0
    for a, b in zip((x, x), v):
        s += a * b
    return s


@refused("a list changes its length while a loop runs over it", "for y in items:", "loop over `range(n)`")
def growing_list(x):
    items = [x]
    for y in items:
        items.append(y)
    return x


@refused("`f` is bound to something else in each iteration", "for k in range(3):", "use a number or an array")
def function_in_each_iteration(x):
    f = math.sin
    for k in range(3):
        f = math.cos
    return f(x)


@refused("the truth value of an array", "v > 0.0", "use `np.any(...)`, `np.all(...)` or a comparison")
def truth_of_array(v):
    if v > 0.0:
        return 1.0
    return v[0]


@refused("`is` between values", "x is y", "compare with `==`; `is` is for `None`")
def identity_of_values(x):
    y = 2.0
    return x if x is y else y


@refused("`in` on anything but a tuple or a list written out", "x in v", "write a loop")
def membership(v, x):
    return x if x in v else 0.0


@refused("`raise` without an exception", "raise", "name the exception")
def bare_raise(x):
    if x < 0.0:
        raise
    return x


@refused("`raise` of something that is not an exception class", "x", "raise `ValueError(...)`")
def raised_value(x):
    if x < 0.0:
        raise x
    return x


def raising_helper(x):
    if x < 0.0:
        raise ValueError("negative")
    return x


@refused(
    "a `try` whose body calls a function that raises",
    'raise ValueError("negative")',
    "write the handler as a branch: `if ...:`",
)
def handler_of_a_helper(x):
    try:
        y = raising_helper(x)
    except ValueError:
        y = 0.0
    return y


@refused("an index of this kind inside `try`", "v[np.array([0, 1])]", "check the index with `if`")
def index_inside_try(v):
    try:
        y = v[np.array([0, 1])]
    except IndexError:
        y = v
    return y[0]


group("Calls")


def helper(x, k=2.0):
    return x * k


@refused("`helper` takes 2 positional arguments, not 3", "helper(x, 1, 2)")
def too_many(x):
    return helper(x, 1, 2)


@refused("the call of `helper` lacks the argument `x`", "helper()")
def too_few(x):
    return helper()


@refused("`helper` has no parameter `scale`", "helper(x, scale=2.0)")
def unknown_keyword(x):
    return helper(x, scale=2.0)


@refused("`helper` got more than one value for `x`", "helper(x, x=2.0)")
def twice(x):
    return helper(x, x=2.0)


@refused(
    "call of `getenv`: the source of `getenv` can't be read",
    'os.getenv("A")',
    "give it a derivative with `adjoint.rule`",
)
def unreadable(x):
    return x + os.getenv("A")


@refused(
    "a call of `Settings`, which is not a function that can be read",
    "SETTINGS(x)",
    "write it in Python, or give it a derivative with `adjoint.rule`",
)
def call_of_an_object(x):
    return SETTINGS(x)


@refused("a call of something that is not a function", "x(1.0)")
def call_of_a_number(x):
    return x(1.0)


@refused("`isinstance`", "isinstance(x, float)", "the types of the arguments are known: write the case you need")
def isinstance_of_value(x):
    return x if isinstance(x, float) else 0.0


@refused("`sum` with a start value", "sum([x, x], 1.0)", "add the start value to `sum(...)`")
def sum_with_start(x):
    return sum([x, x], 1.0)


@refused("`max` of arrays", "max(v, v)", "use `np.maximum`")
def builtin_max_of_arrays(v):
    return max(v, v)[0]


@refused("`place`, which changes its argument", "np.place(v, v > 0.0, [1.0])", "assign to elements or slices")
def in_place_function(v):
    np.place(v, v > 0.0, [1.0])
    return v[0]


@refused("`add.reduceat`", "np.add.reduceat(v, [0, 1])", "write a loop")
def ufunc_method(v):
    return np.add.reduceat(v, [0, 1])[0]


@refused("`sin` takes at most 2 arguments, not 3", "np.sin(v, v, v)")
def too_many_for_a_ufunc(v):
    return np.sin(v, v, v)[0]


@refused("`math.sin` of an array", "math.sin(v)", "use `np.sin`")
def math_of_array(v):
    return math.sin(v)


@refused("`math.sin` of a complex number", "math.sin(c)", "use `cmath` or NumPy")
def math_of_complex(c):
    return abs(math.sin(c))


@refused(
    "no derivative rule for `sign` of a complex number",
    "np.sign(c)",
    "write `z / abs(z)`",
    MissingRuleError,
)
def sign_of_complex(c):
    return np.sign(c).real


@refused("`float` does not accept a complex number", "float(c)", "take `x.real` first", TypingError)
def float_of_complex(c):
    return abs(float(c))


@refused("the method `.tobytes`", "v.tobytes()")
def unknown_method(v):
    return v.tobytes()


@refused("the method `.insert` of a list", "items.insert(0, x)", "use append, pop() and indices, or an array")
def list_method(x):
    items = [x, x]
    items.insert(0, x)
    return items[0]


@refused("this form of `astype`", "v.astype()", "give a data type: `x.astype(np.float64)`")
def astype_form(v):
    return v.astype()[0]


@refused("a tuple of unknown length", "tuple(v)", "use an array")
def tuple_of_array(v):
    return tuple(v)[0]


@refused("`any` or `all` of this", "any(x)", "write `np.any(...)` or `np.all(...)`")
def any_of_number(x):
    return x if any(x) else 0.0


@refused(
    "`checkpoint` of adjoint is called in the function",
    "adjoint.checkpoint(math.sin)",
    "call it outside, and use what it returns here",
)
def checkpoint_inside(x):
    light = adjoint.checkpoint(math.sin)
    return light(x)


group("Recursion")


@refused(
    "`endless` calls itself on every path, or on every path that tells what it returns",
    "def endless(x):",
    "return a value without a call first: `if n == 0: return 1.0`",
    TypingError,
)
def endless(x):
    return endless(x - 1.0)


def two(x, n):
    return x if n == 0 else one(x, n - 1) * two(x, n - 1)


@refused("`one` and `two` call each other, and each itself", "def one(x, n):", "write a loop")
def one(x, n):
    return x if n == 0 else two(x, n - 1) * one(x, n - 1)


@refused(
    "`other_types` calls itself with arguments of ever new types",
    "other_types((x, x), n - 1)",
    "give them the same types each time",
)
def other_types(x, n):
    return x if n == 0 else other_types((x, x), n - 1)


def one_self(x, n):
    return x if n == 0 else x * one_self(x, n - 1)


@refused("a call of `one_self`, which calls itself, inside `try`", "one_self(x, n)", "write a loop")
def recursion_inside_try(x, n):
    try:
        y = one_self(x, n)
    except ZeroDivisionError:
        y = 0.0
    return y


group("Lists")


@refused(
    "a value of type float64 in a list of int64",
    "items.append(x)",
    "give the list items of one type from the start",
)
def list_types(x):
    items = [1]
    items.append(x)
    return items[0]


@refused("`list(...)` of this", "list(m)", "write a list comprehension")
def list_of_rows(m):
    return list(m)[0][0]


@refused("a list cannot hold float64, array(float64, 1d, C) together", "items", kind=TypingError)
def mixed_list(x):
    items = [x, np.ones(2)]
    items.append(x)
    return x


@refused("a slice of a list", "items[1:]", "write a list comprehension, or use an array")
def slice_of_a_list(x, n):
    items = [x * k for k in range(n)]
    rest = items[1:]
    rest[0] = 2.0
    return items[1]


@refused(
    "no derivative rule for `add` of a list",
    "items + items",
    "make it an array: `np.array(...)`",
    MissingRuleError,
)
def sum_of_lists(x, n):
    items = [x * k for k in range(n)]
    both = items + items
    return both[0]


group("Arrays")


@refused("axis 1 of an array with 1 dimension", "v.shape[1]")
def axis_too_large(v):
    return v.shape[1] * v[0]


@refused("axis 1 is out of bounds for an array of 1 dimensions", "np.sum(v, axis=1)", kind=TypingError)
def sum_over_axis(v):
    return np.sum(v, axis=1)


@refused("an index of type float64", "x", "convert it with `int(...)`")
def float_index(v, x):
    return v[x]


@refused("an index of type float64", "x", "convert it with `int(...)`")
def float_in_slice(v, x):
    return np.sum(v[:x])


@refused("Numba cannot index array(float64, 1d, C) with unicode_type", 'v["a"]', kind=TypingError)
def text_as_index(v):
    v["a"] = 1.0
    return v[0]


@refused("a mask that doesn't cover the whole array", "b[a > 0.0]", "index by integers and slices")
def mask_part(a):
    b = np.zeros((3, 3, 2)) + a[0, 0]
    return np.sum(b[a > 0.0])


@refused("this value for the elements under a mask", "a[a > 0.0]", "assign a number or a vector")
def masked_matrix(a):
    a[a > 0.0] = np.ones((2, 2))
    return a[0, 0]


@refused(
    "`where` with two arguments",
    "np.where(v > 0.0, v)",
    "give it a condition, or a condition and two values",
    kind=TypingError,
)
def where_with_two(v):
    return np.where(v > 0.0, v)


@refused("`matmul` needs arrays of one data type, not float64 and int64", "v @ np.ones(3, np.int64)", kind=TypingError)
def product_of_types(v, n):
    return v @ np.ones(3, np.int64)


@refused("`trace` needs an array of two dimensions, not array(float64, 1d, C)", "np.trace(v)", kind=TypingError)
def trace_of_vector(v):
    return np.trace(v)


@refused(
    "`linalg.norm` needs an array of one or two dimensions, not array(float64, 0d, C)",
    "np.linalg.norm(x)",
    kind=TypingError,
)
def norm_of_number(x):
    return np.linalg.norm(x)


@refused("`squeeze` needs an axis, or the rank of its result is not known", "np.squeeze(a)", kind=TypingError)
def squeeze_without_axis(a):
    return np.sum(np.squeeze(a))


@refused(
    "`concatenate` needs arrays of the same rank, not array(float64, 2d, C), array(float64, 1d, C)",
    "np.concatenate((a, v))",
    kind=TypingError,
)
def stacked_ranks(a, v):
    return np.concatenate((a, v))[0, 0]


@refused("Numba has no data type `float99`", 'np.zeros(3, dtype="float99")', kind=TypingError)
def unknown_type(x):
    return np.zeros(3, dtype="float99")[0] * x


@refused("a shape must be an integer or a tuple of integers, not float64", "np.zeros(x)", kind=TypingError)
def float_shape(x):
    return np.zeros(x)[0]


@refused("`keepdims` of `sum` must be a constant", "np.sum(a, keepdims=n > 0)", kind=TypingError)
def keepdims_variable(a, n):
    return np.sum(a, keepdims=n > 0)


@refused("`sum` got more than one value for `axis`", "np.sum(v, 0, axis=0)")
def option_twice(v):
    return np.sum(v, 0, axis=0)


@refused("Numba has no `math.hypot` for operands float64", "math.hypot(x)", kind=TypingError)
def wrong_operands(x):
    return math.hypot(x)


@refused(
    "`at` with indices that are not vectors of integers",
    "np.add.at(v, np.zeros((2, 2), np.int64), 1.0)",
    "write a loop",
)
def at_with_a_matrix(v):
    np.add.at(v, np.zeros((2, 2), np.int64), 1.0)
    return v[0]


@refused(
    "`einsum` that takes a diagonal, which is a view",
    'np.einsum("ii->i", a)',
    "write `np.diag(a)`, a copy",
)
def einsum(a):
    return np.einsum("ii->i", a)[0]


group("Derivatives")


@refused("no derivative rule for `kron` of 2-d, 1-d operands", "np.kron(a, v)", kind=MissingRuleError)
def rule_for_other_ranks(a, v):
    return np.kron(a, v)[0, 0]


@refused(
    "no derivative rule for `linalg.norm` of 2-d operands with `axis`",
    "np.linalg.norm(a, axis=n)",
    kind=MissingRuleError,
)
def norm_along_a_variable_axis(a, n):
    return np.linalg.norm(a, axis=n)[0]


@refused(
    "no derivative rule for `sum` with respect to its argument `initial`", "np.sum(v, initial=x)", kind=MissingRuleError
)
def keyword_differentiated(v, x):
    return np.sum(v, initial=x)


@refused(
    "no derivative rule for the residuals and singular values of `linalg.lstsq`",
    "np.linalg.lstsq(a, v)",
    "compute the residual from the solution: `np.sum((b - a @ x) ** 2)`",
    MissingRuleError,
)
def residuals(a, v):
    return np.linalg.lstsq(a, v)[1][0]


@refused(
    "a result of a function with several is taken in another block",
    "both[0]",
    "unpack them at once",
    MissingRuleError,
)
def taken_elsewhere(a):
    both = np.linalg.eigh(a)
    if a[0, 0] > 0.0:
        return both[0][0]
    return 0.0


@refused(
    "a variable called `np` hides the `np` that the derivative needs",
    "def hidden_name(x, np):",
    "rename the variable `np`",
)
def hidden_name(x, np):
    return math.fabs(x) * np


group("Containers")


@refused("a dictionary is changed", 'params["new"]', "make a new one: `{**d, 'key': value}`")
def changed_dictionary(params, x):
    params["new"] = x
    return params["s"]


@refused("a dictionary is changed", "params.update(s=x)", "make a new one: `{**d, 'key': value}`")
def updated_dictionary(params, x):
    params.update(s=x)
    return params["s"]


@refused("a list is changed", "numbers.append(x)", "make a new list: `[*items, value]`")
def appended_argument(numbers, x):
    numbers.append(x)
    return numbers[-1]


@refused("a list is changed", "layers[0]", "make a new list: `[*items, value]`")
def changed_argument(layers, x):
    layers[0] = layers[0] * x
    return np.sum(layers[0])


@refused("a list is changed", "numbers += [x]", "make a new list: `[*items, value]`")
def extended_argument(numbers, x):
    numbers += [x]
    return numbers[-1]


@refused("the dictionary has no key 'z'; it has 'w', 's'", 'params["z"]')
def missing_key(params):
    return params["z"]


@refused("a key of a dictionary that depends on the arguments", "params[n]", "use constants as keys, or an array")
def unknown_key(params, n):
    return params[n]


@refused("a dictionary whose keys depend on the arguments", "{k: x for k in v}", "use an array")
def unknown_keys(v, x):
    return len({k: x for k in v}) * x


@refused("`**` of something that is not a dictionary", "t", "give the items by their names")
def spread_tuple(t):
    return {**t}["a"]


@refused("a dictionary is used as a value", "np.sum(params)", "use its items")
def sum_of_a_dictionary(params):
    return np.sum(params)


@refused("`add` of a dictionary", "params + params", "use its items")
def added_dictionaries(params):
    return params + params


@refused("`mul` of a list", "numbers * x", "make it an array: `np.array(...)`")
def multiplied_list(numbers, x):
    return np.sum(numbers * x)


@refused("the method `.count` of a list", "layers.count(1.0)")
def method_of_a_list(layers):
    return layers.count(1.0)


@refused("`d` is not the same kind of container, with the same keys, in both branches", "d")
def two_dictionaries(x):
    if x > 0.0:
        d = {"a": x}
    else:
        d = {"b": x}
    return d["a"]


@refused("a `Point` has no attribute `z`", "Point(x, y).z")
def missing_field(x, y):
    return Point(x, y).z


@refused("a `Point` has no field `z`", "Point(x, y)._replace(z=x)")
def missing_field_replaced(x, y):
    return Point(x, y)._replace(z=x).x


@refused("this call of `Point`: missing a required argument: 'y'", "Point(x)")
def missing_item(x):
    return Point(x).x


@refused("a `State` is indexed", "State(x, v)[0]", "read a field: `p.name`")
def indexed_dataclass(x, v):
    return State(x, v)[0]


@refused("`Turned` has its own `__iter__`", "Turned(x, y)", "use a plain named tuple or dataclass")
def special_class(x, y):
    return Turned(x, y)[0]


def descending(x, n):
    return {"a": x} if n == 0 else {"a": descending(x, n - 1)["a"] * x}


@refused(
    "`descending`, which calls itself, returns a dictionary, a named tuple, a dataclass or a list of known length",
    "def descending(x, n):",
    "return numbers, arrays or tuples of those",
)
def recursive_dictionary(x, n):
    return descending(x, n)["a"]


group("Shared memory")


@refused(
    "`new` is a new list or another name for one, depending on this branch, and it is written",
    "if n > 0:",
    "make a list of its own: `[item for item in items]`",
    AliasError,
)
def list_in_two_names(x, n):
    old = [x]
    if n > 0:
        new = old
    else:
        new = [x, x]
    new.append(x * x)
    return old[-1] * new[-1]


@refused(
    "`old` shares memory with another list after an iteration of this loop, and it is written",
    "for k in range(n):",
    "make a list of its own: `[item for item in items]`",
    AliasError,
)
def list_handed_on(x, n):
    old, new = [x], [2.0 * x]
    for k in range(n):
        new.append(x * k)
        old = new
    old.append(x)
    return old[0] * new[0]


@refused(
    "`old` and `new` share memory that this loop writes",
    "for k in range(n):",
    "make a list of its own: `[item for item in items]`",
    AliasError,
)
def list_kept(x, n):
    old = [x]
    new = old
    for k in range(n):
        new.append(x)
        new = [x * k, x]
    return old[-1] * new[0]


@refused("`rows` is a list of lists", "rows", "make a list of its own: `[item for item in items]`", AliasError)
def list_of_lists(x):
    rows = [[x], [2.0 * x]]
    rows[0].append(x * x)
    return rows[0][1] * rows[1][0]


@refused(
    "`diagonal` shows the diagonal of `b`, and one of the two is written while the other is in use",
    "np.diag(b)",
    "`.copy()` gives it memory of its own",
    AliasError,
)
def diagonal_of_what_is_written(a):
    b = a.copy()
    diagonal = np.diag(b)
    b *= 2.0
    return np.sum(diagonal)


@refused(
    "`np.ascontiguousarray` returns its argument or a copy of it, and one of the two is written",
    "np.ascontiguousarray(v[::-1])",
    "`.copy()` always makes a copy",
    AliasError,
)
def conversion_written(v):
    w = np.ascontiguousarray(v[::-1])
    w[0] = 2.0
    return np.sum(v * w)


@refused(
    "`ravel` shows its argument or copies it, as that lies in memory, and one of the two is written",
    "y.ravel()",
    "`.copy().ravel(...)` always makes a copy",
    AliasError,
)
def other_shape_written(a):
    y = np.sin(a.T)
    w = y.ravel()
    w[0] = 2.0
    return np.sum(y)
