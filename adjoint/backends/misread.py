"""Values that Numba has no arithmetic for, or has arithmetic for that isn't NumPy's."""

from __future__ import annotations

import numpy as np

_WITHOUT_ARITHMETIC = (np.dtype(np.float16), np.dtype(np.longdouble), np.dtype(np.clongdouble))


def misread(value: object) -> tuple[str, str] | None:
    """Return what such a value is and what to pass in its place; None for all others."""
    dtype = getattr(value, "dtype", None)
    if not isinstance(dtype, np.dtype):
        return None
    if isinstance(value, np.matrix):  # Numba multiplies it element by element
        return "a matrix", "pass `np.asarray(...)` of it, and write `@` for products"
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array", "pass the data and the mask as two arrays"
    if not dtype.isnative:
        return "an array of another byte order", "pass `.astype(dtype.newbyteorder('='))` of it"
    if dtype in _WITHOUT_ARITHMETIC:
        return f"a value of {dtype.name}", "pass `.astype(np.float64)` of it"
    return None
