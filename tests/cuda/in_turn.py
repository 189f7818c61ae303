"""Kernels run by the interpreter, a few threads one after the other, in any order: quick, for many programs.

A result that depends on the order of threads shows here; what threads do to each other at the same time doesn't.
"""

from __future__ import annotations

import inspect
import itertools
import math
import re
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np

from adjoint.api.cuda_whole import WholeGradient
from adjoint.backends.request import Options, Request
from adjoint.lower.grids import LIMITS

# Threads along each axis, by the number of axes.
THREADS = {1: (5,), 2: (2, 3), 3: (2, 3, 2)}


class Device(np.ndarray):
    """An array that stands for one on the device."""

    def copy_to_host(self) -> Any:
        return np.array(self)

    def copy_to_device(self, other: Any) -> None:
        self[...] = other


class Turn:
    """What `cuda` is to the thread whose turn it is. Each is a block of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.place: tuple[int, ...] = (0,)
        self.sizes: tuple[int, ...] = (1,)
        self.atomic = SimpleNamespace(add=_add)
        self.shared = SimpleNamespace(array=lambda *_: None)

    @property
    def block(self) -> int:
        return int(np.ravel_multi_index(self.place, self.sizes))

    def grid(self, count: int) -> Any:
        return self.place[0] if count == 1 else self.place

    def gridsize(self, count: int) -> Any:
        return self.sizes[0] if count == 1 else self.sizes

    @staticmethod
    def device_array(shape: Any, dtype: Any = np.float64) -> Any:
        made = np.empty(shape, dtype).view(Device)
        made[...] = np.nan if made.dtype.kind == "f" else 99
        return made

    def launched(self, kernel: Any) -> Any:
        return _Launch(self, kernel)


class _Launch:
    def __init__(self, turn: Turn, kernel: Any) -> None:
        self.turn = turn
        self.kernel = kernel

    def __getitem__(self, shape: Any) -> Any:
        blocks, threads = shape
        sizes = (1,) if shape == (1, 1) else THREADS[len(blocks)]

        def run(*args: Any) -> None:
            places = list(itertools.product(*map(range, sizes)))
            self.turn.random.shuffle(places)
            self.turn.sizes = sizes
            for place in places:
                self.turn.place = tuple(map(int, place))
                self.kernel(*args)

        return run


def _add(array: Any, place: Any, value: Any) -> None:
    array[place] += value


def run_in_turn(fun: Any, argnums: tuple[int, ...], args: tuple[Any, ...], **options: Any) -> Any:
    """Return the value and the gradients of a function of whole arrays, from the text that it has for GPUs."""
    request = Request(fun, "value_and_grad", argnums, False, options=Options(target="cuda", cache=False, **options))
    gradient = WholeGradient(request, fun, "numba")
    code = gradient.code_for(*args)
    turn = Turn(len(code.text))
    bare = re.sub(r"^from numba import .*\n", "", code.text, flags=re.MULTILINE)
    bare = bare.replace("@cuda.jit(device=True)\n", "").replace("@cuda.jit\n", "@launched\n")
    names = {
        "cuda": turn, "launched": turn.launched, "math": math, "np": np,
        **{name: getattr(numba, name) for name in ("float32", "float64", "int32", "int64", "boolean")},
    }  # fmt: skip
    exec(compile(bare, code.entry, "exec"), names)

    def put(combine: Any) -> Any:
        def one(parts: Any, value: Any, _: Any) -> None:
            assert turn.block < LIMITS.blocks
            parts[turn.block] = combine(parts[turn.block], value)

        return one

    names["put_sum"], names["put_maximum"], names["put_minimum"] = put(np.add), put(np.maximum), put(np.minimum)
    given = inspect.signature(fun).bind(*args)
    given.apply_defaults()
    values = list(given.arguments.values())
    with np.errstate(all="ignore"):
        found = names[code.entry](*map(_on_device, values))
    value, gradients = gradient._results(found, code, list(map(_on_device, values)))
    return value, tuple(np.asarray(g) if isinstance(g, np.ndarray) else g for g in gradients)


def _on_device(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array(value).view(Device)
    return np.float64(value) if isinstance(value, float) else value
