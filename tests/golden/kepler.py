import math

import numpy as np


def kepler_value_and_grad(mean, e):
    big_tape = np.empty(50)
    big = mean
    trips = 0
    for _ in range(50):
        trips += 1
        big_tape[_] = big
        step = (big - e * math.sin(big) - mean) / (1.0 - e * math.cos(big))
        big -= step
        if abs(step) < 1e-14:
            break
    value = math.cos(big)
    # backward: return math.cos(big)
    big_bar = -math.sin(big)
    e_bar = 0.0
    mean_bar = 0.0
    for _ in range(trips - 1, -1, -1):
        big = big_tape[_]
        # backward: big -= step
        step_bar = -big_bar
        # backward: step = (big - e * math.sin(big) - mean) / (1.0 - e * math.cos(big))
        cos_big = math.cos(big)
        difference = 1.0 - e * cos_big
        t_bar = step_bar / difference
        sin_big = math.sin(big)
        step = (big - e * sin_big - mean) / difference
        t_bar_1 = step_bar * (step / difference)
        e_bar += t_bar_1 * cos_big
        big_bar -= t_bar_1 * e * math.sin(big)
        mean_bar -= t_bar
        big_bar += t_bar
        t_bar_2 = -t_bar
        e_bar += t_bar_2 * sin_big
        big_bar += t_bar_2 * e * math.cos(big)
    mean_bar += big_bar
    return value, (mean_bar, e_bar)
