import numpy as np


def write_through_a_view_value_and_grad(m):
    a = m * 1.0
    row = a[1]
    row_1 = row[1]
    a_1_2 = a[1, 2]
    row[0] = row_1 * a_1_2
    diagonal_block = a[1:3, 1:3]
    a_0_0 = a[0, 0]
    diagonal_block[0, 1] = a_0_0**2
    diagonal_block *= 2.0
    value = np.sum(a * a)
    # backward: return np.sum(a * a)
    a_bar = 2.0 * a
    diagonal_block_bar = a_bar[1:3, 1:3]
    # backward: diagonal_block *= 2.0
    diagonal_block_bar *= 2.0
    # backward: diagonal_block[0, 1] = a[0, 0] ** 2
    diagonal_block_seed_1 = diagonal_block_bar[0, 1]
    diagonal_block_bar[0, 1] = 0.0
    a_bar[0, 0] += 2.0 * a_0_0 * diagonal_block_seed_1
    row_bar = a_bar[1]
    # backward: row[0] = row[1] * a[1, 2]
    row_seed = row_bar[0]
    row_bar[0] = 0.0
    a_bar[1, 2] += row_seed * row_1
    row_bar[1] += row_seed * a_1_2
    return value, a_bar
