import math

from numba import cuda, float64


@cuda.jit
def reduction_adjoint(x, x_bar, out_bar):
    s = cuda.shared.array(16, float64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    s_bar = cuda.shared.array(16, float64)
    s_bar[t] = 0.0
    test = i < x.shape[0]
    t_1 = 0.0
    if test:
        x_i = x[i]
        t_1 = x_i * x_i
    s[t] = t_1
    cuda.syncthreads()
    for step in range(4):
        n = 8 >> step
        if t < n:
            s[t] += s[t + n]
        cuda.syncthreads()
    if t == 0:
        # backward: cuda.atomic.add(out, 0, math.sqrt(s[0]))
        s_bar[0] += 0.5 * out_bar[0] / math.sqrt(s[0])
    for step in range(3, -1, -1):
        cuda.syncthreads()
        n = 8 >> step
        if t < n:
            # backward: s[t] += s[t + n]
            s_bar[t + n] += s_bar[t]
    cuda.syncthreads()
    # backward: s[t] = x[i] * x[i] if i < x.shape[0] else 0.0
    s_seed = s_bar[t]
    if test:
        # backward: s[t] = x[i] * x[i] if i < x.shape[0] else 0.0
        x_bar[i] += 2.0 * (s_seed * x_i)
