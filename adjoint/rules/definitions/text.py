"""Definitions whose text depends on ranks: functions made from lines, which the compiler reads like any other."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any, cast

import numpy as np

_MISMATCH = "shape mismatch: the arrays cannot be broadcast to one shape"


def made(name: str, lines: Sequence[str], file: str, **known: Any) -> FunctionType:
    """Return the function of a text, which may use what is known, and can be read again by the name of its file."""
    text = [f"{line}\n" for line in lines]
    linecache.cache[file] = (sum(map(len, text)), None, text, file)
    space: dict[str, Any] = {"np": np, "__name__": __name__, **known}
    exec(compile("".join(text), file, "exec", dont_inherit=True), space)
    return cast("FunctionType", space[name])


@cache
def broadcasting(ranks: tuple[int, ...]) -> Callable[..., Any]:
    """Return `np.broadcast_arrays` for operands of these ranks, as views of each."""
    rank, names = max(ranks), [f"x{k + 1}" for k in range(len(ranks))]
    lines = [f"def broadcast_arrays({', '.join(names)}):"]
    for axis in range(rank):
        first, *others = [
            f"{name}.shape[{axis - rank + own}]"
            for name, own in zip(names, ranks, strict=True)
            if own >= rank - axis
        ]
        lines.append(f"    n{axis} = {first}")
        for other in others:
            lines += [f"    if n{axis} == 1:", f"        n{axis} = {other}"]
        for each in (first, *others):
            lines += [f"    if {each} != 1 and {each} != n{axis}:", f"        raise ValueError({_MISMATCH!r})"]
    shape = f"({''.join(f'n{axis}, ' for axis in range(rank))})"
    views = ", ".join(f"np.broadcast_to({name}, {shape})" for name in names)
    return made("broadcast_arrays", [*lines, f"    return ({views},)"], f"<broadcast_arrays {ranks}>")


@cache
def of_elements(function: Callable[..., Any], ranks: tuple[int, ...]) -> Callable[..., Any]:
    """Return the loop that applies a function of numbers to the elements of operands of these ranks."""
    rank, names = max(ranks), [f"x{k + 1}" for k in range(len(ranks))]
    arrays = [name for name, own in zip(names, ranks, strict=True) if own]
    name = function.__name__ if function.__name__.isidentifier() else "elements"
    lines = [f"def {name}({', '.join(names)}):"]
    if len(arrays) > 1:
        lines.append(f"    {', '.join(arrays)} = np.broadcast_arrays({', '.join(arrays)})")
    lines.append(f"    out = np.empty({arrays[0]}.shape)")
    index = ", ".join("ijkl"[:rank])
    lines += [f"{'    ' * k}for {'ijkl'[k - 1]} in range({arrays[0]}.shape[{k - 1}]):" for k in range(1, rank + 1)]
    operands = ", ".join(f"{each}[{index}]" if each in arrays else each for each in names)
    lines += [f"{'    ' * (rank + 1)}out[{index}] = function({operands})", "    return out"]
    return made(name, lines, f"<{name} of elements {ranks} {id(function)}>", function=function)
