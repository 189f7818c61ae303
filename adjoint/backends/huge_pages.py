"""Large arrays ask the kernel for huge pages, as NumPy's own do; thin products are loops.

A fresh array of 70 MiB costs 18 000 page faults, or 35 with pages of 2 MiB; that is most of the time of a gradient that
goes through such arrays a few times. BLAS arranges its operands for products with long sums: where the sums are of a
few numbers, plain loops take a third of the time. While a generated module is compiled, a pass puts functions of ours
in the place of those that make arrays; it does so on Linux, which has this advice.
"""

from __future__ import annotations

import operator
import sys
from typing import Any, cast

import numpy
from llvmlite import ir as llvm_ir
from numba.core import cgutils as numba_cgutils
from numba.core import compiler_machinery, typing
from numba.core import imputils as numba_imputils
from numba.core import ir as numba_ir
from numba.core import types as numba_types
from numba.core.typing.templates import ConcreteTemplate as NumbaTemplate
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import register_jitable as numba_register_jitable

# Numba and llvmlite are untyped: what is used of them goes through these names.
np: Any = numpy
_ir: Any = llvm_ir
_cgutils: Any = numba_cgutils
_types: Any = numba_types
_numba_ir: Any = numba_ir
_machinery: Any = compiler_machinery
_Template: Any = NumbaTemplate
_signature: Any = cast("Any", typing).signature
_lower_builtin: Any = cast("Any", numba_imputils).lower_builtin
_intrinsic: Any = numba_intrinsic
_register_jitable: Any = numba_register_jitable
_matmul: Any = cast("Any", operator).matmul

LARGE = 1 << 22  # bytes, from which on NumPy asks for huge pages
_PAGE = 4096
_MADV_HUGEPAGE = 14


def available() -> bool:
    """Whether the system takes the advice."""
    return sys.platform == "linux"


@_intrinsic
def _advise(typing_context: Any, array: Any) -> Any:
    """Ask for huge pages for the memory of an array, if it is large."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = context.make_array(array)(context, builder, args[0])
        word, number = _ir.IntType(64), _ir.IntType(32)
        size = builder.mul(made.nitems, made.itemsize)
        with builder.if_then(builder.icmp_signed(">=", size, _ir.Constant(word, LARGE)), likely=False):
            place = builder.ptrtoint(made.data, word)
            start = builder.and_(builder.add(place, _ir.Constant(word, _PAGE - 1)), _ir.Constant(word, -_PAGE))
            length = builder.sub(builder.add(place, size), start)
            madvise = _cgutils.get_or_insert_function(
                builder.module, _ir.FunctionType(number, [word, word, number]), "madvise"
            )
            builder.call(madvise, [start, length, _ir.Constant(number, _MADV_HUGEPAGE)])
        return context.get_dummy_value()

    return _signature(_types.none, array), emit


_advised: Any = _advise


def _empty(shape: Any, dtype: Any = float) -> Any:
    made = np.empty(shape, dtype)
    _advised(made)
    return made


def _zeros(shape: Any, dtype: Any = float) -> Any:
    made = np.empty(shape, dtype)
    _advised(made)
    made._zero_fill()
    return made


def _product(a: Any, b: Any) -> Any:
    made = np.empty((a.shape[0], b.shape[1]), a.dtype)
    _advised(made)
    if a.shape[1] == b.shape[0] and _is_thin(a.shape[0], b.shape[0], b.shape[1], b.strides[1] == b.itemsize):
        for i in range(made.shape[0]):
            for j in range(made.shape[1]):
                made[i, j] = 0
            for k in range(b.shape[0]):
                for j in range(made.shape[1]):
                    made[i, j] += a[i, k] * b[k, j]
        return made
    return np.dot(a, b, made)


@_register_jitable
def _is_thin(rows: Any, terms: Any, length: Any, contiguous: Any) -> Any:
    """Whether loops are faster than BLAS: few numbers to each sum, and rows that are long, or next to nothing to do.

    Numbers are asked for, not the arrays, so that it is compiled once for all of their layouts.
    """
    return terms <= 16 and (rows * terms * length <= 256 or contiguous and length >= 64)


class _Instead:
    """What stands in for a function of NumPy's in a compiled module."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.__name__ = function.__name__

    def register(self) -> Any:
        """Tell Numba how to compile it, and return its Numba type."""

        def compiled(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return context.compile_internal(builder, self.function, signature, args)

        _lower_builtin(self, _types.VarArg(_types.Any))(compiled)
        return _types.Function(type(self.__name__, (_Template,), {"key": self, "cases": []}))


_INSTEAD = {name: _Instead(f).register() for name, f in (("empty", _empty), ("zeros", _zeros), ("dot", _product))}


@_machinery.register_pass(mutates_CFG=False, analysis_only=False)
class HugePages(_machinery.FunctionPass):
    """Put the functions in the place of `np.empty`, `np.zeros` and products of matrices."""

    _name = "adjoint_huge_pages"

    def __init__(self) -> None:
        base: Any = super()
        base.__init__()

    def run_pass(self, state: Any) -> bool:
        changed = False
        for block in state.func_ir.blocks.values() if available() else ():
            body: list[Any] = []
            for stmt in block.body:
                value: Any = stmt.value if isinstance(stmt, _numba_ir.Assign) else None  # a `prange` is no assignment
                op = value.op if isinstance(value, _numba_ir.Expr) else ""
                if op == "call":
                    changed |= _call(state, value)
                elif op == "binop" and value.fn is _matmul:
                    body += _operator(state, stmt)
                body.append(stmt)
            changed |= len(body) > len(block.body)
            block.body = body
        if changed:
            state.targetctx.refresh()  # the functions may be new to it
        return changed


def _operator(state: Any, assign: Any) -> list[Any]:
    """Make a product of matrices the call of our function; return what comes before it."""
    value, signature = assign.value, state.calltypes[assign.value]
    if not _is_product(signature):
        return []
    function = _numba_ir.Var(assign.target.scope, f"{assign.target.name}.product", value.loc)
    assign.value = _numba_ir.Expr.call(function, [value.lhs, value.rhs], (), value.loc)
    state.typemap[function.name] = _known("dot", signature)
    state.calltypes[assign.value] = signature
    return [_numba_ir.Assign(_numba_ir.Global("dot", np.dot, value.loc), function, value.loc)]


def _call(state: Any, call: Any) -> bool:
    """Replace the function that a call is of; false if there is none for it."""
    signature, known = state.calltypes[call], state.typemap[call.func.name]
    name = _NAMES.get(getattr(known, "typing_key", None)) if isinstance(known, _types.Function) else None
    if name is None or call.vararg is not None or not _one_use(state, call.func.name):
        return False
    if name == "dot" and (len(signature.args) != 2 or not _is_product(signature)):
        return False
    del state.typemap[call.func.name]  # it takes each key once
    state.typemap[call.func.name] = _known(name, signature)
    return True


def _known(name: str, signature: Any) -> Any:
    """Return the type of a function of ours, as if Numba had found the types of its results."""
    kind = _INSTEAD[name]
    kind._impl_keys[signature.args] = kind.typing_key
    return kind


_NAMES = {np.empty: "empty", np.zeros: "zeros", np.dot: "dot"}


def _is_product(signature: Any) -> bool:
    """Whether a product is one of matrices with elements of one type, that BLAS knows."""
    kinds = signature.args
    if not all(isinstance(kind, _types.Array) and kind.ndim == 2 for kind in kinds):
        return False
    known = (_types.float32, _types.float64, _types.complex64, _types.complex128)
    return kinds[0].dtype == kinds[1].dtype == signature.return_type.dtype and kinds[0].dtype in known


def _one_use(state: Any, name: str) -> bool:
    reads = 0
    for block in state.func_ir.blocks.values():
        for stmt in block.body:
            if isinstance(stmt, _numba_ir.Del) or isinstance(stmt, _numba_ir.Assign) and stmt.target.name == name:
                continue
            reads += sum(var.name == name for var in stmt.list_vars())
    return reads == 1
