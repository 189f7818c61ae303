import numpy as np


def phasor_sum_value_and_grad(phase):
    s = 0j
    for k in range(phase.shape[0]):
        s += np.exp(1j * phase[k] * k)
    real_s = s.real
    imag_s = s.imag
    value = real_s**2 + imag_s**2
    # backward: return s.real**2 + s.imag**2
    s_bar = complex(-0.0, -1.0) * (2.0 * imag_s)
    s_bar += complex(2.0 * real_s)
    phase_bar = np.zeros_like(phase)
    for k in range(phase.shape[0] - 1, -1, -1):
        # backward: s += np.exp(1j * phase[k] * k)
        phase_bar[k] -= (s_bar * np.exp(1j * phase[k] * k) * k).imag
    return value, phase_bar
