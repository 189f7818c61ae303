"""`python -m tests.wrong_shapes`: where the function raises for arrays that don't fit together, its gradient must too.

Each array argument of each sample function is made longer and shorter along each axis in turn. An index out of range is
left out: compiled code tests none, neither Numba's of the function nor ours.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from adjoint import grad
from adjoint.errors import AdjointError
from tests.cases.fitting import FITTING
from tests.cases.registry import Case
from tests.oracle import clone, leaves, map_leaves
from tests.programs.deeper import entry, lowered_entry
from tests.test_idioms import CASES


def perturbed(args: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arguments with one array changed in the length of one axis."""
    for path, leaf in leaves(args):
        if not isinstance(leaf, np.ndarray):
            continue
        for axis in range(leaf.ndim):
            longer = np.concatenate((leaf, np.take(leaf, [0], axis)), axis) if leaf.shape[axis] else None
            shorter = np.take(leaf, range(leaf.shape[axis] - 1), axis) if leaf.shape[axis] > 1 else None
            for name, other in (("longer", longer), ("shorter", shorter)):
                if other is not None:
                    yield f"{path}, axis {axis} {name}", _replaced(args, path, other)


def _replaced(args: Any, path: Any, other: np.ndarray) -> Any:
    def leaf(at: Any, value: Any) -> Any:
        return other.copy() if at == path else value

    return map_leaves(leaf, args)


def outcome(call: Callable[[], Any]) -> BaseException | None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            call()
        except Exception as error:  # noqa: BLE001, RUF100
            return error
    return None


def silent(case: Case) -> Iterator[str]:
    """Yield where a function raises and a form of its gradient doesn't."""
    wrt = case.wrt if isinstance(case.wrt, tuple) else (case.wrt,)
    try:
        gradient = grad(case.fun, wrt, cache=False)
        generated = gradient.generated_for(*clone(case.args), **case.kwargs)
    except (AdjointError, TypeError):
        return
    options = replace(gradient.request.options, fuse=False)
    general = type(gradient)(replace(gradient.request, options=options), case.fun)
    general = general.generated_for(*clone(case.args), **case.kwargs)
    forms = {
        "source": entry(generated, generated.source),
        "lowered": lowered_entry(generated),
        "general": entry(general, general.source),  # what is run where a guard stops the others
    }
    for what, args in perturbed(case.args):
        raised = outcome(lambda args=args: case.fun(*clone(args), **case.kwargs))
        if raised is None or isinstance(raised, IndexError):
            continue
        for name, form in forms.items():
            if outcome(lambda form=form, args=args: form(*clone(args), **case.kwargs)) is None:
                yield f"{case.name}: argument {what}: {name} is silent, not {type(raised).__name__}: {raised}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wrong_shapes", description=__doc__)
    parser.add_argument("names", nargs="*", help="sample functions; all by default")
    names = parser.parse_args().names
    cases = {**CASES, **{case.name: case for case in FITTING}}
    found = 0
    for name in names or cases:
        for line in silent(cases[name]):
            print(line, flush=True)
            found += 1
    print(f"{found} silent, of {len(names or cases)} functions")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
