"""Random programs of the imperative IR for property tests: scalars, arrays and views, lists, loops, branches, moves."""

from __future__ import annotations

import copy
import math

import numpy as np
from hypothesis import strategies as st
from numba import types as nb

from adjoint.ir import Accum, Call, Comment, Effect, For, Func, If, Let, Lit, Param, Return, Stmt, Store, Var, While
from tests.imperative import run
from tests.ir_text import natural_hint

SCALARS = ("a", "x", "x_1", "x_2", "y", "y_1", "x_bar", "x_1_bar", "_1", "_2", "_3")
ARRAYS = ("u", "v", "w", "w_1", "_4")
INDICES = ("i", "i_1", "j")
LISTS = ("tape",)
VECTOR = nb.Array(nb.float64, 1, "A")
TYPES = {
    **dict.fromkeys(SCALARS, nb.float64),
    **dict.fromkeys(ARRAYS, VECTOR),
    **dict.fromkeys(INDICES, nb.int64),
    **dict.fromkeys(LISTS, nb.List(nb.float64)),
    **dict.fromkeys(("done", "done_1"), nb.boolean),
    **dict.fromkeys(("k_0", "k_1", "k_2", "k_3"), nb.int64),
}
PARAMS = ("a", "x", "u", "v")
SIZE = 3


def call(prim, *args):
    return Call(prim, args)


@st.composite
def programs(draw, typed=None):
    """Return a program of four parameters: two numbers, two arrays of length SIZE."""
    maker = _Maker(draw)
    start = [Let(Var(name), draw(st.sampled_from([Lit(0.5), Lit(1.0), Var("a"), Var("x")]))) for name in SCALARS[2:]]
    start += [Let(Var("w"), call("copy", Var("u"))), Let(Var("w_1"), Var("w")), Let(Var("_4"), Var("v"))]
    start += [Let(Var("i"), Lit(0)), Let(Var("i_1"), Lit(2)), Let(Var("j"), Lit(1))]
    start += [ Let(Var("tape"), call("list", Lit(0.25)))]
    body = maker.block(0, draw(st.integers(2, 7)))
    outputs = draw(st.lists(st.sampled_from(SCALARS + ARRAYS + INDICES), min_size=1, max_size=4))
    result = Return(call("tuple", *map(Var, outputs)))
    hints = {name: hint for name in TYPES if (hint := natural_hint(name)) is not None and not name.endswith("_bar")}
    keep_types = draw(st.booleans()) if typed is None else typed
    body = (*start, *body, result)
    return Func("f", tuple(map(Param, PARAMS)), body, hints, TYPES if keep_types else {})


class _Maker:
    def __init__(self, draw) -> None:
        self.draw = draw
        self.loops = 0

    def pick(self, items):
        return self.draw(st.sampled_from(items))

    def scalar(self):
        return Var(self.pick(SCALARS))

    def array(self):
        return Var(self.pick(ARRAYS))

    def index(self):
        return self.pick([Lit(0), Lit(1), Lit(2), *map(Var, INDICES)])

    def number(self):
        match self.pick("vvvlgssi"):
            case "v":
                return self.scalar()
            case "l":
                return Lit(self.pick([0.0, 1.0, 0.5, -2.0]))
            case "i":
                return call("mul", Var(self.pick(INDICES)), Lit(0.5))
            case "g":
                return call("getitem", self.array(), self.index())
            case _:
                return call(self.pick(["add", "mul", "sub"]), self.scalar(), self.scalar())

    def value(self):
        waves = [call("sin", self.number()), call("exp", call("sin", self.scalar()))]
        return self.pick([call("sin", Var(self.pick("axy"))), *waves, self.number()])

    def block(self, depth: int, size: int) -> list[Stmt]:
        return [stmt for _ in range(size) for stmt in self.stmt(depth)]

    def stmt(self, depth: int) -> list[Stmt]:
        kinds = "copy copy let let store accum add array move effect comment".split()
        kinds += "loop loop branch while tape".split() if depth < 3 else []
        return getattr(self, self.pick(kinds) + "_stmt")(depth)

    def copy_stmt(self, depth):
        names = self.pick([SCALARS, SCALARS, INDICES])
        return [Let(Var(self.pick(names)), Var(self.pick(names)))]

    def let_stmt(self, depth):
        return [Let(self.scalar(), self.value())]

    def store_stmt(self, depth):
        if self.draw(st.booleans()):
            return [Store(self.array(), (self.index(),), self.value())]
        return [Store(self.array(), (Lit(...),), self.pick([self.scalar(), call("mul", self.array(), Lit(0.5))]))]

    def accum_stmt(self, depth):
        return [Accum(self.array(), self.pick([(), (self.index(),)]), self.number())]

    def add_stmt(self, depth):
        return [Accum(self.scalar(), (), self.number())]

    def array_stmt(self, depth):
        window = call("getitem", self.array(), call("slice", Lit(None), Lit(None), Lit(-1)))  # as long as the array
        fresh = [call("copy", self.array()), call("zeros", Lit(SIZE)), call("mul", self.array(), self.array())]
        return [Let(self.array(), self.pick([self.array(), window, call("transpose", self.array()), *fresh]))]

    def move_stmt(self, depth):
        pool = self.pick([SCALARS, ARRAYS])
        targets = self.draw(st.lists(st.sampled_from(pool), min_size=2, max_size=3, unique=True))
        values = [Var(self.pick(pool)) for _ in targets]
        return [Effect(call("move", call("tuple", *map(Var, targets)), call("tuple", *values)))]

    def effect_stmt(self, depth):
        return [Effect(call("show", self.scalar()))] if self.pick([0, 0, 1]) else self.copy_stmt(depth)

    def comment_stmt(self, depth):
        return [Comment("backward: something")]

    def loop_stmt(self, depth):
        body = self.block(depth + 1, self.draw(st.integers(0, 4)))
        stop = self.pick([Lit(0), Lit(1), Lit(SIZE), Var("j")])
        until = None
        if self.pick([0, 0, 1]):
            until = Var(self.pick(["done", "done_1"]))
            body.append(Let(until, call("lt", self.scalar(), self.scalar())))
        return [For(Var(self.pick(INDICES)), Lit(0), stop, Lit(1), tuple(body), until=until)]

    def while_stmt(self, depth):
        counter = Var(f"k_{depth}")
        body = self.block(depth + 1, self.draw(st.integers(0, 4)))
        tick = Let(counter, call("add", counter, Lit(1)))
        if self.pick([0, 1]):
            return [Let(counter, Lit(0)), While(call("lt", counter, Lit(2)), (*body, tick))]
        until = Var(self.pick(["done", "done_1"]))
        stop = Let(until, call("ge", counter, Lit(2)))
        return [Let(counter, Lit(0)), While(Lit(True), (*body, tick, stop), until=until)]

    def branch_stmt(self, depth):
        sizes = st.integers(0, 3)
        then, orelse = (tuple(self.block(depth + 1, self.draw(sizes))) for _ in range(2))
        return [If(call("lt", self.scalar(), self.scalar()), then, orelse)]

    def tape_stmt(self, depth):
        trips = Lit(self.pick([1, 2]))
        middle = self.block(depth + 1, self.draw(st.integers(0, 2)))
        append, pop = (call("append", Var("tape"), self.scalar()), call("pop", Var("tape")))
        twice = (Let(self.scalar(), pop), Let(self.scalar(), pop), *self.add_stmt(0))
        record = For(Var("i"), Lit(0), trips, Lit(1), (Effect(append),) * 2)
        restore = For(Var("i"), Lit(0), trips, Lit(1), twice)
        return [record, *middle, restore]


def outcome(func: Func):
    """Return what a program gives: its result, the arguments afterwards, and what it showed."""
    args = [0.3, -0.7, np.array([0.1, -0.4, 0.8]), np.array([1.1, 0.2, -0.9])]
    shown: list[float] = []
    with np.errstate(all="ignore"):
        result = run(func, *args, prims={"show": shown.append, "sin": _sin, "exp": math.exp})
    return copy.deepcopy(result), args[2:], shown


def _sin(x):
    return math.sin(x) if math.isfinite(x) else 0.125


def same(left, right) -> bool:
    """Compare outcomes exactly; NaN equals NaN."""
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and np.array_equal(left, right, equal_nan=True)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)
