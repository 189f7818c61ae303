import numpy as np


def where_with_log_value_and_grad(x):
    test = x > 0.0
    safe = np.where(test, x, 1.0)
    test_1 = x > 0.0
    chosen = np.where(test_1, np.log(safe), 0.0)
    test_2 = x > 0.0
    ratio = 1.0 / x
    chosen_1 = np.where(test_2, ratio, 0.0)
    value = np.sum(chosen) + np.sum(chosen_1)
    # backward: return np.sum(np.where(x > 0.0, np.log(safe), 0.0)) + np.sum(np.where(x > 0.0, 1.0 / x, 0.0))
    ratio_bar = np.where(test_2, np.full_like(chosen_1, 1.0), 0.0)
    x_bar = np.where(ratio_bar != 0.0, -(ratio_bar * ratio * ratio), 0.0)
    t_bar = np.where(test_1, np.full_like(chosen, 1.0), 0.0)
    safe_bar = np.where(t_bar != 0.0, t_bar / safe, 0.0)
    # backward: safe = np.where(x > 0.0, x, 1.0)
    x_bar += np.where(test, safe_bar, 0.0)
    return value, x_bar
