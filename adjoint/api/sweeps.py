"""Sweeps: compiled functions of arguments and seeds, from which all derivatives other than gradients are made.

A sweep takes its arguments by position, then its seeds, and returns a pair: the value, and what became of the seeds, or
that alone.
Sweeps are kept, by a digest of all that their function depends on: `jvp(f, ...)` in a loop compiles once, and a changed
global is seen.
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, TypeVar, cast

from numba.core.dispatcher import Dispatcher

from adjoint.api.gradient import Gradient, root_function
from adjoint.api.transforms import check_syntax
from adjoint.backends.fingerprint import Unpinned, fingerprint
from adjoint.backends.numba_cpu import GradientDispatcher
from adjoint.backends.request import FORWARD, REVERSE, Generated, Mode, NumbaType, Options, Request

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_Made = TypeVar("_Made", bound=Gradient)
_KEPT = 256
_families: OrderedDict[str, Family] = OrderedDict()


class Sweep(Gradient):
    """A function `(args..., seeds...) -> (value, derivative)`.

    In mode "primal" it takes no seeds and returns the value, in "pullback" and "pushforward" it returns the derivative.
    """

    def _declared(self) -> Any:
        names = list(inspect.signature(root_function(self.request.fun)).parameters)
        added = ["y_bar"] if self.request.mode in REVERSE else []
        if self.request.mode in FORWARD:
            added = [f"{names[k]}_dot" for k in self.request.argnums]
        for name in added:
            while name in names:
                name += "_"
            names.append(name)
        return eval(f"lambda {', '.join(names)}: None")

    def _generate(self, arg_types: tuple[NumbaType, ...]) -> Generated:
        count = len(inspect.signature(root_function(self.request.fun)).parameters)
        return super()._generate(arg_types[:count])


@dataclass(frozen=True)
class Form:
    """How a function is called: by `count` positions and some keywords.

    `outputs` are arguments that it writes and that are its result, bare if `single`.
    """

    count: int
    keywords: tuple[str, ...] = ()
    outputs: tuple[int, ...] = ()
    single: bool = True


class Family:
    """The sweeps of one function, and those of its gradients, as they are asked for."""

    def __init__(self, function: Any) -> None:
        if isinstance(function, FunctionType):
            check_syntax(function)
        self.function = function
        self._sweeps: dict[object, Sweep] = {}
        self._gradients: dict[object, Family] = {}
        self._made: list[tuple[Form, Gradient]] = []

    def sweep(self, mode: Mode, form: Form, argnums: Sequence[int], options: Options) -> Sweep:
        """Return the sweep of the function called in this form: positions come first, keywords last."""
        key = mode, form, tuple(argnums), options
        if key not in self._sweeps:
            self._sweeps[key] = self._make(Sweep, mode, form, argnums, options)
        return self._sweeps[key]

    def use(self, function: Any) -> None:
        """Make what is yet to be compiled from another function of the same digest: the old one may have changed."""
        if function is self.function:
            return
        self.function = function
        for form, made in self._made:
            made.request = replace(made.request, fun=in_form(function, form))

    def gradient(self, form: Form, argnums: Sequence[int], options: Options) -> Family:
        """Return the sweeps of the gradient of the function called in this form."""
        key = form, tuple(argnums), options
        if key not in self._gradients:
            self._gradients[key] = Family(self._make(Gradient, "grad", form, argnums, options))
        return self._gradients[key]

    def _make(self, kind: type[_Made], mode: Mode, form: Form, argnums: Sequence[int], options: Options) -> _Made:
        called = in_form(self.function, form)
        made = kind(Request(called, mode, tuple(argnums), single=False, options=options), called)
        self._made.append((form, made))
        return made


def family(mode: str, fun: Any) -> Family:
    """Return the sweeps of a function. Raises TypeError if `fun` can't be called."""
    function = callee(mode, fun)
    try:
        digest = fingerprint(function)
    except (Unpinned, OSError, RecursionError):
        return Family(function)
    if digest not in _families:
        _families[digest] = Family(function)
        if len(_families) > _KEPT:
            _families.popitem(last=False)
    _families.move_to_end(digest)
    _families[digest].use(function)
    return _families[digest]


def sweep(mode: Mode, fun: Any, form: Form, argnums: Sequence[int], options: Options) -> Sweep:
    """Return the sweep of a function called in this form."""
    return family(mode, fun).sweep(mode, form, argnums, options)


def callee(mode: str, fun: Any) -> Any:
    """Return the Python function, the gradient or the object with a derivative of its own behind `fun`.

    Raises TypeError if `fun` can't be called.
    """
    match fun:
        case FunctionType():
            return fun
        case GradientDispatcher():
            return fun.owner
        case Dispatcher(py_func=function):
            return cast("Any", function)
        case _:
            if not callable(fun):
                raise TypeError(f"{mode} takes a function, not {fun!r}")
            return fun


def parameters_of(fun: Any, form: Form) -> list[str]:
    """Return the names of the arguments in a call of this form."""
    try:
        signature = inspect.signature(root_function(fun))
    except (TypeError, ValueError):
        return [*_numbered(form.count), *form.keywords]
    names = [p.name for p in signature.parameters.values() if p.kind in _POSITIONAL]
    if len(names) < form.count and any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        names += _numbered(form.count)[len(names) :]
    if len(names) < form.count:
        raise TypeError(f"{name_of(fun)} takes {len(names)} positional arguments, and {form.count} are given")
    return [*names[: form.count], *form.keywords]


def in_form(fun: Any, form: Form) -> Any:
    """Return a function of exactly the arguments of this form: `fun` itself, or one that calls it."""
    names = parameters_of(fun, form)
    if isinstance(fun, FunctionType | Gradient) and form == Form(form.count):
        parameters = list(inspect.signature(root_function(fun)).parameters.values())
        if len(parameters) == form.count and all(p.kind in _POSITIONAL for p in parameters):
            return fun
    called = "fun"
    while called in (*names, name_of(fun)):
        called += "_"
    positions, keywords = names[: form.count], [f"{name}={name}" for name in form.keywords]
    call = f"{called}({', '.join([*positions, *keywords])})"
    lines = [f"return {call}"]
    if form.outputs:
        written = [names[k] for k in form.outputs]
        lines = [call, f"return {written[0]}" if form.single else f"return ({', '.join(written)},)"]
    body = "".join(f"    {line}\n" for line in lines)
    return function_from(fun, f"def {name_of(fun)}({', '.join(names)}):\n{body}", {called: fun})


def function_from(fun: Any, text: str, names: dict[str, Any], name: str = "") -> FunctionType:
    """Return the function that a text defines, called `name` or like `fun`, with these globals."""
    filename = f"<adjoint call {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names = {"__name__": getattr(fun, "__module__", None) or __name__, **names}
    exec(compile(text, filename, "exec"), names)
    return names[name or name_of(fun)]


def name_of(fun: Any) -> str:
    """Return what to call a function in text and messages."""
    name = getattr(fun, "__name__", "function")
    return name if name.isidentifier() else "function"


def _numbered(count: int) -> list[str]:
    return [f"x{k}" for k in range(count)]
