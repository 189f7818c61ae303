"""Run in a process of its own: the PTX of kernels and their adjoints on the CPU, by a tool outside it.

`python -m tests.cuda.run_ptx numba float64 [NAME...]` prints, as JSON, the relative errors and the races that the tool
found. `--mutations` in front changes one statement of an adjoint at a time instead, which must not go unnoticed.
`ADJOINT_PTXRUN` is the path of the tool, a Python file with a class `Module`: `Module(ptx, race=True)` has
`launch(grid, block, *args, abi="numba" | "mlir")`, which returns the number of races and raises for other faults.
"""

import ast
import importlib.util
import inspect
import json
import os
import sys

import numpy as np

from tests.cuda.ptx import compile_ptx, kind_of, launched

ABI = {"numba": "numba", "numba_cuda_mlir": "mlir"}
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def tool():
    spec = importlib.util.spec_from_file_location("ptxrun", os.environ["ADJOINT_PTXRUN"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["ptxrun"] = module
    spec.loader.exec_module(module)
    return module


class Runner:
    def __init__(self, package, precision):
        self.package = package
        self.precision = precision
        self.tool = tool()

    def run(self, kernel):
        """Run a kernel, which changes its arguments, and return the number of races."""
        args = [np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in kernel.args]
        ptx = compile_ptx(self.package, kernel.function, [kind_of(a) for a in args], (9, 0))
        module = self.tool.Module(ptx, race=True)
        return module.launch(kernel.grid, kernel.block, *args, abi=ABI[self.package])

    def check(self, case):
        """Return errors and races of a kernel and its adjoint."""
        names = list(inspect.signature(case.kernel.py_func).parameters)
        primal, adjoints = launched(case)
        races = {"primal": self.run(primal)}
        exact = [a.astype(float) if _is_float(a) else a for a in case.args]
        wanted = case.reference(*exact)
        errors = {"": _error(primal.args[case.output], wanted)}
        seed, found = self.seeded(case, adjoints, names)
        races["adjoint"] = sum(map(self.run, adjoints))
        return {"errors": {**errors, **self.errors(case, names, found, seed)}, "races": races}

    def seeded(self, case, adjoints, names):
        """Fill in the seed, and return a copy of it and the cotangents by the names of parameters."""
        found = {name: value for each in adjoints for name, value in zip(each.params, each.args, strict=True)}
        bar = found[f"{names[case.output]}_bar"]
        bar[...] = np.random.default_rng(2).normal(size=bar.shape)
        return bar.copy(), found

    def errors(self, case, names, found, seed):
        errors = {}
        for k, gradient in self.gradients(case, seed).items():
            bar = found.get(f"{names[k]}_bar")
            if bar is not None:
                errors[names[k]] = _error(bar.reshape(gradient.shape), gradient)
        return errors

    def gradients(self, case, seed):
        from tests.cuda.kernels import reference_gradients

        return reference_gradients(case, seed)

    # -- mutations -------------------------------------------------------------------------------------------

    def mutations(self, case):
        """Return for each change of one statement of the adjoint how it was noticed; "" if it wasn't."""
        names = list(inspect.signature(case.kernel.py_func).parameters)
        text = self.text(case)
        seed, _ = self.seeded(case, launched(case)[1], names)
        gradients = self.gradients(case, seed)
        return {what: self.noticed(case, names, changed, gradients) for what, changed in mutants(text)}

    def text(self, case):
        from adjoint import grad

        return grad(case.kernel).source_for(*case.args, grid=case.grid, block=case.block)

    def noticed(self, case, names, text, gradients):
        _, adjoints = launched(case, text)
        _, found = self.seeded(case, adjoints, names)
        try:
            races = sum(map(self.run, adjoints))
        except self.tool.PtxError as fault:
            return str(fault)[:60]
        if races:
            return f"{races} races"
        bars = {k: found.get(f"{names[k]}_bar") for k in gradients}
        worst = max(_error(bar.reshape(g.shape), g) for k, g in gradients.items() if (bar := bars[k]) is not None)
        return f"error {worst:.0e}" if not worst <= TOLERANCE[self.precision] else ""


def mutants(text):
    """Yield a text for each barrier left out, and for each atomic addition made plain."""
    lines = text.splitlines()
    for k, line in enumerate(lines):
        bare = line.strip()
        if bare == "cuda.syncthreads()":
            changed = "pass"
        elif bare.startswith("cuda.atomic.add("):
            array, index, value = map(ast.unparse, ast.parse(bare).body[0].value.args)
            changed = f"{array}[{index}] += {value}"
        else:
            continue
        yield f"{k + 1}: {bare}", "\n".join([*lines[:k], line.replace(bare, changed), *lines[k + 1 :], ""])


def _error(value, exact):
    return float(np.max(np.abs(value - exact)) / (np.max(np.abs(exact)) or 1.0))


def _is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def main(package, precision, *names, mutate=False):
    os.environ["ADJOINT_TEST_CUDA"] = package
    from tests.cuda.kernels import kernels

    real = getattr(importlib.import_module(f"{package}.types"), precision)
    runner = Runner(package, precision)
    cases = [case for case in kernels(real) if not names or case.name in names]
    print(json.dumps({case.name: (runner.mutations if mutate else runner.check)(case) for case in cases}))


if __name__ == "__main__":
    options = [a for a in sys.argv[1:] if a.startswith("--")]
    main(*(a for a in sys.argv[1:] if a not in options), mutate="--mutations" in options)
