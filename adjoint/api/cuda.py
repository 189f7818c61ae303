"""`grad` of a CUDA kernel: `grad(kernel)[grid, block, stream](*args, y_bar=seed)` launches the adjoint kernel."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from threading import Lock
from types import FunctionType
from typing import Any, cast

import numpy as np
from numba.core import types as nb

from adjoint.api.arguments import Argnums, resolve_argnums, unsupported_value, wrong_count
from adjoint.api.containers import Untypable
from adjoint.api.cuda_whole import WholeGradient
from adjoint.api.gradient import NotCalledError
from adjoint.backends import cuda
from adjoint.backends.request import Mode, NumbaType, Options, Request
from adjoint.errors import AdjointError

Dims = tuple[int, int, int]
_FLOATS: tuple[type, ...] = (float, np.float32, np.float64)


def kernel_gradient(kernel: Any, wrt: Argnums | None, options: Options) -> KernelGradient:
    """Return the gradient of a kernel, by what `cuda.jit` made or by its Python function."""
    fun = getattr(kernel, "py_func", kernel)
    if not isinstance(fun, FunctionType):
        raise TypeError(f"grad takes a kernel or a Python function, not {kernel!r}")
    from adjoint import frontend

    frontend.check(fun)
    names: tuple[str, ...] | None = None
    signature = inspect.signature(fun)
    positions, named_one = resolve_argnums(fun.__name__, signature, 0 if wrt is None else wrt, None)
    if wrt is not None:
        names = tuple(list(signature.parameters)[k] for k in positions)
    return KernelGradient(fun, kernel, names, options, (tuple(positions), named_one))


def whole_gradient(mode: Mode, fun: Any, wrt: Argnums | None, options: Options) -> WholeGradient:
    """Return the gradient, or the value and the gradient, of a function of whole arrays."""
    if not isinstance(fun, FunctionType):
        raise TypeError(f"{mode} takes a Python function with target='cuda', not {fun!r}")
    from adjoint import frontend

    frontend.check(fun)
    positions, single = resolve_argnums(fun.__name__, inspect.signature(fun), wrt, None)
    return WholeGradient(Request(fun, mode, positions, single, options=options), fun, cuda.package_of(fun))


class KernelGradient:
    """The adjoint of a kernel, made for the types of the arguments and the shape of the block of each launch.

    Of a function of numbers that returns one, it is the gradient as a device function, which kernels call by its name.
    Of a function of arrays that returns a number, it is called with arrays, without a launch: `whole` is what it calls.
    """

    def __init__(
        self,
        fun: FunctionType,
        primal: Any,
        wrt: tuple[str, ...] | None,
        options: Options,
        argnums: tuple[tuple[int, ...], bool],
    ) -> None:
        self.__name__ = self.__qualname__ = fun.__name__
        self.__doc__ = fun.__doc__
        self.__module__ = fun.__module__
        self.primal = primal
        self.parameters = fun
        self._wrt = wrt
        self._options = options
        self._package = cuda.package_of(primal)
        self._argnums = argnums
        self._lock = Lock()
        self._device: dict[tuple[NumbaType, ...], Any] = {}
        self._each: dict[object, Any] = {}
        self._made: dict[object, Adjoint] = {}
        self._last: Any = None
        self.whole = WholeGradient(Request(fun, "grad", *argnums, options=options), primal, self._package)
        # By the types of arguments, why they are taken for elements; None if the function is one of whole arrays.
        self._elements: dict[tuple[NumbaType, ...], str | None] = {}

    def __getitem__(self, config: Any) -> Callable[..., dict[str, Any]]:
        """Return what launches the adjoint kernel with a grid and a block of these shapes.

        It takes the arguments that the kernel takes, as they are before the kernel runs, and the cotangents as
        keywords: `y_bar` is the cotangent of `y`. At least one for an array that the kernel writes must be given; these
        are seeds, and are overwritten. All other cotangents are added to, and made of zeros where they are left out. It
        returns the cotangents of all numbers that the kernel reads (or of those in `wrt`), by the names of the
        keywords; of a scalar parameter as an array with one element.
        """
        launch = _launch(config)
        return lambda *args, **bars: self._run(launch, args, bars)

    def __repr__(self) -> str:
        return f"<gradient of the kernel {self.__name__}>"

    @property
    def source(self) -> str:
        """The text of the gradient last made: of an adjoint kernel, or of kernels and what launches them."""
        if self._last is None:
            raise NotCalledError(
                f"{self!r} has no source yet: launch it, or use .source_for(*args, block=...) with arguments or types"
            )
        return self._last.text

    def source_for(self, *args: Any, grid: Any = None, block: Any = None) -> str:
        """Return the text of the gradient for these arguments, or Numba types.

        It is that of the adjoint kernel for this shape of a launch; without one, of a function of whole arrays that
        returns a number, it is that of its kernels and of the function that launches them.
        """
        if grid is None and block is None and self._is_whole(args):
            self._last = self.whole.code_for(*args)
        else:
            launch = _launch((grid or 1, block or 128))
            self._last = self._adjoint(launch, self._types(args), args).code
        return self._last.text

    def explain(self, *args: Any) -> str:
        """Return a report for a function of whole arrays: which of its loops are kernels, and why others are not."""
        return self.whole.explain(*args)

    # -- a device function -----------------------------------------------------------------------------------

    def device(self, *types: NumbaType) -> Any:
        """Return the gradient as a device function for parameters of these Numba types; all `float64` if none is given.

        Kernels that call the gradient by its own name get the one for `float64`.
        """
        key = self._device_types(types)
        with self._lock:  # the simulator's threads all ask at once
            if key not in self._device:
                text = self.device_source(*types)
                self._device[key] = cuda.load_kernel(text, cuda.last_function(text), cache=self._options.cache)
        return self._device[key]

    def device_source(self, *types: NumbaType) -> str:
        """Return the text of the gradient as a device function."""
        from adjoint.api.cuda_device import device_text

        return device_text(self.parameters, *self._argnums, self._device_types(types), self._package)

    def _device_types(self, types: tuple[NumbaType, ...]) -> tuple[NumbaType, ...]:
        count = len(inspect.signature(self.parameters).parameters)
        if types and len(types) != count:
            raise TypeError(f"{self.__name__} takes {count} arguments; {len(types)} types were given")
        return types or (nb.float64,) * count

    @property
    def _numba_type_(self) -> Any:
        return self.device()._numba_type_

    def __call__(self, *args: Any, stream: Any = None) -> Any:
        """Return the gradient for arrays.

        It is that of a function of whole arrays, if with these arguments it returns a number. That of a function of
        numbers is taken at each element: arrays have one shape, numbers go with every element. What it returns are
        arrays of their library. In a kernel, it is the gradient for numbers.
        """
        if not any(getattr(arg, "shape", ()) for arg in args):
            return self.device()(*args)  # in a kernel that the simulator runs
        if self._is_whole(args):
            if stream is not None:
                raise TypeError(f"{self.__name__} is a function of whole arrays, whose gradient takes no stream")
            self._last = self.whole.code_for(*args)
            return self.whole(*args)
        return self._at_each(tuple(map(cuda.detached, args)), stream)

    def _is_whole(self, args: tuple[Any, ...]) -> bool:
        """Whether the function returns a number of arrays, some of which are among the arguments."""
        types = self.whole.types_of(*args)
        if not any(isinstance(kind, nb.Array) for kind in types):
            return False  # of numbers
        if types not in self._elements:
            from adjoint.api.grid_compiler import why_elements

            self._elements[types] = why_elements(self.parameters, types)
        return self._elements[types] is None

    def _at_each(self, args: tuple[Any, ...], stream: Any) -> Any:
        from adjoint.api import cuda_each

        asked = cuda_each.elements(self.parameters, args)
        positions, named_one = self._argnums
        key = (asked.types, asked.arrays, asked.rank)
        with self._lock:
            if key not in self._each:
                names = list(inspect.signature(self.parameters).parameters)
                text = cuda_each.kernel_source(self._source_at_each(asked.types), asked, len(positions), names)
                self._each[key] = cuda.load_kernel(text, cuda.last_function(text), cache=self._options.cache)
        found = cuda_each.launch(self._each[key], asked, len(positions), args, stream)
        return found[0] if named_one else found

    def _source_at_each(self, types: tuple[NumbaType, ...]) -> str:
        try:
            return self.device_source(*types)
        except AdjointError as error:
            error.add_note(
                f"{self.__name__} was given arrays with target='cuda'. It is no function of whole arrays that returns a"
                f" number ({'; '.join(filter(None, self._elements.values()))}), and so its gradient is taken at each"
                " element, as that of a function of numbers."
            )
            raise

    # -- launching -------------------------------------------------------------------------------------------

    def _run(self, launch: Launch, args: tuple[Any, ...], bars: dict[str, Any]) -> dict[str, Any]:
        args = tuple(map(cuda.detached, args))
        adjoint = self._adjoint(launch, self._types(args), args)
        values = dict(zip(inspect.signature(self.parameters).parameters, args, strict=True))
        adjoint.launch(launch, values, bars)
        return {adjoint.code.bars[name]: bars[adjoint.code.bars[name]] for name in adjoint.code.wrt}

    def _types(self, args: Sequence[Any]) -> tuple[tuple[str, NumbaType], ...]:
        names = list(inspect.signature(self.parameters).parameters)
        if len(args) != len(names):
            raise wrong_count(self.__name__, names, len(args))
        return tuple((name, self._type(value)) for name, value in zip(names, args, strict=True))

    def _type(self, value: Any) -> NumbaType:
        kind = value if isinstance(value, nb.Type) else cuda.type_of(value)
        if not isinstance(kind, nb.Array | nb.Number | nb.Boolean):
            raise unsupported_value(self.__name__, value, Untypable(f"a {type(value).__name__}"))
        return cuda.contiguous(kind)

    def _adjoint(self, launch: Launch, types: tuple[tuple[str, NumbaType], ...], args: Sequence[Any]) -> Adjoint:
        fits = launch.covered({name: value for (name, _), value in zip(types, args, strict=True)})
        key = (types, launch.block, launch.rank, fits)
        if key not in self._made:
            from adjoint.api.kernel_compiler import KernelRequest, generate_kernel

            request = KernelRequest(
                self.parameters,
                self._wrt,
                self._package,
                types,
                launch.block,
                launch.rank,
                fits,
                self._options.deterministic,
            )
            self._made[key] = Adjoint(self.__name__, generate_kernel(request), self._options.cache)
        self._last = self._made[key].code
        return self._made[key]


@dataclass(frozen=True)
class Launch:
    """The shape of a launch; `rest` is what follows in the brackets, a stream for example."""

    grid: Dims
    block: Dims
    rest: tuple[Any, ...]

    @property
    def rank(self) -> int:
        """The number of axes of the grid, those at the end left out along which there is a single thread."""
        return max([1, *(k + 1 for k in range(3) if self.threads[k] > 1)])

    def covered(self, args: Mapping[str, Any]) -> frozenset[tuple[str, int, int]]:
        """Return the arrays with as many axes as the grid, each axis with an axis of the grid that is as long at least.

        Nothing is said of arrays that the grid doesn't cover as a whole.
        """
        found: set[tuple[str, int, int]] = set()
        for name, value in args.items():
            shape: tuple[int, ...] = tuple(getattr(value, "shape", ()))
            fits = {(name, k, g) for k, size in enumerate(shape) for g in range(self.rank) if size <= self.threads[g]}
            if len(shape) == self.rank and {k for _, k, _ in fits} == set(range(self.rank)):
                found |= fits
        return frozenset(found)

    @property
    def config(self) -> tuple[Any, ...]:
        return self.grid, self.block, *self.rest

    @property
    def threads(self) -> Dims:
        x, y, z = (a * b for a, b in zip(self.grid, self.block, strict=True))
        return x, y, z


def _launch(config: Any) -> Launch:
    if not isinstance(config, tuple) or len(cast("tuple[Any, ...]", config)) < 2:
        raise TypeError("a kernel's gradient is launched as `grad(kernel)[grid, block](...)`, like the kernel")
    grid, block, *rest = cast("tuple[Any, ...]", config)
    return Launch(_dims("grid", grid), _dims("block", block), tuple(rest))


def _dims(what: str, value: Any) -> Dims:
    items = list(cast("Sequence[Any]", value)) if isinstance(value, tuple | list) else [value]
    if not 1 <= len(items) <= 3 or not all(hasattr(item, "__index__") and item > 0 for item in items):
        raise TypeError(f"the {what} is one, two or three positive whole numbers, not {value!r}")
    x, y, z = (*(item.__index__() for item in items), 1, 1)[:3]
    return x, y, z


class Adjoint:
    """One adjoint kernel, loaded when it is first launched."""

    def __init__(self, name: str, code: Any, cache: bool) -> None:
        from adjoint.api.kernel_compiler import KernelCode

        self.name = name
        self.code = cast(KernelCode, code)
        self.cache = cache
        self.kernels: dict[str, Any] = {}

    def launch(self, launch: Launch, args: Mapping[str, Any], bars: dict[str, Any]) -> None:
        """Run the kernel; `bars` gets the cotangents that were left out."""
        self.check(args, bars)
        self.fill(args, bars)
        _refuse_shared(self.name, args, bars, self.code.written)
        values = {**{name: self.number(value) for name, value in args.items()}, **bars, **self.tapes(launch, args)}
        sums = self.sums_of_blocks(launch, args)
        for name, params in (self.code.entry, self.code.params), *([self.code.after] if self.code.after else []):
            self.kernel(name)[launch.config](*({**values, **sums}[param] for param in params))
        for bar, parts in sums.items():
            self.kernel("add_in_order")[(1, 1, *launch.rest)](bars[bar], parts)

    def kernel(self, name: str) -> Any:
        if name not in self.kernels:
            self.kernels[name] = cuda.load_kernel(self.code.text, self.code.entry, cache=self.cache, name=name)
        return self.kernels[name]

    def sums_of_blocks(self, launch: Launch, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return memory for the sums of the blocks, by cotangents of scalars, if they are to be added up in order."""
        if not self.code.deterministic:
            return {}
        bars = [self.code.bars[name] for name in self.code.scalars if self.code.bars.get(name) in self.code.params]
        return {bar: cuda.zeros((prod(launch.grid),), str(self.real()), self.some_array(args)) for bar in bars}

    def number(self, value: Any) -> Any:
        """Return a scalar in the precision of the kernel."""
        return np.float32(value) if self.code.single and type(value) in _FLOATS else value

    def check(self, args: Mapping[str, Any], bars: Mapping[str, Any]) -> None:
        known = self.code.bars
        for name in bars:
            if name not in known.values():
                raise TypeError(f"{self.name} has no cotangent {name!r}; it has {', '.join(known.values())}")
        seeds = [known[name] for name in self.code.written if name in known]
        if not any(seed in bars for seed in seeds):
            raise TypeError(f"{self.name}: give the cotangent of what the kernel writes, {' or '.join(seeds)}=...")
        for name, bar in known.items():
            if bar in bars:
                self.check_bar(name, bar, args[name], bars[bar])

    def check_bar(self, name: str, bar: str, value: Any, given: Any) -> None:
        shape = (1,) if name in self.code.scalars else tuple(value.shape)
        if tuple(getattr(given, "shape", ())) != shape:
            raise ValueError(f"{self.name}: {bar} has shape {getattr(given, 'shape', ())}, and must have {shape}")
        kind = cuda.type_of(given)
        wanted = str(self.real()) if name in self.code.scalars else cuda.dtype_name(value)
        if kind is None or cuda.dtype_name(given) != wanted:
            raise TypeError(f"{self.name}: {bar} is {given.dtype}, and must be {wanted}, as {name} is")

    def real(self) -> NumbaType:
        return nb.float32 if self.code.single else nb.float64

    def fill(self, args: Mapping[str, Any], bars: dict[str, Any]) -> None:
        for name, bar in self.code.bars.items():
            if bar in bars:
                continue
            if name in self.code.scalars:
                bars[bar] = cuda.zeros((1,), str(self.real()), self.some_array(args))
            else:
                bars[bar] = cuda.zeros(args[name].shape, cuda.dtype_name(args[name]), args[name])

    def some_array(self, args: Mapping[str, Any]) -> Any:
        return next(args[name] for name in self.code.written)

    def tapes(self, launch: Launch, args: Mapping[str, Any]) -> dict[str, Any]:
        from adjoint.api.kernel_compiler import size_of

        made: dict[str, Any] = {}
        for tape in self.code.tapes:
            if tape.var.name in self.code.params:
                shape = (*(size_of(size, args) for size in tape.sizes), *launch.threads[: launch.rank])
                kind = str(self.real()) if isinstance(tape.type, nb.Float) else str(tape.type)
                made[tape.var.name] = cuda.zeros(shape, kind.replace("boolean", "bool"), self.some_array(args))
        return made


def _refuse_shared(name: str, args: Mapping[str, Any], bars: Mapping[str, Any], written: Sequence[str]) -> None:
    """Raise if two arrays share memory and one is written: a cotangent, or what the kernel writes."""
    spans = {key: cuda.extent(value) for key, value in {**args, **bars}.items()}
    changed = [*bars, *written]
    for first in changed:
        for second, span in spans.items():
            own = spans[first]
            if first != second and own is not None and span is not None and own[0] < span[1] and span[0] < own[1]:
                raise ValueError(f"{name}: {first} and {second} share memory, and one of them is written: pass a copy")
