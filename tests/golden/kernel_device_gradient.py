import math

from numba import cuda, float64


@cuda.jit(device=True)
def smooth_grad(x, a):
    v_tape = cuda.local.array(3, float64)
    v = x
    for _ in range(3):
        v_tape[_] = v
        v += a * math.sin(v)
    # backward: return v if v > 0.0 else v * v
    v_bar = 1.0
    if not v > 0.0:
        # backward: return v if v > 0.0 else v * v
        v_bar = 2.0 * v
    a_bar = 0.0
    for _ in range(2, -1, -1):
        v = v_tape[_]
        # backward: v = v + a * math.sin(v)
        a_bar += v_bar * math.sin(v)
        v_bar += v_bar * a * math.cos(v)
    return v_bar, a_bar
