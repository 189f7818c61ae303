"""The object that `grad` returns: how it is called, from where, and what it tells."""

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import float64, int64

import adjoint
from adjoint import grad, value_and_grad
from adjoint.api.gradient import NotCalledError
from adjoint.backends.numba_cpu import GradientDispatcher
from adjoint.errors import TypingError, UnsupportedError


def scaled(x, k=3.0):
    return x * x * k


def named(x, p=1.0, *, k=2.0):
    return x * x * p * k


def required(x, p=1.0, *, k):
    return x * x * p * k


def doubled(x):
    return x


def broken(x):
    return x


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [((2.0,), {}, 12.0), ((2.0, 5.0), {}, 20.0), ((2.0,), {"k": 1.0}, 4.0), ((), {"x": 1.0}, 6.0)],
)
def test_call(compiler, args, kwargs, expected):
    assert grad(scaled)(*args, **kwargs) == expected


def test_forms_of_use(compiler):
    assert grad(scaled)(2.0) == grad()(scaled)(2.0) == grad(argnums=0)(scaled)(2.0) == 12.0
    assert grad(scaled, wrt="k")(2.0) == 4.0
    assert grad(scaled, ("k", 0))(2.0, 1.0) == (4.0, 4.0)
    assert grad(scaled, argnums=(0,))(2.0) == (12.0,)
    assert value_and_grad(scaled)(2.0) == (12.0, 12.0)
    assert grad(numba.njit(scaled))(2.0) == 12.0


def test_arrays(compiler):
    x = np.arange(3.0)
    np.testing.assert_array_equal(grad(scaled)(x), 6.0 * x)
    np.testing.assert_array_equal(x, np.arange(3.0))


@pytest.mark.parametrize(
    ("fun", "args", "kwargs", "expected"),
    [
        (named, (1.0,), {}, 4.0),
        (named, (1.0, 3.0), {}, 12.0),
        (named, (1.0,), {"k": 5.0}, 10.0),
        (required, (1.0,), {"k": 5.0}, 10.0),
        (required, (1.0, 2.0), {"k": 5.0}, 20.0),
    ],
)
def test_keyword_only(compiler, fun, args, kwargs, expected):
    assert grad(fun)(*args, **kwargs) == expected
    assert grad(fun).python(*args, **kwargs) == expected


def test_keyword_only_stays_keyword_only(compiler):
    with pytest.raises(TypeError, match=r"named\(\) takes from 1 to 2 positional arguments but 3 were given"):
        grad(named)(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match=r"required\(\) missing 1 required keyword-only argument: 'k'"):
        grad(required)(1.0)


def test_omitted_arguments_are_constants_unless_differentiated(compiler):
    grad(scaled, cache=False)(2.0)
    grad(scaled, "k", cache=False)(2.0)
    grad(scaled, cache=False)(2.0, 1.0)
    omitted = numba.types.Omitted(3.0)
    assert [types for _, _, types in compiler.requests] == [
        (float64, omitted),
        (float64, float64),
        (float64, float64),
    ]


def test_omitted_arguments_do_not_slow_calls_down(compiler, monkeypatch):
    """Numba's dispatcher falls back to Python at each call for all but the first default in a process."""
    compilations = []
    original = GradientDispatcher._compile_for_args

    def count(self, *args, **kwargs):
        compilations.append(self.owner.__name__)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(GradientDispatcher, "_compile_for_args", count)
    for fun in (scaled, named):
        slope = grad(fun)
        assert slope(1.0) == slope(1.0) == slope(1.0)
        assert slope(1.0, 5.0) == slope(1.0, 5.0) != slope(1.0)
    assert compilations == ["scaled", "scaled", "named", "named"]


def test_inside_compiled_code(compiler):
    slope = grad(scaled)

    @numba.njit
    def descend(x, steps):
        for _ in range(steps):
            x -= 0.1 * slope(x, k=1.0) + 0.0 * slope(x)
        return x

    expected = 3.0
    for _ in range(5):
        expected -= 0.1 * 2.0 * expected
    assert descend(3.0, 5) == pytest.approx(expected)


def test_as_argument_of_compiled_code(compiler):
    @numba.njit
    def twice(f, x):
        return f(x) + f(x)

    assert twice(grad(scaled), 1.0) == 12.0


def test_keyword_only_inside_compiled_code(compiler):
    slope = grad(named)

    @numba.njit
    def caller(x):
        return slope(x, k=5.0)

    assert caller(1.0) == 10.0


def test_errors_inside_compiled_code(compiler):
    slope = grad(scaled)

    @numba.njit
    def caller(n):
        return slope(n)

    with pytest.raises(numba.TypingError, match="TypeError: grad of scaled: argument 'x' is an int64 scalar"):
        caller(2)


def test_error_of_the_compiler_reaches_the_caller(compiler, monkeypatch):
    error = UnsupportedError("`with` is not supported", help="take it out")

    def refuse(request, arg_types):
        raise error

    monkeypatch.setattr("adjoint.api.gradient.generate", refuse)
    slope = grad(scaled)
    with pytest.raises(UnsupportedError) as caught:
        slope(2.0)
    assert caught.value is error

    @numba.njit
    def caller(x):
        return slope(x)

    with pytest.raises(numba.TypingError, match="(?s)UnsupportedError: `with` is not supported.*help: take it out"):
        caller(2.0)


def test_what_numba_refuses_is_our_error(compiler):
    with pytest.raises(TypingError, match="Numba can't compile the gradient broken_grad") as caught:
        grad(broken)(2.0)
    assert isinstance(caught.value.__cause__, numba.TypingError)


def test_no_numba_type(compiler):
    with pytest.raises(TypeError) as caught:
        grad(scaled)({"x": {1.0}})
    assert str(caught.value) == (
        "scaled was given a dict, whose item ['x'] is a set, which compiled code can't take; pass numbers, "
        "NumPy arrays, or tuples, lists, dictionaries, named tuples and dataclasses of them"
    )
    with pytest.raises(TypeError, match="scaled was given an object"):
        grad(scaled).source_for(object())


def test_gradient_of_gradient(compiler):
    assert grad(grad(scaled))(2.0) == 6.0
    assert [name for name, _, _ in compiler.requests] == ["scaled", "scaled_grad"]


def test_source(compiler):
    slope = grad(scaled)
    with pytest.raises(NotCalledError) as caught:
        slope.source  # noqa: B018
    assert str(caught.value) == (
        "<grad of scaled with respect to x> has no source yet: "
        "call it, or use .source_for(*args) with arguments or Numba types"
    )
    assert not hasattr(slope, "source")
    expected = "def scaled_grad(x, k=3.0):\n    return 2.0 * x * k\n"
    assert slope.source_for(2.0) == slope.source_for(float64[:], int64) == slope.source == expected
    assert slope.inspect("source", 2.0) == expected
    assert slope.inspect("ssa", 2.0) == "the program"
    with pytest.raises(ValueError, match="there is no stage 'typo'; the stages are ssa, source, compiled"):
        slope.inspect("typo", 2.0)


def test_introspection(compiler):
    slope = grad(scaled, ("x", "k"))
    assert slope.__name__ == "scaled"
    assert slope.primal is scaled
    assert repr(slope) == "<grad of scaled with respect to x, k>"
    assert "&lt;" not in slope._repr_html_()
    slope(1.0)
    assert "<pre>def scaled_grad(x, k=3.0):" in slope._repr_html_()


def test_as_method(compiler):
    class Model:
        slope = grad(lambda x: x * x)

    assert Model.slope(2.0) == 4.0
    with pytest.raises(TypeError):
        Model().slope(2.0)


def test_python_form_is_a_file(compiler):
    slope = grad(scaled)
    assert slope.python(2.0) == 12.0
    function = slope.python.function_for(2.0)
    with open(function.__code__.co_filename) as file:
        assert "return 2.0 * x * k" in file.read()


def test_python_target_does_not_compile(compiler):
    slope = grad(scaled, target="python")
    assert slope(2.0) == 12.0
    assert not slope.dispatcher.overloads


def test_single_precision_scalars_keep_their_type(compiler):
    slope, both = grad(doubled), value_and_grad(doubled, ("x",))
    assert type(slope(2.0)) is float
    assert type(slope(np.float32(2.0))) is np.float32
    assert type(slope(2.0)) is float
    value, (partial,) = both(np.float32(2.0))
    assert type(value) is type(partial) is np.float32
    assert (value, partial) == (2.0, 4.0)


def test_threads_get_one_compilation(compiler):
    slope = grad(scaled)
    barrier = threading.Barrier(4)

    def call(_):
        barrier.wait()
        return slope(2.0)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [12.0] * 4
    assert len(compiler.requests) == 1


def test_pickle_by_name(compiler, module):
    made = module("by_name", "from adjoint import grad\n@grad\ndef scaled(x, k=3.0):\n    return x * x * k\n")
    assert pickle.loads(pickle.dumps(made.scaled)) is made.scaled


def test_pickle_of_importable_primal(compiler):
    slope = grad(scaled, "k", fastmath=False)
    again = pickle.loads(pickle.dumps(slope))
    assert again.primal is scaled
    assert again.request == slope.request
    assert again(2.0) == slope(2.0)
    assert again.dispatcher is not slope.dispatcher


def test_pickle_by_source(compiler):
    factor = 2.0

    def helper(x):
        return x * factor

    def local(x):
        return helper(x)

    slope = grad(local)
    again = pickle.loads(pickle.dumps(slope))
    assert again.primal is not local
    assert again.primal(3.0) == 6.0
    assert pickle.loads(pickle.dumps(slope.dispatcher)).owner.primal(3.0) == 6.0


SENDER = """
import pickle, sys
from adjoint.api import transforms
transforms.check_syntax = lambda fun: None
from adjoint import grad
factor = 2.0
def helper(x):
    return x * factor
sys.stdout.buffer.write(pickle.dumps(grad(lambda x: helper(x))))
"""
RECEIVER = """
import inspect, os, pickle, sys
from adjoint.api import transforms
transforms.check_syntax = lambda fun: None
os.chdir("/")
slope = pickle.loads(sys.stdin.buffer.read())
assert slope.primal(3.0) == 6.0
print(inspect.getsource(slope.primal) + inspect.getsource(slope.primal.__globals__["helper"]), end="")
"""


def test_pickle_takes_the_source_along(tmp_path, monkeypatch):
    script = tmp_path / "sender.py"
    script.write_text(SENDER)
    monkeypatch.setenv("PYTHONPATH", str(Path(adjoint.__file__).parents[1]))
    sent = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, check=True).stdout
    script.write_text("# another file now\n")
    received = subprocess.run([sys.executable, "-c", RECEIVER], input=sent, stdout=subprocess.PIPE, check=True).stdout
    lines = SENDER.splitlines(keepends=True)
    assert received.decode() == lines[-1] + "".join(lines[-3:-1])
