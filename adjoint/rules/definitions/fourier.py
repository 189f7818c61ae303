"""Fourier transforms along an axis that is not the last one, and along several, by those along the last."""

from __future__ import annotations

from typing import Any

import numpy as np


def along(function: Any, a: Any, axis: Any, n: Any = None, norm: Any = None) -> Any:
    return np.swapaxes(function(np.swapaxes(a, axis, -1), n=n, norm=norm), axis, -1)


def rfft2(a: Any, s: Any = None, norm: Any = None) -> Any:
    if s is None:
        out = np.fft.fft(np.fft.rfft(a, norm=norm), axis=-2, norm=norm)
    else:
        out = np.fft.fft(np.fft.rfft(a, n=s[1], norm=norm), n=s[0], axis=-2, norm=norm)
    return out


def irfft2(a: Any, s: Any = None, norm: Any = None) -> Any:
    if s is None:
        out = np.fft.irfft(np.fft.ifft(a, axis=-2, norm=norm), norm=norm)
    else:
        out = np.fft.irfft(np.fft.ifft(a, n=s[0], axis=-2, norm=norm), n=s[1], norm=norm)
    return out


def rfftn(a: Any, norm: Any = None) -> Any:
    out = np.fft.rfft(a, norm=norm)
    if a.ndim > 1:
        out = np.fft.fft(out, axis=-2, norm=norm)
    if a.ndim > 2:
        out = np.fft.fft(out, axis=-3, norm=norm)
    return out


def irfftn(a: Any, norm: Any = None) -> Any:
    out = a
    if a.ndim > 2:
        out = np.fft.ifft(out, axis=-3, norm=norm)
    if a.ndim > 1:
        out = np.fft.ifft(out, axis=-2, norm=norm)
    return np.fft.irfft(out, norm=norm)
