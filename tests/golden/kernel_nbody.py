import math

from numba import cuda, float64


@cuda.jit(device=True)
def add_block_sum(total, value, parts):
    """Add the sum of `value` over the threads of the block to `total[0]`, in shared memory: one atomic addition."""
    t = cuda.threadIdx.x
    parts[t] = value
    cuda.syncthreads()
    n = 8
    while n > 0:
        if t < n and t + n < 16:
            parts[t] += parts[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        cuda.atomic.add(total, 0, parts[0])


@cuda.jit
def nbody_adjoint(eps, pos, m, eps_bar, pos_bar, m_bar, acc_bar):
    sp = cuda.shared.array((16, 3), float64)
    sm = cuda.shared.array(16, float64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    parts = cuda.shared.array(16, float64)
    sp_bar = cuda.shared.array((16, 3), float64)
    for k in range(t, 16, 16):
        for k_1 in range(3):
            sp_bar[k, k_1] = 0.0
    sm_bar = cuda.shared.array(16, float64)
    sm_bar[t] = 0.0
    px = pos[i, 0]
    py = pos[i, 1]
    pz = pos[i, 2]
    quotient = pos.shape[0] // 16
    # backward: acc[i, 2] = az
    az_bar = acc_bar[i, 2]
    acc_bar[i, 2] = 0.0
    # backward: acc[i, 1] = ay
    ay_bar = acc_bar[i, 1]
    acc_bar[i, 1] = 0.0
    # backward: acc[i, 0] = ax
    ax_bar = acc_bar[i, 0]
    acc_bar[i, 0] = 0.0
    px_bar = 0.0
    py_bar = 0.0
    pz_bar = 0.0
    eps_sum = 0.0
    for tile in range(quotient - 1, -1, -1):
        total = tile * 16 + t
        sp[t, 0] = pos[total, 0]
        sp[t, 1] = pos[total, 1]
        sp[t, 2] = pos[total, 2]
        sm[t] = m[total]
        cuda.syncthreads()
        for k in range(15, -1, -1):
            # backward: az += w * dz
            dz = sp[k, 2] - pz
            w_bar = az_bar * dz
            sm_k = sm[k]
            dx = sp[k, 0] - px
            dy = sp[k, 1] - py
            r2 = dx * dx + dy * dy + dz * dz + eps
            sqrt_r2 = math.sqrt(r2)
            inv = 1.0 / sqrt_r2
            product = sm_k * inv
            product_1 = product * inv
            w = product_1 * inv
            dz_bar = az_bar * w
            # backward: ay += w * dy
            w_bar += ay_bar * dy
            dy_bar = ay_bar * w
            # backward: ax += w * dx
            w_bar += ax_bar * dx
            dx_bar = ax_bar * w
            # backward: w = sm[k] * inv * inv * inv
            product_1_bar = w_bar * inv
            inv_bar = w_bar * product_1
            product_bar = product_1_bar * inv
            inv_bar += product_1_bar * product
            inv_bar += product_bar * sm_k
            cuda.atomic.add(sm_bar, k, product_bar * inv)
            # backward: inv = 1.0 / math.sqrt(r2)
            r2_bar = -0.5 * (inv_bar * inv * inv) / sqrt_r2
            # backward: r2 = dx * dx + dy * dy + dz * dz + eps
            eps_sum += r2_bar
            dz_bar += 2.0 * (r2_bar * dz)
            dy_bar += 2.0 * (r2_bar * dy)
            dx_bar += 2.0 * (r2_bar * dx)
            # backward: dz = sp[k, 2] - pz
            pz_bar -= dz_bar
            cuda.atomic.add(sp_bar, (k, 2), dz_bar)
            # backward: dy = sp[k, 1] - py
            py_bar -= dy_bar
            cuda.atomic.add(sp_bar, (k, 1), dy_bar)
            # backward: dx = sp[k, 0] - px
            px_bar -= dx_bar
            cuda.atomic.add(sp_bar, (k, 0), dx_bar)
        cuda.syncthreads()
        # backward: sm[t] = m[tile * THREADS + t]
        sm_seed = sm_bar[t]
        sm_bar[t] = 0.0
        cuda.atomic.add(m_bar, total, sm_seed)
        # backward: sp[t, 2] = pos[tile * THREADS + t, 2]
        sp_seed = sp_bar[t, 2]
        sp_bar[t, 2] = 0.0
        cuda.atomic.add(pos_bar, (total, 2), sp_seed)
        # backward: sp[t, 1] = pos[tile * THREADS + t, 1]
        sp_seed_1 = sp_bar[t, 1]
        sp_bar[t, 1] = 0.0
        cuda.atomic.add(pos_bar, (total, 1), sp_seed_1)
        # backward: sp[t, 0] = pos[tile * THREADS + t, 0]
        sp_seed_2 = sp_bar[t, 0]
        sp_bar[t, 0] = 0.0
        cuda.atomic.add(pos_bar, (total, 0), sp_seed_2)
    # backward: pz = pos[i, 2]
    cuda.atomic.add(pos_bar, (i, 2), pz_bar)
    # backward: py = pos[i, 1]
    cuda.atomic.add(pos_bar, (i, 1), py_bar)
    # backward: px = pos[i, 0]
    cuda.atomic.add(pos_bar, (i, 0), px_bar)
    add_block_sum(eps_bar, eps_sum, parts)
