"""What bridges to other frameworks have in common: a function and its pullback, of arrays and numbers by position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from adjoint.api import sweeps
from adjoint.api.seeds import is_differentiable, own
from adjoint.api.sweeps import family, name_of, parameters_of
from adjoint.backends.request import Options

_PULLBACK = """
def {name}_pullback({arguments}):
    return sweep({point}, {bars})[1]
"""


@dataclass(frozen=True)
class Form:
    """What a function returns: one value, or a tuple; and which of the results have cotangents."""

    single: bool
    active: tuple[bool, ...]


class Bridged:
    """A function as other frameworks call it: `fun(*args)` returns a tuple of numbers and arrays, and its form."""

    def __init__(self, mode: str, fun: Callable[..., Any], options: Options) -> None:
        self.name = name_of(fun)
        self.function = family(mode, fun).function
        self.options = options
        self._mode = mode
        self._pullbacks: dict[tuple[object, ...], Bridged] = {}

    def __call__(self, *args: Any) -> tuple[tuple[Any, ...], Form]:
        value = family(self._mode, self.function).sweep("primal", sweeps.Form(len(args)), (), self.options)(*args)
        single = not isinstance(value, tuple)
        results = cast("tuple[Any, ...]", own((value,) if single else value, args))
        for each in results:
            if not isinstance(each, int | np.ndarray | np.generic) and not is_differentiable(each):
                raise TypeError(
                    f"{self._mode} of {self.name}: a result is {type(each).__name__}; it has to be a number or an "
                    "array, or a tuple of those"
                )
        return results, Form(single, tuple(map(is_differentiable, results)))

    def pullback(self, count: int, form: Form, wrt: Sequence[int]) -> Bridged:
        """Return the pullback of calls with `count` arguments: a function of these and the cotangents of the results.

        It returns a tuple of the cotangents of the arguments `wrt`.
        """
        key = count, form, tuple(wrt)
        if key not in self._pullbacks:
            self._pullbacks[key] = self._made(count, form, tuple(wrt))
        return self._pullbacks[key]

    def _made(self, count: int, form: Form, wrt: tuple[int, ...]) -> Bridged:
        names = parameters_of(self.function, sweeps.Form(count))
        bars = [f"y_bar_{k}" if active else "0.0" for k, active in enumerate(form.active)]
        while set(bars) & set(names):
            bars = [bar if bar == "0.0" else f"{bar}_" for bar in bars]
        parts = {
            "name": self.name,
            "point": ", ".join(names),
            "arguments": ", ".join([*names, *(bar for bar in bars if bar != "0.0")]),
            "bars": bars[0] if form.single else f"({', '.join(bars)},)",
        }
        sweep = family(self._mode, self.function).sweep("vjp", sweeps.Form(count), wrt, self.options)
        function = sweeps.function_from(
            self.function, _PULLBACK.format(**parts), {"sweep": sweep}, f"{self.name}_pullback"
        )
        return Bridged(self._mode, function, self.options)


def as_argument(array: np.ndarray[Any, Any]) -> Any:
    """Return an array as it is, and one without axes as a number."""
    return array if array.ndim else cast("Any", array)[()]
