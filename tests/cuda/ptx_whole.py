"""Run in a process of its own: gradients of functions of whole arrays, as PTX that a tool runs on the CPU.

`python -m tests.cuda.ptx_whole numba float64 [NAME...]` prints, as JSON, the relative errors, the races, and what the
assembler says of each kernel. The first argument is the package that compiles; `ADJOINT_PTXRUN` names the tool
(`tests/cuda/run_ptx.py`).
"""

import json
import os
import sys

import numpy as np

from adjoint import value_and_grad
from adjoint.api.cuda_whole import WholeGradient
from adjoint.backends.request import Options, Request
from tests.cuda.ptx import compile_ptx, facts, kind_of
from tests.cuda.run_ptx import ABI, tool
from tests.cuda.whole import cases

CC = (9, 0)


class Device(np.ndarray):
    """An array that stands for one on the device."""

    def copy_to_host(self):
        return np.array(self)

    def copy_to_device(self, other):
        self[...] = other


class Cuda:
    """What the host function asks of `cuda`."""

    @staticmethod
    def device_array(shape, dtype=np.float64):
        made = np.empty(shape, dtype).view(Device)
        made[...] = np.nan if made.dtype.kind == "f" else 99
        return made


class Kernel:
    """A kernel that is compiled to PTX, and run by the tool."""

    def __init__(self, function, runner):
        self.function = function
        self.runner = runner

    def __getitem__(self, shape):
        return lambda *args: self.runner.launch(self.function, shape, args)


class Runner:
    def __init__(self, package):
        self.package = package
        self.tool = tool()
        self.races = 0
        self.facts = {}
        self.compiled = {}

    def launch(self, function, shape, args):
        kinds = tuple(map(kind_of, args))
        if (function, kinds) not in self.compiled:
            names = function.__globals__
            fake, names["cuda"] = names["cuda"], names["real cuda"]
            try:
                ptx = compile_ptx(self.package, function, kinds, CC)
            finally:
                names["cuda"] = fake
            self.compiled[function, kinds] = self.tool.Module(ptx, race=True)
            self.facts[function.__name__] = facts(ptx, CC)
        module = self.compiled[function, kinds]
        given = [np.ascontiguousarray(a).view(np.ndarray) if isinstance(a, np.ndarray) else a for a in args]
        self.races += module.launch(*shape, *given, abi=ABI[self.package])

    def gradient(self, case, precision):
        request = Request(case.fun, "value_and_grad", case.argnums, False, options=Options(target="cuda", cache=False))
        args = case.given(precision)
        gradient = WholeGradient(request, case.fun, self.package)
        run = gradient._code(gradient.types_of(*args))[1]
        names = run.__globals__
        names["real cuda"], names["cuda"] = names["cuda"], Cuda
        for name in [name for name in names if name.endswith("_kernel") or "_kernel_" in name]:
            names[name] = Kernel(names[name].py_func, self)
        with np.errstate(all="ignore"):
            return run(*(a.view(Device) if isinstance(a, np.ndarray) else a for a in args))


def found(case, package, precision):
    runner = Runner(package)
    args = [np.float64(a) if isinstance(a, np.float32) else a for a in case.given(precision)]
    exact = [a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
    wanted_value, wanted = value_and_grad(case.fun, case.argnums)(*exact)
    value, got = runner.gradient(case, precision)
    errors = {"": abs(float(value) - wanted_value) / abs(wanted_value)}
    for k, g, w in zip(case.argnums, got, wanted, strict=True):
        errors[str(k)] = float(np.max(np.abs(g - w)) / np.max(np.abs(w)))
    return {"errors": errors, "races": runner.races, "kernels": runner.facts}


def main(package, precision, *names):
    os.environ["ADJOINT_TEST_CUDA"] = package
    known = cases()
    print(json.dumps({name: found(known[name], package, precision) for name in names or known}))


if __name__ == "__main__":
    main(*sys.argv[1:])
