"""`grad(f, target="cuda")` of a function of whole arrays: its loops are kernels, launched by a host function."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numba.core import types as nb

from adjoint.api.arguments import check_types, unsupported_value, wrong_count
from adjoint.api.containers import Untypable
from adjoint.api.gradient import NotCalledError
from adjoint.backends import cuda
from adjoint.backends.request import NumbaType, Request
from adjoint.errors import BROADCAST_GUARD


class WholeGradient:
    """The gradient of a function of arrays that returns a number, on a GPU, made for the types of arguments.

    Arrays of NumPy are copied to the device, and their gradients back; the gradient of an array on the device is one
    there, of its library.
    """

    def __init__(self, request: Request, primal: Any, package: str) -> None:
        fun = request.fun
        self.__name__ = self.__qualname__ = fun.__name__
        self.__doc__ = fun.__doc__
        self.__module__ = fun.__module__
        self.primal = primal
        self.request = request
        self._package = package
        self._signature = inspect.signature(fun)
        self._lock = Lock()
        self._made: dict[tuple[NumbaType, ...], tuple[Any, Any]] = {}
        self._last: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the gradient, or the value and the gradient, for these arguments; they are left as they were."""
        types = self.types_of(*args, **kwargs)
        code, run = self._code(types)
        values = self._values(args, kwargs)
        _refuse_shared(values, code.apart)
        with np.errstate(all="ignore"):
            try:
                found = run(*(cuda.on_device(value, self._package) for value in values.values()))
            except ValueError as error:
                raise self._assumed(error) from None
        return self._results(found, code, list(values.values()))

    def __repr__(self) -> str:
        return f"<{self.request.mode} of {self.__name__} on a GPU>"

    @property
    def source(self) -> str:
        """The text of the gradient last made: its kernels, and the function that launches them."""
        if self._last is None:
            raise NotCalledError(
                f"{self!r} has no source yet: call it, or use .source_for(*args) with arguments or types"
            )
        return self._last.text

    def source_for(self, *args: Any, **kwargs: Any) -> str:
        """Return the text of the gradient for these arguments, or Numba types."""
        return self.code_for(*args, **kwargs).text

    def code_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the generated code for these arguments, or Numba types."""
        return self._code(self.types_of(*args, **kwargs))[0]

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """Return a report for these arguments, or Numba types: which loops are kernels, and why others are not."""
        from adjoint.api.grid_compiler import report

        return report(self.code_for(*args, **kwargs))

    def types_of(self, *args: Any, **kwargs: Any) -> tuple[NumbaType, ...]:
        """Return the Numba types of all parameters in a call with these arguments, which may be types themselves."""
        given = self._bound(args, kwargs).arguments
        return tuple(
            self._type(given[name]) if name in given else nb.Omitted(parameter.default)
            for name, parameter in self._signature.parameters.items()
        )

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        try:
            return self._signature.bind(*args, **kwargs)
        except TypeError:
            raise wrong_count(self.__name__, list(self._signature.parameters), len(args) + len(kwargs)) from None

    def _type(self, value: Any) -> NumbaType:
        kind = value if isinstance(value, nb.Type) else cuda.type_of(value)
        if not isinstance(kind, nb.Array | nb.Number | nb.Boolean):
            raise unsupported_value(self.__name__, value, Untypable(f"a {type(value).__name__}"))
        return cuda.contiguous(kind)

    def _values(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        bound = self._bound(args, kwargs)
        bound.apply_defaults()
        return {name: cuda.detached(value) for name, value in bound.arguments.items()}

    def _code(self, types: tuple[NumbaType, ...]) -> tuple[Any, Any]:
        with self._lock:
            if types not in self._made:
                from adjoint.api.grid_compiler import generate_grids

                check_types(self.request, tuple(self._signature.parameters), types)
                code = generate_grids(self.request, types, self._package)
                run = cuda.load_kernel(code.text, code.entry, cache=self.request.options.cache)
                self._made[types] = code, run
            self._last = self._made[types][0]
            return self._made[types]

    def _assumed(self, error: ValueError) -> ValueError:
        """Return the error of a call for which what the text takes for granted isn't so."""
        if not str(error).startswith(BROADCAST_GUARD):
            return error
        return ValueError(
            f"{self.__name__}: with target='cuda' arrays that meet have one shape, and none is empty of which an"
            " extremum is asked for; without it the gradient is made for others too"
        )

    def _results(self, found: Any, code: Any, values: Sequence[Any]) -> Any:
        request = self.request
        gradients = found if request.mode == "grad" else found[1]
        gradients = (gradients,) if request.single else gradients
        made = tuple(self._like(g, values[k]) for g, k in zip(gradients, request.argnums, strict=True))
        result = made[0] if request.single else made
        if request.mode == "grad":
            return result
        value = np.float32(found[0]) if code.value == nb.float32 else float(found[0])
        return value, result

    def _like(self, gradient: Any, value: Any) -> Any:
        """Return a gradient as its argument is: of NumPy, or on the device, of its precision."""
        if getattr(value, "shape", ()):
            return cuda.of_library(gradient, value)
        return np.float32(gradient) if cuda.type_of(value) == nb.float32 else float(gradient)


def _refuse_shared(values: Mapping[str, Any], apart: Sequence[tuple[str, str]]) -> None:
    """Raise if two arrays share memory that must not: the copies on the device would not."""
    for first, second in apart:
        one, other = cuda.extent(values[first]), cuda.extent(values[second])
        if one is not None and other is not None and one[0] < other[1] and other[0] < one[1]:
            raise ValueError(f"{first} and {second} share memory, and one of them is written: pass a copy")
