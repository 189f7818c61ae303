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
def u_kernel(start, u):
    j_first, i_first = cuda.grid(2)
    j_step, i_step = cuda.gridsize(2)
    for i in range(i_first, start.shape[0], i_step):
        for j in range(j_first, start.shape[1], j_step):
            u[i, j] = start[i, j]


@cuda.jit
def inner_tape_empty_kernel(_, start, c, u, inner_tape, empty):
    j_first, i_first = cuda.grid(2)
    j_step, i_step = cuda.gridsize(2)
    for i in range(i_first, start.shape[0] - 2, i_step):
        for j in range(j_first, start.shape[1] - 2, j_step):
            total = u[i + 2, j + 1] + u[i, j + 1] + u[i + 1, j + 2]
            inner_tape[_, i, j] = total + u[i + 1, j] - 4.0 * u[i + 1, j + 1]
            empty[i, j] = u[i + 1, j + 1] + c * inner_tape[_, i, j]


@cuda.jit
def u_kernel_2(start, u, empty):
    j_first, i_first = cuda.grid(2)
    j_step, i_step = cuda.gridsize(2)
    for i in range(i_first, start.shape[0] - 2, i_step):
        for j in range(j_first, start.shape[1] - 2, j_step):
            u[i + 1, j + 1] = empty[i, j]


@cuda.jit
def u_kernel_3(start, u):
    j_first, i_first = cuda.grid(2)
    j_step, i_step = cuda.gridsize(2)
    for i in range(i_first, start.shape[0], i_step):
        for j in range(j_first, start.shape[1], j_step):
            u[i, j] *= 2.0


@cuda.jit
def inner_bar_u_c_bar_kernel(_, start, c, u, inner_tape, inner_bar, c_bar_parts):
    shared = cuda.shared.array(128, float64)
    c_bar = 0.0
    j_first, i_first = cuda.grid(2)
    j_step, i_step = cuda.gridsize(2)
    for i in range(i_first, start.shape[0] - 2, i_step):
        for j in range(j_first, start.shape[1] - 2, j_step):
            t_bar = u[i + 1, j + 1]
            c_bar += t_bar * inner_tape[_, i, j]
            inner_bar[i, j] = t_bar * c
            u[i + 1, j + 1] -= 4.0 * inner_bar[i, j]
    put_sum(c_bar_parts, c_bar, shared)


@cuda.jit
def u_kernel_4(start, u, inner_bar):
    own_2_first, own_first = cuda.grid(2)
    own_2_step, own_step = cuda.gridsize(2)
    for own in range(own_first, start.shape[0], own_step):
        for own_2 in range(own_2_first, start.shape[1], own_2_step):
            total_2 = 0.0
            i = own - 1
            j = own_2
            if i >= 0 and i < start.shape[0] - 2 and j < start.shape[1] - 2:
                total_2 += inner_bar[i, j]
            i = own - 1
            j = own_2 - 2
            if i >= 0 and i < start.shape[0] - 2 and j >= 0:
                total_2 += inner_bar[i, j]
            i = own - 2
            j = own_2 - 1
            if i >= 0 and j >= 0 and j < start.shape[1] - 2:
                total_2 += inner_bar[i, j]
            i = own
            j = own_2 - 1
            if i < start.shape[0] - 2 and j >= 0 and j < start.shape[1] - 2:
                total_2 += inner_bar[i, j]
            u[own, own_2] += total_2


def heat_grad(start, c, steps):
    u = cuda.device_array((start.shape[0], start.shape[1]), "float64")
    u_kernel[grid(start.shape[0], start.shape[1])](start, u)
    inner_tape = cuda.device_array((max(steps, 0), max(start.shape[0] - 2, 0), max(start.shape[1] - 2, 0)), "float64")
    empty = cuda.device_array((max(start.shape[0] - 2, 0), max(start.shape[1] - 2, 0)), "float64")
    for _ in range(steps):
        inner_tape_empty_kernel[grid(start.shape[0] - 2, start.shape[1] - 2)](_, start, c, u, inner_tape, empty)
        u_kernel_2[grid(start.shape[0] - 2, start.shape[1] - 2)](start, u, empty)
    # backward: return np.sum(u * u)
    u_kernel_3[grid(start.shape[0], start.shape[1])](start, u)
    c_bar = 0.0
    inner_bar = cuda.device_array((max(start.shape[0] - 2, 0), max(start.shape[1] - 2, 0)), "float64")
    c_bar_parts = full(4096, 0.0, "float64")
    for _ in range(steps - 1, -1, -1):
        # backward: u[1:-1, 1:-1] = u[1:-1, 1:-1] + c * inner
        inner_bar_u_c_bar_kernel[grid(start.shape[0] - 2, start.shape[1] - 2)](_, start, c, u, inner_tape, inner_bar, c_bar_parts)
        if 0 < start.shape[0] - 2 and 0 < start.shape[1] - 2:
            u_kernel_4[grid(start.shape[0], start.shape[1])](start, u, inner_bar)
        # backward: inner = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
    c_bar += sum_of_parts(c_bar_parts)
    return u, c_bar
