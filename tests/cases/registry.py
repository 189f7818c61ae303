"""How a sample function is entered in a table: with the idiom it stands for, and where it is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """`numba` says whether Numba compiles the function as it stands; `rtol` overrides the oracle's own tolerance."""

    idiom: str
    fun: Function
    args: tuple[Any, ...]
    wrt: int | tuple[int, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    numba: bool = True
    rtol: float | None = None

    @property
    def name(self) -> str:
        return self.fun.__name__


class Table(list[Case]):
    """A table of cases. `@table(idiom, args, ...)` above a function enters it and leaves the function as it is."""

    def __call__(
        self, idiom: str, *args: Any, wrt: int | tuple[int, ...] = 0, **options: Any
    ) -> Callable[[Function], Function]:
        def enter(fun: Function) -> Function:
            self.append(Case(idiom, fun, args, wrt, **options))
            return fun

        return enter


def numbers(*shape: int, seed: int = 0, low: float = 0.4, high: float = 1.6) -> np.ndarray:
    """Numbers without ties, away from zero unless asked."""
    return np.random.default_rng(seed).uniform(low, high, shape)
