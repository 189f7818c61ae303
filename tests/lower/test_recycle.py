"""Which arrays take the memory of others, and which must not."""

from __future__ import annotations

import pytest

from adjoint.lower.expand import expand
from adjoint.lower.fuse import fuse
from adjoint.lower.recycle import recycle
from adjoint.transform.dce import eliminate
from tests.ir_text import parse

HEAD = """
def f(t: float64[:], n: int64):
    x: float64[:] = sin(t)
    s: float64 = sum(x)
"""


def arrays(body: str) -> int:
    """Return how many arrays a program makes once those have been joined that may be."""
    func, context = expand(eliminate(parse(HEAD + body)))
    joined = recycle(fuse(func, context), context)
    return str(joined).count("prim='empty'")


FITS = {
    "last read": "    y: float64[:] = x * s\n    return y\n",
    "chain": "    y: float64[:] = x * s\n    z: float64[:] = y * y\n    return z\n",
    "no read": "    y: float64[:] = t * s\n    return y\n",
}
DOES_NOT = {
    "read later": "    y: float64[:] = x * s\n    u: float64 = sum(x)\n    return y, u\n",
    "both returned": "    y: float64[:] = x * s\n    return x, y\n",
    "other elements": "    y: float64[:] = x[::-1] * s\n    return y\n",
    "read after the element is set": "    y: float64[:] = t * s\n    u: float64 = sum(x)\n    return y, u\n",
    "kept in a list": "    kept: list[float64[:]] = list()\n    append(kept, x)\n    y: float64[:] = x * s\n    return y, kept\n",
    "seen through a view": "    v: float64[:] = x[1:]\n    y: float64[:] = x * s\n    return y, v\n",
    "other type": "    y: float32[:] = astype.float32(x)\n    return y\n",
}


@pytest.mark.parametrize("body", FITS.values(), ids=FITS)
def test_one_array_serves(body: str) -> None:
    assert arrays(body) == 1


@pytest.mark.parametrize("body", DOES_NOT.values(), ids=DOES_NOT)
def test_own_memory(body: str) -> None:
    assert arrays(body) == 2
