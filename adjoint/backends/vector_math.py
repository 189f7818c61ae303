"""Elementary functions that LLVM can vectorise: those of glibc's vector library, and extremes that keep NaN.

The text of a gradient says `np.exp(x)`, and Numba makes a call of a scalar function of it, which keeps the loop around
it scalar. While a generated module is compiled, a pass puts functions of ours in the place of NumPy's and `math`'s
where they are called on a number of double precision: the same calls, declared with the names of their vector
variants. Where there is no such library the pass leaves these functions alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any, cast

import llvmlite.binding as llvm_binding
from llvmlite import ir as llvm_ir
from numba.core import cgutils as numba_cgutils
from numba.core import compiler as numba_compiler
from numba.core import compiler_machinery, typed_passes, typing
from numba.core import imputils as numba_imputils
from numba.core import ir as numba_ir
from numba.core import types as numba_types
from numba.core.typing.templates import ConcreteTemplate as NumbaTemplate

from adjoint.backends.huge_pages import HugePages
from adjoint.backends.vector_library import FUNCTIONS, library

# Numba and llvmlite are untyped: what is used of them goes through these names.
_llvm: Any = llvm_binding
_ir: Any = llvm_ir
_cgutils: Any = numba_cgutils
_types: Any = numba_types
_numba_ir: Any = numba_ir
_machinery: Any = compiler_machinery
_Compiler: Any = numba_compiler.CompilerBase
_Passes: Any = numba_compiler.DefaultPassBuilder
_Inference: Any = typed_passes.NopythonTypeInference
_Checked: Any = typed_passes.NoPythonSupportedFeatureValidation
_Template: Any = NumbaTemplate
_signature: Any = cast("Any", typing).signature
_lower_builtin: Any = cast("Any", numba_imputils).lower_builtin

# How many numbers of double precision a vector function takes, the letter of its kind and what the processor needs.
_KINDS = ((2, "b", "sse2"), (4, "d", "avx2"), (8, "e", "avx512f"))
_EXTREMES = ("maximum", "minimum")


@dataclass(frozen=True)
class _Function:
    """What stands in for a function of NumPy or `math` in a compiled module."""

    name: str
    arity: int = 1


@cache
def _replacements() -> Mapping[tuple[str, str], Any]:
    """Return the Numba types of what takes the place of functions, by module and name."""
    found: dict[tuple[str, str], Any] = {}
    for name, (in_numpy, in_math) in FUNCTIONS.items() if library() else ():
        kind = _declared(_Function(name), partial(_call, name))
        found |= {("numpy", in_numpy): kind, ("math", in_math): kind}
    for name in _EXTREMES:
        found["numpy", name] = _declared(_Function(name, 2), partial(_extreme, name))
    return found


def _declared(function: _Function, emit: Callable[..., Any]) -> Any:
    """Tell Numba how to compile a function of numbers of double precision, and return its type."""
    args = (_types.float64,) * function.arity
    cases = [_signature(_types.float64, *args)]

    def compiled(*given: Any) -> Any:  # Numba asks functions for their names
        return emit(*given)

    _lower_builtin(function, *args)(compiled)
    return _types.Function(type(function.name, (_Template,), {"key": function, "cases": cases}))


def _call(name: str, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Call the function of libm, of which LLVM may take vector variants."""
    module, double = builder.module, _ir.DoubleType()
    function = _pure(module, name, _ir.FunctionType(double, [double]))
    features = _llvm.get_host_cpu_features()
    kinds = [(width, f"_ZGV{letter}N{width}v_{name}") for width, letter, feature in _KINDS if features.get(feature)]
    variants = ",".join(f"_ZGV_LLVM_N{width}v_{name}({symbol})" for width, symbol in kinds)
    _attribute(function, f'"vector-function-abi-variant"="{variants}"')
    for width, symbol in kinds:
        vector = _ir.VectorType(double, width)
        _keep(module, _pure(module, symbol, _ir.FunctionType(vector, [vector])))
    return builder.call(function, args)


def _extreme(name: str, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The operation of LLVM that gives NaN for NaN; it vectorises, also as a reduction."""
    double = _ir.DoubleType()
    function = _cgutils.get_or_insert_function(
        builder.module, _ir.FunctionType(double, [double, double]), f"llvm.{name}.f64"
    )
    return builder.call(function, args)


def _pure(module: Any, symbol: str, kind: Any) -> Any:
    function = _cgutils.get_or_insert_function(module, kind, symbol)
    no_memory = "memory(none)" if _llvm.llvm_version_info[0] >= 16 else "readnone"
    for attribute in ("nounwind", "willreturn", no_memory):
        _attribute(function, attribute)
    return function


def _attribute(function: Any, text: str) -> None:
    """Give a function an attribute, also one that llvmlite doesn't know."""
    cast("Any", set).add(function.attributes, text)


def _keep(module: Any, function: Any) -> None:
    """Keep a declaration that only an attribute mentions."""
    kept: list[Any] = module.__dict__.setdefault("_adjoint_kept", [])
    if any(known.name == function.name for known in kept):
        return
    kept.append(function)
    name = "llvm.compiler.used"
    if name in module.globals:
        del module.globals[name]
        module.scope._useset.discard(name)
    pointer = _ir.IntType(8).as_pointer()
    used = _ir.GlobalVariable(module, _ir.ArrayType(pointer, len(kept)), name)
    used.linkage, used.section = "appending", "llvm.metadata"
    used.initializer = _ir.Constant(used.value_type, [each.bitcast(pointer) for each in kept])


@_machinery.register_pass(mutates_CFG=False, analysis_only=False)
class _Replace(_machinery.FunctionPass):
    """Put the functions in the place of those that `np.NAME` and `math.NAME` say, in calls on numbers."""

    _name = "adjoint_vector_math"

    def __init__(self) -> None:
        base: Any = super()
        base.__init__()

    def run_pass(self, state: Any) -> bool:
        functions = _Functions(state)
        for block in state.func_ir.blocks.values():
            for assign in block.find_insts(_numba_ir.Assign):
                if isinstance(assign.value, _numba_ir.Expr) and assign.value.op == "call":
                    functions.call(assign.value)
        if functions.changed:
            state.targetctx.refresh()  # the functions may be new to it
        return bool(functions.changed)


class _Functions:
    def __init__(self, state: Any) -> None:
        self.state = state
        self.changed = 0
        self.uses = Counter(var.name for block in state.func_ir.blocks.values() for var in _read(block))

    def call(self, call: Any) -> None:
        """Replace the function that a call is of."""
        signature = self.state.calltypes[call]
        fits = all(isinstance(kind, _types.Integer) or kind == _types.float64 for kind in signature.args)
        names = self.passed_on(call.func)
        if not fits or signature.return_type != _types.float64 or any(self.uses[name] != 1 for name in names):
            return
        kind = _replacements().get(self.name(call.func))
        if kind is None:
            return
        numbers = (_types.float64,) * len(signature.args)
        for known, key in ((self.state.calltypes, call), *((self.state.typemap, name) for name in names)):
            del known[key]  # they take each key once
        self.state.calltypes[call] = kind.get_call_type(self.state.typingctx, numbers, {})
        self.state.typemap.update(dict.fromkeys(names, kind))
        self.changed += 1

    def passed_on(self, function: Any) -> list[str]:
        """Return the names a function goes through: it is looked up before a branch in its arguments, and copied."""
        names = [function.name]
        while isinstance(value := self.single(names[-1]), _numba_ir.Var):
            names.append(value.name)
        return names

    def single(self, name: str) -> Any:
        values = self.state.func_ir._definitions[name]
        return values[0] if len(values) == 1 else None

    def name(self, function: Any) -> tuple[str, str]:
        """Return the module that a function is found in, and its name there; empty if that isn't how it is found."""
        access = self.definition(function)
        is_attribute = isinstance(access, _numba_ir.Expr) and access.op == "getattr"
        source = self.definition(access.value) if is_attribute else None
        module = getattr(source, "value", None) if isinstance(source, _numba_ir.Global | _numba_ir.FreeVar) else None
        return (module.__name__, access.attr) if isinstance(module, ModuleType) else ("", "")

    def definition(self, var: Any) -> Any:
        try:
            return self.state.func_ir.get_definition(var)
        except KeyError:
            return None


def _read(block: Any) -> Iterator[Any]:
    for stmt in block.body:
        written = (stmt.target.name,) if isinstance(stmt, _numba_ir.Assign) else ()
        yield from (var for var in stmt.list_vars() if var.name not in written)


class VectorMathCompiler(_Compiler):
    """Numba's compiler with the passes."""

    def define_pipelines(self) -> list[Any]:
        """Return the one pipeline: that of `njit`."""
        passes = _Passes.define_nopython_pipeline(self.state)
        passes.add_pass_after(_Replace, _Inference)
        passes.add_pass_after(HugePages, _Checked)
        passes.finalize()
        return [passes]
