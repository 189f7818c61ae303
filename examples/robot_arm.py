"""A planar robot arm reaches round an obstacle: joint angles by gradient descent through its forward kinematics.

    python examples/robot_arm.py [--joints 8] [--out robot_arm.png]
"""

import argparse
import math

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from adjoint import value_and_grad


def joints(angles, length):
    """Positions of the joints, base first; each angle is relative to the link before."""
    points = np.zeros((angles.shape[0] + 1, 2))
    heading = 0.0
    for k in range(angles.shape[0]):
        heading += angles[k]
        points[k + 1, 0] = points[k, 0] + length * math.cos(heading)
        points[k + 1, 1] = points[k, 1] + length * math.sin(heading)
    return points


@value_and_grad
def effort(angles, length, target, obstacle, radius):
    """Distance of the hand from its target, joints inside the obstacle, and bending, weighed against each other."""
    points = joints(angles, length)
    total = 0.01 * np.sum(angles**2) + 50.0 * np.sum((points[-1] - target) ** 2)
    for p in points:
        depth = radius - math.hypot(p[0] - obstacle[0], p[1] - obstacle[1])
        if depth > 0.0:
            total += 50.0 * depth**2
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--joints", type=int, default=8)
    parser.add_argument("--out", default="robot_arm.png")
    options = parser.parse_args()
    length, target, obstacle, radius = 4.0 / options.joints, np.array([2.0, 2.0]), np.array([1.1, 1.0]), 0.6
    start = np.full(options.joints, -0.1)  # a slight bend, straight through the obstacle
    start[0] = 1.0
    found = minimize(effort, start, (length, target, obstacle, radius), jac=True, method="BFGS")
    before, after = joints(start, length), joints(found.x, length)
    print(f"hand to target: {math.dist(before[-1], target):.3f} at the start, {math.dist(after[-1], target):.4f} now")
    print(f"nearest joint to the obstacle's centre: {np.min(np.hypot(*(after - obstacle).T)):.3f} (radius {radius})")
    fig, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.add_patch(plt.Circle(obstacle, radius, color="0.85"))
    axes.plot(*before.T, "C1o--", label="start")
    axes.plot(*after.T, "C0o-", label="result")
    axes.plot(*target, "k*", markersize=12, label="target")
    axes.set(aspect="equal", xlim=(-0.5, 3.5), ylim=(-0.5, 3.5))
    axes.legend()
    fig.savefig(options.out, dpi=120)
    print(f"picture: {options.out}")


if __name__ == "__main__":
    main()
