import numpy as np


def fft_magnitude_value_and_grad(x):
    fft_x = np.fft.fft(x)
    abs_fft_x = np.abs(fft_x)
    arange_6 = np.arange(6)
    if abs_fft_x.shape[0] != arange_6.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    value = np.sum(abs_fft_x * arange_6)
    # backward: return np.sum(np.abs(np.fft.fft(x)) * np.arange(6))
    fft_x_bar = np.where(abs_fft_x != 0.0, 1.0 * arange_6 * (np.conj(fft_x) / abs_fft_x), 0.0)
    x_bar = np.fft.fft(fft_x_bar).real
    x_bar = x_bar.copy()
    return value, x_bar
