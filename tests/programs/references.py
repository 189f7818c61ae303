"""What the derivatives of a random program are, found without the compiler, and which programs are no fair test.

A program has kinks, and its random arguments may lie on one, or too close to one for differences to be of use. Nearly
every program is smooth nearly everywhere: it gets other arguments close by, until derivatives found in two ways agree.
"""

from __future__ import annotations

import re
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.oracle import (
    Function,
    Reference,
    clone,
    complex_step,
    differences,
    distance,
    float_paths,
    map_leaves,
    widen,
)
from tests.programs.program import Program

LARGEST = 1e6
TINY_STEP, SMALL_STEP, LARGE_STEP = 1e-6, 1e-4, 1e-2
# How often a program gets other arguments, and how far these are from the first.
MOVES, DISTANCE = 8, 0.1


@dataclass(frozen=True)
class Outcome:
    """`kind` is right, refused, wrong, crash (any other error), uncompiled, kink or unfit (not a fair test)."""

    kind: str
    text: str = ""
    # The arguments that the program was judged with, where it had to be moved off a kink.
    args: tuple[Any, ...] = ()

    @property
    def group(self) -> str:
        """The text without what differs between two cases of one fault: numbers, names in quotes, details."""
        first = self.text.splitlines()[0] if self.text else ""
        return f"{self.kind}: " + re.sub(r"[-+]?\d[\d.e+-]*", "#", re.sub(r"`[^`]*`|'[^']*'", "`…`", first))[:110]


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so much processor time, where the system can: a shrunk program may have lost its
    `k += 1`, and a busy machine must not make a right program a slow one."""

    def late(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    if not hasattr(signal, "SIGVTALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def settled(fun: Function, program: Program) -> tuple[Program, Reference] | Outcome:
    """The program, maybe with other arguments, and its derivatives there; or why it is no fair test."""
    first: Outcome | None = None
    for attempt in range(MOVES + 1):
        moved = program if attempt == 0 else _moved(program, attempt)
        found = reference(fun, moved)
        if isinstance(found, Reference):
            return moved, found
        first = first or found
    assert first is not None
    return first


def _moved(program: Program, attempt: int) -> Program:
    """The program with arguments close by; in the memory layouts of the first ones."""
    numbers = np.random.default_rng((len(program.source), attempt))

    def move(_: Any, leaf: Any) -> Any:
        if isinstance(leaf, float):
            return leaf + float(numbers.uniform(-DISTANCE, DISTANCE))
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            leaf = clone(leaf)
            leaf += numbers.uniform(-DISTANCE, DISTANCE, leaf.shape).astype(leaf.dtype)
        return leaf

    return replace(program, args=map_leaves(move, program.args))


def runs(fun: Function, args: tuple[Any, ...]) -> Outcome | None:
    """Why the program is no fair test with these arguments, or None."""
    try:
        with warnings.catch_warnings(), deadline(1.0):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)
            value = fun(*clone(args))
    except Exception as error:  # noqa: BLE001 - a program that does not run is not a test
        return Outcome("unfit", f"{type(error).__name__}: {error}")
    if not isinstance(value, float | np.floating):
        return Outcome("unfit", "not a float")
    if not np.isfinite(value) or abs(value) > LARGEST:
        return Outcome("unfit", "too large")
    return None


def reference(fun: Function, program: Program) -> Reference | Outcome:
    """Derivatives by complex step that short differences confirm, or why the program is no fair test here."""
    # Single precision leaves differences no digits: the program is the same one in double.
    args = map_leaves(lambda _, leaf: widen(clone(leaf)), program.args)
    unfit = runs(fun, program.args) or runs(fun, args)
    if unfit is not None:
        return unfit
    try:
        return _stepped(fun, args, program)
    except (ArithmeticError, ValueError, IndexError) as error:
        return Outcome("kink", f"a step from there: {type(error).__name__}")


def _stepped(fun: Function, args: tuple[Any, ...], program: Program) -> Reference | Outcome:
    paths = float_paths(args, program.argnums)
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        # A step into the complex plane says nothing of a program that is there already.
        own = "complex(" in program.source or "1j" in program.source
        exact = None if own else complex_step(fun, args, paths, {})
        near = differences(fun, args, paths, {}, SMALL_STEP)
        if not near.scale < LARGEST:
            return Outcome("unfit", "too steep")
        # The larger of the two: a function that drops imaginary parts leaves zeros, which are close to nothing.
        if exact is not None and distance(exact, near) < 1e-6 * max(1.0, 1.0 / max(exact.scale, near.scale, 1e-30)):
            return exact
        far = differences(fun, args, paths, {}, LARGE_STEP)
        # Both may step over the feature that the derivative belongs to.
        tiny = differences(fun, args, paths, {}, TINY_STEP)
        if exact is not None and distance(exact, tiny) < 0.1 * distance(far, tiny):
            return Outcome("kink", "differences step over a feature")
        noise = 10.0 * (far.error + tiny.error) / max(far.scale, 1e-3)
        if exact is None and not distance(far, tiny) < 1e-7 + noise:
            return Outcome("kink", "differences step over a feature")
    return _confirmed(near, far)


def _confirmed(near: Reference, far: Reference) -> Reference | Outcome:
    """Differences, where long and short ones agree; these are right where they contradict the complex step."""
    scale = max(far.scale, 1e-3)
    if not far.error < 1e-7 * scale:
        return Outcome("kink", "differences do not settle")
    if not distance(near, far) * max(near.scale, far.scale, 1e-30) < 1e-5 * scale:
        return Outcome("kink", "short and long differences disagree")
    return far
