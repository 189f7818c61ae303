"""Kernels and their adjoints as PTX, and what the assembler says of it: no GPU and no driver is needed.

`python -m tests.cuda.ptx numba float64 [NAME...]` prints facts as JSON; the first argument is the package that
compiles, `numba` (that is, numba-cuda) or `numba_cuda_mlir`. Run in a process of its own: a process has one of them.
"""

import contextlib
import dataclasses
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np

from adjoint import grad
from adjoint.api.cuda import _launch
from adjoint.backends.cuda import load_kernel

ARCHITECTURES = ((8, 0), (9, 0))
_DRIVER_USERS = ("api", "dispatcher", "compiler", "memory_management.nrt")


@dataclasses.dataclass(frozen=True)
class Launched:
    """A kernel with what it is launched with; `params` are the names of its parameters."""

    name: str
    function: object
    params: tuple
    args: tuple
    grid: object
    block: object


@contextlib.contextmanager
def offline(package, cc):
    """Compile for an architecture where no device is: device functions would ask the driver for one."""
    if package == "numba_cuda_mlir":
        tools = importlib.import_module("numba_cuda_mlir.tools")
        saved = [(tools, "_cached_cc", tools._cached_cc)]
        tools._cached_cc = cc
    else:
        device = types.SimpleNamespace(compute_capability=cc, id=0, name=b"offline")
        modules = [importlib.import_module(f"numba.cuda.{name}") for name in _DRIVER_USERS]
        found = [m for m in modules if hasattr(m, "get_current_device")]
        saved = [(m, "get_current_device", m.get_current_device) for m in found]
        for module in found:
            module.get_current_device = lambda: device
    try:
        yield
    finally:
        for module, name, value in saved:
            setattr(module, name, value)


def compile_ptx(package, function, kinds, cc, **options):
    """Return the PTX of a kernel for arguments of types with these names, such as `float64[2]`."""
    cuda = importlib.import_module(f"{package}.cuda")
    known = importlib.import_module(f"{package}.types")
    signature = known.void(*(_type(known, kind) for kind in kinds))
    with offline(package, cc):
        ptx, _ = cuda.compile_ptx(function, signature, cc=cc, **options)
    return ptx


def _type(known, kind):
    name, _, rank = kind.partition("[")
    scalar = getattr(known, {"bool": "boolean"}.get(name, name))
    return known.Array(scalar, int(rank.rstrip("]")), "C") if rank else scalar


def kind_of(value):
    """Return the name of the type of an argument."""
    shape = getattr(value, "shape", ())
    name = str(value.dtype) if hasattr(value, "dtype") else {float: "float64", int: "int64", bool: "bool"}[type(value)]
    return f"{name}[{len(shape)}]" if shape else name


def assemble(ptx, cc):
    """Return what the assembler says: registers and bytes of spilled ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.ptx")
        path.write_text(ptx)
        command = [assembler(), "-v", f"-arch=sm_{cc[0]}{cc[1]}", str(path), "-o", str(path.with_suffix(".cubin"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    registers = max(map(int, re.findall(r"Used (\d+) registers", done.stderr)))
    spills = sum(map(int, re.findall(r"(\d+) bytes spill", done.stderr)))
    return {"registers": registers, "spills": spills}


def assembler():
    """Return the path of the assembler that a package brought along."""
    nvidia = importlib.import_module("nvidia")
    found = [path for root in nvidia.__path__ for path in Path(root).glob("*/bin/ptxas")]
    return str(found[0])


def facts(ptx, cc):
    """Return what is counted in a kernel: its instructions are those of PTX, its registers those of the assembler."""
    code = re.findall(r"^\s*(?:@!?%\w+\s+)?([a-z][\w.]*)", re.sub(r"//.*", "", ptx), re.MULTILINE)
    atomics = [c for c in code if c.startswith(("atom.", "red."))]
    return {
        **assemble(ptx, cc),
        # The range reduction of libdevice's sine and cosine multiplies once by π/2·2⁻⁶⁴, in double precision always.
        "doubles": sum(".f64" in c for c in code) - 3 * ptx.count("0d3BF921FB54442D19"),
        "swaps": sum(".cas" in c for c in atomics),
        "global atomics": sum(".shared" not in c and ".cas" not in c for c in atomics),
        "shared atomics": sum(".shared" in c for c in atomics),
        "barriers": sum(c.startswith(("bar.sync", "barrier.sync")) for c in code),
    }


def launched(case, text=None):
    """Return a kernel, its adjoints in order, and the values that they are launched with; cotangents are zeros.

    `text` is the adjoint's, changed.
    """
    gradient = grad(case.kernel)
    launch = _launch((case.grid, case.block))
    adjoint = gradient._adjoint(launch, gradient._types(case.args), case.args)
    code = adjoint.code
    real = np.float32 if code.single else np.float64
    names = tuple(inspect.signature(case.kernel.py_func).parameters)
    args = tuple(a.copy() if isinstance(a, np.ndarray) else real(a) if isinstance(a, float) else a for a in case.args)
    named = dict(zip(names, args, strict=True))
    bars = {}
    adjoint.fill(named, bars)
    values = {**named, **bars, **adjoint.tapes(launch, named)}
    shape = case.grid, case.block
    own = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)  # the adjoint takes what was before
    primal = Launched(case.name, case.kernel.py_func, names, own, *shape)
    adjoints = []
    for name, params in ((code.entry, code.params), *([code.after] if code.after else [])):
        function = load_kernel(text or code.text, code.entry, cache=False, name=name).py_func
        adjoints.append(Launched(name, function, params, tuple(values[p] for p in params), *shape))
    return primal, adjoints


def report(package, precision, names):
    """Return the facts of the kernels and their adjoints, by name, role and architecture."""
    os.environ["ADJOINT_TEST_CUDA"] = package
    from tests.cuda.kernels import kernels

    real = getattr(importlib.import_module(f"{package}.types"), precision)
    found = {}
    for case in kernels(real):
        if names and case.name not in names:
            continue
        primal, adjoints = launched(case)
        for role, kernels_ in (("primal", [primal]), ("adjoint", adjoints)):
            for cc in ARCHITECTURES:
                of_role = found.setdefault(case.name, {}).setdefault(role, {})
                of_role[f"sm_{cc[0]}{cc[1]}"] = together(package, kernels_, cc)
    return found


def together(package, kernels, cc):
    """Return the facts of kernels that are launched one after the other."""
    each = [facts(compile_ptx(package, k.function, [kind_of(a) for a in k.args], cc), cc) for k in kernels]
    return {what: (max if what == "registers" else sum)(one[what] for one in each) for what in each[0]}


if __name__ == "__main__":
    print(json.dumps(report(sys.argv[1], sys.argv[2], sys.argv[3:])))
