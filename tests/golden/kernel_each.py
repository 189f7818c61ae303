import math

from numba import cuda


@cuda.jit(device=True)
def fun_grad(i, result_1):
    i_bar = math.exp(result_1)
    # backward: return i * math.exp(result_1)
    result_1_bar = i * i_bar
    return i_bar, result_1_bar


@cuda.jit
def fun_grad_each(i, result_1, result_1_, result_2):
    j, i_ = cuda.grid(2)
    if i_ < result_1_.shape[0] and j < result_1_.shape[1]:
        result_1_[i_, j], result_2[i_, j] = fun_grad(i[i_, j], result_1)
