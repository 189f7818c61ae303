"""Every refusal of a wrong argument or option, word for word."""

import numpy as np
import pytest

from adjoint import grad
from adjoint.api.arguments import make_options
from adjoint.backends.request import DEFAULT_FASTMATH


def area(width, height, scale=1):
    return width * height * scale


def nothing():
    return 1.0


ARGNUMS = [
    ({"argnums": 3}, ValueError, "argnums=3: area has 3 parameters; its parameters are width, height, scale"),
    ({"argnums": -4}, ValueError, "argnums=-4: area has 3 parameters; its parameters are width, height, scale"),
    (
        {"wrt": "depth"},
        ValueError,
        "wrt='depth': area has no parameter of that name; its parameters are width, height, scale",
    ),
    ({"argnums": (0, "width")}, ValueError, "argnums names the argument 'width' of area more than once"),
    ({"argnums": (0, -3)}, ValueError, "argnums names the argument 'width' of area more than once"),
    ({"argnums": ()}, ValueError, "argnums is empty: name at least one argument"),
    ({"argnums": True}, TypeError, "argnums is an int, a name or a tuple of those; True is a bool"),
    ({"wrt": (1.5,)}, TypeError, "wrt is an int, a name or a tuple of those; 1.5 is a float"),
    ({"argnums": {0}}, TypeError, "argnums is an int, a name or a tuple of those, not set"),
    ({"argnums": 0, "wrt": 0}, TypeError, "give either argnums or wrt: they mean the same"),
    ({"has_aux": 1}, TypeError, "has_aux is True or False, not 1"),
    (
        {"axis": 0},
        TypeError,
        "grad has no option 'axis'; it has target, parallel, fastmath, cache, memory_limit, nan_check, deterministic",
    ),
    ({"target": "gpu"}, ValueError, "target='gpu' is not known; choose from 'cpu', 'python', 'cuda'"),
    ({"parallel": 1}, TypeError, "parallel is True or False, not 1"),
    ({"cache": None}, TypeError, "cache is True or False, not None"),
    ({"nan_check": "yes"}, TypeError, "nan_check is True or False, not 'yes'"),
    ({"memory_limit": 0}, ValueError, "memory_limit is a number of bytes and at least 1, not 0"),
    ({"memory_limit": 1e9}, TypeError, "memory_limit is a number of bytes or None, not 1000000000.0"),
    ({"fastmath": "fast"}, TypeError, "fastmath is True, False or a set of LLVM's flags, not 'fast'"),
    (
        {"fastmath": {"quick"}},
        ValueError,
        "fastmath: 'quick' is no flag of LLVM's; they are afn, arcp, contract, fast, ninf, nnan, nsz, reassoc",
    ),
]


@pytest.mark.parametrize(("given", "kind", "text"), ARGNUMS)
def test_refused_when_made(compiler, given, kind, text):
    with pytest.raises(kind) as caught:
        grad(area, **given)
    assert str(caught.value) == text


def test_no_parameters(compiler):
    with pytest.raises(ValueError, match="argnums=0: nothing has 0 parameters; it has no parameters"):
        grad(nothing)


def test_not_a_function(compiler):
    with pytest.raises(TypeError, match="grad takes a function, not 3"):
        grad(3)
    with pytest.raises(TypeError, match="grad takes a Python function, not ufunc; wrap it: lambda x: sin"):
        grad(np.sin)


TYPES = [
    (0, (1, 2.0), "grad of area: argument 'width' is an int64 scalar, which has no derivative; pass float(width)"),
    (1, (1.0, True), "grad of area: argument 'height' is a bool scalar, which has no derivative; pass float(height)"),
    (2, (1.0, 1.0), "grad of area: argument 'scale' is an int64 scalar, which has no derivative; pass float(scale)"),
    (
        0,
        (np.arange(3), 1.0),
        "grad of area: argument 'width' is an array of int64, which has no derivative; pass width.astype(np.float64)",
    ),
    (
        0,
        ([1], 1.0),
        "grad of area: argument 'width' is a list without a float or complex number or array in it",
    ),
    (0, ("a", 1.0), "grad of area: argument 'width' is a string, which has no derivative"),
    (0, (None, 1.0), "grad of area: argument 'width' is None, which has no derivative"),
]


@pytest.mark.parametrize(("argnum", "args", "text"), TYPES)
def test_refused_when_called(compiler, argnum, args, text):
    slope = grad(area, argnum)
    for call in (slope, slope.source_for):
        with pytest.raises(TypeError) as caught:
            call(*args)
        assert str(caught.value) == text
    assert compiler.requests == []


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (None, DEFAULT_FASTMATH),
        (True, ("fast",)),
        (False, ()),
        ({"nsz", "afn"}, ("afn", "nsz")),
    ],
)
def test_fastmath(given, flags):
    assert make_options(fastmath=given).fastmath == flags


def squares(x, pair=(1.0, 2.0)):
    return np.sum(x * x) * pair[0] + np.sum(pair[1])


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("of", [lambda x: np.ma.array(x, mask=x > 1.0), np.matrix])
def test_arrays_that_only_look_alike_are_refused_in_later_calls_too(of):
    """Once Numba has code for arrays, it takes these for plain ones: masks and products of matrices went unseen."""
    gradient = grad(squares)
    plain = np.array([[1.0, 2.0]])
    odd = of(plain)
    gradient(plain, (1.0, plain))
    for args, kwargs in (((odd, (1.0, plain)), {}), ((plain, (1.0, odd)), {}), ((plain,), {"pair": (1.0, odd)})):
        with pytest.raises(TypeError, match="which compiled code can't take"):
            gradient(*args, **kwargs)
