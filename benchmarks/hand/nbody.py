"""Bodies: coordinates in arrays of their own, positions recorded; both sweeps gather over all pairs, no scatter."""

import math

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(mass, pos, vel, steps, dt, G, softening):
    n = mass.shape[0]
    soft = softening * softening
    half = 0.5 * dt
    xs, ys, zs = np.empty((steps + 1, n)), np.empty((steps + 1, n)), np.empty((steps + 1, n))
    us, vs, ws = np.empty((steps + 1, n)), np.empty((steps + 1, n)), np.empty((steps + 1, n))
    kinetics, potentials = np.empty(steps + 1), np.empty(steps + 1)
    px, py, pz = pos[:, 0].copy(), pos[:, 1].copy(), pos[:, 2].copy()
    vx, vy, vz = vel[:, 0].copy(), vel[:, 1].copy(), vel[:, 2].copy()
    total = 0.0
    for step in range(steps + 1):
        x, y, z = xs[step], ys[step], zs[step]
        u, v, w = us[step], vs[step], ws[step]
        for i in range(n):
            x[i], y[i], z[i] = px[i], py[i], pz[i]
        kinetic = potential = 0.0
        for i in range(n):
            ax = ay = az = pull = 0.0
            xi, yi, zi = x[i], y[i], z[i]
            for j in range(n):
                dx, dy, dz = x[j] - xi, y[j] - yi, z[j] - zi
                inverse = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz + soft)
                weighted = mass[j] * inverse
                cubed = weighted * (inverse * inverse)
                pull += weighted
                ax += cubed * dx
                ay += cubed * dy
                az += cubed * dz
            potential -= 0.5 * G * mass[i] * (pull - mass[i] / math.sqrt(soft))
            late = 0.0 if step == 0 else half * G
            u[i], v[i], w[i] = vx[i] + late * ax, vy[i] + late * ay, vz[i] + late * az
            kinetic += 0.5 * mass[i] * (u[i] * u[i] + v[i] * v[i] + w[i] * w[i])
            vx[i], vy[i], vz[i] = u[i] + half * G * ax, v[i] + half * G * ay, w[i] + half * G * az
            px[i], py[i], pz[i] = xi + dt * vx[i], yi + dt * vy[i], zi + dt * vz[i]
        kinetics[step], potentials[step] = kinetic, potential
        total += kinetic * kinetic + potential * potential

    mass_bar = np.zeros(n)
    bx, by, bz = np.zeros(n), np.zeros(n), np.zeros(n)
    cx, cy, cz = np.zeros(n), np.zeros(n), np.zeros(n)
    ax_bar, ay_bar, az_bar = np.empty(n), np.empty(n), np.empty(n)
    for step in range(steps, -1, -1):
        x, y, z = xs[step], ys[step], zs[step]
        u, v, w = us[step], vs[step], ws[step]
        kinetic, potential = kinetics[step], potentials[step]
        late = 0.0 if step == 0 else half * G
        for i in range(n):
            cx[i] += dt * bx[i]
            cy[i] += dt * by[i]
            cz[i] += dt * bz[i]
            ax_bar[i], ay_bar[i], az_bar[i] = half * G * cx[i], half * G * cy[i], half * G * cz[i]
            mass_bar[i] += 0.5 * kinetic * (u[i] * u[i] + v[i] * v[i] + w[i] * w[i])
            cx[i] += kinetic * mass[i] * u[i]
            cy[i] += kinetic * mass[i] * v[i]
            cz[i] += kinetic * mass[i] * w[i]
            ax_bar[i] += late * cx[i]
            ay_bar[i] += late * cy[i]
            az_bar[i] += late * cz[i]
        for i in range(n):
            xi, yi, zi, mi = x[i], y[i], z[i], mass[i]
            axi, ayi, azi = ax_bar[i], ay_bar[i], az_bar[i]
            gx = gy = gz = gm = pull = 0.0
            for j in range(n):
                dx, dy, dz = x[j] - xi, y[j] - yi, z[j] - zi
                inverse = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz + soft)
                square = inverse * inverse
                cube = inverse * square
                mj = mass[j]
                qx, qy, qz = mj * axi - mi * ax_bar[j], mj * ayi - mi * ay_bar[j], mj * azi - mi * az_bar[j]
                along = 3.0 * square * (dx * qx + dy * qy + dz * qz) - G * mi * mj * potential
                gx += cube * (along * dx - qx)
                gy += cube * (along * dy - qy)
                gz += cube * (along * dz - qz)
                gm -= cube * (dx * ax_bar[j] + dy * ay_bar[j] + dz * az_bar[j])
                pull += mj * inverse
            bx[i] += gx
            by[i] += gy
            bz[i] += gz
            mass_bar[i] += gm - G * potential * (pull - mi / math.sqrt(soft))
    pos_bar, vel_bar = np.empty((n, 3)), np.empty((n, 3))
    for i in range(n):
        pos_bar[i, 0], pos_bar[i, 1], pos_bar[i, 2] = bx[i], by[i], bz[i]
        vel_bar[i, 0], vel_bar[i, 1], vel_bar[i, 2] = cx[i], cy[i], cz[i]
    return 0.5 * total, (mass_bar, pos_bar, vel_bar)
