"""The object that a transform returns: call it, read it, step through it, ship it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from types import MethodType
from typing import Any, cast

import numpy as np
from numba.core import types as nb

from adjoint.api.arguments import check_types, unsupported_value
from adjoint.api.containers import Untypable, kind_of_value, packed
from adjoint.backends import cache
from adjoint.backends.cache import Module
from adjoint.backends.numba_cpu import (
    GradientDispatcher,
    Unboxed,
    Untyped,
    compile_module,
    jit_disabled,
    plain_type,
    with_singles,
)
from adjoint.backends.python import PythonForm
from adjoint.backends.request import ASSUMES, Generated, NumbaType, Request, assumes
from adjoint.backends.shim import OMITTED, calling_convention
from adjoint.errors import BROADCAST_GUARD
from adjoint.ir import Func
from adjoint.ir.dump import dump
from adjoint.rules.containers import is_foreign, passed

_SCALARS: frozenset[type] = frozenset((float, int, bool, complex, np.float32, np.float64, np.complex64, np.complex128))

# Numba takes what it doesn't know for an array, once it has code for one, if it is of a class derived from that.
_PLAIN = _SCALARS | {np.ndarray}
_ODD = (np.ma.MaskedArray, np.matrix)

MOST_STRETCHED = 8  # sets of axes of length 1 for each of which a gradient is made


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


class NotCalledError(AttributeError, RuntimeError):
    """There is no generated source yet, for nothing has said what types the arguments have."""


class Gradient:
    """A transform of `primal`, made for the types of each call's arguments when they are first seen.

    It has the parameters of the primal, their names, order and defaults. Compiled code can call it.
    """

    def __init__(self, request: Request, primal: Callable[..., Any]) -> None:
        self.__qualname__ = self.__name__ = ""
        functools.update_wrapper(self, primal, updated=())
        self.primal = primal
        self.request = request
        self.parameters: Any = self._declared()
        self._signature = inspect.signature(self.parameters)
        self._modules: dict[tuple[NumbaType, ...], Module] = {}
        self._last: Module | None = None
        self._unfused: Gradient | None = None
        # By the axes of arguments that have length 1: the gradient that stretches what is made of them.
        self._stretched: dict[tuple[tuple[str, int], ...], Gradient] = {}
        # By the types of arguments that Numba has none for: what to call, what that returns, and what that makes.
        self._whole: dict[tuple[object, ...], tuple[Any, NumbaType, Any]] = {}
        self._kept: list[Any] = []
        # Whether there is code for more than numbers, which Numba may take for code for what only looks alike.
        self._takes_memory = False
        self._result_types: dict[tuple[type, ...], NumbaType] = {}
        self.dispatcher = GradientDispatcher(self.parameters, self._module_to_compile, request.options, owner=self)
        self._compiled = calling_convention(self.parameters, self.dispatcher)
        interpreted = request.options.target == "python" or jit_disabled()
        # Replaced by a slower way to call when a call needs one, so that others don't pay.
        self._call: Callable[..., Any] = self.python if interpreted else self._compiled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the transform promises, for these arguments; they are left as they were."""
        if self._takes_memory and (kwargs or not _PLAIN.issuperset(map(type, args))) and _is_odd((args, kwargs)):
            self.types_of(*args, **kwargs)  # says what it is
        try:
            return self._call(*args, **kwargs)
        except Unboxed:
            self.dispatcher.boxes = True
            self._call = self._call_single
        except Untyped:
            self._call = self._call_whole
        except ValueError as error:
            return self._assume_less(error, args, kwargs)
        try:
            return self._call(*args, **kwargs)
        except ValueError as error:
            return self._assume_less(error, args, kwargs)

    def _assume_less(self, error: ValueError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        general = self._general(error, args, kwargs)
        try:
            return general(*args, **kwargs)
        except ValueError as failure:
            if general is self._unfused:
                failure.add_note(f"help: {self._where()}")
            # It says all: that the first attempt assumed more is of no interest.
            raise failure from None

    def _where(self) -> str:
        """Say in which function compiled code failed, which doesn't know the line, and how to see that."""
        function = root_function(self.request.fun)
        code = function.__code__
        place = f"{Path(code.co_filename).name}, line {code.co_firstlineno}"
        plain = ".primal.py_func" if hasattr(self.primal, "py_func") else ".primal"
        return f"this is in `{function.__name__}` ({place}); `{plain}(...)` of the gradient shows the line"

    def _assume_less_in_python(self, error: ValueError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._general(error, args, kwargs).python(*args, **kwargs)

    def _general(self, error: ValueError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Gradient:
        """Return the gradient that assumes less of the sizes, if that is what an error is about; else raise it.

        That is one which knows the axes of arguments that have length 1, or one that assumes nothing if this one fails.
        """
        if not str(error).startswith(BROADCAST_GUARD) or not self.request.options.fuse:
            raise error
        ones = self._ones(args, kwargs)
        if ones in self._stretched:
            return self._stretched[ones]
        if not ones or self.request.options.ones or len(self._stretched) == MOST_STRETCHED:
            return self._without_assumptions()
        options = replace(self.request.options, ones=ones)
        made = self._stretched[ones] = type(self)(replace(self.request, options=options), self.primal)
        made._unfused = self._without_assumptions()
        return made

    def _ones(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[str, int], ...]:
        """Return the axes of arguments that have length 1."""
        given = self._signature.bind(*args, **kwargs).arguments
        shapes: dict[str, tuple[int, ...]] = {n: np.shape(value) for n, value in given.items() if _is_array(value)}
        return tuple((name, axis) for name, shape in shapes.items() for axis, size in enumerate(shape) if size == 1)

    def _made_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Gradient:
        """Return the gradient that a call with these arguments ends up with, as far as earlier calls tell."""
        return self._stretched.get(self._ones(args, kwargs), self) if self._stretched else self

    def _without_assumptions(self) -> Gradient:
        if self._unfused is None:
            options = replace(self.request.options, fuse=False, ones=())
            self._unfused = type(self)(replace(self.request, options=options), self.primal)
        return self._unfused

    def _within(self, arg_types: tuple[NumbaType, ...]) -> Callable[..., Any]:
        """Return the function that this gradient is inside a function that is being differentiated."""
        as_it_is = assumes() or not self.request.options.fuse
        return (self if as_it_is else self._without_assumptions()).current_module(arg_types).python_function

    def _call_single(self, *args: Any, **kwargs: Any) -> Any:
        result = self._compiled(*args, **kwargs)
        classes = tuple(map(type, args))
        kind = None if kwargs else self._result_types.get(classes)
        if kind is None:
            kind = self._result_type(args, kwargs)
            if not kwargs and _SCALARS.issuperset(classes):  # classes that tell all about a type
                self._result_types[classes] = kind
        return with_singles(result, kind)

    def _call_whole(self, *args: Any, **kwargs: Any) -> Any:
        """Call with containers that Numba has no type for: they are handed over as tuples."""
        values = args
        if kwargs or len(args) != len(self._signature.parameters):
            given = self._signature.bind(*args, **kwargs).arguments
            values = tuple(given.get(name, OMITTED) for name in self._signature.parameters)
        try:
            pairs = [(str, value) if type(value) is str else packed(value) for value in values]
        except Untypable:  # `types_of` says which argument it is
            pairs = []
        keys = tuple(key for key, _ in pairs)
        known = self._whole.get(keys)
        if known is None:
            types = self.types_of(*args, **kwargs)
            if not any(map(is_foreign, types)) and self.module_for_types(types).assemble is None:
                return self._call_single(*args, **kwargs)
            known = self._whole.get(types) or self._compiled_whole(types)
            self._whole[keys] = self._whole[types] = known
        entry, kind, assemble = known
        result = with_singles(entry(*(handed for _, handed in pairs)), kind)
        return result if assemble is None else assemble(result)

    def _compiled_whole(self, types: tuple[NumbaType, ...]) -> tuple[Any, NumbaType, Any]:
        self._takes_memory = True
        module = self.module_for_types(types)
        dispatcher = compile_module(module, tuple(map(passed, types)), self.request.options)
        (compiled,) = dispatcher.overloads.values()
        self._kept.append(dispatcher)  # it owns the machine code
        return compiled.entry_point, compiled.signature.return_type, module.assemble

    def _result_type(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NumbaType:
        given = tuple(map(plain_type, self.types_of(*args, **kwargs)))
        for types, known in self.dispatcher.overloads.items():
            if tuple(map(plain_type, types)) == given:
                return known.signature.return_type
        return nb.none

    @property
    def python(self) -> PythonForm:
        """The same gradient without JIT, for a debugger to step through."""
        checked = self.request.options.nan_check
        return PythonForm(repr(self), self.module_for, nan_check=checked, otherwise=self._assume_less_in_python)

    @property
    def source(self) -> str:
        """The text of the gradient, for the types it was last made for."""
        if self._last is None:
            raise NotCalledError(
                f"{self!r} has no source yet: call it, or use .source_for(*args) with arguments or Numba types"
            )
        return self._last.source

    def source_for(self, *args: Any, **kwargs: Any) -> str:
        """Return the text of the gradient for these arguments, which may be given as Numba types."""
        return self.module_for(*args, **kwargs).source

    def inspect(self, stage: str, *args: Any, **kwargs: Any) -> Any:
        """Return what a stage of the pipeline leaves for these arguments; an unknown name lists the stages."""
        generated = self.generated_for(*args, **kwargs)
        stages = {**generated.stages, "source": generated.source, "compiled": generated.compiled_text}
        if stage not in stages:
            raise ValueError(f"there is no stage {stage!r}; the stages are {', '.join(stages)}")
        found = stages[stage]
        return dump(found) if isinstance(found, Func) else found

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """Return a report for these arguments or Numba types, as text for people.

        It says which values are active and why others are not, what is recorded, why, and how many bytes that takes,
        and which loops the compiled text has.
        """
        from adjoint.api.explain import explain

        arg_types = self._checked_types(args, kwargs)
        return explain(self._of_function(arg_types), arg_types)

    def export(self, path: str | Path, *args: Any, **kwargs: Any) -> Path:
        """Write a stand-alone module with the gradient for these arguments, and return its path."""
        from adjoint.api.export import export

        return export(self, Path(path), *args, **kwargs)

    def module_for(self, *args: Any, **kwargs: Any) -> Module:
        """Return the generated module for these arguments or Numba types."""
        return self._made_for(args, kwargs).module_for_types(self.types_of(*args, **kwargs))

    def types_of(self, *args: Any, **kwargs: Any) -> tuple[NumbaType, ...]:
        """Return the Numba types of all parameters in a call with these arguments, which may be types themselves."""
        given = self._signature.bind(*args, **kwargs).arguments
        return tuple(
            _typeof(given[name], self.request.fun.__name__) if name in given else nb.Omitted(parameter.default)
            for name, parameter in self._signature.parameters.items()
        )

    def module_for_types(self, arg_types: tuple[NumbaType, ...]) -> Module:
        """Return the generated module for these types: from this object, from the disk or from the compiler."""
        arg_types = self._with_variables(arg_types)
        module = self._modules.get(arg_types)
        if module is None:
            module = self._modules[arg_types] = self.current_module(arg_types)
        self._last = module
        return module

    def _module_to_compile(self, arg_types: tuple[NumbaType, ...]) -> Module:
        self._takes_memory |= not all(isinstance(kind, nb.Number) for kind in arg_types)
        module = self.module_for_types(arg_types)
        if module.assemble is not None and self._call == self._compiled:
            self.dispatcher.assembles = True
            self._call = self._call_whole
        return module

    def current_module(self, arg_types: tuple[NumbaType, ...]) -> Module:
        """Return the module for these types and what the function reaches now: this object may know an older one."""
        arg_types = self._with_variables(arg_types)
        check_types(self.request, tuple(self._signature.parameters), arg_types)
        name = cache.stem(self.request, arg_types)
        module = None if name is None else cache.find(name)
        return module or cache.store(name, self.request, self._generate(arg_types))

    def _with_variables(self, arg_types: tuple[NumbaType, ...]) -> tuple[NumbaType, ...]:
        """Return the types without literals. An omitted argument is a constant, unless differentiated."""
        wrt = self.request.argnums
        return tuple(
            plain_type(kind) if position in wrt or not isinstance(kind, nb.Omitted) else kind
            for position, kind in enumerate(arg_types)
        )

    def generated_for(self, *args: Any, **kwargs: Any) -> Generated:
        """Run the compiler for these arguments, whatever the cache holds."""
        return self._made_for(args, kwargs)._generate(self._checked_types(args, kwargs))

    def _checked_types(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[NumbaType, ...]:
        arg_types = self._with_variables(self.types_of(*args, **kwargs))
        check_types(self.request, tuple(self._signature.parameters), arg_types)
        return arg_types

    def _declared(self) -> Any:
        """Return a plain function with the parameters that a call takes."""
        return root_function(self.request.fun)

    def _generate(self, arg_types: tuple[NumbaType, ...]) -> Generated:
        before = ASSUMES.set(self.request.options.fuse and assumes())
        try:
            return generate(self._of_function(arg_types), arg_types)
        finally:
            ASSUMES.reset(before)

    def _of_function(self, arg_types: tuple[NumbaType, ...]) -> Request:
        """Return the request, for a plain function: the text that a gradient generated is one like any other."""
        fun = self.request.fun
        if isinstance(fun, Gradient):
            fun = fun._within(arg_types)
        return replace(self.request, fun=fun)

    @property
    def _numba_type_(self) -> NumbaType:
        return nb.Dispatcher(self.dispatcher)

    def __adjoint_inline__(
        self, arg_types: tuple[NumbaType, ...], by_name: Mapping[str, NumbaType]
    ) -> Callable[..., Any]:
        """Return the function that stands for a call, of arguments of these types, inside a differentiated function."""
        return self._within(self.types_of(*arg_types, **by_name))

    def __adjoint_key__(self) -> tuple[object, ...]:
        request = self.request
        return request.mode, request.argnums, request.single, request.has_aux, astuple(request.options), request.fun

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        from adjoint.api.pickling import reduce_gradient

        return reduce_gradient(self)

    def __repr__(self) -> str:
        names = tuple(self._signature.parameters)
        wrt = ", ".join(names[position] for position in self.request.argnums)
        return f"<{self.request.mode} of {self.request.fun.__name__} with respect to {wrt}>"

    def _repr_html_(self) -> str:
        from html import escape  # its table of entities takes longer to read than a gradient to load

        try:
            primal = inspect.getsource(self.parameters)
        except OSError:
            primal = "(no source)"
        source = self._last.source if self._last is not None else "(call it, or use .source_for(...))"
        columns = ((self.request.fun.__name__, primal), (self.request.mode, source))
        cells = "".join(
            f'<td style="vertical-align:top;text-align:left"><b>{escape(title)}</b>'
            f"<pre>{escape(text)}</pre></td>"
            for title, text in columns
        )
        return f"<table><tr>{cells}</tr></table>"


def _is_odd(value: object) -> bool:
    """Whether a value, or one in a container, only looks like an array that compiled code takes."""
    match value:
        case tuple() | list():
            return any(map(_is_odd, cast("Sequence[object]", value)))
        case dict():
            return any(map(_is_odd, cast("dict[str, object]", value).values()))
        case _:
            return isinstance(value, _ODD)


def root_function(fun: Any) -> Any:
    """Return the plain function whose parameters a function or gradient has."""
    return fun.parameters if isinstance(fun, Gradient) else fun


def generate(request: Request, arg_types: tuple[NumbaType, ...]) -> Generated:
    """Run the compiler, imported only now: a gradient from the disk does without it."""
    from adjoint.api import compiler

    return compiler.generate(request, arg_types)


def _typeof(value: object, fun_name: str) -> NumbaType:
    try:
        return kind_of_value(value)
    except Untypable as error:
        raise unsupported_value(fun_name, value, error) from None
