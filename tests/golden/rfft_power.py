import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def rfft_power_value_and_grad(x):
    spectrum = np.fft.rfft(x)
    conj_spectrum = np.conj(spectrum)
    real = (spectrum * conj_spectrum).real
    arange_4 = np.arange(4)
    product = real * arange_4
    value = np.sum(product)
    # backward: return np.sum((spectrum * np.conj(spectrum)).real * np.arange(4))
    real_bar = unbroadcast_1d_1d(np.full_like(product, 1.0) * arange_4, real)
    t_bar = real_bar.astype(np.complex128)
    spectrum_bar = t_bar * conj_spectrum
    spectrum_bar += np.conj(t_bar * spectrum)
    # backward: spectrum = np.fft.rfft(x)
    x_bar = np.fft.fft(spectrum_bar, n=x.shape[-1]).real
    x_bar = x_bar.copy()
    return value, x_bar
