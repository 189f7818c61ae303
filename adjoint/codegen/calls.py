"""IR expressions -> Python expressions."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from adjoint.codegen.kinds import Kinds
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules import kernels, spelling
from adjoint.rules.containers import TUPLE, Layout, form_of, is_container

BINARY: Mapping[str, type[ast.operator]] = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "div": ast.Div,
    "floordiv": ast.FloorDiv,
    "mod": ast.Mod,
    "pow": ast.Pow,
    "matmul": ast.MatMult,
    "bitand": ast.BitAnd,
    "bitor": ast.BitOr,
    "bitxor": ast.BitXor,
    "lshift": ast.LShift,
    "rshift": ast.RShift,
}
_COMPARE: Mapping[str, type[ast.cmpop]] = {
    "lt": ast.Lt,
    "le": ast.LtE,
    "gt": ast.Gt,
    "ge": ast.GtE,
    "eq": ast.Eq,
    "ne": ast.NotEq,
    "is": ast.Is,
    "is_not": ast.IsNot,
    "in": ast.In,
    "not_in": ast.NotIn,
}
_UNARY: Mapping[str, type[ast.unaryop]] = {
    "neg": ast.USub,
    "pos": ast.UAdd,
    "invert": ast.Invert,
    "not": ast.Not,
}
_BOOLEAN: Mapping[str, type[ast.boolop]] = {"and": ast.And, "or": ast.Or}
# Operators without a function, or with one that Numba doesn't know.
_NOT_FUNCTIONS = frozenset(("and", "or", "not_in", "matmul"))

# Methods that mean the same as the function of that name, in NumPy and in Numba.
_METHODS = frozenset(
    "all any argmax argmin argsort astype conj copy cumprod cumsum diagonal dot flatten max mean min nonzero prod "
    "ravel repeat reshape std sum swapaxes take trace transpose var".split()
)
_ATTRIBUTES = frozenset(("shape", "size", "ndim", "real", "imag"))
_PYTHON_CASTS: Mapping[str, tuple[str, frozenset[str]]] = {
    # The builtin leaves some types as they are under Numba (`float(x)` of a float32 is one), so it stands only for
    # operands for which Python and Numba agree with the primitive.
    "float64": ("float", frozenset(("float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"))),
    "int64": ("int", frozenset(("int64", "float32", "float64"))),
    "complex128": ("complex", frozenset(("complex128", "float64", "int64"))),
    "bool": ("bool", frozenset(("bool", "int64", "float64"))),
}
_DTYPE_ALIASES: Mapping[str, str] = {"boolean": "bool", "int": "int64", "float": "float64", "complex": "complex128"}
# Functions that are called by a name of the generated module.
_MODULE_LEVEL = ("ref:", "const:", "helper.", "lanes.", "sets.")


class Name(ast.Name):
    """A name of the generated module or of the builtins, as opposed to one of the program.

    It is called like its parent so that printers and `ast.dump` see no difference.
    """


def name(identifier: str) -> ast.expr:
    """Return a name that the text needs from its module or from the builtins."""
    return Name(id=identifier, ctx=ast.Load())


def dotted(path: str) -> ast.expr:
    """Return the expression for `module.part.part`."""
    first, *rest = path.split(".")
    result = name(first)
    for part in rest:
        result = ast.Attribute(value=result, attr=part, ctx=ast.Load())
    return result


def constant(value: object) -> ast.expr:
    """Return the expression that Python and Numba read as exactly this value."""
    match value:
        case bool() | str() | None:
            return ast.Constant(value=value)
        case int() if value < 0:
            return _negative(constant(-value))
        case float() if math.isnan(value):
            return dotted("math.nan")
        case float() if math.copysign(1.0, value) < 0.0:
            return _negative(constant(-value))
        case float():
            return dotted("math.inf") if math.isinf(value) else ast.Constant(value=float(value))
        case complex():
            return _complex(value)
        case tuple():
            items = cast("tuple[object, ...]", value)
            return ast.Tuple(elts=[constant(item) for item in items], ctx=ast.Load())
        case _:
            return ast.Constant(value=cast("Any", value))  # an int, an ellipsis, or `compile` complains


def _complex(value: complex) -> ast.expr:
    if value.real == 0.0 and math.copysign(1.0, value.real) > 0.0 and value.imag >= 0.0 and math.isfinite(value.imag):
        return ast.Constant(value=value)
    # `a + bj` would be a sum, which loses the sign of a zero.
    return _call(name("complex"), [constant(value.real), constant(value.imag)])


def _negative(operand: ast.expr) -> ast.expr:
    return ast.UnaryOp(op=ast.USub(), operand=operand)


def _call(function: ast.expr, args: Sequence[ast.expr], kwargs: Sequence[tuple[str, ast.expr]] = ()) -> ast.expr:
    return ast.Call(func=function, args=list(args), keywords=[ast.keyword(arg=k, value=v) for k, v in kwargs])


def _listed(array: ast.expr, dtype: str) -> ast.expr:
    """Return a list of the elements of an array; Python's numbers where they say the same."""
    if dtype in ("float64", "int64", "complex128", "bool"):
        return _call(ast.Attribute(value=array, attr="tolist", ctx=ast.Load()), [])
    return _call(name("list"), [array])


class Expressions:
    """Builds the Python expressions of one function."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    def expr(self, expr: Expr) -> ast.expr:
        match expr:
            case Var(identifier):
                return ast.Name(id=identifier, ctx=ast.Load())
            case Lit(value):
                return constant(value)
            case Call():
                return self.call(expr)

    def exprs(self, exprs: Sequence[Expr]) -> list[ast.expr]:
        return [self.expr(e) for e in exprs]

    def call(self, call: Call) -> ast.expr:
        special = _SPECIAL.get(call.prim)
        if special is not None and (result := special(self, call)) is not None:
            return result
        if self.is_operator(call):
            return self._operator(call)
        kind, _, rest = call.prim.partition(".")
        if kind in ("cast", "astype"):
            return self._conversion(call, kind, rest)
        if kind == "cuda":
            return self._cuda(call)
        if kind == "launch":
            return self._launch(name(rest), call)
        for prefix in _MODULE_LEVEL:
            if call.prim.startswith(prefix):
                module_name = name(call.prim.removeprefix(prefix))
                return module_name if prefix == "const:" else self._applied(module_name, call)
        if call.via == "method" and call.prim in _METHODS and self.kinds.kind(call.args[0]) != "scalar":
            function = ast.Attribute(value=self.expr(call.args[0]), attr=call.prim, ctx=ast.Load())
            return self._applied(function, call, skip=1)
        return self._applied(dotted(self._text(call)), call)

    def is_operator(self, call: Call) -> bool:
        """Whether the call is written with an operator, and not as the function the user chose (`np.add`)."""
        if call.prim in _NOT_FUNCTIONS:
            return True
        if not call.via and call.prim in BINARY:
            return True
        return call.prim in spelling.OPERATORS and self._text(call).startswith("operator.")

    def _text(self, call: Call) -> str:
        scalar = bool(call.args) and all(self.kinds.is_real_scalar(arg) for arg in call.args)
        return spelling.text_of(call.prim, call.via, scalar)

    def _applied(self, function: ast.expr, call: Call, *, skip: int = 0) -> ast.expr:
        kwargs = [(key, self._keyword(key, value)) for key, value in call.kwargs]
        return _call(function, self.exprs(call.args[skip:]), kwargs)

    def _cuda(self, call: Call) -> ast.expr:
        """Return a name below `cuda`; the operands of a barrier are for analyses only."""
        match call:
            case Call(kernels.GRID | kernels.GRIDSIZE, (count, Lit(None))) | Call(
                kernels.GRID | kernels.GRIDSIZE, (Lit(1) as count, _)
            ):
                return _call(dotted(call.prim), [self.expr(count)])
            case Call(kernels.GRID | kernels.GRIDSIZE, (count, axis)):
                axes = _call(dotted(call.prim), [self.expr(count)])
                return ast.Subscript(value=axes, slice=self.expr(axis), ctx=ast.Load())
            case Call(prim) if kernels.is_index(prim):
                return dotted(prim)
            case _:
                args = () if kernels.is_barrier(call) else (*call.args, *(value for _, value in call.kwargs))
                return _call(dotted(call.prim), self.exprs(args))

    def _launch(self, kernel: ast.expr, call: Call) -> ast.expr:
        shape, *args = self.exprs(call.args)
        return _call(ast.Subscript(value=kernel, slice=shape, ctx=ast.Load()), args)

    def _keyword(self, key: str, value: Expr) -> ast.expr:
        match value:
            case Lit(str() as text) if key == "dtype":
                return dtype(text)
            case _:
                return self.expr(value)

    def _operator(self, call: Call) -> ast.expr:
        match call:
            case Call(prim, (left, right)) if prim in BINARY:
                return ast.BinOp(left=self.expr(left), op=BINARY[prim](), right=self.expr(right))
            case Call(prim, (left, right)) if prim in _COMPARE:
                return ast.Compare(left=self.expr(left), ops=[_COMPARE[prim]()], comparators=[self.expr(right)])
            case Call(prim, args) if prim in _BOOLEAN:
                return ast.BoolOp(op=_BOOLEAN[prim](), values=self.exprs(_flattened(prim, args)))
            case Call(prim, (operand,)) if prim in _UNARY:
                return ast.UnaryOp(op=_UNARY[prim](), operand=self.expr(operand))
            case _:
                raise AssertionError(f"not an operator: {call}")

    def _conversion(self, call: Call, kind: str, target: str) -> ast.expr:
        operand = self.expr(call.args[0])
        if kind == "astype":
            return _call(ast.Attribute(value=operand, attr="astype", ctx=ast.Load()), [dtype(target)])
        if call.via == "numba":
            return _call(name(target), [operand])
        builtin, accepted = _PYTHON_CASTS.get(target, ("", frozenset[str]()))
        if builtin and (call.via == "builtin" or str(self.kinds.type_of(call.args[0])) in accepted):
            return _call(name(builtin), [operand])
        return _call(dtype(target), [operand])

    # Primitives with a syntax of their own

    def subscript(self, array: Expr, index: Sequence[Expr], ctx: type[ast.expr_context] = ast.Load) -> ast.Subscript:
        items = [self._index(i) for i in index]
        where = items[0] if len(items) == 1 else ast.Tuple(elts=items, ctx=ast.Load())
        return ast.Subscript(value=self.expr(array), slice=where, ctx=ctx())

    def _index(self, index: Expr) -> ast.expr:
        match index:
            case Call("slice", args):
                bounds = [None if arg == Lit(None) else self.expr(arg) for arg in args]
                if len(bounds) == 1:
                    bounds = [None, *bounds]
                return ast.Slice(*bounds)
            case _:
                return self.expr(index)

    def getitem(self, call: Call) -> ast.expr:
        return self.subscript(call.args[0], call.args[1:])

    def item(self, call: Call) -> ast.expr:
        """An item of a container, as its form has it."""
        whole, position = call.args
        kind = self.kinds.type_of(whole)
        form = form_of(kind) if is_container(kind) else TUPLE
        if form.kind == "numbers":
            return _call(dotted("np.array"), [self.expr(whole)])
        if not form.keys or not isinstance(position, Lit):
            return self.getitem(call)
        key = form.keys[cast("int", position.value)]
        if form.kind == "dict":
            return ast.Subscript(value=self.expr(whole), slice=constant(key), ctx=ast.Load())
        return ast.Attribute(value=self.expr(whole), attr=key, ctx=ast.Load())

    def assembled(self, value: Expr, layout: Layout, refs: Mapping[str, object]) -> ast.expr:
        """Return the expression that puts a result together."""
        if layout is None:
            return self.expr(value)
        form, layouts = layout
        if form.kind == "numbers":
            return _listed(self.expr(value), form.keys[0])
        items = value.args if isinstance(value, Call) and value.prim == "tuple" else None
        parts = items or [Call("item", (value, Lit(k))) for k in range(len(layouts))]
        texts = [self.assembled(part, inner, refs) for part, inner in zip(parts, layouts, strict=True)]
        match form.kind:
            case "dict":
                return ast.Dict(keys=[constant(key) for key in form.keys], values=texts)
            case "list":
                return ast.List(elts=texts, ctx=ast.Load())
            case "tuple":
                return ast.Tuple(elts=texts, ctx=ast.Load())
            case _:
                cls = next(prim for prim, obj in refs.items() if prim.startswith("class:") and obj is form.cls)
                made = name(cls.removeprefix("class:"))
                if form.kind == "named":  # Numba takes positions only
                    return _call(made, texts)
                return _call(made, [], list(zip(form.keys, texts, strict=True)))

    def dim(self, call: Call) -> ast.expr:
        shape = ast.Attribute(value=self.expr(call.args[0]), attr="shape", ctx=ast.Load())
        return ast.Subscript(value=shape, slice=self.expr(call.args[1]), ctx=ast.Load())

    def pack(self, call: Call) -> ast.expr:
        return ast.Tuple(elts=self.exprs(call.args), ctx=ast.Load())

    def bracket(self, call: Call) -> ast.expr:
        return ast.List(elts=self.exprs(call.args), ctx=ast.Load())

    def select(self, call: Call) -> ast.expr:
        condition, then, orelse = call.args
        if self.kinds.kind(condition) == "array":
            return _call(dotted("np.where"), self.exprs(call.args))
        return ast.IfExp(test=self.expr(condition), body=self.expr(then), orelse=self.expr(orelse))

    def attribute(self, call: Call) -> ast.expr | None:
        if call.via == "np" or call.kwargs or len(call.args) != 1:
            return None
        return ast.Attribute(value=self.expr(call.args[0]), attr=call.prim, ctx=ast.Load())

    def transpose(self, call: Call) -> ast.expr | None:
        if call.via in ("np", "method") or call.kwargs or len(call.args) != 1:
            return None
        return ast.Attribute(value=self.expr(call.args[0]), attr="T", ctx=ast.Load())

    def copy(self, call: Call) -> ast.expr | None:
        if call.via == "np" or self.kinds.kind(call.args[0]) != "array":
            return None
        return _call(ast.Attribute(value=self.expr(call.args[0]), attr="copy", ctx=ast.Load()), [])

    def reshape(self, call: Call) -> ast.expr | None:
        match call:
            case Call("reshape", (array, Call("tuple", sizes)), ()) if call.via == "method":
                return _call(ast.Attribute(value=self.expr(array), attr="reshape", ctx=ast.Load()), self.exprs(sizes))
            case _:
                return None

    def on_list(self, call: Call) -> ast.expr:
        """`pop` and `append`."""
        target, *args = call.args
        return _call(ast.Attribute(value=self.expr(target), attr=call.prim, ctx=ast.Load()), self.exprs(args))

    def printed(self, call: Call) -> ast.expr:
        return self._applied(name("print"), call)


def dtype(text: str) -> ast.expr:
    """Return the NumPy type of that name."""
    return dotted(spelling.dtype_text(_DTYPE_ALIASES.get(text, text)))


def _flattened(prim: str, args: Sequence[Expr]) -> list[Expr]:
    parts: list[Expr] = []
    for arg in args:
        match arg:
            case Call(inner, operands) if inner == prim:
                parts += _flattened(prim, operands)
            case _:
                parts.append(arg)
    return parts


_SPECIAL: Mapping[str, Callable[[Expressions, Call], ast.expr | None]] = {
    "getitem": Expressions.getitem,
    "item": Expressions.item,
    "dim": Expressions.dim,
    "tuple": Expressions.pack,
    "list": Expressions.bracket,
    "select": Expressions.select,
    "shape": Expressions.attribute,
    "size": Expressions.attribute,
    "ndim": Expressions.attribute,
    "real": Expressions.attribute,
    "imag": Expressions.attribute,
    "transpose": Expressions.transpose,
    "copy": Expressions.copy,
    "reshape": Expressions.reshape,
    "pop": Expressions.on_list,
    "append": Expressions.on_list,
    "print": Expressions.printed,
}
