"""Which stores into elements nobody misses, and which must stay."""

from __future__ import annotations

import pytest

from adjoint.ir import Store
from adjoint.ir.walk import statements
from adjoint.lower.expand import expand
from adjoint.lower.spent import drop_spent
from tests.ir_text import parse

HEAD = """
def f(x: float64[:], p: int64[:], n: int64, c: bool):
    s: float64 = 0.0
    y: float64[:] = empty(n)
    a: float64[:, :] = empty(n, n)
    for i in range(n):
        y[i] = x[i]
        for j in range(n):
            a[i, j] = x[i] * x[j]
"""


def stores(body: str) -> int:
    """Return how many stores of zero are left."""
    func = drop_spent(*expand(parse(HEAD + body + "    return s\n")))
    values = (stmt.value for stmt in statements(func.body) if isinstance(stmt, Store))
    return sum("value=0.0" in str(value) for value in values)


SPENT = {
    "own element": "    for i in range(n):\n        s += y[i]\n        y[i] = 0.0\n",
    "backwards": "    for i in range(n - 1, -1, -1):\n        s += y[i]\n        y[i] = 0.0\n",
    "neighbour": "    for i in range(n - 1):\n        s += y[i + 1]\n        y[i + 1] = 0.0\n",
    "two axes": "    for i in range(n):\n        for j in range(n):\n            s += a[i, j]\n            a[i, j] = 0.0\n",
    "in a branch": "    for i in range(n):\n        if c:\n            s += y[i]\n            y[i] = 0.0\n",
    "never read": "    for i in range(n):\n        y[i] = 0.0\n",
    "read in a loop before": "    for i in range(n):\n        s += y[n - 1 - i]\n    for i in range(n):\n        y[i] = 0.0\n",
    "no loop": "    s += y[0]\n    y[1] = 0.0\n",
}
NEEDED = {
    "read after the loop": "    for i in range(n):\n        y[i] = 0.0\n    s += y[0]\n",
    "read after the store": "    for i in range(n):\n        y[i] = 0.0\n        s += y[i]\n",
    "read by another iteration": "    for i in range(1, n):\n        s += y[i - 1]\n        y[i] = 0.0\n",
    "read from the other end": "    for i in range(n):\n        s += y[n - 1 - i]\n        y[i] = 0.0\n",
    "read in the next round": "    for k in range(2):\n        for i in range(n):\n            s += y[i]\n            y[i] = 0.0\n",
    "subscript from an array": "    for i in range(n):\n        s += y[p[i]]\n        y[p[i]] = 0.0\n",
    "may count from the end": "    for i in range(-n, n):\n        s += y[i]\n        y[i] = 0.0\n",
    "row that comes again": "    for i in range(n):\n        for j in range(n):\n            s += a[j, i]\n            a[i, j] = 0.0\n",
    "same element each time": "    for i in range(n):\n        s += y[0]\n        y[0] = 0.0\n",
    "argument": "    for i in range(n):\n        s += x[i]\n        x[i] = 0.0\n",
    "seen through a view": "    v: float64[:] = y[1:]\n    for i in range(n):\n        s += y[i]\n        y[i] = 0.0\n    s += v[0]\n",
}


@pytest.mark.parametrize("body", SPENT.values(), ids=SPENT)
def test_nobody_reads_it_again(body: str) -> None:
    assert stores(body) == 0


@pytest.mark.parametrize("body", NEEDED.values(), ids=NEEDED)
def test_somebody_reads_it(body: str) -> None:
    assert stores(body) == 1
