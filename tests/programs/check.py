"""One program: is it fit to be a test, and is its gradient right?"""

from __future__ import annotations

import importlib.util
import itertools
import linecache
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path as File

import numpy as np

from adjoint import value_and_grad
from adjoint.errors import AdjointError, TypingError
from tests.oracle import Function, Reference, WrongGradient, check_gradient, clone, leaves, map_leaves, widen
from tests.programs import deeper
from tests.programs.program import Program
from tests.programs.references import Outcome, deadline, runs, settled

_numbers = itertools.count()


def load(source: str, folder: File) -> Function:
    """The function `program` of a module with this text, in a real file, so that its source can be found."""
    name = f"random_program_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        linecache.checkcache(str(path))
    return module.program


def unload(fun: Function) -> None:
    module = sys.modules.pop(fun.__module__, None)
    if module is not None and module.__file__ is not None:
        File(module.__file__).unlink(missing_ok=True)


def check(
    program: Program,
    folder: File,
    *,
    compiled: bool = False,
    transform: Function | None = None,
    numbers: bool = True,
    deep: int | None = None,
) -> Outcome:
    """Differentiate the program and compare; never raises. Without `numbers` any gradient will do, which is quicker.

    `deep` is the number of the program in a run, which chooses what else is asked; see `deeper`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            fun = load(program.source, folder)
    except Exception as error:  # noqa: BLE001 - shrinking makes modules that cannot be imported
        return Outcome("unfit", f"{type(error).__name__}: {error}")
    try:
        found = settled(fun, program) if numbers else runs(fun, program.args)
        if isinstance(found, Outcome):
            return found
        program, expected = found or (program, None)
        outcome = _differentiated(fun, program, expected, compiled, transform)
        if deep is not None and outcome.kind == "right":
            outcome = _deeper(fun, program, deep)
        return replace(outcome, args=program.args)
    finally:
        unload(fun)


def asked(program: Program, folder: File, question: str) -> Outcome:
    """Ask one of the further questions, whether the gradient is right or not: a program takes less time."""
    (ask,) = [ask for name, _, ask in deeper.SAMPLES if name == question]
    fun = load(program.source, folder)
    try:
        unfit = runs(fun, program.args)
        return unfit or _answer(lambda: ask(fun, program))
    finally:
        unload(fun)


def _deeper(fun: Function, program: Program, number: int) -> Outcome:
    return _answer(lambda: deeper.complaint(fun, program, number))


def _answer(ask: Callable[[], str]) -> Outcome:
    try:
        with deadline(120.0):
            found = ask()
    except AdjointError as error:
        return Outcome("refused", f"deeper: {type(error).__name__}: {error.msg}")
    except Exception as error:  # noqa: BLE001 - as below
        return Outcome("crash", f"deeper: {type(error).__name__}: {error}")
    return Outcome("wrong", found) if found else Outcome("right")


def _differentiated(
    fun: Function, program: Program, expected: Reference | None, compiled: bool, transform: Function | None
) -> Outcome:
    rtol = None if deeper.is_single(program.args) or expected is None or expected.error else 1e-8
    transform = transform or partial(value_and_grad, cache=False, target="cpu" if compiled else "python")
    try:
        with deadline(300.0 if compiled else 30.0):
            if expected is None:
                gradient = transform(fun, program.argnums)
                (gradient if compiled else gradient.python)(*clone(program.args))
                return Outcome("right")
            check_gradient(
                fun, program.args, program.argnums, rtol, compiled=compiled, transform=transform, reference=expected
            )
    except TypingError as error:
        # Numba refuses what we wrote: told to the user in our words, but our fault.
        return Outcome("uncompiled" if "can't compile" in error.msg else "refused", f"TypingError: {error.msg}")
    except AdjointError as error:
        return Outcome("refused", f"{type(error).__name__}: {error.msg}")
    except WrongGradient as error:
        if expected is not None and deeper.is_single(program.args) and _loses_digits(fun, program, expected):
            return Outcome("kink", "single precision has too few digits")
        return Outcome("wrong", str(error))
    except Exception as error:  # noqa: BLE001 - no other error may reach a user: it is a finding
        return Outcome("crash", f"{type(error).__name__}: {error}")
    return Outcome("right")


def _loses_digits(fun: Function, program: Program, expected: Reference) -> bool:
    """Whether a gradient is right in double precision, and roughly so in single: the program multiplies errors."""
    wide = tuple(map_leaves(lambda _, leaf: widen(clone(leaf)), program.args))
    try:
        with deadline(60.0):
            for args, rtol in ((program.args, 0.05), (wide, 1e-8)):
                check_gradient(fun, args, program.argnums, rtol, compiled=False, reference=expected)
    except (WrongGradient, TimeoutError):
        return False
    return True


def numba_agrees(program: Program, folder: File) -> str:
    """Empty if Numba gets the interpreted value, or refuses the program: more is differentiated than Numba compiles."""

    if any(not isinstance(arg, int | float | np.ndarray) for arg in program.args):
        return ""  # a container, for which Numba has no type
    decorated = re.sub(r"^def ", "@njit\ndef ", program.source, flags=re.MULTILINE)
    plain, fun = load(program.source, folder), load("from numba import njit\n" + decorated, folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got, expected = fun(*clone(program.args)), plain(*clone(program.args))
    except Exception:  # noqa: BLE001 - Numba has more ways to refuse than its own errors
        return ""
    finally:
        unload(plain)
        sys.modules.pop(fun.__module__, None)
    rtol = 1e-4 if deeper.is_single(program.args) else 1e-9
    close = all(np.allclose(a, b, rtol=rtol) for (_, a), (_, b) in zip(leaves(got), leaves(expected), strict=True))
    return "" if close else f"Numba says {got!r}, Python says {expected!r}"
