"""All pairs of bodies under gravity, leapfrog; kinetic and potential energy after every step."""

import numpy as np

WRT = ("mass", "pos", "vel")
SIZES = {"smoke": {"n": 4, "steps": 3}, "headline": {"n": 50, "steps": 250}}


def make(n, steps):
    rng = np.random.default_rng(42)
    return 20.0 * rng.random(n) / n, rng.standard_normal((n, 3)), rng.standard_normal((n, 3)), steps, 0.01, 1.0, 0.1


def nbody(mass, pos, vel, steps, dt, G, softening):
    n = mass.shape[0]
    pos = pos.copy()
    vel = vel.copy()
    acc = np.zeros((n, 3))
    total = 0.0
    for step in range(steps + 1):
        potential = 0.0
        acc[:, :] = 0.0
        for i in range(n):
            for j in range(n):
                dx = pos[j, 0] - pos[i, 0]
                dy = pos[j, 1] - pos[i, 1]
                dz = pos[j, 2] - pos[i, 2]
                inverse = 1.0 / np.sqrt(dx * dx + dy * dy + dz * dz + softening * softening)
                pull = G * mass[j] * inverse**3
                acc[i, 0] += pull * dx
                acc[i, 1] += pull * dy
                acc[i, 2] += pull * dz
                if i < j:
                    potential -= G * mass[i] * mass[j] * inverse
        if step > 0:
            vel += 0.5 * dt * acc
        kinetic = 0.0
        for i in range(n):
            kinetic += 0.5 * mass[i] * (vel[i, 0] ** 2 + vel[i, 1] ** 2 + vel[i, 2] ** 2)
        total += kinetic**2 + potential**2
        vel += 0.5 * dt * acc
        pos += dt * vel
    return 0.5 * total
