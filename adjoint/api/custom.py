"""Derivatives given by the user, functions that are run again instead of recorded, and values that are constants.

All of these are functions like those they are made from, for Python and for compiled code. A differentiated function
keeps a call of them as a call; what they may write into their arguments is not followed: they must not.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from types import FunctionType
from typing import Any, cast, overload

import numba
import numpy as np
from numba import extending
from numba.core import types as nb
from numba.core.dispatcher import Dispatcher

from adjoint.api.arguments import make_options
from adjoint.api.gradient import Gradient
from adjoint.api.sweeps import Form, function_from, in_form, name_of, sweep
from adjoint.backends.request import assumes
from adjoint.errors import UnsupportedError
from adjoint.rules.rule import Rule

Partial = str | Callable[..., Any] | None

_njit: Callable[..., Any] = cast("Any", numba).njit


class Ruled:
    """A function with a derivative of its own, as Python and compiled code see it."""

    kind = "rule"

    def __init__(self, fun: Callable[..., Any]) -> None:
        if not callable(fun):
            raise TypeError(f"{self.kind} takes a function, not {fun!r}")
        self.__name__ = self.__qualname__ = ""
        functools.update_wrapper(self, fun, updated=())
        self.__name__ = name_of(fun)
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the value of the function."""
        return self.fun(*args, **kwargs)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as compiled code calls it."""
        return compiled(self.fun)

    @property
    def _numba_type_(self) -> Any:
        return nb.Dispatcher(self.dispatcher)

    def parts(self) -> tuple[object, ...]:
        """Return what the derivative depends on, besides the function."""
        return ()

    def __adjoint_key__(self) -> tuple[object, ...]:
        return type(self).__name__, self.fun, *self.parts()

    def __adjoint_rule__(self, scope: Any) -> Rule:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.__name__}>"


class CustomVJP(Ruled):
    """A function with a pullback of its own; made by `custom_vjp`."""

    kind = "custom_vjp"

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        super().__init__(fun)
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.fwd: Any = None
        self.bwd: Any = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the two functions of the derivative.

        `fwd` takes the arguments and returns `(value, residuals)`; `bwd` takes the residuals and the cotangent of the
        value (before them the arguments of `nondiff_argnums`) and returns a tuple of cotangents, one for each argument
        (but for those), of its shape; None is zero.
        """
        self.fwd, self.bwd = compiled(fwd), compiled(bwd)

    def parts(self) -> tuple[object, ...]:
        return self.fwd, self.bwd, self.nondiff_argnums

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.rules.custom import ByPullback

        if self.fwd is None:
            raise UnsupportedError(f"`{self.__name__}` has no derivative yet", help="call its `.defvjp(fwd, bwd)`")
        return ByPullback(self.__name__, self.fwd, self.bwd, self.nondiff_argnums, scope)


class CustomJVP(Ruled):
    """A function with a pushforward of its own; made by `custom_jvp`."""

    kind = "custom_jvp"

    def __init__(self, fun: Callable[..., Any]) -> None:
        super().__init__(fun)
        self.jvp: Any = None
        self._transposes: dict[tuple[tuple[int, ...], bool], object] = {}

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the derivative, and return it: `jvp(primals, tangents) -> (value, tangent)`, linear in the tangents.

        Both arguments are tuples with an entry for each argument of the function. It is usable as a decorator.
        """
        self.jvp = compiled(jvp)
        self._transposes.clear()
        return jvp

    def parts(self) -> tuple[object, ...]:
        return (self.jvp,)

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.rules.custom import ByPushforward

        if self.jvp is None:
            raise UnsupportedError(f"`{self.__name__}` has no derivative yet", help="give it one by `.defjvp`")
        return ByPushforward(self.__name__, self.jvp, self._transpose, scope)

    def _transpose(self, count: int, positions: tuple[int, ...]) -> object:
        """Return the pullback: the reverse of the pushforward as a function of its tangents."""
        key = positions, assumes()
        if key in self._transposes:
            return self._transposes[key]
        xs, dots = [f"x{k}" for k in range(count)], [f"t{k}" for k in range(count)]
        call = f"jvp(({', '.join(xs)},), ({', '.join(dots)},))[1]"
        text = f"def {self.__name__}_pushforward({', '.join(xs + dots)}):\n    return {call}\n"
        tangent = function_from(self.fun, text, {"jvp": self.jvp}, f"{self.__name__}_pushforward")
        made = sweep("pullback", tangent, Form(2 * count), [count + k for k in positions], make_options())
        self._transposes[key] = made
        return made


class WithPartials(Ruled):
    """An element-wise function with given partial derivatives; made by `rule`."""

    kind = "rule"

    def __init__(self, fun: Callable[..., Any], partials: Sequence[Partial]) -> None:
        super().__init__(_of_arrays(fun) if hasattr(fun, "argtypes") else fun)
        self.params = _parameters(fun, len(partials))
        self.partials = tuple(each if each is None or isinstance(each, str) else compiled(each) for each in partials)
        for each in self.partials:
            if isinstance(each, str):
                _check_text(self.__name__, each, self.params)

    def parts(self) -> tuple[object, ...]:
        return self.partials

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.ir import Call, Var
        from adjoint.rules.custom import Partials
        from adjoint.rules.table import parse

        operands = tuple(map(Var, self.params))
        given: list[Any] = []
        for k, each in enumerate(self.partials):
            if each is None or isinstance(each, str):
                given.append(None if each is None or each.strip() == "-" else parse(each))
            else:
                given.append(Call(scope.reference(f"{self.__name__}_partial_{k}", each), operands))
        return Partials(self.__name__, True, self.params, tuple(given))


class Checkpoint(Ruled):
    """A function that is run again in the backward sweep; made by `checkpoint`."""

    kind = "checkpoint"

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.rules.custom import BySweep

        return BySweep(self.__name__, self._sweep, scope)

    def _sweep(self, mode: Any, types: tuple[object, ...], positions: tuple[int, ...]) -> object:
        from adjoint.api.compiler import written_arguments

        written = written_arguments(in_form(_python(self.fun), Form(len(types))), types)
        if written:
            raise UnsupportedError(
                f"the checkpointed function `{self.__name__}` writes into its argument `{written[0]}`",
                help="let it return what it computes",
            )
        return sweep(mode, self.fun, Form(len(types)), positions, make_options())


class StopGradient(Ruled):
    """The identity without a derivative."""

    kind = "stop_gradient"

    @cached_property
    def dispatcher(self) -> Any:
        cast("Any", extending).overload(_constant)(_typed_constant)
        return _njit(_called_constant)

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.rules.custom import Stopped

        return Stopped()


def _constant(x: Any) -> Any:
    """Return `x`, as a constant: inside a differentiated function its derivative is zero.

    `x` is a number or an array; an array is copied.
    """
    return cast("Any", x).copy() if isinstance(x, np.ndarray) else x


def _called_constant(x: Any) -> Any:
    return _constant(x)


def _typed_constant(x: Any) -> Callable[[Any], Any]:
    """Return the body of `_constant` for a type; Numba wants the same annotations in both."""

    def copied(x: Any) -> Any:
        return x.copy()

    def same(x: Any) -> Any:
        return x

    return copied if isinstance(x, nb.Array) else same


_constant.__name__ = _constant.__qualname__ = "stop_gradient"
stop_gradient = StopGradient(_constant)


@overload
def custom_vjp(fun: Callable[..., Any], *, nondiff_argnums: Sequence[int] = ()) -> CustomVJP: ...
@overload
def custom_vjp(fun: None = None, *, nondiff_argnums: Sequence[int] = ()) -> Callable[..., CustomVJP]: ...


def custom_vjp(
    fun: Callable[..., Any] | None = None, *, nondiff_argnums: Sequence[int] = ()
) -> CustomVJP | Callable[..., CustomVJP]:
    """Return `fun` as a function whose pullback is given by `.defvjp(fwd, bwd)`, in reverse mode of any order.

    Use it as a decorator. `fun`, `fwd` and `bwd` are Python functions that Numba can compile, or compiled by it; they
    must not write into their arguments. Forward mode through it is an error. `nondiff_argnums` are positions of
    arguments that are not differentiated.

    >>> from adjoint import grad
    >>> @custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda residual, y_bar: (min(y_bar, 1.0),))
    >>> grad(lambda x: 5.0 * clipped(x))(2.0)
    1.0
    """
    if fun is None:
        return functools.partial(CustomVJP, nondiff_argnums=nondiff_argnums)
    return CustomVJP(fun, nondiff_argnums)


def custom_jvp(fun: Callable[..., Any]) -> CustomJVP:
    """Return `fun` as a function whose pushforward is given by `.defjvp(jvp)`, in both modes and any order.

    Use it as a decorator. The pullback is derived from the pushforward, which has to be linear in the tangents. `fun`
    and `jvp` are Python functions that Numba can compile, or compiled by it; they must not write into their arguments.

    >>> from adjoint import grad
    >>> @custom_jvp
    ... def square(x):
    ...     return x * x
    >>> @square.defjvp
    ... def square_jvp(primals, tangents):
    ...     return primals[0] * primals[0], 2.0 * primals[0] * tangents[0]
    >>> grad(square)(3.0)
    6.0
    """
    return CustomJVP(fun)


def rule(fun: Callable[..., Any], partials: Partial | Sequence[Partial]) -> WithPartials:
    """Return the element-wise function `fun` with its partial derivatives, one for each argument, in both modes.

    A partial is a text in the language of the rule tables (`"cos(x)"`, with the names of the parameters, and `y` for
    the value), a function of all arguments, or None where there is no derivative. `fun` is a Python function, one
    compiled by Numba, a function of C as `ctypes` knows it, or any other that compiled code can call.

    >>> from math import exp
    >>> from adjoint import grad
    >>> def logistic(x):
    ...     return 1.0 / (1.0 + exp(-x))
    >>> smooth = rule(logistic, "y * (1 - y)")
    >>> grad(lambda x: smooth(x))(0.0)
    0.25
    """
    single = partials is None or isinstance(partials, str) or callable(partials)
    return WithPartials(fun, (cast("Partial", partials),) if single else tuple(cast("Sequence[Partial]", partials)))


def checkpoint(fun: Callable[..., Any]) -> Checkpoint:
    """Return `fun` as a function of which a gradient records nothing: its forward sweep is run again when needed.

    Use it as a decorator or call. `fun` must not write into its arguments, and is called by position.

    >>> from adjoint import grad
    >>> square = checkpoint(lambda x: x * x)
    >>> grad(lambda x: square(x) * x)(2.0)
    12.0
    """
    return Checkpoint(fun)


def compiled(fun: Any) -> Any:
    """Return a function as a Numba dispatcher (or a gradient); what Python calls is left to Numba's first call."""
    match fun:
        case Dispatcher() | Ruled() | Gradient():
            return cast("Any", fun)
        case FunctionType():
            return _njit(error_model="numpy")(fun)
        case _:
            names = ", ".join(_parameters(fun, None))
            text = f"def {name_of(fun)}({names}):\n    return external({names})\n"
            return _njit(error_model="numpy")(function_from(fun, text, {"external": fun}, name_of(fun)))


def _of_arrays(fun: Any) -> Any:
    """Return a function of C, of numbers and known by its address, as one that takes arrays element by element."""
    if fun.argtypes is None or fun.restype is None:
        raise TypeError(f"rule of {fun!r}: set its `argtypes` and its `restype`")
    names = ", ".join(f"x{k}" for k in range(len(fun.argtypes))) if len(fun.argtypes) > 1 else "x"
    text = f"def {name_of(fun)}({names}):\n    return external({names})\n"
    return cast("Any", numba).vectorize(function_from(compiled, text, {"external": fun}, name_of(fun)))


def _python(fun: Any) -> Any:
    return getattr(fun, "py_func", fun)


def _parameters(fun: Any, count: int | None) -> tuple[str, ...]:
    """Return the names of the parameters; those of a function in C may have to be made up."""
    try:
        names = tuple(inspect.signature(_python(fun)).parameters)
    except (TypeError, ValueError):
        number = count if count is not None else getattr(fun, "nin", None)
        if number is None:
            raise TypeError(f"the parameters of {fun!r} aren't known: wrap it in a function") from None
        names = tuple(f"x{k}" for k in range(number)) if number > 1 else ("x",)
    if count is not None and len(names) != count:
        raise ValueError(f"rule of {name_of(fun)}: {count} partials for {len(names)} parameters, {', '.join(names)}")
    return names


def _check_text(name: str, text: str, params: tuple[str, ...]) -> None:
    from adjoint.ir.walk import names_in
    from adjoint.rules.table import parse

    if text.strip() == "-":
        return
    try:
        expr = parse(text)
    except (SyntaxError, ValueError, KeyError, AssertionError) as error:
        raise ValueError(f"rule of {name}: {text!r} is not an expression of the rule tables ({error})") from None
    stray = [each for each in names_in(expr) if each not in (*params, "y")]
    if stray:
        raise ValueError(f"rule of {name}: {text!r} mentions {stray[0]!r}; known are {', '.join(params)} and y")
    for prim in sorted(set(re.findall(r"([A-Za-z_][\w.]*)\s*\(", text))):
        _check_function(name, text, prim)


def _check_function(name: str, text: str, prim: str) -> None:
    from adjoint.rules.find import kind

    if kind(prim) is None and not prim.startswith("helper."):
        raise ValueError(f"rule of {name}: {text!r} calls {prim!r}, which is not a primitive")
