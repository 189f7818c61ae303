"""Canonical primitives and how Python spells them, in both directions.

A primitive has one canonical name. `math`'s short names win where `math` and NumPy differ (`asin`, not `arcsin`);
operators have short names (`div`, `bitand`); functions of `np.linalg`, `np.fft` and `np.random` keep the module
(`linalg.solve`). `math.floor` and its like return integers, so they are `int_floor`, and `floor` is NumPy's.
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from adjoint.errors import UnsupportedError
from adjoint.ir import Call, Expr, Lit
from adjoint.rules.signatures import Kwargs, normalise_args, signature_of

__all__ = [
    "OPERATORS",
    "allocates",
    "attribute_primitive",
    "canonical_call",
    "dtype_name",
    "dtype_text",
    "is_elementwise",
    "is_view",
    "method_primitive",
    "mutates",
    "normalise_args",
    "primitive_of",
    "python_callable",
    "signature_of",
    "text_of",
    "via_of",
]

# Primitives that print as operators, and the function of `operator` that Numba types them by.
OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floordiv": "floordiv", "mod": "mod", "pow": "pow",
    "matmul": "matmul", "neg": "neg", "pos": "pos", "invert": "invert", "not": "not_", "lt": "lt", "le": "le",
    "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne", "is": "is_", "is_not": "is_not", "in": "contains",
    "bitand": "and_", "bitor": "or_", "bitxor": "xor", "lshift": "lshift", "rshift": "rshift", "getitem": "getitem",
}  # fmt: skip

_NOT_BY_IDENTITY = {"in"}  # operator.contains has its operands the other way round

# Names in `math` that are canonical as they stand, and those that are not.
_MATH = (
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp exp2 expm1 log log1p log2 log10 sqrt cbrt "
    "hypot fabs copysign erf erfc gamma lgamma fmod degrees radians isnan isinf isfinite gcd lcm ldexp pow remainder "
    "nextafter"
).split()
_MATH_RENAMED = {"floor": "int_floor", "ceil": "int_ceil", "trunc": "int_trunc", "remainder": "ieee_remainder"}
# Numba types these only through NumPy.
_MATH_UNTYPED = {"exp2", "cbrt", "lcm"}

_CMATH = "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log log10 sqrt isnan isinf isfinite".split()
_CMATH_RENAMED = {"phase": "angle"}

# NumPy's names, where they are not canonical; the first NumPy name of a primitive is the one that is printed.
_NP_RENAMED = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "floor_divide": "floordiv", "mod": "mod", "remainder": "mod", "power": "pow", "pow": "pow", "negative": "neg",
    "positive": "pos", "invert": "invert", "bitwise_not": "invert", "bitwise_invert": "invert", "less": "lt",
    "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
    "bitwise_and": "bitand", "bitwise_or": "bitor", "bitwise_xor": "bitxor", "left_shift": "lshift",
    "bitwise_left_shift": "lshift", "right_shift": "rshift", "bitwise_right_shift": "rshift", "abs": "abs",
    "absolute": "abs", "max": "max", "amax": "max", "min": "min", "amin": "min", "round": "round", "around": "round",
    "conj": "conj", "conjugate": "conj", "concatenate": "concatenate", "concat": "concatenate",
    "transpose": "transpose", "permute_dims": "transpose", "deg2rad": "radians", "radians": "radians",
    "rad2deg": "degrees", "degrees": "degrees", "trunc": "trunc", "append": "np_append",
    "select": "np_select", "trapezoid": "trapezoid",
    "trapz": "trapezoid", "vstack": "vstack", "row_stack": "vstack", "fix": "fix", "cumulative_sum": "cumulative_sum",
}  # fmt: skip

# Functions of `np.linalg` that are NumPy's own too, of the operands that they take.
_LINALG_RENAMED = {name: name for name in "cross matmul outer tensordot vecdot matrix_transpose".split()}

_NP_MODULES = (("linalg.", np.linalg), ("fft.", np.fft), ("random.", np.random))

_BUILTINS = {
    "abs": "abs", "max": "max", "min": "min", "sum": "sum", "len": "len", "pow": "pow", "round": "round",
    "float": "cast.float64", "int": "cast.int64", "bool": "cast.bool", "complex": "cast.complex128",
    "range": "range", "zip": "zip", "enumerate": "enumerate", "reversed": "reversed", "print": "print",
}  # fmt: skip

_DTYPES = "float64 float32 float16 complex128 complex64 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool".split()
_CAST_BUILTIN = {"float64": "float", "int64": "int", "bool": "bool", "complex128": "complex"}

_METHODS = frozenset(
    "sum prod mean var std min max argmin argmax cumsum cumprod any all dot copy reshape ravel flatten transpose "
    "astype fill sort argsort trace diagonal take repeat clip round conj squeeze swapaxes nonzero searchsorted append "
    "pop".split()
)

# Primitives that look at no element of their first operand, only at how many there are.
SIZES = frozenset("dim shape size ndim len".split())

_METHODS_RENAMED = {"conjugate": "conj"}

_ATTRIBUTES = {"T": "transpose", "shape": "shape", "size": "size", "ndim": "ndim", "real": "real", "imag": "imag"}

_VIEWS = frozenset(
    "getitem transpose reshape ravel real imag swapaxes moveaxis rollaxis expand_dims squeeze broadcast_to asarray "
    "ascontiguousarray asfortranarray flip fliplr flipud rot90 atleast_1d atleast_2d atleast_3d diagonal split "
    "array_split hsplit vsplit dsplit broadcast_arrays stop_gradient diag trim_zeros resize".split()
)
# Views in NumPy, of which Numba copies some, and of which a view of a cotangent is none.
HIDDEN_VIEWS = frozenset({"real", "imag", "diag", "diagonal", "trim_zeros", "resize"})
_FRESH = frozenset(
    "zeros ones empty full zeros_like ones_like empty_like full_like eye identity tri arange linspace logspace".split()
)
_MUTATORS = frozenset(
    "fill append pop copyto put place putmask fill_diagonal put_along_axis random.shuffle random.seed".split()
)


def primitive_of(obj: object) -> str | None:
    """Return the canonical name of a function of `math`, `cmath`, `numpy`, `operator` or the builtins, by identity."""
    entry = _objects().get(id(obj))
    return entry[1] if entry is not None else None


def via_of(obj: object) -> str:
    """Return where an object that has a primitive comes from: math, cmath, np, operator or builtin; else ""."""
    entry = _objects().get(id(obj))
    return entry[2] if entry is not None else ""


def method_primitive(name: str) -> str | None:
    """Return the primitive of a method of arrays or lists; the object is its first operand.

    `fill`, `sort`, `append` and `pop` change the object they are called on; `sort` as a primitive is `np.sort`.
    """
    return _METHODS_RENAMED.get(name, name if name in _METHODS else None)


def attribute_primitive(name: str) -> str | None:
    """Return the primitive that reads an attribute of an array."""
    return _ATTRIBUTES.get(name)


def canonical_call(prim: str, via: str, args: Sequence[Expr], kwargs: Kwargs = ()) -> Call:
    """Return the call in canonical form: normal arguments, and builtins that mean something else as what they mean.

    `max(a, b, c)` of scalars is `maximum(maximum(a, b), c)`; `round(x)` is `int_round(x)`; `sum(x)` of the builtins
    runs over the first axis only.
    """
    if prim == "matmul":
        via = "operator"  # Numba has the operator only
    if prim == "transpose" and len(args) + len(kwargs) > 1:
        via = "np"  # the method takes axes by position only
    if prim == "where" and len(args) == 1 and not kwargs:
        prim = "nonzero"
    if prim == "linalg.lstsq":
        kwargs = tuple(option for option in kwargs if option != ("rcond", Lit(None)))
    if via == "builtin":
        if prim == "cast.complex128" and len(args) > 1:
            return Call("complex", tuple(args), via=via)
        if prim in ("max", "min") and len(args) > 1 and not kwargs:
            return _fold(f"{prim}imum", via, args)
        if prim == "round" and len(args) == 1 and not kwargs:
            return Call("int_round", tuple(args), via=via)
        if prim == "sum" and len(args) == 1 and not kwargs:
            return Call("sum", tuple(args), (("axis", Lit(0)),), via)
        if prim == "sum":
            raise UnsupportedError("`sum` with a start value", help="add the start value to `sum(...)`")
    if prim == "log" and len(args) == 2 and via in ("math", "cmath"):
        number, base = (Call("log", (arg,), via=via) for arg in args)
        return Call("div", (number, base), via="operator")
    args, kwargs = normalise_args(prim, args, kwargs)
    return Call(prim, args, kwargs, via)


@cache
def is_elementwise(prim: str) -> bool:
    """Say whether a primitive works element by element, with broadcasting (NumPy's ufuncs, `where`, `clip`, …)."""
    named = prim in _SCALAR_OPERATORS or prim in _MORE_ELEMENTWISE or prim in _MATH or prim in _INT_FORMS
    if named or prim.startswith(("cast.", "astype.")):
        return True
    function = _numpy_object(prim)
    # A ufunc with a signature works on whole vectors or matrices.
    return isinstance(function, np.ufunc) and function.signature is None


_SCALAR_OPERATORS = frozenset(OPERATORS) - {"matmul", "is", "is_not", "in", "getitem"}
_MORE_ELEMENTWISE = frozenset(
    "where select clip round real imag conj angle sinc nan_to_num fix isclose complex stop_gradient".split()
)


def is_view(prim: str) -> bool:
    """Say whether an array that the primitive returns may share memory with its first operand.

    `getitem` shares it only if no index is an array; `astype.*` never does.
    """
    return prim in _VIEWS


def allocates(prim: str) -> bool:
    """Say whether the primitive makes a fresh array out of numbers and shapes only."""
    return prim in _FRESH


def makes_array(prim: str) -> bool:
    """Say whether an array that the primitive returns is always new."""
    if prim in ("matmul", "dot", "outer", "copy") or allocates(prim):
        return True
    return is_elementwise(prim) and not is_view(prim) and prim != "select"


def mutates(prim: str) -> bool:
    """Say whether the primitive changes its first operand, or global state."""
    return prim in _MUTATORS


def dtype_name(obj: object) -> str | None:
    """Return the canonical name of a data type: `np.float32`, `float`, `"float32"` or a NumPy dtype."""
    if not isinstance(obj, (type, str, np.dtype)):
        return None
    try:
        name = np.dtype(obj).name
    except TypeError:
        return None
    return name if name in _DTYPES else None


def dtype_text(name: str) -> str:
    """Return how the data type is written: `np.float32`."""
    return "np.bool_" if name == "bool" else f"np.{name}"


@cache
def text_of(prim: str, via: str = "", scalar: bool = False) -> str:
    """Return the text of the function that applies the primitive.

    Scalars are written with `math` where that has the function and the user didn't write `np`. `scalar` must be false
    for complex scalars, which `math` doesn't accept. Operators are spelt as functions too; the printer prefers the
    operator unless `via` is "np".
    """
    if prim.startswith(("helper.", "ref:")):
        return prim.replace("helper.", "").replace("ref:", "")
    if prim.startswith("cast."):
        name = prim.removeprefix("cast.")
        return _CAST_BUILTIN[name] if via != "np" and name in _CAST_BUILTIN else dtype_text(name)
    module, name = _spell(prim, via, scalar)
    return f"{module}.{name}" if module else name


@cache
def python_callable(prim: str, via: str = "", scalar: bool = False) -> object:
    """Return the object whose application Numba types.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    if prim.startswith("cast."):
        name = prim.removeprefix("cast.")
        return getattr(builtins, _CAST_BUILTIN[name]) if name in _CAST_BUILTIN else getattr(np, name)
    module, name = _spell(prim, via, scalar)
    found: Any = {"": builtins, "np": np, "math": math, "cmath": cmath, "operator": operator}[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise UnsupportedError(f"`{prim}` is not a function of Python or NumPy")
    return found


def _spell(prim: str, via: str, scalar: bool) -> tuple[str, str]:
    """Return the module, as it is written, and the name in it."""
    in_numpy = _numpy_object(prim) is not None
    if via == "cmath" and prim in _CMATH:
        return "cmath", prim
    if prim in _INT_FORMS:
        return _INT_FORMS[prim]
    if via == "builtin" and scalar and prim in ("maximum", "minimum"):
        return "", prim[:3]
    if prim == "abs" and scalar and via != "np" or prim == "len":
        return "", prim
    if prim in OPERATORS and via == "math" and scalar:
        return "math", prim
    if prim in OPERATORS and (via != "np" or not in_numpy):
        return "operator", OPERATORS[prim]
    if scalar and via != "np" and prim in _MATH_TYPED or not in_numpy and prim in _MATH:
        return "math", prim
    return ("np", _NP_NAME.get(prim, prim)) if in_numpy else ("", prim)


_INT_FORMS = {
    "int_floor": ("math", "floor"),
    "int_ceil": ("math", "ceil"),
    "int_trunc": ("math", "trunc"),
    "int_round": ("", "round"),
    "ieee_remainder": ("math", "remainder"),
}
_MATH_TYPED = frozenset(_MATH) - _MATH_UNTYPED - set(OPERATORS) - {"remainder", "pow"}
_NP_NAME: dict[str, str] = {}
for _name, _prim in _NP_RENAMED.items():
    if hasattr(np, _name):
        _NP_NAME.setdefault(_prim, _name)


def _fold(prim: str, via: str, args: Sequence[Expr]) -> Call:
    """Apply a function of two operands from left to right."""
    first, second, *rest = args
    call = Call(prim, (first, second), via=via)
    for arg in rest:
        call = Call(prim, (call, arg), via=via)
    return call


@cache
def _numpy_object(prim: str) -> object:
    if prim in _NOT_NUMPY:
        return None
    prefix, _, name = _NP_NAME.get(prim, prim).rpartition(".")
    module = np if not prefix else dict(_NP_MODULES).get(f"{prefix}.")
    found = vars(module).get(name) if module is not None else None
    return found if callable(found) and not isinstance(found, type) else None


# Primitives that happen to have the name of something else in NumPy.
_NOT_NUMPY = frozenset("append fill pop item list tuple slice dim len print range gamma flatten select complex".split())


@cache
def _objects() -> dict[int, tuple[object, str, str]]:
    """Map the identity of every function we know to it, its primitive and its module; the entry keeps it alive."""
    table: dict[int, tuple[object, str, str]] = {}

    def enter(obj: object, prim: str, via: str) -> None:
        table.setdefault(id(obj), (obj, prim, via))

    for name, prim in _BUILTINS.items():
        enter(getattr(builtins, name), prim, "builtin")
    for name in (*_MATH, *_MATH_RENAMED):
        _enter_if_there(enter, math, name, _MATH_RENAMED.get(name, name), "math")
    for name in (*_CMATH, *_CMATH_RENAMED):
        _enter_if_there(enter, cmath, name, _CMATH_RENAMED.get(name, name), "cmath")
    for prim, name in OPERATORS.items():
        if prim not in _NOT_BY_IDENTITY:
            enter(getattr(operator, name), prim, "operator")
    enter(operator.abs, "abs", "operator")
    for name in _DTYPES:
        enter(getattr(np, "bool_" if name == "bool" else name), f"cast.{name}", "np")
    _enter_functions(enter, "", np)
    for prefix, module in _NP_MODULES:
        _enter_functions(enter, prefix, module)
    return table


def _enter_if_there(
    enter: Callable[[object, str, str], None], module: ModuleType, name: str, prim: str, via: str
) -> None:
    """Enter a function that this version of Python may not have yet."""
    if hasattr(module, name):
        enter(getattr(module, name), prim, via)


def _enter_functions(enter: Callable[[object, str, str], None], prefix: str, module: ModuleType) -> None:
    """Enter every public function of a module, renamed ones first so that they win over their aliases."""
    first = [] if prefix else [name for name in _NP_RENAMED if hasattr(module, name)]
    for name in (*first, *sorted(vars(module))):
        obj = getattr(module, name)
        if not name.startswith("_") and callable(obj) and not isinstance(obj, type):
            renamed = _LINALG_RENAMED if prefix == "linalg." else {} if prefix else _NP_RENAMED
            enter(obj, renamed.get(name, prefix + name), "np")
