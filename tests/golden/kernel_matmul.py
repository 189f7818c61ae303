from numba import cuda, float64


@cuda.jit
def matmul_adjoint(a, b, c, a_bar, b_bar, c_bar):
    sa = cuda.shared.array((4, 4), float64)
    sb = cuda.shared.array((4, 4), float64)
    i, j = cuda.grid(2)
    ti = cuda.threadIdx.x
    tj = cuda.threadIdx.y
    sa_bar = cuda.shared.array((4, 4), float64)
    sa_bar[ti, tj] = 0.0
    sb_bar = cuda.shared.array((4, 4), float64)
    sb_bar[ti, tj] = 0.0
    quotient = (a.shape[1] + 4 - 1) // 4
    total = 0.0
    for tile in range(quotient):
        sa[ti, tj] = 0.0
        sb[ti, tj] = 0.0
        product = tile * 4
        total_1 = tj + product
        if i < a.shape[0] and total_1 < a.shape[1]:
            sa[ti, tj] = a[i, total_1]
        total_2 = ti + product
        if j < b.shape[1] and total_2 < b.shape[0]:
            sb[ti, tj] = b[total_2, j]
        cuda.syncthreads()
        for k in range(4):
            total += sa[ti, k] * sb[k, tj]
        cuda.syncthreads()
    total_bar = 0.0
    if i < c.shape[0] and j < c.shape[1]:
        # backward: c[i, j] = total * total
        c_seed = c_bar[i, j]
        c_bar[i, j] = 0.0
        total_bar = 2.0 * (c_seed * total)
    for tile in range(quotient - 1, -1, -1):
        sa[ti, tj] = 0.0
        sb[ti, tj] = 0.0
        product = tile * 4
        total_1 = tj + product
        test = i < a.shape[0] and total_1 < a.shape[1]
        if test:
            sa[ti, tj] = a[i, total_1]
        total_2 = ti + product
        test_1 = j < b.shape[1] and total_2 < b.shape[0]
        if test_1:
            sb[ti, tj] = b[total_2, j]
        cuda.syncthreads()
        for k in range(3, -1, -1):
            # backward: total += sa[ti, k] * sb[k, tj]
            cuda.atomic.add(sb_bar, (k, tj), total_bar * sa[ti, k])
            cuda.atomic.add(sa_bar, (ti, k), total_bar * sb[k, tj])
        cuda.syncthreads()
        if test_1:
            # backward: sb[ti, tj] = b[ti + tile * TILE, j]
            sb_seed = sb_bar[ti, tj]
            sb_bar[ti, tj] = 0.0
            cuda.atomic.add(b_bar, (total_2, j), sb_seed)
        if test:
            # backward: sa[ti, tj] = a[i, tj + tile * TILE]
            sa_seed = sa_bar[ti, tj]
            sa_bar[ti, tj] = 0.0
            cuda.atomic.add(a_bar, (i, total_1), sa_seed)
        # backward: sb[ti, tj] = 0.0
        sb_bar[ti, tj] = 0.0
        # backward: sa[ti, tj] = 0.0
        sa_bar[ti, tj] = 0.0
