"""Containers through every transform: what comes back, what is compiled again, and what is refused."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

from adjoint import check_grads, grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp


class Point(NamedTuple):
    x: float
    y: float


@dataclasses.dataclass
class Body:
    w: Any
    n: int = 2
    label: str = "free"
    parts: list = dataclasses.field(default_factory=list)


P = {"q": Point(2.0, 3.0), "k": [4.0, 5.0]}
BODY = Body(np.array([1.0, 2.0]), 2, "free", [1.0, 2.0])


def several(p, d):
    out = {"a": p["q"].x * d.w, "s": p["k"][0] * p["q"].y + sum(d.parts) * d.n, "n": 3, "ys": [v * 2 for v in d.parts]}
    return out


def cubic(p):
    return p["a"] ** 2 * np.sum(p["b"] ** 3) + p["c"][0] * p["c"][1]


CUBIC = {"a": 2.0, "b": np.array([1.0, 2.0]), "c": [1.0, 2.0]}


def product(p):
    return p.x * p.x * p.y


product_grad = grad(product)


@numba.njit
def inside(x):
    g = product_grad(Point(x, 2.0))
    return g.x + g.y


def same(got: Any, expected: Any) -> None:
    """Containers of the same types with the same numbers."""
    if not isinstance(expected, float):  # the interpreter's floats are NumPy's
        assert type(got) is type(expected)
    match expected:
        case dict():
            assert list(got) == list(expected)
            for key in expected:
                same(got[key], expected[key])
        case tuple() | list():
            assert len(got) == len(expected)
            for a, b in zip(got, expected, strict=True):
                same(a, b)
        case Body():
            same(vars(got), vars(expected))
        case None:
            assert got is None
        case _:
            np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_pullback_takes_and_gives_containers():
    value, pullback = vjp(several, P, BODY)
    same(value, {"a": np.array([2.0, 4.0]), "s": 18.0, "n": 3, "ys": [2.0, 4.0]})
    found = pullback({"a": np.ones(2), "s": 1.0, "n": None, "ys": [1.0, 0.0]})
    expected = {"q": Point(3.0, 4.0), "k": [3.0, 0.0]}, Body(np.array([2.0, 2.0]), 0, None, [4.0, 2.0])
    same(found, expected)
    same(pullback(None)[0], {"q": Point(0.0, 0.0), "k": [0.0, 0.0]})


def test_pushforward_takes_and_gives_containers():
    _, tangent = jvp(several, (P, BODY), ({"q": Point(1.0, 0.0), "k": [1.0, 0.0]}, None))
    same(tangent, {"a": np.array([1.0, 2.0]), "s": 3.0, "n": 0.0, "ys": [0.0, 0.0]})


def test_jacobians_are_containers_of_blocks():
    def pair(p):
        return {"z": p["a"] * p["b"], "s": [p["a"] ** 2]}

    expected = {
        "z": {"a": np.array([1.0, 2.0]), "b": 2.0 * np.eye(2), "c": [np.zeros(2), np.zeros(2)]},
        "s": [{"a": 4.0, "b": np.zeros(2), "c": [0.0, 0.0]}],
    }
    for transform in (jacfwd, jacrev, jacobian):
        same(transform(pair)(CUBIC), expected)


def test_second_derivatives():
    blocks = hessian(cubic)(CUBIC)
    np.testing.assert_allclose(blocks["a"]["b"], [12.0, 48.0])
    np.testing.assert_allclose(blocks["b"]["b"], np.diag([24.0, 48.0]))
    assert blocks["c"][0]["c"] == [0.0, 1.0]
    product = hvp(cubic, (CUBIC,), ({"a": 1.0, "b": np.zeros(2), "c": [0.0, 1.0]},))
    same(product, {"a": 18.0, "b": np.array([12.0, 48.0]), "c": [1.0, 0.0]})
    same(grad(lambda p: grad(cubic)(p)["a"])(CUBIC), {"a": 18.0, "b": np.array([12.0, 48.0]), "c": [0.0, 0.0]})


def test_check_grads_names_the_leaf():
    check_grads(cubic, (CUBIC,))


def test_auxiliary_result_keeps_its_containers():
    def fun(p):
        return p["a"] ** 2, {"p": Point(p["a"], 1.0), "l": [p["b"], 3], "none": None, "t": "text"}

    aux = {"p": Point(2.0, 1.0), "l": [np.array([1.0, 2.0]), 3], "none": None}
    for transform in (grad, value_and_grad):
        found = transform(fun, has_aux=True)(CUBIC)
        got = found[1] if transform is grad else found[0][1]
        assert got.pop("t") == "text"
        same(got, aux)


def test_called_inside_compiled_code():
    assert inside(1.5) == 2 * 1.5 * 2.0 + 1.5**2


def test_a_call_without_containers_after_one_with():
    gradient = grad(lambda x, scale: np.sum(np.asarray(x) ** 2) * scale)
    same(gradient([1.0, 2.0], 3.0), [6.0, 12.0])
    same(gradient(np.array([1.0, 2.0]), 3.0), np.array([6.0, 12.0]))
    same(gradient([np.float32(1.0)], 3.0), [np.float32(6.0)])


def test_made_once_for_lists_of_any_length_and_once_for_each_set_of_keys():
    made: list[int] = []
    gradient = grad(lambda p: sum(p["l"]) * p["l"][0])
    original = gradient.current_module
    gradient.current_module = lambda types: made.append(1) or original(types)
    for length in (1, 2, 5):
        gradient({"l": [1.0] * length})
    assert len(made) == 1
    gradient({"l": [1.0], "other": 2.0})
    gradient({"other": 2.0, "l": [1.0]})
    assert len(made) == 3


def test_a_text_in_a_container_is_known():
    @grad
    def gradient(d):
        return np.sum(d.w) if d.label == "free" else np.sum(d.w**2)

    np.testing.assert_array_equal(gradient(Body(np.ones(2))).w, [1.0, 1.0])
    np.testing.assert_array_equal(gradient(Body(np.ones(2), label="bound")).w, [2.0, 2.0])


def test_keywords_and_defaults():
    gradient = grad(lambda d, k=3.0, options=None: np.sum(d["w"]) * k)
    np.testing.assert_array_equal(gradient({"w": np.ones(2)})["w"], [3.0, 3.0])
    np.testing.assert_array_equal(gradient(k=2.0, d={"w": np.ones(2)})["w"], [2.0, 2.0])


def test_shared_memory_is_an_error_on_entry():
    def writes(p):
        p["a"][0] = p["b"][1] * 2
        return np.sum(p["a"]) * p["b"][0]

    a = np.ones(3)
    with pytest.raises(ValueError, match="p_a and p_b share memory, and one of them is written: pass a copy"):
        grad(writes)({"a": a, "b": a})
    same(grad(writes)({"a": a, "b": a.copy()}), {"a": np.array([0.0, 1.0, 1.0]), "b": np.array([4.0, 2.0, 0.0])})


def test_the_text_builds_what_the_user_passes():
    gradient = grad(several_scalar, (0, 1))
    text = gradient.source_for(P, BODY)
    assert 'return {"q": Point(p_q_x_bar, p_q_y_bar)' in text
    assert "Body(w=" in text
    same(gradient.python(P, BODY), gradient(P, BODY))


def several_scalar(p, d):
    return np.sum(p["q"].x * d.w) * p["q"].y + p["k"][0] * d.parts[1]


def test_pickled_by_what_it_is_made_of():
    same(pickle.loads(pickle.dumps(grad(several_scalar)))(P, BODY), grad(several_scalar)(P, BODY))


def test_export_hands_tuples_over(tmp_path):
    path = grad(cubic).export(tmp_path / "exported.py", CUBIC)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(path.read_text().replace("cache=True", "cache=False"), str(path), "exec"), names)
    found = names["cubic_grad_result"](names["cubic_grad"]((2.0, CUBIC["b"], np.array(CUBIC["c"]))))
    same(found, grad(cubic)(CUBIC))


REFUSED = [
    (
        {"a": np.ones(2), "s": 1.0},
        ValueError,
        "the value of several is a dictionary with the keys 'a', 's', 'n', 'ys', and its cotangent has others or "
        "another order",
    ),
    (1.0, TypeError, "the value of several is a dictionary, and its cotangent is one too, not a float"),
    (
        {"a": np.ones(3), "s": 1.0, "n": None, "ys": None},
        ValueError,
        "`['a']` of the value of several has shape (2,), and its cotangent has shape (3,)",
    ),
    (
        {"a": np.ones(2), "s": 1.0, "n": None, "ys": [1.0]},
        ValueError,
        "`['ys']` of the value of several is a list of 2, and its cotangent has 1 items",
    ),
]


@pytest.mark.parametrize(("cotangent", "kind", "text"), REFUSED)
def test_a_cotangent_of_another_structure(cotangent: Any, kind: type[Exception], text: str) -> None:
    _, pullback = vjp(several, P, BODY)
    with pytest.raises(kind) as caught:
        pullback(cotangent)
    assert str(caught.value) == text


class Checked:
    pass


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ({"a": 1.0, "f": [1.0, Checked()]}, "whose item ['f'][1] is a Checked"),
        ({"a": 1.0, "g": np.sin}, "whose item ['g'] is an ufunc"),
        ({"a": 1.0, frozenset(): 2.0}, "was given a dictionary with a key of type frozenset"),
    ],
)
def test_what_can_not_be_in_a_container(argument: Any, text: str) -> None:
    with pytest.raises(TypeError) as caught:
        grad(lambda p: p["a"])(argument)
    assert text in str(caught.value)


def parts(x, k=3.0):
    return {"square": x * x * k, "pair": Point(x, 2.0 * x)}


def test_containers_come_back_though_none_goes_in() -> None:
    wanted = {"square": 12.0, "pair": Point(2.0, 4.0)}
    value, pullback = vjp(parts, 2.0)
    assert value == wanted
    assert isinstance(value["pair"], Point)
    assert pullback({"square": 1.0, "pair": Point(0.0, 1.0)}) == (14.0,)
    assert jvp(parts, (2.0,), (1.0,)) == (wanted, {"square": 12.0, "pair": Point(1.0, 2.0)})
    assert jvp(parts, (2.0, 1.0), (1.0, None))[0]["square"] == 4.0


def test_containers_come_back_after_compiled_code_has_called() -> None:
    def with_parts(x):
        return x * x, {"x": x}

    gradient = grad(with_parts, has_aux=True)
    called = numba.njit(lambda x: gradient(x))
    assert called(3.0) == (6.0, (3.0,))  # Numba has no type for such a dictionary
    assert gradient(3.0) == (6.0, {"x": 3.0})
    assert gradient(3.0) == (6.0, {"x": 3.0})
    single = gradient(np.float32(3.0))[1]["x"]
    assert isinstance(single, np.float32)


def own_argument(x):
    return np.sum(x * x), (x[1:], 2.0)


@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_what_is_returned_beside_a_gradient_is_not_the_callers(transform):
    """It showed the argument: who changed it changed that."""
    x = np.ones(3)
    found = transform(own_argument, has_aux=True)(x)
    part = found[1][0] if transform is grad else found[0][1][0]
    assert not np.shares_memory(part, x)
