"""What is asked of the compiler, and what it gives back: the two records that pass between `api` and `backends`."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

VERSION = "0.1.0"

# A "pullback" and a "pushforward" are "vjp" and "jvp" without the value.
Mode: TypeAlias = Literal["grad", "value_and_grad", "vjp", "jvp", "pullback", "pushforward", "primal"]
FORWARD: tuple[Mode, ...] = ("jvp", "pushforward")
REVERSE: tuple[Mode, ...] = ("vjp", "pullback")
Target: TypeAlias = Literal["cpu", "python", "cuda"]

# Numba ships no type stubs; one name for "a Numba type" keeps that door in one place.
NumbaType: TypeAlias = Any

# Reassociation is what lets LLVM vectorise a sum. `nnan` and `ninf` are left out: a NaN must stay a NaN.
DEFAULT_FASTMATH = ("arcp", "contract", "nsz", "reassoc")


# Whether what is being generated may take sizes to be equal; if not, neither may what it is made of.
ASSUMES: ContextVar[bool] = ContextVar("ASSUMES", default=True)


def assumes() -> bool:
    """Whether what is being generated may take sizes to be equal."""
    return ASSUMES.get()


@dataclass(frozen=True, slots=True)
class Options:
    """The keyword options every transform takes; all of them hashable and written into the cache key."""

    target: Target = "cpu"
    parallel: bool = False
    fastmath: tuple[str, ...] = DEFAULT_FASTMATH
    cache: bool = True
    memory_limit: int | None = None
    nan_check: bool = False
    # Kernels only: no sums whose order is another in each run.
    deterministic: bool = False
    # Array statements as fused loops in the compiled text; off for arguments that broadcast in a way types don't show.
    fuse: bool = field(default_factory=assumes)
    # Axes of arguments, by parameter, that are taken to have length 1: what is made of them is stretched along these.
    ones: tuple[tuple[str, int], ...] = ()
    # How many tangents a sweep of forward mode takes, along a last axis that each has; 0: one, without that axis.
    directions: int = 0
    # Sets of inputs in the place of tangents, in plain Python: what each number depends on.
    dependences: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One transform of one function, for argument types still unknown.

    `fun` is a plain Python function: Numba dispatchers arrive unwrapped. `single` tells whether the user named one
    argument (the gradient comes bare) or a tuple of them.
    """

    fun: Any
    mode: Mode
    argnums: tuple[int, ...] = (0,)
    single: bool = True
    has_aux: bool = False
    options: Options = Options()


@dataclass(frozen=True, slots=True)
class Generated:
    """A finished gradient as text.

    `source` is what people read and `compiled_text` what Numba compiles; both define `entry`, which takes the primal's
    own parameters. `refs` are objects that both texts use as globals and that no import statement can name.
    `stages` maps the name of a stage of the pipeline to what it left, for `.inspect`.
    """

    source: str
    compiled_text: str
    entry: str
    stages: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    refs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
