"""Where did the heat come from? The initial temperature of a rod, recovered from the temperature at the end.

An explicit solver with in-place writes is differentiated as it stands; SciPy does the optimisation.

    python examples/heat_control.py [--cells 100] [--out heat_control.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from adjoint import value_and_grad


def heat(u0, c, steps):
    """Temperature after `steps` explicit Euler steps; the ends of the rod keep theirs. Stable for c <= 1/2."""
    u = u0.copy()
    v = u0.copy()
    for _ in range(steps):
        v[1:-1] = u[1:-1] + c * (u[:-2] - 2.0 * u[1:-1] + u[2:])
        u, v = v, u
    return u


@value_and_grad
def misfit(u0, measured, c, steps, alpha):
    """Squared distance from the measured end state, plus a little smoothness (the inverse problem is ill-posed)."""
    r = heat(u0, c, steps) - measured
    s = u0[1:] - u0[:-1]
    return 0.5 * np.sum(r * r) + 0.5 * alpha * np.sum(s * s)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--out", default="heat_control.png")
    options = parser.parse_args()
    n, c, alpha = options.cells, 0.4, 1e-5
    steps = n * n // 200
    x = np.linspace(0.0, 1.0, n)
    truth = np.exp(-200 * (x - 0.3) ** 2) + 0.7 * np.exp(-300 * (x - 0.7) ** 2)
    measured = heat(truth, c, steps) + 1e-4 * np.random.default_rng(0).standard_normal(n)
    guess = measured.copy()
    limits = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(misfit, guess, (measured, c, steps, alpha), jac=True, method="L-BFGS-B", options=limits)
    for name, u0 in (("guess", guess), ("result", found.x)):
        print(f"{name}: relative error {np.linalg.norm(u0 - truth) / np.linalg.norm(truth):.3f}")
    print(f"{found.nit} iterations, {found.nfev} gradients of a solver with {steps} time steps")
    fig, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(x, truth, "k", linewidth=4, alpha=0.25, label="truth")
    axes.plot(x, guess, "C1--", label="guess: the measured end state")
    axes.plot(x, found.x, "C0", label="result")
    axes.set(xlabel="position", ylabel="initial temperature")
    axes.legend()
    fig.savefig(options.out, dpi=120)
    print(f"picture: {options.out}")


if __name__ == "__main__":
    main()
