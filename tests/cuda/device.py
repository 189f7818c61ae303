"""Run in a process of its own: gradients as device functions, called by kernels in Numba's simulator, as JSON.

`python -m tests.cuda.device`
"""

import json
import math
import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np
from numba import cuda

from adjoint import grad


def smooth(x, a):
    v = x
    for _ in range(3):
        v = v + a * math.sin(v)
    return v if v > 0.0 else v * v


@cuda.jit(device=True)
def cube(x):
    return x * x * x


by_first = grad(smooth, target="cuda")
by_both = grad(smooth, ("x", "a"), target="cuda")
of_device_function = grad(cube)


@cuda.jit
def apply(x, first, second, third):
    i = cuda.grid(1)
    if i < x.shape[0]:
        first[i] = by_first(x[i], 0.3)
        by_x, by_a = by_both(x[i], 0.3)
        second[i] = by_x + by_a
        third[i] = of_device_function(x[i])


def main():
    x = np.random.default_rng(0).normal(size=20)
    found = [np.zeros(20) for _ in range(3)]
    apply[2, 16](x, *found)
    both = np.array([grad(smooth, ("x", "a"))(v, 0.3) for v in x])
    wanted = [both[:, 0], both.sum(1), 3.0 * x * x]
    found += each(x, wanted)
    wanted = [*wanted, *wanted[:3], np.full(20, both[0, 0])]
    print(json.dumps([float(np.abs(a - b).max()) for a, b in zip(found, wanted)]))


def each(x, wanted):
    """Gradients at each element of device arrays: of one and two axes, of one and of two parameters."""
    rates = np.full((4, 5), 0.3)
    first = by_first(cuda.to_device(x), 0.3).copy_to_host()
    by_x, by_a = by_both(x.reshape(4, 5), rates)
    third = of_device_function(x.reshape(2, 2, 5)).reshape(-1)
    single = by_first(np.full(20, x[0], np.float32), 0.3)
    assert single.dtype == np.float32
    return [first, (by_x + by_a).reshape(-1), third, single]


if __name__ == "__main__":
    main()
