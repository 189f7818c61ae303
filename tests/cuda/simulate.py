"""Run in a process of its own, with Numba's simulator: the errors of all kernels and their gradients, as JSON.

`python -m tests.cuda.simulate float64 [NAME...]`; with `--deterministic` in front, with sums in one order, and the
message where that is refused.
"""

import inspect
import json
import os
import sys

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numba
import numpy as np

from adjoint import grad
from adjoint.errors import AdjointError
from tests.cuda.kernels import kernels, reference_gradients


def errors(case, **options):
    """Return the relative errors of what the kernel writes, and of the gradients by the names of the parameters."""
    names = list(inspect.signature(case.kernel.py_func).parameters)
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in case.args]
    case.kernel[case.grid, case.block](*args)
    exact = [a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in case.args]
    out = case.reference(*exact)
    found = {"": _error(args[case.output], out)}
    seed = np.random.default_rng(2).normal(size=np.shape(out))
    seed = seed.astype(args[case.output].dtype)
    output = names[case.output]
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in case.args]
    got = grad(case.kernel, **options)[case.grid, case.block](*before, **{f"{output}_bar": seed.copy()})
    wanted = reference_gradients(case, seed)
    for k, gradient in wanted.items():
        bar = got.get(f"{names[k]}_bar")
        if bar is not None:
            found[names[k]] = _error(np.asarray(bar).reshape(gradient.shape), gradient)
    changed = [n for n, a, b in zip(names, before, case.args) if not np.array_equal(a, b)]
    return {"errors": found, "changed": changed, "missing": _missing(case, names, got, wanted)}


def _missing(case, names, got, wanted):
    """Return the arguments that matter and have no gradient."""
    return [names[k] for k, g in wanted.items() if f"{names[k]}_bar" not in got and k != case.output and np.any(g)]


def _error(value, exact):
    return float(np.max(np.abs(value - exact)) / np.max(np.abs(exact)))


def in_order(case):
    try:
        return errors(case, deterministic=True)
    except AdjointError as error:
        return f"{error.loc.text.strip()}: {error.msg}"


def main(precision, *names, deterministic=False):
    cases = kernels(getattr(numba, precision))
    of_case = in_order if deterministic else errors
    print(json.dumps({case.name: of_case(case) for case in cases if not names or case.name in names}))


if __name__ == "__main__":
    options = [a for a in sys.argv[1:] if a.startswith("--")]
    main(*(a for a in sys.argv[1:] if a not in options), deterministic=bool(options))
