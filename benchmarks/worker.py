"""One tool on one kernel, in a process of its own that the driver commands line by line.

It prints one line of JSON for being ready and one for each sample; `quit` makes it print its peak memory and end.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SAMPLE_SECONDS = 0.005

Prepared = tuple[Callable[[], Any], Callable[[Any], tuple[float, list[Any] | None]]]


def prepare(tool: str, name: str, args: tuple[Any, ...]) -> Prepared:
    """Return what to time, and what turns its result into value and gradients (None for a primal)."""
    from benchmarks import kernels

    kernel = kernels.load(name)
    if tool == "primal":
        from benchmarks.flags import compiled

        fun = compiled(kernel.fun)
        return lambda: fun(*args), lambda result: (result, None)
    if tool == "ours":
        from adjoint import value_and_grad

        gradient = value_and_grad(kernel.fun, argnums=kernel.wrt)
        return lambda: gradient(*args), lambda result: (result[0], list(result[1]))
    if tool == "hand":
        from benchmarks import hand

        by_hand = hand.load(name)
        if by_hand is None:
            raise NotImplementedError("not written")
        return lambda: by_hand(*args), lambda result: (result[0], list(result[1]))
    if tool in ("hvp", "hvp_all", "jax_hvp"):
        from benchmarks import products

        return products.prepare(tool, kernel, args)
    from benchmarks import peers

    return peers.prepare(tool, kernel, args)


def sample(call: Callable[[], Any], calls: int) -> dict[str, float]:
    """Return seconds per call, by the clock on the wall and by the processor's."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    return {"cpu": (time.process_time() - cpu) / calls, "wall": (time.perf_counter() - wall) / calls}


def peak_kib() -> int:
    """Return the most memory that this process has had, without what its parent had when it forked."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    """Have the peak counted from now on, and give memory back that is free: on Linux only."""
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as command:
        command.write("5")


def complaint(error: Exception) -> str:
    """Return an exception on one line, without pictures, advice, and folders."""
    lines = (line.strip() for line in str(error).splitlines())
    telling = [line for line in lines if any(letter.isalpha() for letter in line) and "uggestion" not in line]
    text = re.sub(r"(?<![\w.:/])/(?:[\w.-]+/)+", "", " ".join(telling[:3]))
    return f"{type(error).__name__}: {text}"[:240]


def main(tool: str, name: str, size: str, core: str, answer_file: str) -> None:
    """Serve the driver."""
    if core:
        os.sched_setaffinity(0, {int(core)})
    import numpy as np

    from benchmarks import kernels

    replies = sys.stdout
    sys.stdout = sys.stderr  # whatever a tool prints isn't an answer
    args = kernels.load(name).args(size)
    before = peak_kib()
    start, start_cpu = time.perf_counter(), time.process_time()
    try:
        call, answer = prepare(tool, name, args)
        result = call()
    except Exception as error:
        print(json.dumps({"failed": complaint(error)}), file=replies, flush=True)
        return
    first = {"first": time.perf_counter() - start, "first_cpu": time.process_time() - start_cpu}
    value, gradients = answer(result)
    np.savez(answer_file, value=value, **{f"g{k}": np.asarray(bar) for k, bar in enumerate(gradients or ())})
    del result, gradients
    once = sample(call, 1)["cpu"]
    calls = max(1, round(1.2 * SAMPLE_SECONDS / max(once, 1e-7)))
    print(json.dumps(first), file=replies, flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        print(json.dumps(sample(call, calls)), file=replies, flush=True)
    peak = peak_kib()
    print(json.dumps({"peak_kib": peak, "peak_beyond_inputs_kib": peak - before}), file=replies, flush=True)


if __name__ == "__main__":
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    main(*sys.argv[1:])
