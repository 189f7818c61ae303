"""Functions of named tuples, dataclasses, dictionaries and lists, and of containers that they make themselves."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from tests.cases.registry import Table, numbers

CONTAINERS = Table()


class Point(NamedTuple):
    x: float
    y: float


class Layer(NamedTuple):
    w: np.ndarray
    b: np.ndarray
    slope: float = 0.1

    @property
    def inputs(self):
        return self.w.shape[1]

    def apply(self, x):
        h = self.w @ x + self.b
        return np.maximum(h, self.slope * h) / self.inputs


@dataclasses.dataclass(frozen=True)
class State:
    position: np.ndarray
    velocity: np.ndarray
    time: float = 0.0
    label: str = "start"
    steps: int = 3

    def energy(self):
        return 0.5 * np.sum(self.velocity**2) + np.sum(self.position**2)


@dataclasses.dataclass
class Vector:
    x: float
    y: float

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __rmul__(self, factor):
        return Vector(factor * self.x, factor * self.y)

    @staticmethod
    def dot(a, b):
        return a.x * b.x + a.y * b.y


LAYERS = [(numbers(4, 3, seed=1), numbers(4, seed=2)), (numbers(2, 4, seed=3), numbers(2, seed=4))]
V3 = numbers(3, seed=5)
PARAMETERS = {"w": numbers(2, 3, seed=6), "b": numbers(2, seed=7), "more": {"scale": 1.5, "shift": numbers(2, seed=8)}}


@CONTAINERS("dictionaries", PARAMETERS, V3, wrt=(0, 1), numba=False)
def nested_dictionary(params, x):
    h = params["w"] @ x + params["b"]
    s = params["more"]["scale"] * np.sum(h * h)
    for name, value in params["more"].items():
        if name != "scale":
            s += np.sum(value)
    return s + len(params)


@CONTAINERS("dictionaries", {"a": 1.5, "b": 0.7}, 2.0, wrt=(0, 1), numba=False)
def descent_on_a_dictionary(p, x):
    for _ in range(3):
        gradient = {"a": math.cos(p["a"]) * x, "b": p["a"] * p["b"]}
        p = {k: p[k] - 0.1 * gradient[k] for k in p}
    return p["a"] * p["b"] + p.get("c", 2.0) * sum(p.values())


@CONTAINERS("dictionaries", 1.3, 0.4, wrt=(0, 1), numba=False)
def local_dictionaries(x, y):
    d = {"a": x * y, "b": x + y}
    e = dict(d, c=d["a"] ** 2)
    e = {**e, "a": e["b"]} if x > y else e
    s = 0.0
    for k, v in e.items():
        if k != "b":
            s += v
    if "c" in e and "z" not in e:
        s *= e["c"]
    return s + sum((e | {"d": y}).values()) + len(e)


@CONTAINERS("dictionaries", {"u": V3, "v": V3[::-1] * 2.0, "s": 2.0}, numba=False)
def arrays_in_a_dictionary_written(p):
    u = p["u"]
    for i in range(len(u)):
        u[i] = u[i] * p["s"]
    p["v"] += u
    p["v"][0] *= p["s"]
    return np.sum(p["v"] ** 2) + u[1]


@CONTAINERS("lists", LAYERS, V3, wrt=(0, 1), numba=False)
def list_of_tuples(layers, x):
    for w, b in layers:
        x = np.tanh(w @ x + b)
    return np.sum(x)


@CONTAINERS("lists", {"w": [w for w, _ in LAYERS], "b": [b for _, b in LAYERS]}, V3, wrt=(0, 1), numba=False)
def lists_by_index(p, x):
    for i in range(len(p["w"])):
        x = np.tanh(p["w"][i] @ x + p["b"][i])
    return np.sum(x)


@CONTAINERS("lists", [1.0, 2.0, 3.5], 0.7, wrt=(0, 1), numba=False)
def list_of_numbers(c, x):
    y = 0.0
    for v in c:
        y = y * x + v
    rest = c[1:]
    for i in range(len(rest)):
        y += rest[i] * math.sin(c[i])
    products = np.dot(np.array(c), np.asarray(c)) + min(v * v for v in c)
    return y + sum(c) * len(c) + c[1] * max(c) + c[-1] + products + (sum(list(c)) if c else 0.0)


@CONTAINERS("lists", [1.0, 2.0, 3.0], numba=False)
def arrays_made_of_a_list(c):
    a, b = np.asarray(c), np.reshape(c, (3, 1))
    a[0] = 5.0 * c[1]
    b[1, 0] = 7.0
    return c[0] * c[0] + a[0] * c[1] * c[1] + b[0, 0]


@CONTAINERS("lists", numbers(5, seed=9, low=-1.0), numba=False)
def list_made_in_a_loop(x):
    ys = []
    for i in range(len(x)):
        if x[i] > 0:
            ys.append(x[i] * x[i])
        else:
            ys.append(0.5 * x[i])
    a = np.array(ys)
    spread = np.max(ys) - min(ys) + np.mean(ys)
    return np.sum(a) + sum(ys) * 2 + ys[0] * ys[-1] + max(ys) * len(ys) + spread


@CONTAINERS("named tuples", Point(0.5, 1.5), 2.0, wrt=(0, 1))
def named_tuple_of_numbers(p, x):
    q = p
    for _ in range(3):
        q = Point(q.x * x, q.y + q.x)
    r = q._replace(y=p.y)
    a, b = r
    return a * b + r[0] * r[-1] + sum(p) + len(p)


@CONTAINERS("named tuples", [Layer(*layer) for layer in LAYERS], V3, wrt=(0, 1), numba=False)
def methods_of_named_tuples(layers, x):
    inputs = 0
    for layer in layers:
        x = layer.apply(x)
        inputs += layer.inputs
    return np.sum(x) * inputs


@CONTAINERS("dataclasses", State(V3, V3 * 0.5, 0.3), 2.0, wrt=(0, 1), numba=False)
def dataclass_in_a_loop(s, k):
    for i in range(s.steps):
        v = s.velocity - 0.1 * k * s.position
        s = State(s.position + 0.1 * v, v, time=s.time + 0.1, steps=s.steps)
        if i == 1:
            s = dataclasses.replace(s, time=2.0 * s.time)
    return s.energy() + s.time**2


@CONTAINERS("dataclasses", (Vector(1.0, 2.0), {"v": Vector(0.5, -1.0)}), 1.5, wrt=(0, 1), numba=False)
def operators_of_a_dataclass(pair, t):
    a, others = pair
    b = others["v"]
    c = a + t * b
    x, _ = dataclasses.astuple(c)
    return Vector.dot(c, a) * x * sum(dataclasses.asdict(b).values())


@CONTAINERS("containers of mixed kinds", {"a": np.float32(1.5), "n": 3, "none": None, "on": True, "l": [V3, 2.0]},
            numba=False)  # fmt: skip
def leaves_without_derivatives(p):
    s = np.sum(p["l"][0]) * p["l"][1]
    if p["on"] and p["none"] is None:
        s = s * float(p["a"]) ** p["n"]
    return s


@CONTAINERS("containers as results", {"a": 1.2, "p": Point(0.5, 2.0)}, numba=False)
def auxiliary_containers(d):
    return d["a"] * d["p"].x, {"twice": 2.0 * d["a"], "p": Point(d["p"].y, 1.0), "l": [d["a"], 3]}


TABLE: dict[str, Any] = {"offsets": np.array([0.5, 1.0]), "scale": 2.0, "corner": Point(1.0, 3.0)}


@CONTAINERS("containers outside the function", numbers(2, seed=11), numba=False)
def global_dictionary(x):
    return np.sum(x * TABLE["offsets"]) * TABLE.get("scale", 1.0) + x[0] * TABLE["corner"].y


CASES = {case.name: case for case in CONTAINERS}
