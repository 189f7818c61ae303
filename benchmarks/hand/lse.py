"""Log-sum-exp: the gradient is the softmax, whose numerators the value needs anyway."""

import math

import numpy as np

from benchmarks.flags import compiled
from benchmarks.hand.vector_math import exp


@compiled
def value_and_grad(x):
    n = x.shape[0]
    # Comparisons don't vectorise as a reduction: eight at a time do.
    tops = np.full(16, x[0])
    for block in range(n // 16):
        for lane in range(16):
            entry = x[block * 16 + lane]
            tops[lane] = entry if entry > tops[lane] else tops[lane]
    top = tops[0]
    for lane in range(1, 16):
        top = max(top, tops[lane])
    for i in range(n // 16 * 16, n):
        top = max(top, x[i])
    x_bar = np.empty(n)
    total = 0.0
    for i in range(n):
        x_bar[i] = exp(x[i] - top)
        total += x_bar[i]
    scale = 1.0 / total
    for i in range(n):
        x_bar[i] *= scale
    return top + math.log(total), (x_bar,)
