"""Definitions whose text depends on ranks: functions made from lines, which the compiler reads like any other."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any, cast

import numpy as np

_MISMATCH = "shape mismatch: the arrays cannot be broadcast to one shape"


def made(name: str, lines: Sequence[str], file: str) -> FunctionType:
    """Return the function of a text, which can be read again by the name of its file."""
    text = [f"{line}\n" for line in lines]
    linecache.cache[file] = (sum(map(len, text)), None, text, file)
    space: dict[str, Any] = {"np": np, "__name__": __name__}
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
