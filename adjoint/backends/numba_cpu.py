"""The CPU: a Numba dispatcher that makes the gradient of each signature when it is first asked for.

Dispatch stays in Numba's C code, so a call costs what a call of any compiled function costs; and as it *is* a
dispatcher, compiled code can call it, pass it on and take defaults and keywords from its signature.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np
from numba.core import config, sigutils
from numba.core import errors as numba_errors
from numba.core import types as nb
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import OmittedArg
from numba.core.registry import CPUDispatcher

from adjoint.backends.cache import Module
from adjoint.backends.kept_memory import keep_memory
from adjoint.backends.misread import misread
from adjoint.backends.request import NumbaType, Options
from adjoint.backends.shim import OMITTED, defaults, positional
from adjoint.backends.vector_library import library
from adjoint.errors import AdjointError, TypingError

Produce = Callable[[tuple[NumbaType, ...]], Module]

# Numba is untyped: what is used of it goes through these names.
_Dispatcher: Any = CPUDispatcher
_njit: Callable[..., Any] = cast("Any", numba).njit
_unliteral: Callable[[NumbaType], NumbaType] = cast("Any", nb).unliteral
_normalised: Callable[[Any], tuple[tuple[NumbaType, ...], NumbaType]] = cast("Any", sigutils).normalize_signature
typeof: Callable[[object], NumbaType] = cast("Any", numba).typeof

_OMITTED_TYPE = typeof(OMITTED)  # kept alive: with the last reference goes the number that C code knows it by


class Untyped(Exception):
    """An argument, `value`, or the result has no Numba type: the call must be made in another way."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.value = value


class Unboxed(Exception):
    """Results of a signature just compiled hold single-precision scalars, which Numba boxes as Python floats."""


class GradientDispatcher(_Dispatcher):
    """Dispatches over gradients that `produce` makes, one per signature; `fun` gives the parameters only."""

    def __init__(self, fun: FunctionType, produce: Produce, options: Options, owner: object) -> None:
        parent: Any = super()
        parent.__init__(positional(fun), targetoptions={"nopython": True})
        library()  # compiled code that calls these gradients may be found on disk
        self._defaults = defaults(fun)
        self._produce = produce
        self._options = options
        self.owner = owner
        self._compiled: list[Any] = []
        # Whether whoever calls from Python gives single-precision scalars their type back.
        self.boxes = False
        # Whether results hold containers that Numba has no type for: whoever calls from Python makes them of tuples.
        self.assembles = False

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, unless that is done, and return the entry point."""
        args = tuple(_normalised(sig)[0])
        with cast("Any", global_compiler_lock):
            known = self.overloads.get(args)
            if known is None:
                compiled = compile_module(self._produce(args), args, self._options)
                known = compiled.overloads[args]
                self.add_overload(known)
                self._compiled.append(compiled)  # it owns the machine code
            return known.entry_point

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Answer Numba's type inference, in a caller that is being compiled."""
        parent: Any = super()
        try:
            return parent.get_call_template(args, kws)
        except (AdjointError, TypeError, ValueError) as error:
            # Inference goes on after a TypingError, as it must while types are still being refined.
            raise numba_errors.TypingError("".join(traceback.format_exception_only(error))) from error

    def add_overload(self, cres: Any) -> None:
        """Let Numba's C code find a compiled signature, by `OMITTED` where an argument is omitted."""
        args = tuple(cres.signature.args)
        codes = [(_OMITTED_TYPE if isinstance(kind, nb.Omitted) else kind)._code for kind in args]
        self._insert(codes, cres.entry_point, cres.objectmode)
        self.overloads[args] = cres

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        parent: Any = super()
        for arg in args:
            if arg is not OMITTED and holds_list(arg):
                raise Untyped(arg)
        given = (OmittedArg(self._defaults[k]) if arg is OMITTED else arg for k, arg in enumerate(args))
        try:
            entry_point = parent._compile_for_args(*given, **kws)
        except (AdjointError, TypeError, ValueError, Untyped) as error:
            raise error.with_traceback(None) from error.__cause__
        if self.assembles:
            raise Untyped(args)
        if not self.boxes and any(holds_single(known.signature.return_type) for known in self.overloads.values()):
            raise Unboxed
        return entry_point

    def typeof_pyval(self, val: Any) -> Any:
        """Return the type of an argument; called when Numba's C code doesn't know it."""
        parent: Any = super()
        kind = nb.pyobject if misread(val) else parent.typeof_pyval(val)
        if kind is nb.pyobject:
            raise Untyped(val)
        return kind

    def __reduce__(self) -> Any:
        return getattr, (self.owner, "dispatcher")


def holds_list(value: object) -> bool:
    """Whether a value is a list, or a tuple with one inside: Numba would copy it back and forth."""
    return isinstance(value, list) or isinstance(value, tuple) and any(map(holds_list, cast("Any", value)))


def plain_type(kind: NumbaType) -> NumbaType:
    """Return the type that a variable holding such an argument has."""
    return typeof(cast("Any", kind).value) if isinstance(kind, nb.Omitted) else _unliteral(kind)


def compile_module(module: Module, args: tuple[NumbaType, ...], options: Options) -> Any:
    """Return a Numba dispatcher for the module's entry, compiled for `args`."""
    keep_memory()
    compiled = _njit(
        positional(module.compiled_function),
        **_pipeline(options),
        cache=module.on_disk,
        parallel=options.parallel,
        fastmath=set(options.fastmath) or False,
        error_model="numpy",
    )
    with warnings.catch_warnings():
        # They are about code the user didn't write.
        warnings.simplefilter("ignore", numba_errors.NumbaPerformanceWarning)
        try:
            compiled.compile(args)
        except (numba_errors.ForceLiteralArg, AdjointError):
            raise
        except Exception as error:
            raise _refused(module, error) from error
    return compiled


def _pipeline(options: Options) -> dict[str, Any]:
    """Return the option for Numba's compiler with vector functions, where loops may be vectorised."""
    if "reassoc" not in options.fastmath:
        return {}
    from adjoint.backends.vector_math import VectorMathCompiler

    return {"pipeline_class": VectorMathCompiler}


def jit_disabled() -> bool:
    """Whether the user asked Numba, by NUMBA_DISABLE_JIT, to leave all code to the interpreter."""
    return bool(cast("Any", config).DISABLE_JIT)


def holds_single(kind: NumbaType) -> bool:
    """Whether a value of this type is, or has among its items, a scalar of single precision."""
    if isinstance(kind, nb.BaseTuple):
        return any(holds_single(item) for item in cast("Any", kind))
    return kind in (nb.float32, nb.complex64)


def with_singles(value: Any, kind: NumbaType) -> Any:
    """Return `value` with its scalars of single precision as NumPy scalars, not as Python's."""
    if not holds_single(kind):
        return value
    if kind is nb.float32:
        return np.float32(value)
    if kind is nb.complex64:
        return np.complex64(value)
    items = (with_singles(item, kind_of_item) for item, kind_of_item in zip(value, kind, strict=True))
    named: Any = cast("Any", type(value))
    return named._make(items) if hasattr(value, "_make") else tuple(items)


def _refused(module: Module, error: Exception) -> TypingError:
    summary = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), str(error))
    return TypingError(
        f"Numba can't compile the gradient {module.entry}: {summary}",
        help="`.source_for(...)` shows the generated text; as `.python` it runs without Numba",
    )
