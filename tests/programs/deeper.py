"""Further questions to a program whose gradient is right: each is asked of a sample, see `SAMPLES`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest import mock

import numba
import numpy as np

from adjoint import jvp, value_and_grad
from adjoint.api import compiler
from adjoint.api.containers import packed
from adjoint.api.sweeps import Form, sweep
from adjoint.backends.request import Generated, Mode, Options
from adjoint.errors import AdjointError
from adjoint.lower import BROADCAST_GUARD, multiply
from adjoint.lower.pipeline import PASSES
from tests.cuda.in_turn import run_in_turn
from tests.oracle import Function, clone, leaves, map_leaves
from tests.programs.program import Program

RTOL = 1e-12
GUARD = "guard"


def forward_agrees(fun: Function, program: Program) -> str:
    """The derivative in a random direction, by forward mode and by the gradient: empty if they agree."""
    numbers = np.random.default_rng(len(program.source))
    directions = tuple(_direction(numbers, arg) if k in program.argnums else None for k, arg in enumerate(program.args))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, tangent = jvp(fun, clone(program.args), directions, cache=False, target="python")
        _, gradient = value_and_grad(fun, program.argnums, cache=False, target="python").python(*clone(program.args))
    product, size = 0.0, 1e-3
    for k, bar in zip(program.argnums, gradient, strict=True):
        for (_, a), (_, b) in zip(leaves(bar), leaves(directions[k]), strict=True):
            product += float(np.sum(np.asarray(a, np.float64) * b))
            size += float(np.sum(np.abs(np.asarray(a, np.float64) * b)))
    rtol = 1e-4 if is_single(program.args) else RTOL
    # A sum of cancelling terms owes no relative precision; what it is made of may itself be long sums.
    return "" if abs(float(tangent) - product) <= rtol * size else f"forward {tangent!r}, reverse {product!r}"


def directions_agree(fun: Function, program: Program) -> str:
    """A sweep of three directions against three sweeps of one; what it refuses is no complaint."""
    return _directions_agree(fun, program, "python")


def compiled_directions_agree(fun: Function, program: Program) -> str:
    """The same of the text with vectors, by Numba."""
    return _directions_agree(fun, program, "cpu")


def _directions_agree(fun: Function, program: Program, target: Any) -> str:
    numbers, argnums = np.random.default_rng(len(program.source)), program.argnums
    chosen = [program.args[k] for k in argnums]
    if not all(isinstance(arg, float | np.ndarray) for arg in chosen):
        return ""
    width, form = (3 if target == "python" else 4), Form(len(program.args))
    ways = [numbers.uniform(-1.0, 1.0, (*np.shape(arg), width)).astype(np.asarray(arg).dtype) for arg in chosen]
    many = sweep("jvp", fun, form, argnums, Options(target=target, cache=False, directions=width))
    one = sweep("jvp", fun, form, argnums, Options(target=target, cache=False))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = many(*clone(program.args), *ways)[1]
        except AdjointError:
            return ""
        for k in range(width):
            way = [
                np.array(w[..., k]) if isinstance(a, np.ndarray) else float(w[k])
                for a, w in zip(chosen, ways, strict=True)
            ]
            expected = one(*clone(program.args), *way)[1]
            if problem := difference(found[..., k], expected, single=is_single(program.args)):
                return f"direction {k}: {problem}"
    return ""


def _direction(numbers: np.random.Generator, arg: Any) -> Any:
    """Of the form of the argument, containers included; None for what is no float."""

    def leaf(_: Any, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return numbers.uniform(-1.0, 1.0, value.shape).astype(value.dtype) if value.dtype.kind == "f" else None
        return float(numbers.uniform(-1.0, 1.0)) if isinstance(value, float) else None

    return map_leaves(leaf, arg)


def is_single(args: Any) -> bool:
    return any(isinstance(leaf, np.ndarray) and leaf.dtype == np.float32 for _, leaf in leaves(args))


def lowered_agrees(fun: Function, program: Program) -> str:
    """The loops that Numba compiles, run by the interpreter, against `.source`; mostly with products of any size."""
    least = 1 if len(program.source) % 3 else 32
    with mock.patch.multiple(multiply, BLOCK=2, FEWEST=least, FEWER=least, SHORTEST=least, LEAST=least):
        generated = value_and_grad(fun, program.argnums, cache=False).generated_for(*program.args)
    found = both(generated, program.args, {})
    return "" if found == GUARD else found


def second_order_agrees(fun: Function, program: Program) -> str:
    """`lowered_agrees` for the pushforward and the pullback of the gradient, whose arrays all have seeds."""
    numbers, argnums = np.random.default_rng(len(program.source)), program.argnums
    chosen = [program.args[k] for k in argnums]
    if not all(isinstance(arg, float | np.ndarray) for arg in chosen):
        return ""
    gradient = value_and_grad(fun, argnums, cache=False)
    seeds = tuple(_direction(numbers, arg) for arg in chosen)
    modes: tuple[tuple[Mode, tuple[Any, ...]], ...] = (("pushforward", seeds), ("pullback", ((1.0, seeds),)))
    for mode, given in modes:
        made = sweep(mode, gradient, Form(len(program.args)), argnums, Options(cache=False))
        args = (*program.args, *given)
        try:
            generated = made.generated_for(*args)
        except AdjointError:
            return ""
        found = both(generated, args, {})
        if found not in ("", GUARD):
            return f"{mode} of the gradient: {found}"
    return ""


def grids_agree(fun: Function, program: Program) -> str:
    """The kernels of functions of arrays, run thread after thread by the interpreter; most programs have none."""
    if not any(isinstance(arg, np.ndarray) for arg in program.args):
        return ""
    gradient = value_and_grad(fun, program.argnums, cache=False, target="python")
    expected, given = _guarded(lambda: gradient(*clone(program.args))), clone(program.args)
    try:
        found = _guarded(lambda: run_in_turn(fun, program.argnums, given))
    except TypeError as error:
        if "which compiled code can't take" in str(error):
            return ""
        raise
    if isinstance(expected, str) or isinstance(found, str):
        return ""
    for (path, a), (_, b) in zip(leaves(found), leaves(expected), strict=True):
        if problem := difference(a, b, single=is_single(program.args)):
            return f"result {path}: {problem}"
    return ""


def passes_agree(fun: Function, program: Program) -> str:
    """Each pass left out in turn: the same numbers. An error without a pass counts too."""
    expected = _without(fun, program, tidy=None, lower=None)
    for kind, names in (("tidy", [n for n, _ in compiler.TIDY if n not in NEEDED]), ("lower", [n for n, _ in PASSES])):
        for name in names:
            found = _without(fun, program, **{"tidy": None, "lower": None, kind: name})
            if expected == GUARD or found == GUARD:
                continue
            for (path, a), (_, b) in zip(leaves(found), leaves(expected), strict=True):
                if problem := difference(a, b, single=is_single(program.args)):
                    return f"without {name}, result {path}: {problem}"
    return ""


# Without these the program is not yet one that can be printed, or run.
NEEDED = ("names", "coalesce", "branches")


def _without(fun: Function, program: Program, *, tidy: str | None, lower: str | None) -> Any:
    passes = tuple((name, change) for name, change in compiler.TIDY if name != tidy)
    fuse = compiler.fuse_loops
    disable = () if lower is None else (lower,)
    with (
        mock.patch.object(compiler, "TIDY", passes),
        mock.patch.object(compiler, "fuse_loops", lambda func, left_out=(): fuse(func, (*left_out, *disable))),
    ):
        generated = value_and_grad(fun, program.argnums, cache=False).generated_for(*program.args)
    readable = lower is None and tidy is not None
    function = entry(generated, generated.source) if readable else lowered_entry(generated)
    return _guarded(lambda: function(*clone(program.args)))


def both(generated: Generated, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Run the text for people and the text for Numba; empty if they agree, GUARD if a guard stops one."""
    given, single = clone(args), is_single(args)
    expected = _guarded(lambda: entry(generated, generated.source)(*clone(args), **kwargs))
    found = _guarded(lambda: lowered_entry(generated)(*given, **kwargs))
    if isinstance(expected, str) or isinstance(found, str):
        return GUARD
    for (path, a), (_, b) in zip(leaves(found), leaves(expected), strict=True):
        problem = difference(a, b, single=single)
        if problem:
            return f"result {path}: {problem}"
    changed = [path for (path, a), (_, b) in zip(leaves(given), leaves(args), strict=True) if difference(a, b)]
    return f"arguments changed: {changed}" if changed else ""


def _guarded(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return call()
        except ValueError as error:
            if str(error).startswith(BROADCAST_GUARD):
                return GUARD
            raise


def entry(generated: Generated, text: str) -> Any:
    """The generated function, run by the interpreter whatever its decorators say."""
    return getattr(_module(generated, text), generated.entry)


def lowered_entry(generated: Generated) -> Callable[..., Any]:
    """The function that Numba compiles, called as compiled code is: containers are taken apart for it, and put back."""
    module = _module(generated, generated.compiled_text)
    function = getattr(module, generated.entry)
    assemble = getattr(module, f"{generated.entry}_result", lambda result: result)
    return lambda *args, **kwargs: assemble(function(*(packed(arg)[1] for arg in args), **kwargs))


def _module(generated: Generated, text: str) -> ModuleType:
    module = ModuleType("lowered")
    vars(module).update(generated.refs)
    with mock.patch.object(numba, "njit", _uncompiled):
        exec(compile(text, "<lowered>", "exec"), vars(module))
    return module


def _uncompiled(*args: Any, **_: Any) -> Any:
    return args[0] if args and callable(args[0]) else lambda fun: fun


def difference(found: Any, expected: Any, *, single: bool = False) -> str:
    """How two results differ, empty if they don't; `single` says that they were made of single-precision numbers."""
    if not isinstance(expected, np.ndarray | np.generic | int | float | complex):
        return "" if type(found) is type(expected) else f"{found!r} and {expected!r}"
    if np.shape(found) != np.shape(expected):
        return f"shapes {np.shape(found)} and {np.shape(expected)}"
    a, b = np.asarray(found), np.asarray(expected)
    known = np.isfinite(b)
    scale = max(1.0, float(np.max(np.abs(b[known]), initial=0.0)))
    rtol = 1e-5 if single or b.dtype in (np.float32, np.complex64) else RTOL
    return "" if np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True) else f"{found!r} and {expected!r}"


# Name of the question, how often it is asked (every so many programs), and the question.
SAMPLES: tuple[tuple[str, int, Callable[[Function, Program], str]], ...] = (
    ("forward", 4, forward_agrees),
    ("lowered", 8, lowered_agrees),
    ("second order", 16, second_order_agrees),
    ("directions", 8, directions_agree),
    ("compiled directions", 1000, compiled_directions_agree),
    ("passes", 400, passes_agree),
    ("grids", 40, grids_agree),
)


def complaint(fun: Function, program: Program, number: int) -> str:
    """What is wrong with the program that is `number` in its run; empty if nothing. May be refused: AdjointError."""
    for name, every, question in SAMPLES:
        if number % every == 0 and (found := question(fun, program)):
            return f"{name}: {found}"
    return ""
