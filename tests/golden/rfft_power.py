import numpy as np


def rfft_power_value_and_grad(x):
    spectrum = np.fft.rfft(x)
    conj_spectrum = np.conj(spectrum)
    real = (spectrum * conj_spectrum).real
    arange_4 = np.arange(4)
    if real.shape[0] != arange_4.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    value = np.sum(real * arange_4)
    # backward: return np.sum((spectrum * np.conj(spectrum)).real * np.arange(4))
    t_bar = (1.0 * arange_4).astype(np.complex128)
    spectrum_bar = t_bar * conj_spectrum
    spectrum_bar += np.conj(t_bar * spectrum)
    # backward: spectrum = np.fft.rfft(x)
    x_bar = np.fft.fft(spectrum_bar, n=x.shape[-1]).real
    x_bar = x_bar.copy()
    return value, x_bar
