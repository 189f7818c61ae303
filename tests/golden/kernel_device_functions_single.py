from numba import cuda, float32


@cuda.jit
def device_functions_adjoint(x, x_bar, y_bar):
    i = cuda.grid(1)
    if i < x.shape[0]:
        x_i = x[i]
        v = x_i
        v_tape = cuda.local.array(3, float32)
        for _ in range(3):
            v_tape[_] = v
            result = v * v * v
            result_1 = float32(-1.0)
            if not result < float32(-1.0):
                if result > float32(1.0):
                    result = float32(1.0)
                result_1 = result
            v -= float32(0.1) * result_1
        # backward: y[i] = smooth(x[i], 3) * max(x[i], 0.5)
        y_seed = y_bar[i]
        y_bar[i] = float32(0.0)
        v_bar = y_seed * max(x_i, float32(0.5))
        t_bar = y_seed * v
        x_i_bar = t_bar if x_i > float32(0.5) else float32(0.5) * t_bar if x_i == float32(0.5) else float32(0.0)
        for _ in range(2, -1, -1):
            v = v_tape[_]
            # backward: v = v - 0.1 * clamp(v * v * v, -1.0, 1.0)
            result_bar = float32(-0.1) * v_bar
            product = v * v
            result = product * v
            if not result < float32(-1.0):
                if result > float32(1.0):
                    result_bar = float32(0.0)
            else:
                result_bar = float32(0.0)
            # backward: v = v - 0.1 * clamp(v * v * v, -1.0, 1.0)
            v_bar += result_bar * product
            v_bar += float32(2.0) * (result_bar * v * v)
        # backward: for _ in range(n):
        x_i_bar += v_bar
        # backward: y[i] = smooth(x[i], 3) * max(x[i], 0.5)
        x_bar[i] += x_i_bar
