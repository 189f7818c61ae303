"""The transforms of a whole function: `grad` and `value_and_grad`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypedDict, Unpack, cast, overload

from numba.core.dispatcher import Dispatcher

from adjoint.api.arguments import Argnums, Fastmath, check_flag, make_options, resolve_argnums
from adjoint.api.gradient import Gradient, root_function
from adjoint.api.inside import made_of
from adjoint.backends.cache import once_per_text
from adjoint.backends.numba_cpu import GradientDispatcher
from adjoint.backends.request import Mode, Options, Request

Decorator = Callable[[Callable[..., Any]], Gradient]


class TransformOptions(TypedDict, total=False):
    """The options every transform takes; `grad` explains them."""

    target: str
    parallel: bool
    fastmath: Fastmath | None
    cache: bool
    memory_limit: int | None
    nan_check: bool
    deterministic: bool


@overload
def grad(
    fun: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Gradient: ...


@overload
def grad(
    fun: None = None,
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Decorator: ...


def grad(
    fun: Callable[..., Any] | None = None,
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Gradient | Decorator:
    """Return the gradient of a scalar-valued function.

    Use it as a decorator, bare or with options, or call it. The result takes the parameters of `fun` and returns the
    derivative with respect to `argnums`: an index or a name (by default the first parameter), for which it returns that
    gradient alone, or a tuple of those, for which it returns a tuple. `wrt` is another name for `argnums`.

    With `has_aux`, `fun` returns a pair `(value, aux)` and the result is `(gradient, aux)`.

    Options: `target`, "cpu", "python" or "cuda" (for kernels); `parallel`, to run loops on all cores; `fastmath`, a set
    of LLVM's flags, `True` for all or `False` for the strict order of operations (by default those that keep NaN and
    infinity); `cache`, whether generated code is kept on disk; `memory_limit`, in bytes, to run loops that
    record in segments, each once more on the way back; `nan_check`, to raise where a value or derivative first becomes
    NaN or infinite; `deterministic`, for kernels, to refuse sums whose order is another in each run.

    Raises AdjointError if `fun` can't be differentiated, and TypeError or ValueError for options that make no sense.

    >>> grad(lambda x, y: x * x * y, ("x", "y"))(3.0, 2.0)
    (12.0, 9.0)
    """
    return _transform("grad", fun, argnums, wrt, has_aux, options)


@overload
def value_and_grad(
    fun: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Gradient: ...


@overload
def value_and_grad(
    fun: None = None,
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Decorator: ...


def value_and_grad(
    fun: Callable[..., Any] | None = None,
    argnums: Argnums | None = None,
    *,
    wrt: Argnums | None = None,
    has_aux: bool = False,
    **options: Unpack[TransformOptions],
) -> Gradient | Decorator:
    """Return a function for the value of `fun` and its gradient, `(value, gradient)`.

    With `has_aux` it returns `((value, aux), gradient)`. All else is as for `grad`, also what it raises.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """
    return _transform("value_and_grad", fun, argnums, wrt, has_aux, options)


def _transform(
    mode: Mode,
    fun: Callable[..., Any] | None,
    argnums: Argnums | None,
    wrt: Argnums | None,
    has_aux: bool,
    options: TransformOptions,
) -> Gradient | Decorator:
    checked = checked_options(mode, options)
    check_flag("has_aux", has_aux)

    def transform(function: Callable[..., Any]) -> Gradient:
        if checked.target == "cuda" or is_kernel(function):
            _check_kernel_options(has_aux, checked)
            return cast("Any", _on_gpu(mode, function, argnums if wrt is None else wrt, checked))
        if checked.deterministic:
            raise _only_of_kernels(mode)
        return _make(mode, function, argnums, wrt, has_aux, checked)

    return transform if fun is None else transform(fun)


def is_kernel(fun: object) -> bool:
    """Whether an object is what `cuda.jit` makes of a function, here or in the simulator."""
    return type(fun).__module__.startswith(("numba.cuda.", "numba_cuda_mlir."))


def _on_gpu(mode: Mode, fun: Any, wrt: Argnums | None, options: Options) -> object:
    from adjoint.api.cuda import kernel_gradient, whole_gradient

    if mode == "grad":
        return kernel_gradient(fun, wrt, options)
    if is_kernel(fun):
        raise TypeError(
            f"{mode} has no target 'cuda' for a kernel; use `grad`: it has no value, only the arrays it writes"
        )
    return whole_gradient(mode, fun, wrt, options)


def _check_kernel_options(has_aux: bool, options: Options) -> None:
    """Raise TypeError for what would be left out silently."""
    plain = Options(target=options.target, cache=options.cache)
    for name in ("parallel", "fastmath", "memory_limit", "nan_check"):
        if getattr(options, name) != getattr(plain, name):
            raise TypeError(f"the gradient of a kernel has no option {name!r}")
    if has_aux:
        raise TypeError("the gradient of a kernel has no option 'has_aux': a kernel returns nothing")


def _only_of_kernels(mode: str) -> TypeError:
    return TypeError(f"{mode} has the option 'deterministic' for kernels only; fastmath=False keeps sums in order")


_DEFAULT = make_options()


def checked_options(mode: str, options: TransformOptions) -> Options:
    """Return the options of a transform called `mode`. Raises TypeError for one that doesn't exist."""
    if not options:  # `jvp` and others come here at every call
        return _DEFAULT
    try:
        inspect.signature(make_options).bind(**options)
    except TypeError:
        known = tuple(inspect.signature(make_options).parameters)
        unknown = next(name for name in options if name not in known)
        raise TypeError(f"{mode} has no option {unknown!r}; it has {', '.join(known)}") from None
    made = make_options(**options)
    if made.target == "cuda" and mode not in ("grad", "value_and_grad"):
        raise TypeError(f"{mode} has no target 'cuda'; use `grad`")
    if made.deterministic and mode != "grad":
        raise _only_of_kernels(mode)
    return made


def _make(
    mode: Mode,
    primal: Callable[..., Any],
    argnums: Argnums | None,
    wrt: Argnums | None,
    has_aux: bool,
    options: Options,
) -> Gradient:
    fun = _plain(mode, primal)
    root = root_function(fun)
    if fun is root:
        check_syntax(fun)
    positions, single = resolve_argnums(fun.__name__, inspect.signature(root), argnums, wrt)
    return Gradient(Request(fun, mode, positions, single, has_aux, options), primal)


def positions_of(fun: Any, argnums: Argnums | None) -> tuple[tuple[int, ...], bool]:
    """Return the positions of the arguments asked for, and whether the user named one rather than a tuple of them."""
    return resolve_argnums(_name(fun), inspect.signature(root_function(fun)), argnums, None)


def _plain(mode: str, fun: Any) -> Any:
    """Return the Python function, or the gradient, behind what the user gave."""
    match fun:
        case Gradient() | FunctionType():
            return fun
        case GradientDispatcher():
            return fun.owner
        case Dispatcher(py_func=function):
            return cast("Any", function)
        case _ if hasattr(fun, "__adjoint_rule__"):
            from adjoint.api.sweeps import Form, in_form

            return in_form(fun, Form(len(inspect.signature(fun).parameters)))
        case _:
            if not callable(fun):
                raise TypeError(f"{mode} takes a function, not {fun!r}")
            check_syntax(fun)
            raise TypeError(
                f"{mode} takes a Python function, not {type(fun).__name__}; wrap it: lambda x: {_name(fun)}(x)"
            )


def _name(fun: Any) -> str:
    return getattr(fun, "__name__", "fun")


def check_syntax(fun: Any) -> None:
    """Refuse at once what the text of the function shows to be outside the accepted subset."""
    if isinstance(fun, FunctionType):
        once_per_text(fun, _check)
    else:
        _check(fun)


def _check(fun: Any) -> None:
    from adjoint import frontend  # only now: to import it takes longer than to load a gradient from the disk

    frontend.check(fun)


# What a call of these means inside a function that is differentiated.
for _public in (grad, value_and_grad):
    vars(_public)["__adjoint_lower__"] = made_of(_public)
