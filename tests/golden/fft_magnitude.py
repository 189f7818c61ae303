import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def fft_magnitude_value_and_grad(x):
    fft_x = np.fft.fft(x)
    abs_fft_x = np.abs(fft_x)
    arange_6 = np.arange(6)
    product = abs_fft_x * arange_6
    value = np.sum(product)
    # backward: return np.sum(np.abs(np.fft.fft(x)) * np.arange(6))
    abs_fft_x_bar = unbroadcast_1d_1d(np.full_like(product, 1.0) * arange_6, abs_fft_x)
    fft_x_bar = np.where(abs_fft_x != 0.0, abs_fft_x_bar * (np.conj(fft_x) / abs_fft_x), 0.0)
    x_bar = np.fft.fft(fft_x_bar).real
    x_bar = x_bar.copy()
    return value, x_bar
