"""How fast does a drug enter the blood and leave it? Rates fitted to noisy measurements through an ODE solver.

    python examples/pharmacokinetics.py [--steps 400] [--out pharmacokinetics.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from adjoint import value_and_grad


def slope(gut, blood, ka, ke):
    return -ka * gut, ka * gut - ke * blood


def concentration(rates, dose, volume, dt, steps):
    """Concentration in the blood after every step of a fourth-order Runge-Kutta solver; `rates` are logarithms."""
    ka, ke = np.exp(rates[0]), np.exp(rates[1])
    gut, blood = dose, 0.0
    c = np.zeros(steps + 1)
    for i in range(steps):
        g1, b1 = slope(gut, blood, ka, ke)
        g2, b2 = slope(gut + 0.5 * dt * g1, blood + 0.5 * dt * b1, ka, ke)
        g3, b3 = slope(gut + 0.5 * dt * g2, blood + 0.5 * dt * b2, ka, ke)
        g4, b4 = slope(gut + dt * g3, blood + dt * b3, ka, ke)
        gut += dt / 6.0 * (g1 + 2.0 * g2 + 2.0 * g3 + g4)
        blood += dt / 6.0 * (b1 + 2.0 * b2 + 2.0 * b3 + b4)
        c[i + 1] = blood / volume
    return c


@value_and_grad
def misfit(rates, dose, volume, dt, steps, when, measured):
    c = concentration(rates, dose, volume, dt, steps)
    total = 0.0
    for k in range(when.shape[0]):
        total += (c[when[k]] - measured[k]) ** 2
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--out", default="pharmacokinetics.png")
    options = parser.parse_args()
    hours, truth, setting = 24.0, np.log([1.2, 0.25]), (100.0, 20.0, 24.0 / options.steps, options.steps)
    when = np.linspace(options.steps // 40, options.steps, 14).astype(np.int64)
    noise = 1.0 + 0.03 * np.random.default_rng(0).standard_normal(len(when))
    measured = concentration(truth, *setting)[when] * noise
    found = minimize(misfit, np.zeros(2), (*setting, when, measured), jac=True, method="BFGS")
    for name, rate, true in zip(("absorption", "elimination"), np.exp(found.x), np.exp(truth), strict=True):
        print(f"{name}: {rate:.3f} per hour (truth {true:.3f})")
    t = np.linspace(0.0, hours, options.steps + 1)
    fig, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(t, concentration(truth, *setting), "k", linewidth=4, alpha=0.25, label="truth")
    axes.plot(t[when], measured, "C1o", label="measured")
    axes.plot(t, concentration(found.x, *setting), "C0", label="fitted")
    axes.set(xlabel="hours", ylabel="concentration, mg/l")
    axes.legend()
    fig.savefig(options.out, dpi=120)
    print(f"picture: {options.out}")


if __name__ == "__main__":
    main()
