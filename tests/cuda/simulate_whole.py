"""Run in a process of its own, with Numba's simulator: the errors of gradients of functions of whole arrays, as JSON.

`python -m tests.cuda.simulate_whole float64 [NAME...]`
"""

import json
import os
import sys

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np

from adjoint import grad, value_and_grad
from adjoint.lower.grids import LIMITS
from tests.cuda.whole import cases

# The simulator runs a thread of Python for each thread.
LIMITS.threads = {1: (16,), 2: (4, 4), 3: (4, 2, 2)}
LIMITS.blocks = 6


def found(case, precision):
    """Return the relative errors of the value and of the gradients, what else is wrong, and the report."""
    args, before = case.given(precision), case.given(precision)
    exact = [np.float64(a) if isinstance(a, np.float32) else a for a in args]
    exact = [a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in exact]
    wanted_value, wanted = value_and_grad(case.fun, case.argnums)(*exact)
    value, got = value_and_grad(case.fun, case.argnums, target="cuda")(*args)
    alone = grad(case.fun, case.argnums, target="cuda")(*args)
    errors = {"": abs(float(value) - wanted_value) / abs(wanted_value)}
    wrong = [k for k, (a, b) in enumerate(zip(args, before)) if not np.array_equal(a, b)]
    for k, g, other, w in zip(case.argnums, got, alone, wanted, strict=True):
        errors[str(k)] = float(np.max(np.abs(g - w)) / np.max(np.abs(w)))
        errors[f"{k} alone"] = float(np.max(np.abs(other - w)) / np.max(np.abs(w)))
        if type(g) is not type(args[k]) or getattr(g, "dtype", None) != getattr(args[k], "dtype", None):
            wrong.append(f"{k} is {type(g).__name__}")
    return {"errors": errors, "wrong": wrong}


def main(precision, *names):
    known = cases()
    print(json.dumps({name: found(known[name], precision) for name in names or known}))


if __name__ == "__main__":
    main(*sys.argv[1:])
