"""Fourier transforms in compiled code, where rocket-fft teaches Numba them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.rules.both_modes import check

pytest.importorskip("rocket_fft")

X = np.random.default_rng(5).normal(size=6)
CASES: dict[str, Callable[..., Any]] = {
    "fft": lambda x: np.sum(np.abs(np.fft.fft(x)) * np.arange(6.0)),
    "fft, longer": lambda x: np.sum(np.abs(np.fft.fft(x, n=8)) * np.arange(8.0)),
    "rfft": lambda x: np.sum(np.abs(np.fft.rfft(x)) * np.arange(4.0)),
    "there and back": lambda x: np.sum(np.fft.irfft(np.fft.rfft(x) * 2.0) ** 3),
}


@pytest.mark.parametrize("name", CASES)
def test_transform(name: str) -> None:
    check(CASES[name], (X,), "cpu")
