"""Sequences where NumPy takes arrays: `np.max([a, b])`, `np.dot((a, b), x)`, `x + [a, b]`."""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from numba import types

from adjoint.frontend.assign import atom_or_list
from adjoint.frontend.convert import is_array_value, operand
from adjoint.frontend.frame import Frame
from adjoint.frontend.values import Display, Items, Listed, Record, Value
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.containers import Form
from adjoint.rules.signatures import signature_of
from adjoint.rules.spelling import is_elementwise
from adjoint.rules.typing import is_number

# Parameters that are arrays, whatever function has them; others are shapes, axes, places.
_ARRAYS = frozenset(
    "A a a1 a2 ar arr array ary b bins condition f fp indices m p q v val values weights x xp y z".split()
)
_CONVERSIONS = frozenset("array asarray asanyarray ascontiguousarray asfortranarray".split())
# Functions without a signature of their own, all of whose operands are arrays.
_OF_ARRAYS = frozenset("""
    matmul matvec vecdot polyval poly roots polyadd polysub polymul polyder polyint fliplr flipud
    atleast_1d atleast_2d atleast_3d union1d intersect1d setdiff1d setxor1d isin trim_zeros diagflat argwhere
    flatnonzero nonzero extract meshgrid broadcast_arrays sinc angle unwrap compress
    """.split())
# Functions of several arrays in one operand; these two take numbers as well.
_JOINING = frozenset("hstack stack concatenate vstack dstack column_stack".split())
_OF_NUMBERS = frozenset({"hstack", "stack"})
# Functions of arrays whose result never is a view of one.
_MAKING = frozenset("array sum prod mean max min dot std var cumsum argmax argmin".split())

Primitive = Callable[[Frame, str, str, Sequence[Value], Mapping[str, Value], AST, str | None], Value]


def with_arrays(
    frame: Frame,
    prim: str,
    via: str,
    args: Sequence[Value],
    kwargs: Mapping[str, Value],
    node: AST,
    apply: Primitive,
) -> tuple[str, list[Value], dict[str, Value]]:
    """Return a call of a function of NumPy in which sequences written out are arrays where arrays are meant."""
    if via in ("builtin", "math", "cmath"):
        return prim, list(args), dict(kwargs)
    if prim in _CONVERSIONS and args and (whole := _written_out(frame, args[0], node, apply)) is not None:
        return "array", [whole, *args[1:]], dict(kwargs)

    def array(value: Value) -> Value:
        return array_of(frame, value, node, apply)

    if prim in _JOINING and args:
        if prim in _OF_NUMBERS and len(args) == 1 and not kwargs and all(_is_number(frame, i) for i in _items(args[0])):
            return "array", [_written_out(frame, args[0], node, apply) or args[0]], {}
        return prim, [_parts(frame, prim, args[0], array), *args[1:]], dict(kwargs)
    found = [array(value) if _items(value) and _is_array(prim, k) else value for k, value in enumerate(args)]
    return prim, found, {name: array(value) if name in _ARRAYS else value for name, value in kwargs.items()}


def beside(frame: Frame, left: Value, right: Value, node: AST, apply: Primitive) -> tuple[Value, Value]:
    """Return the operands of an operator: a sequence beside an array is one, too."""
    if is_array_value(frame, left) == is_array_value(frame, right):
        return left, right
    return array_of(frame, left, node, apply), array_of(frame, right, node, apply)


def array_of(frame: Frame, value: Value, node: AST, apply: Primitive) -> Value:
    """Return the array that is made of a sequence; what is none stays as it is."""
    whole = _written_out(frame, value, node, apply)
    return value if whole is None else apply(frame, "array", "np", [whole], {}, node, None)


def _is_array(prim: str, position: int) -> bool:
    if prim in _CONVERSIONS or prim == "linalg.multi_dot" or prim.startswith("random."):
        return False
    if prim == "einsum":
        return position > 0
    signature = signature_of(prim)
    if signature is None:
        return is_elementwise(prim) or prim in _OF_ARRAYS or (prim, position) in (("insert", 2), ("insert", 0))
    names = [name for name, *_ in signature.operands] + list(signature.options)
    return position < len(names) and names[position] in _ARRAYS


def _parts(frame: Frame, prim: str, value: Value, array: Callable[[Value], Value]) -> Value:
    """The arrays that are joined; `hstack` makes vectors of numbers among them."""
    alone = (Display((item,)) if prim == "hstack" and _is_number(frame, item) else item for item in _items(value))
    return Items(tuple(map(array, alone))) if _items(value) else value


def _items(value: Value) -> tuple[Value, ...]:
    match value:
        case Display(items) | Items(items) | Record(Form("list"), items):
            return items
        case _:
            return ()


def _written_out(frame: Frame, value: Value, node: AST, apply: Primitive) -> Display | None:
    """Return a sequence of numbers, arrays and sequences as nested lists that an array can be made of."""
    items = _items(value)
    if not items or not all(_items(item) or _is_number(frame, item) or is_array_value(frame, item) for item in items):
        return None
    rows = [_written_out(frame, item, node, apply) or item for item in items]
    if any(is_array_value(frame, item) for item in items):
        rows = [array_of(frame, row, node, apply) for row in rows]
    elif any(map(_is_float, _leaves(frame, rows))):
        rows = [_in_floats(row) for row in rows]
    return Display(tuple(rows))


def _is_number(frame: Frame, value: Value) -> bool:
    match value:
        case Lit(number):
            return isinstance(number, int | float | complex)
        case Var():
            return is_number(frame.type_of(value))
        case _:
            return False


def _leaves(frame: Frame, rows: Sequence[Value]) -> list[Any]:
    found: list[Any] = []
    for row in rows:
        if isinstance(row, Display):
            found += _leaves(frame, row.items)
        elif isinstance(row, Var | Lit):
            found.append(frame.type_of(row))
    return found


def _is_float(kind: object) -> bool:
    return isinstance(kind, types.Float)


def _in_floats(value: Value) -> Value:
    match value:
        case Display(items):
            return Display(tuple(map(_in_floats, items)))
        case Lit(int() as number):
            return Lit(float(number))
        case _:
            return value


# -- lists that have a name -----------------------------------------------------------------------------------------


def is_list(frame: Frame, value: Value) -> bool:
    return isinstance(value, Listed) or isinstance(value, Var) and isinstance(frame.type_of(value), types.List)


def as_array(frame: Frame, prim: str, via: str, value: Value, node: AST) -> Value:
    """Return the array that NumPy makes of a list; builtins take one too."""
    if isinstance(value, Listed) and via != "builtin" and not (is_elementwise(prim) or prim in _MAKING):
        # The result may show the array, which here stands for the list.
        return frame.emit(Call("copy", (value.array,), via="method"), node)
    kind: Any = frame.type_of(value) if isinstance(value, Var) else None
    if not isinstance(value, Var) or not isinstance(kind, types.List) or prim in ("array", "asarray"):
        return value
    dtype: Any = cast("Any", kind).dtype
    numbers = is_number(dtype) if via == "builtin" else isinstance(dtype, types.Float | types.Complex)
    return frame.emit(Call("array", (value,), via="np"), node) if numbers else value


def list_operand(frame: Frame, value: Value, node: AST) -> Expr:
    match value:
        case Display() | Record(Form("list")):
            return atom_or_list(frame, value, node)
        case Listed(array):
            # NumPy makes an array of it, and the builtins are named as NumPy's functions.
            return array
        case _:
            return operand(frame, value, node)


def in_rows(frame: Frame, call: Call) -> Call:
    """Reshape in C order what isn't kept in it: NumPy makes a copy, and Numba refuses."""
    match call:
        case Call("reshape", (Var() as array, shape)) if not call.kwargs and is_array_value(frame, array):
            kind: Any = frame.type_of(array)
            if kind.layout != "C" and kind.ndim > 0 and not (kind.layout == "F" and kind.ndim == 1):
                return Call("reshape", (Call("ascontiguousarray", (array,), via="np"), shape), via="np")
            return call
        case _:
            return call
