"""The two classic first gradients, and the programs that compute them.

    python examples/quickstart.py
"""

import numpy as np

from adjoint import grad


@grad
def parabola(x):
    z = 2 * x**2 + 3
    return z


@grad
def mean_of_doubles(x):
    y = 2 * x
    return np.mean(y)


if __name__ == "__main__":
    print("d/dx of 2 * x**2 + 3 at 3.0:", parabola(3.0))  # 12.0
    print("gradient of mean(2 * x) at [1, 2, 3]:", mean_of_doubles(np.array([1.0, 2.0, 3.0])))  # 2/3 each
    for gradient in (parabola, mean_of_doubles):
        print()
        print(gradient.source)
