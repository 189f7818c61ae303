import numpy as np


def complex_modulus_value_and_grad(x, y):
    z = complex(x, y)
    z_tape = np.empty(3, dtype=np.complex128)
    for _ in range(3):
        z_tape[_] = z
        z = z * z + complex(0.3, x)
    value = np.abs(z)
    # backward: return abs(z)
    z_bar = np.conj(z) / value if value != 0.0 else 0.0
    x_bar = 0.0
    for _ in range(2, -1, -1):
        z = z_tape[_]
        # backward: z = z * z + complex(0.3, x)
        t_bar = z_bar
        x_bar -= z_bar.imag
        z_bar *= z
        z_bar += t_bar * z
    # backward: z = complex(x, y)
    x_bar += z_bar.real
    y_bar = -z_bar.imag
    return value, (x_bar, y_bar)
