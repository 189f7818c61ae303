"""What type a primitive applied to typed operands has.

Numba decides. Scalar functions, operators and ufuncs are asked of Numba's own typing context, each application once;
array functions follow the rules of `array_types`, which say the same without compiling anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce

from adjoint.errors import TypingError, UnsupportedError
from adjoint.ir import Call, Expr, For, Func, Lit, Var
from adjoint.ir.routine import Routine
from adjoint.ir.walk import statements_of
from adjoint.rules.array_types import array_rules
from adjoint.rules.kernels import kernel_rules
from adjoint.rules.numba_types import (
    Application,
    Type,
    array,
    ask_getitem,
    ask_numba,
    boolean,
    int64,
    is_array,
    is_list,
    is_number,
    is_tuple,
    literal_type,
    named_dtype,
    none,
    own_layout,
    tuple_of,
    types,
    unify_numbers,
    why_not,
)
from adjoint.rules.operand_types import Rule
from adjoint.rules.spelling import OPERATORS, python_callable, text_of

__all__ = [
    "Type",
    "expr_type",
    "is_array",
    "is_number",
    "literal_type",
    "name_types",
    "register_helper",
    "result_type",
    "unify",
]

# Types of the functions that generated modules bring along, by name; `rules.helpers` fills it.
HELPER_TYPES: dict[str, Callable[[tuple[Type, ...]], Type]] = {}


def register_helper(name: str, result: Callable[[tuple[Type, ...]], Type]) -> None:
    """Say what `helper.NAME` returns for operands of these types."""
    HELPER_TYPES[name] = result


def result_type(call: Call, type_of: Callable[[Expr], Type], refs: Mapping[str, object] | None = None) -> Type:
    """Return the type of a primitive applied to operands.

    Parameters
    ----------
    call
        In canonical form (`spelling.canonical_call`). Operands may be trees if `type_of` can type those.
    type_of
        Gives the types of operands.
    refs
        The objects that primitives `ref:NAME` call.

    Raises
    ------
    TypingError
        If neither Numba nor NumPy accepts the operands. It has no location.
    """
    operands = tuple(type_of(arg) for arg in call.args)
    app = Application(call, operands, dict(call.kwargs), type_of)
    if call.prim.startswith("helper."):
        return _helper(app)
    if call.prim.startswith("ref:"):
        return _reference(app, refs or {})
    if call.prim.startswith("cast."):
        return _cast(app)
    if call.prim.startswith("astype."):
        return _astype(app)
    rule = _rules().get(call.prim)
    if rule is not None:
        return rule(app)
    return _by_numba(app)


def expr_type(expr: Expr, known: Mapping[str, Type], refs: Mapping[str, object] | None = None) -> Type:
    """Return the type of an expression tree over names of known types.

    Raises
    ------
    TypingError
        If a name has no type, or an application isn't accepted.
    """
    match expr:
        case Var(name):
            if name not in known:
                raise TypingError(f"`{name}` has no type")
            return known[name]
        case Lit(value):
            return literal_type(value)
        case Call():
            kinds = tuple(map(known.get, expr.names))
            if expr.typed is not None and expr.typed[0] == kinds:
                return expr.typed[1]
            # A rule may ask for an operand's type more than once; asked anew, a tree would take exponential time.
            # Parts are told apart by identity, since `1` and `1.0` are equal, and kept while their identity counts.
            types_of_parts: dict[int, tuple[Expr, Type]] = {}

            def type_of(part: Expr) -> Type:
                if id(part) not in types_of_parts:
                    types_of_parts[id(part)] = part, expr_type(part, known, refs)
                return types_of_parts[id(part)][1]

            found = result_type(expr, type_of, refs)
            if not any(prim.startswith("ref:") for prim in expr.prims) and all(kind is not None for kind in kinds):
                object.__setattr__(expr, "typed", (kinds, found))
            return found


def name_types(func: Func) -> dict[str, Type]:
    """Return the types of the names of a program, the indices of its loops included."""
    indices: dict[str, Type] = {s.index.name: types.int64 for s in statements_of(func) if isinstance(s, For)}
    return {**indices, **func.types}


def unify(first: Type, second: Type) -> Type | None:
    """Return the type of a name that holds either; None if Numba has none.

    Arrays must agree in rank and data type; unequal layouts give "A". A list of unknown elements agrees with any list.
    """
    first, second = types.unliteral(first), types.unliteral(second)
    if first == second:
        return first
    if is_number(first) and is_number(second):
        return unify_numbers(first, second)
    if is_array(first) and is_array(second):
        return _unify_arrays(first, second)
    if is_tuple(first) and is_tuple(second):
        return _unify_tuples(first, second)
    if isinstance(first, types.List) and isinstance(second, types.List):
        return _unify_lists(first, second)
    return None


def _unify_arrays(first: Type, second: Type) -> Type | None:
    if first.dtype != second.dtype or first.ndim != second.ndim:
        return None
    return array(first.dtype, first.ndim, first.layout if first.layout == second.layout else "A")


def _unify_tuples(first: Type, second: Type) -> Type | None:
    named = isinstance(first, types.BaseNamedTuple), isinstance(second, types.BaseNamedTuple)
    if len(first) != len(second) or any(named):
        return None
    items = [unify(a, b) for a, b in zip(first.types, second.types, strict=True)]
    return None if None in items else tuple_of(tuple(items))


def _unify_lists(first: Type, second: Type) -> Type | None:
    if first.dtype == types.undefined or second.dtype == types.undefined:
        return second if first.dtype == types.undefined else first
    # A list can't be converted, not even by element.
    return types.List(first.dtype) if first.dtype == second.dtype else None


# --- applications ----------------------------------------------------------------------------------------------------


def _by_numba(app: Application) -> Type:
    """Ask Numba, with the scalar form of the function for scalars and the array form for arrays."""
    scalar = not any(map(is_array, app.types))
    via = app.call.via if app.call.via in ("math", "np", "cmath") else ""
    if scalar and via in ("", "math") and any(isinstance(kind, types.Complex) for kind in app.types):
        # `math` refuses complex numbers.
        via = "np" if app.prim not in OPERATORS else ""
    try:
        function = python_callable(app.prim, via, scalar)
    except UnsupportedError as error:
        raise TypingError(str(error.msg)) from None
    options = tuple((name, _option_type(app, expr)) for name, expr in app.call.kwargs)
    found = ask_numba(function, app.types, options)
    # Numba types what it can only raise an error for, like `np.average` along an axis, as returning nothing.
    if found is None or found == none and not app.prim.startswith("random."):
        raise TypingError(f"Numba has no `{_shown(app, scalar)}` for operands {_listed(app.types)}")
    return found


def _option_type(app: Application, expr: Expr) -> Type:
    if isinstance(expr, Lit) and isinstance(expr.value, (int, str)):
        return types.literal(expr.value)
    return app.type_of(expr)


def _shown(app: Application, scalar: bool) -> str:
    return app.prim if app.prim in OPERATORS else text_of(app.prim, app.call.via, scalar)


def _listed(kinds: tuple[Type, ...]) -> str:
    return ", ".join(map(str, kinds))


def _helper(app: Application) -> Type:
    name = app.prim.removeprefix("helper.")
    if name not in HELPER_TYPES:
        raise TypingError(f"the helper `{name}` has no type")
    return HELPER_TYPES[name](app.types)


def _reference(app: Application, refs: Mapping[str, object]) -> Type:
    function = refs.get(app.prim, refs.get(app.prim.removeprefix("ref:")))
    if function is None:
        raise TypingError(f"`{app.prim}` refers to nothing")
    if isinstance(function, Routine):
        return function.result_type
    function = getattr(function, "_numba_type_", function)
    options = tuple((name, app.type_of(expr)) for name, expr in app.call.kwargs)
    found = ask_numba(function, app.types, options)
    if found is None:
        reason = why_not(function, app.types, options)
        raise TypingError(f"Numba cannot call `{text_of(app.prim)}` with {_listed(app.types)}: {reason}")
    return found


def _cast(app: Application) -> Type:
    """Convert a scalar; NumPy's types convert scalars only, and no complex number becomes a real one."""
    target = named_dtype(app.prim.removeprefix("cast."))
    for kind in app.types:
        if not is_number(kind):
            if isinstance(kind, (types.UnicodeType, types.Array)):
                raise TypingError(f"`{text_of(app.prim)}` needs a number, not {kind}")
            return _by_numba(app)
        if isinstance(kind, types.Complex) and not isinstance(target, (types.Complex, types.Boolean)):
            raise TypingError(f"`{text_of(app.prim)}` does not accept a complex number", help="take `x.real` first")
    return target


def _astype(app: Application) -> Type:
    dtype, operand = named_dtype(app.prim.removeprefix("astype.")), app.types[0]
    if is_number(operand):
        return dtype
    if not is_array(operand):
        raise TypingError(f"`astype` needs an array, not {operand}")
    return array(dtype, operand.ndim, own_layout(operand))


def _getitem(app: Application) -> Type:
    target, indices = app.types[0], app.args[1:]
    if is_tuple(target) and len(indices) == 1 and isinstance(indices[0], Lit):
        return _item(app)
    kinds = [_index_type(app, index) for index in indices]
    index = kinds[0] if len(kinds) == 1 else tuple_of(tuple(kinds))
    found = ask_getitem(target, index)
    if found is None:
        raise TypingError(f"Numba cannot index {target} with {_listed(tuple(kinds))}")
    return found


def _index_type(app: Application, index: Expr) -> Type:
    if isinstance(index, Call) and index.prim == "slice":
        return _slice(Application(index, (), {}, app.type_of))
    return app.type_of(index)


def _slice(app: Application) -> Type:
    return types.slice3_type if len(app.args) == 3 and app.args[2] != Lit(None) else types.slice2_type


def _item(app: Application) -> Type:
    """A constant item of a tuple."""
    target, position = app.types[0], app.args[1]
    if not is_tuple(target):
        raise TypingError(f"{target} is not a tuple")
    if not (isinstance(position, Lit) and isinstance(position.value, int)):
        raise TypingError(f"an index into {target} must be a constant integer")
    if not -len(target) <= position.value < len(target):
        raise TypingError(f"index {position.value} is out of range for {target}")
    return target.types[position.value]


def _shape(app: Application) -> Type:
    return types.UniTuple(int64, app.types[0].ndim if is_array(app.types[0]) else 0)


def _length(app: Application) -> Type:
    if is_array(app.types[0]) and not app.types[0].ndim or is_number(app.types[0]):
        raise TypingError(f"{app.types[0]} has no length")
    return int64


def _list(app: Application) -> Type:
    """A list of equal types; an empty one is a list of unknown elements until something is appended."""
    if not app.types:
        return types.List(types.undefined)
    item = reduce(lambda a, b: None if a is None else unify(a, b), app.types)
    if item is None:
        raise TypingError(f"a list cannot hold {_listed(app.types)} together")
    return types.List(types.unliteral(item))


def _pop(app: Application) -> Type:
    if not is_list(app.types[0]):
        raise TypingError(f"`pop` needs a list, not {app.types[0]}")
    return app.types[0].dtype


def _and_or(app: Application) -> Type:
    found = reduce(lambda a, b: None if a is None else unify(a, b), app.types)
    if found is None:
        raise TypingError(f"`{app.prim}` of {_listed(app.types)} has no single type")
    return found


def _pow(app: Application) -> Type:
    """A constant exponent takes part as a constant, as Numba sees it."""
    base, exponent = app.types[0], app.args[1]
    if isinstance(exponent, Lit) and isinstance(exponent.value, int) and is_number(base) and app.call.via != "math":
        return _by_numba(Application(app.call, (base, types.literal(exponent.value)), app.kwargs, app.type_of))
    return _by_numba(app)


def _complex(app: Application) -> Type:
    """`complex(a, b)` of two real numbers."""
    if not all(is_number(kind) and not isinstance(kind, types.Complex) for kind in app.types):
        raise TypingError(f"`complex` needs two real numbers, not {_listed(app.types)}")
    return types.complex64 if set(app.types) == {types.float32} else types.complex128


def _bool(_: Application) -> Type:
    return boolean


def _integer(_: Application) -> Type:
    return int64


def _nothing(_: Application) -> Type:
    return none


@cache
def _rules() -> dict[str, Rule]:
    core: dict[str, Rule] = {
        "getitem": _getitem,
        "slice": _slice,
        "item": _item,
        "tuple": lambda app: tuple_of(app.types),
        "list": _list,
        "shape": _shape,
        "dim": _integer,
        "size": _integer,
        "ndim": _integer,
        "len": _length,
        "and": _and_or,
        "or": _and_or,
        "is": _bool,
        "is_not": _bool,
        "in": _bool,
        "not_in": _bool,
        "complex": _complex,
        "stop_gradient": lambda app: app.types[0],
        "pow": _pow,
        "append": _nothing,
        "fill": _nothing,
        "print": _nothing,
        "raise": _nothing,
        "assert": _nothing,
        "pop": _pop,
    }
    return {**array_rules(), **core, **kernel_rules()}
