"""What changes the digest of a function, and what doesn't. A digest that fails to change is a stale gradient."""

import collections
import dataclasses
import functools
import importlib
import math
import sys

import numba
import numpy as np
import pytest

from adjoint.backends.fingerprint import Unpinned, fingerprint, function_text, type_key, versions

HELPERS = "offset = 1.0\ndef square(x):\n    return x * x + offset\ndef unused(x):\n    return x\n"
PRIMAL = """
import math
import numpy as np
import fingerprint_helpers as helpers
from fingerprint_helpers import square
import numba
gain = 2.0
table = np.arange(3.0)
unused = object()
cubed = numba.njit(lambda x: x ** 3)
def inner(x):
    return math.sin(x) * gain
def f(x, k=3.0, *, m=1):
    def local(y):
        return y * table[0]
    return inner(x) + helpers.square(x) + local(x) * k + cubed(x)
"""

# (old text of the primal's module, new text, old text of the helpers, new text, whether the digest must change)
EDITS = [
    ("", "", "", "", False),
    ("gain = 2.0", "gain = 2.5", "", "", True),
    ("gain = 2.0", "gain = -2.0", "", "", True),
    ("gain = 2.0", "gain = 2", "", "", True),
    ("np.arange(3.0)", "np.arange(3.0) + 1", "", "", True),
    ("np.arange(3.0)", "np.arange(3.0, dtype=np.float32)", "", "", True),
    ("math.sin(x)", "math.cos(x)", "", "", True),
    ("math.sin(x)", "np.sin(x)", "", "", True),
    ("import math\n", "import cmath as math\n", "", "", True),
    ("k=3.0", "k=4.0", "", "", True),
    ("m=1", "m=2", "", "", True),
    ("x ** 3", "x ** 4", "", "", True),
    ("numba.njit(", "numba.njit(fastmath=True)(", "", "", True),
    ("y * table[0]", "y * table[1]", "", "", True),
    ("", "", "x * x", "x * x * x", True),
    ("", "", "offset = 1.0", "offset = 2.0", True),
    ("", "", "def unused(x):\n    return x", "def unused(x):\n    return 2 * x", False),
    ("unused = object()", "unused = 7", "", "", False),
    ("import numba\n", "import numba\n\n\n", "", "", False),
]


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(primal, helpers):
        for name, text in (("fingerprint_helpers", helpers), ("fingerprint_primal", primal)):
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("fingerprint_primal").f

    yield load
    for name in ("fingerprint_helpers", "fingerprint_primal"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("old", "new", "old_helper", "new_helper", "changes"), EDITS)
def test_edits(load, old, new, old_helper, new_helper, changes, portable):
    assert old in PRIMAL and old_helper in HELPERS
    before = fingerprint(load(PRIMAL, HELPERS), portable=portable)
    edited = load(PRIMAL.replace(old, new), HELPERS.replace(old_helper, new_helper))
    assert (fingerprint(edited, portable=portable) != before) is changes


def test_module_seen_by_two_functions(load):
    """The second function uses another attribute of the same module."""
    primal = (
        "import fingerprint_helpers as h\ndef g(x):\n    return h.unused(x)\ndef f(x):\n    return h.square(x) + g(x)\n"
    )
    before = fingerprint(load(primal, HELPERS))
    assert fingerprint(load(primal, HELPERS.replace("    return x\n", "    return -x\n"))) != before


def test_file_edited_after_import(load, tmp_path):
    """The compiler reads the file, so the digest follows the file; the bytecode is that of the import."""
    f = load(PRIMAL, HELPERS)
    before = fingerprint(f)
    path = tmp_path / "fingerprint_primal.py"
    path.write_text(PRIMAL.replace("* k", "+ k"))
    assert fingerprint(f) != before


def make(value):
    return lambda x: (x, value)


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Box:
    side: float


def squared(x):
    return x * x


def halved(x):
    return 0.5 * x


SAME = [
    lambda: numba.vectorize(squared),
    lambda: np.vectorize(squared),
    lambda: functools.lru_cache(squared),
    lambda: 1.0,
    lambda: "text",
    lambda: (1, [2.0, None], {"a": 3}),
    lambda: {"b", "a"},
    lambda: np.float32(1.5),
    lambda: np.arange(4).reshape(2, 2),
    lambda: np.dtype("f4"),
    lambda: math,
    lambda: np.sin,
    lambda: np.mean,
    lambda: math.sin,
    lambda: ValueError,
    lambda: Point,
    lambda: Box,
    lambda: numba.float64[:],
    lambda: slice(1, None),
    lambda: functools.partial(math.pow, 2.0),
]


@pytest.mark.parametrize("value", SAME)
def test_captured(value):
    assert fingerprint(make(value())) == fingerprint(make(value())) != fingerprint(make(ValueError("other").args))


PAIRS = [
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    ((1, 2), [1, 2]),
    ("1", 1),
    (np.zeros(2), np.zeros((2, 1))),
    (np.zeros((2, 2)), np.zeros((2, 2), order="F")),
    (np.zeros(1), np.zeros(1, dtype="i8")),
    (np.sin, np.cos),
    (math.sin, np.sin),
    (functools.partial(math.pow, 2.0), functools.partial(math.pow, 3.0)),
    (numba.vectorize(squared), numba.vectorize(halved)),
    (np.vectorize(squared), np.vectorize(halved)),
    (np.vectorize(squared), np.vectorize(squared, otypes=[float])),
    (functools.lru_cache(squared), functools.lru_cache(halved)),
    (("ab", "c"), ("a", "bc")),
    (Point, collections.namedtuple("Point", "y x")),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_captured_values_differ(one, other):
    assert fingerprint(make(one)) != fingerprint(make(other))


@pytest.mark.parametrize("value", [object(), np.array([None]), [].append, {object()}, {1: object()}, Box(1.0)])
def test_unpinned(value):
    with pytest.raises(Unpinned):
        fingerprint(make(value))


def test_unpinned_code():
    def imports(x):
        import math

        return math.sin(x)

    namespace = {}
    exec("def no_source(x):\n    return x\n", namespace)
    for fun in (imports, namespace["no_source"]):
        with pytest.raises(Unpinned):
            fingerprint(fun)


def test_recursion_and_cells():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    def later(x):
        return unbound(x)

    assert fingerprint(even) != fingerprint(odd)
    assert fingerprint(later)
    unbound = even
    assert fingerprint(later)


def test_function_text():
    value = make(3.0)
    assert function_text(value) == "    return lambda x: (x, value)\n"

    def long(x):
        return x + 1

    assert function_text(long).splitlines()[-1].strip() in {"+ 1", ")", "return x + 1"}


def test_types():
    assert type_key((numba.float64, numba.types.Omitted(3.0))) == ("float64", ("omitted", 3.0))
    with pytest.raises(Unpinned):
        type_key((numba.typeof(numba.njit(make(1.0))),))


def test_versions_name_numba_and_our_files():
    assert numba.__version__ in versions()
    assert len(versions()[-1]) == 64
