"""Whole matrices of derivatives: Jacobians and Hessians, and the product of a Hessian with a vector.

A matrix is built from one sweep for each of its columns (forward mode) or rows (reverse mode).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Unpack, cast

import numpy as np

from adjoint.api import directions as directed
from adjoint.api.arguments import Argnums
from adjoint.api.containers import leaves_of, map_leaves, shaped
from adjoint.api.derivatives import pairs, push
from adjoint.api.directions import Directions
from adjoint.api.inside import pushed
from adjoint.api.seeds import differentiable_positions, holds_differentiable, is_differentiable, kind_of, seed_for
from adjoint.api.sparse import sparse_jacobian
from adjoint.api.sweeps import Family, Form, Sweep, callee, name_of, parameters_of
from adjoint.api.transforms import TransformOptions, checked_options, grad, positions_of
from adjoint.backends.request import Mode, Options
from adjoint.errors import MissingRuleError, TypingError, UnsupportedError

Direction = Literal["forward", "reverse"]
_NAMES = {"forward": "jacfwd", "reverse": "jacrev", None: "jacobian"}


# Options of every transform.
_Options = TransformOptions


class Jacobian:
    """The Jacobian of `primal`: a function with the same arguments, that returns the matrix of derivatives."""

    def __init__(
        self,
        primal: Callable[..., Any],
        argnums: Argnums | None,
        direction: Direction | None,
        options: Options,
        sparse: bool = False,
    ) -> None:
        self.__name__ = self.__qualname__ = ""
        functools.update_wrapper(self, primal, updated=())
        self.primal = primal
        self.direction: Direction | None = direction
        self._sweeps = Family(callee(_NAMES[direction], primal))
        self._fun = self._sweeps.function
        self.options = options
        self.sparse = sparse
        # What sweeps of many directions refuse: forms of calls, with the types of arguments.
        self._one_by_one: set[object] = set()
        # Sweeps that are known not to draw random numbers, with the number of signatures they had been compiled for.
        self._checked: dict[Sweep, int] = {}
        self._asked = argnums
        self._argnums, self._single = positions_of(self._fun, argnums)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the Jacobian here: a tuple for several `argnums`, a tuple of those for several results."""
        point = Point(self, args, kwargs)
        if self.sparse:
            return sparse_jacobian(point)
        direction = self.direction or point.direction()
        return point.by_columns() if direction == "forward" else point.by_rows()

    def __reduce__(self) -> Any:
        from adjoint.api.pickling import portable

        settings = self._asked, self.direction, self.options, self.sparse
        return _rebuilt, (portable(self.primal, self._fun), *settings)

    def __repr__(self) -> str:
        return f"<{_NAMES[self.direction]} of {name_of(self._fun)}>"

    def at(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Form, tuple[Any, ...], tuple[int, ...]]:
        """Return the form of a call, its arguments by position, and which are differentiated."""
        form = Form(len(args), tuple(kwargs))
        names = parameters_of(self._fun, form)
        every = parameters_of(self._fun, Form(max((len(args), *(k + 1 for k in self._argnums)))))
        wrt = tuple(self._position(every[k], names) for k in self._argnums)
        values = (*args, *kwargs.values())
        for k in wrt:
            self._check(names[k], values[k])
        return form, values, wrt

    def _position(self, name: str, names: list[str]) -> int:
        if name not in names:
            raise TypeError(f"{_NAMES[self.direction]} of {name_of(self._fun)}: the argument '{name}' is not given")
        return names.index(name)

    def _check(self, name: str, value: Any) -> None:
        mode = _NAMES[self.direction]
        differentiable_positions(mode, name_of(self._fun), [name], (value,))
        if any(map(np.iscomplexobj, leaves_of(value))):
            raise TypeError(
                f"{mode} of {name_of(self._fun)}: argument '{name}' is complex, where one matrix can't say what a "
                "derivative is; use vjp or jvp"
            )

    def sweep(
        self, mode: Literal["primal", "vjp", "jvp"], form: Form, wrt: tuple[int, ...], directions: int = 0
    ) -> Sweep:
        """Return a sweep of the function, in forward mode perhaps one of many directions."""
        options = directed.with_width(self.options, directions) if directions else self.options
        return self.sweep_with(mode, form, () if mode == "primal" else wrt, options)

    def sweep_with(self, mode: Mode, form: Form, wrt: tuple[int, ...], options: Options) -> Sweep:
        """Return a sweep of the function with other options."""
        return self._sweeps.sweep(mode, form, wrt, options)

    def width_for(self, count: int) -> int:
        """Return how many directions a sweep should take for so many columns; 0 for one."""
        return directed.width_for(count, self.options)

    def refused(self, key: Callable[[], object]) -> bool:
        """Whether a sweep of many directions is known to be refused; `key` says for what."""
        return bool(self._one_by_one) and key() in self._one_by_one

    def refuse(self, key: object) -> None:
        """Remember that a sweep of many directions is refused."""
        self._one_by_one.add(key)

    def check_draws(self, push: Sweep, args: tuple[Any, ...], seeds: Iterator[tuple[Any, ...]]) -> None:
        """Refuse a function whose runs would draw different numbers, whenever a sweep has been made for new types."""
        if self._checked.get(push) != (seen := len(push.dispatcher.overloads)) or not seen:
            _check_draws(push.module_for(*args, *next(seeds)).source)
            self._checked[push] = seen

    def packed(self, blocks: Sequence[Any]) -> Any:
        """Return what belongs to the arguments as the user asked for it."""
        return blocks[0] if self._single else tuple(blocks)


class Point:
    """One evaluation of a Jacobian."""

    def __init__(self, jacobian: Jacobian, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.jacobian = jacobian
        self.form, self.args, self.wrt = jacobian.at(args, kwargs)

    @functools.cached_property
    def value(self) -> Any:
        return self.jacobian.sweep("primal", self.form, ())(*self.args)

    @property
    def inputs(self) -> list[Any]:
        """The numbers and arrays to differentiate by."""
        return [leaf for k in self.wrt for leaf in leaves_of(self.args[k]) if is_differentiable(leaf)]

    def as_arguments(self, found: Sequence[Any], other: Any) -> list[Any]:
        """Return what belongs to the inputs in the structure of the arguments, with `other` for what is no input."""
        following = iter(found)

        def each(leaf: Any) -> Any:
            return next(following) if is_differentiable(leaf) else other

        return [map_leaves(each, self.args[k]) for k in self.wrt]

    def packed(self, blocks: Sequence[Any]) -> Any:
        """Return the blocks of one result, one for each input, as the user asked for them."""
        return self.jacobian.packed(self.as_arguments(blocks, None))

    def direction(self) -> Direction:
        """Reverse mode if there are fewer results than inputs."""
        columns = sum(map(np.size, self.inputs))
        if columns <= 1:
            return "forward"
        return "forward" if columns <= sum(map(np.size, leaves_of(self.value))) else "reverse"

    def by_columns(self) -> Any:
        """Return the matrices, made column by column, or many columns at a time."""
        units = Directions.units(self.inputs)
        if not units.count:
            return map_leaves(self._empty, self.value)
        stacked = self.stacked(units)
        if stacked is None:
            if units.count > 1:
                zeros = (tuple(seed_for("tangent", "", self.args[k], None) for k in self.wrt) for _ in range(1))
                self.jacobian.check_draws(self.push, self.args, zeros)
            stacked = directed.swept(self.push_inputs, self.args, units, 0)
        return map_leaves(directed.apart([np.shape(x) for x in self.inputs], self.packed), stacked)

    def stacked(self, directions: Directions) -> Any:
        """Return the tangents in many directions, along a last axis; None if sweeps take only one."""
        width = self.jacobian.width_for(directions.count)
        if not width or not all(is_differentiable(self.args[k]) for k in self.wrt) or self.jacobian.refused(self._key):
            return None
        push = self.jacobian.sweep("jvp", self.form, self.wrt, width)
        try:
            self.jacobian.check_draws(push, self.args, directions.chunks(width))
            return directed.swept(push, self.args, directions, width)
        except (MissingRuleError, UnsupportedError, TypingError):
            self.jacobian.refuse(self._key())
            return None

    def _key(self) -> object:
        primal = self.jacobian.sweep("primal", self.form, ())
        return self.form, self.wrt, primal.types_of(*self.args)

    def push_inputs(self, *args: Any) -> Any:
        """Push the tangents of the inputs, which come after the arguments, forward in one direction."""
        count = len(self.args)
        return self.push(*self.args, *self.as_arguments(args[count:], 0.0))

    def _empty(self, leaf: Any) -> Any:
        blocks = [np.zeros((*np.shape(leaf), *np.shape(x)), np.asarray(leaf).dtype) for x in self.inputs]
        return self.packed(blocks)

    def by_rows(self) -> Any:
        """Return the matrices, made row by row."""
        leaves = leaves_of(self.value)
        self.check_value()
        rows = [self.pulled(shaped(self.value, iter(seeds))) for seeds in _basis(leaves)]
        found: list[Any] = []
        for leaf in leaves:
            own_rows, rows = rows[: np.size(leaf)], rows[np.size(leaf) :]
            blocks = [self._rows(leaf, [row[k] for row in own_rows], x) for k, x in enumerate(self.inputs)]
            found.append(self.packed(blocks))
        return shaped(self.value, iter(found))

    def check_value(self) -> None:
        """Raise TypeError unless reverse mode can start from every number of the value."""
        for leaf in leaves_of(self.value):
            if not is_differentiable(leaf) or np.iscomplexobj(leaf):
                name = name_of(self.jacobian.primal)
                raise TypeError(f"jacrev of {name}: its value, {kind_of(leaf)}, is not a float or array of floats")

    @functools.cached_property
    def push(self) -> Sweep:
        """The sweep of one direction."""
        return self.jacobian.sweep("jvp", self.form, self.wrt)

    def pulled(self, cotangent: Any) -> list[Any]:
        """Return the cotangents of the inputs that are due to one of the value."""
        found = self.jacobian.sweep("vjp", self.form, self.wrt)(*self.args, cotangent)[1]
        pairs = ((arg, bar) for k, bar in zip(self.wrt, found, strict=True) for arg, bar in _pairs(self.args[k], bar))
        return [bar for arg, bar in pairs if is_differentiable(arg)]

    def _rows(self, leaf: Any, rows: list[Any], x: Any) -> Any:
        if np.ndim(leaf) == 0:
            return rows[0]
        return np.array(rows, np.asarray(x).dtype).reshape(*np.shape(leaf), *np.shape(x))


def _pairs(value: Any, other: Any) -> list[tuple[Any, Any]]:
    """Return the leaves of two values of one structure."""
    found: list[tuple[Any, Any]] = []
    map_leaves(lambda *pair: found.append(cast("tuple[Any, Any]", pair)), value, other)
    return found


@functools.lru_cache
def _check_draws(source: str) -> None:
    """Refuse a function whose runs, one for each column, would draw different numbers."""
    first = re.search(r"\bnp\.random\.(\w+)", source)
    if first is not None and first[1] != "seed":
        raise UnsupportedError(
            "a Jacobian of a function that draws random numbers, which is run again for each column",
            help="call `np.random.seed` in it, or draw before the call and pass the numbers in",
        )


def _basis(values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the unit vectors of the space of these values, each as a tuple like them."""
    for position, value in enumerate(values):
        for k in range(np.size(value)):
            seeds = [seed_for("tangent", "", each, None) for each in values]
            if isinstance(value, np.ndarray):
                seeds[position].flat[k] = 1.0
            else:
                seeds[position] = type(value)(1.0)
            yield tuple(seeds)


def _rebuilt(primal: Any, *settings: Any) -> Jacobian:
    from adjoint.api.pickling import loaded

    return Jacobian(loaded(primal), *settings)


def _make(
    fun: Callable[..., Any],
    argnums: Argnums | None,
    direction: Direction | None,
    sparse: bool,
    options: TransformOptions,
) -> Jacobian:
    return Jacobian(fun, argnums, direction, checked_options(_NAMES[direction], options), sparse)


def jacfwd(
    fun: Callable[..., Any], argnums: Argnums | None = None, *, sparse: bool = False, **options: Unpack[_Options]
) -> Jacobian:
    """Return a function for the Jacobian of `fun`, made by forward mode: one sweep for each element of the arguments.

    The result has the arguments of `fun` and returns an array of shape `value.shape + argument.shape`, a scalar where
    both are scalars. If `fun` returns a tuple, so does the Jacobian, and if `argnums` is a tuple, each block is one.
    `argnums` and options are those of `grad`. With `sparse` each block is a `scipy.sparse.csr_array`, elements of the
    value by elements of the argument in C order, and a sweep serves all columns that have no row in common.

    Raises AdjointError if `fun` can't be differentiated, and TypeError if an argument is not real and floating.
    """
    return _make(fun, argnums, "forward", sparse, options)


def jacrev(
    fun: Callable[..., Any], argnums: Argnums | None = None, *, sparse: bool = False, **options: Unpack[_Options]
) -> Jacobian:
    """Return a function for the Jacobian of `fun`, made by reverse mode: one sweep for each element of the value.

    All else is as for `jacfwd`; the value has to be real too.
    """
    return _make(fun, argnums, "reverse", sparse, options)


def jacobian(
    fun: Callable[..., Any], argnums: Argnums | None = None, *, sparse: bool = False, **options: Unpack[_Options]
) -> Jacobian:
    """Return a function for the Jacobian of `fun`, by the mode that takes fewer sweeps for the shapes at hand.

    All else is as for `jacfwd`.
    """
    return _make(fun, argnums, None, sparse, options)


def hessian(fun: Callable[..., Any], argnums: Argnums | None = None, **options: Unpack[TransformOptions]) -> Jacobian:
    """Return a function for the matrix of second derivatives of a scalar-valued function: forward over reverse.

    The result has the arguments of `fun` and returns an array of shape `argument.shape + argument.shape`. For a tuple
    of `argnums` it is a tuple of tuples: block `[i][j]` is the derivative by argument i, then by argument j.

    Raises the errors of `grad` and of `jacfwd`.

    >>> hessian(lambda x, y: x * x * y, ("x", "y"))(3.0, 2.0)
    ((4.0, 6.0), (6.0, 0.0))
    """
    return jacfwd(grad(fun, argnums, **options), argnums, **options)


def hvp(
    fun: Callable[..., Any],
    args: Sequence[Any],
    vectors: Any,
    argnums: Argnums | None = None,
    **options: Unpack[TransformOptions],
) -> Any:
    """Return the product of the Hessian of a scalar-valued function at `args` with `vectors`, without the Hessian.

    `args` and `vectors` are tuples as for `jvp`. With one argument the result is the product, of its shape and type.
    With several it is a tuple with an entry for each: the derivative of its gradient in the direction of all vectors,
    None if it is not differentiable. The cost is a small multiple of that of `fun`, whatever the number of elements.

    With `argnums` the Hessian is that by these arguments alone, which costs less: for an index or a name, `vectors` is
    the vector for that argument and the result the product; for a tuple of those, both are tuples with an entry for
    each.

    Raises the errors of `grad` and of `jvp`.

    >>> hvp(lambda x, y: x * x * x * y, (2.0, 5.0), 1.0, argnums="x")
    60.0
    >>> hvp(lambda x, y: x * x * x * y, (2.0, 5.0), (1.0, 0.0))
    (60.0, 12.0)
    """
    chosen = checked_options("hvp", options)
    if argnums is not None:
        return _product(fun, args, vectors, argnums, chosen)
    values, directions = pairs("hvp", args, vectors)
    products = iter(push("hvp", fun, values, directions, chosen)[1])
    found = tuple(next(products) if holds_differentiable(value) else None for value in values)
    return found[0] if len(found) == 1 else found


def _product(fun: Callable[..., Any], args: Sequence[Any], vectors: Any, argnums: Argnums, chosen: Options) -> Any:
    """Return the product by the arguments asked for alone."""
    values, _ = pairs("hvp", args, args)
    function = callee("hvp", fun)
    wrt, single = positions_of(function, argnums)
    name = name_of(function)
    if absent := [k for k in wrt if k >= len(values)]:
        every = parameters_of(function, Form(absent[0] + 1))
        raise TypeError(f"hvp of {name}: the argument '{every[absent[0]]}' is not given")
    names = parameters_of(function, Form(len(values)))
    for k in wrt:
        differentiable_positions("hvp", name, [names[k]], (values[k],))
    directions = (vectors,) if single else vectors
    if not isinstance(directions, tuple | list) or len(cast("Sequence[Any]", directions)) != len(wrt):
        raise TypeError(f"hvp of {name}: for argnums of {len(wrt)} arguments, vectors is a tuple with an entry each")
    products = push("hvp", fun, values, tuple(cast("Sequence[Any]", directions)), chosen, wrt)[1]
    return products[0] if single else products


# What a call inside a function that is differentiated means.
vars(hvp)["__adjoint_lower__"] = pushed(hvp, of_gradient=True)
