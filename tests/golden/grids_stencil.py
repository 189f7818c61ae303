from numba import cuda, float64


@cuda.jit(device=True)
def put_sum(parts, value, shared):
    """Put the sum over the threads of the block into the part of the block."""
    t = cuda.threadIdx.x + cuda.blockDim.x * (cuda.threadIdx.y + cuda.blockDim.y * cuda.threadIdx.z)
    shared[t] = value
    cuda.syncthreads()
    n = 64
    while n > 0:
        if t < n:
            shared[t] = shared[t] + shared[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        block = cuda.blockIdx.x + cuda.gridDim.x * (cuda.blockIdx.y + cuda.gridDim.y * cuda.blockIdx.z)
        parts[block] = parts[block] + shared[0]


@cuda.jit
def fill_kernel(flat, value):
    for i in range(cuda.grid(1), flat.shape[0], cuda.gridsize(1)):
        flat[i] = value


def grid(*sizes):
    """Return the blocks of a launch, and their threads: one for each point, or as many as 4096 blocks have."""
    threads = {1: (128,), 2: (32, 4), 3: (32, 2, 2)}[len(sizes)]
    blocks = []
    left = 4096
    for size, count in zip(sizes[::-1], threads):
        blocks.append(max(1, min(-(-size // count), left)))
        left //= blocks[-1]
    return tuple(blocks), threads


def fill(array, value):
    """Let all elements of an array on the device be one number."""
    flat = array.reshape(array.size)
    fill_kernel[grid(array.size)](flat, flat.dtype.type(value))


def full(shape, value, dtype):
    """Return an array on the device that holds one number."""
    made = cuda.device_array(shape, dtype)
    fill(made, value)
    return made


def sum_of_parts(parts):
    """Return the sum of what blocks have found."""
    return parts.copy_to_host().sum()


@cuda.jit
def c_bar_kernel(u, c, c_bar_parts):
    shared = cuda.shared.array(128, float64)
    c_bar = 0.0
    for i in range(1 + cuda.grid(1), u.shape[0] - 1, cuda.gridsize(1)):
        # backward: s += v * v * v
        u_i = u[i]
        total = u[i - 1] - 2.0 * u_i + u[i + 1]
        v = u_i + c * total
        v_bar = v * v
        v_bar += 2.0 * (v * v)
        # backward: v = u[i] + c * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        c_bar += v_bar * total
        total_bar = v_bar * c
    put_sum(c_bar_parts, c_bar, shared)


@cuda.jit
def u_bar_kernel(u, c, u_bar):
    for own in range(cuda.grid(1), u.shape[0], cuda.gridsize(1)):
        total_2 = 0.0
        i = own - 1
        if i >= 1:
            u_i = u[i]
            total = u[i - 1] - 2.0 * u_i + u[i + 1]
            v = u_i + c * total
            v_bar = v * v
            v_bar += 2.0 * (v * v)
            total_bar = v_bar * c
            total_2 += total_bar
        i = own + 1
        if i < u.shape[0] - 1:
            u_i = u[i]
            total = u[i - 1] - 2.0 * u_i + u[i + 1]
            v = u_i + c * total
            v_bar = v * v
            v_bar += 2.0 * (v * v)
            total_bar = v_bar * c
            total_2 += total_bar
        i = own
        if i >= 1 and i < u.shape[0] - 1:
            u_i = u[i]
            total = u[i - 1] - 2.0 * u_i + u[i + 1]
            v = u_i + c * total
            v_bar = v * v
            v_bar += 2.0 * (v * v)
            total_bar = v_bar * c
            total_2 += -2.0 * total_bar + v_bar
        u_bar[own] += total_2


def stencil_grad(u, c):
    # backward: return s
    u_bar = full(u.shape[0], 0, "float64")
    c_bar = 0.0
    c_bar_parts = full(4096, 0.0, "float64")
    c_bar_kernel[grid(u.shape[0] - 2)](u, c, c_bar_parts)
    c_bar += sum_of_parts(c_bar_parts)
    if 1 < u.shape[0] - 1:
        u_bar_kernel[grid(u.shape[0])](u, c, u_bar)
    return u_bar, c_bar
