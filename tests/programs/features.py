"""Statements beyond numbers and plain array writes: masks, integer arrays, reshapes, `out=`, closures, containers.

Each method writes one statement and says whether it could; `Statements` inherits them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from math import prod
from random import Random

from tests.programs.expressions import Expressions, Helper
from tests.programs.scope import Name, Scope, Shape

INDENT = "    "
UNARY = ("sin", "cos", "tanh", "arctan", "square")
BINARY = ("add", "subtract", "multiply", "maximum", "minimum", "arctan2", "hypot")


class Features:
    """What the statements here need of the writer that inherits them."""

    random: Random
    scope: Scope
    say: Expressions
    helpers: list[Helper]
    line: Callable[[str], None]
    block: Callable[..., AbstractContextManager[None]]
    body: Callable[[int], None]

    def _shape(self) -> Shape | None:
        shapes = sorted({a.shape for a in self.scope.all("array")})
        return self.random.choice(shapes) if shapes else None

    def _new(self, kind: str, value: str, text: str = "", **known: object) -> Name:
        name = self.scope.fresh(kind, text, **known)
        self.line(f"{name.text} = {value}")
        return self.scope.declare(name)

    # --- masks and integer arrays ----------------------------------------------------------------------------------

    def mask(self) -> bool:
        array = self.scope.one("array")
        if array is None:
            return False
        test = self.say.comparison(array)
        other = self.scope.one("mask", lambda m: m.shape == array.shape)
        if other is not None and self.random.random() < 0.5:
            test = self.random.choice((f"({test}) & {other.text}", f"({test}) | ~{other.text}", f"~{other.text}"))
        self._new("mask", test, shape=array.shape)
        return True

    def write_masked(self) -> bool:
        """Through a mask that was made before, and may be about other numbers by now."""
        array = self.scope.one("array", lambda a: len(a.shape) == 1)
        mask = array and self.scope.one("mask", lambda m: m.shape == array.shape)
        if array is None or mask is None:
            return False
        test = self.random.choice((mask.text, f"~{mask.text}"))
        source = self.scope.one("array", lambda a: a.shape == array.shape)
        assert source is not None
        forms = (
            f"{array.text}[{test}] = {self.say.number(1)}",
            f"{array.text}[{test}] += {self.say.leaf()}",
            f"{array.text}[{test}] *= math.cos({self.say.number(1)})",
            f"{array.text}[{test}] = {source.text}[{test}] * {self.say.literal()}",
            f"{array.text}[:] = np.where({test}, {self.say.array(array.shape)}, {array.text})",
        )
        self.line(self.random.choice(forms))
        return True

    def integers(self) -> bool:
        """An array of integers, made or changed."""
        old = self.scope.one("ints", lambda k: not k.frozen)
        if old is not None and self.random.random() < 0.5:
            place = self.say.index(old.shape[0])
            forms = (f"{old.text}[{place}] += 1", f"{old.text} += 1", f"{old.text}[{place}] = 3 - {old.text}[{place}]")
            self.line(self.random.choice(forms))
            return True
        array = self.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)
        if array is None:
            return False
        size = self.say.size(array.shape[0])
        made = (
            f"np.arange({size})",
            f"np.zeros({size}, np.int64)",
            f"np.argsort({array.text})",
            f"np.arange({size}) % 2",
        )
        self._new("ints", self.random.choice(made), shape=array.shape)
        return True

    def scatter(self) -> bool:
        """Write where integers say; several of them may say the same."""
        array = self.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)
        ints = self.scope.one("ints")
        if array is None or ints is None:
            return False
        index = f"{ints.text} % {array.shape[0]}"
        forms = [
            f"{array.text}[{index}] = {self.say.number(1)}",
            f"{array.text}[{index}] += {self.say.leaf()}",
            f"{array.text}[{index}] *= math.cos({self.say.number(1)})",
            f"np.add.at({array.text}, {index}, {self.say.number(1)})",
        ]
        if (values := self.say.existing(ints.shape)) is not None:
            forms += [f"{array.text}[{index}] = np.sin({values})", f"np.add.at({array.text}, {index}, {values} * 0.5)"]
        self.line(self.random.choice(forms))
        return True

    def scatter_loop(self) -> bool:
        array = self.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)
        ints = self.scope.one("ints")
        if array is None or ints is None:
            return False
        item = self.scope.fresh("int", "k", frozen=True, low=1, high=0)
        with self.block(f"for {item.text} in {ints.text}:", loop=True):
            self.scope.declare(item)
            sign = self.random.choice(("+=", "="))
            self.line(f"{array.text}[{item.text} % {array.shape[0]}] {sign} {self.say.number(1)}")
            self.body(self.random.randint(0, 1))
        return True

    # --- other shapes of one memory --------------------------------------------------------------------------------

    def contiguous(self) -> bool:
        """An array that is never bound again, so that it can be reshaped without a copy."""
        shape = self._shape()
        if shape is None:
            return False
        like = self.scope.one("array", lambda a: a.shape == shape)
        assert like is not None
        made = (f"{like.text}.copy()", f"np.zeros({shape})", f"np.ones({shape})", f"np.sin({like.text}).copy()")
        self._new("array", self.random.choice(made), shape=shape, contiguous=True, frozen=True)
        return True

    def reshaped(self) -> bool:
        array = self.scope.one("array", lambda a: a.contiguous)
        if array is None:
            return False
        size = prod(array.shape)
        shapes = [(size,)] + [(rows, size // rows) for rows in range(1, size + 1) if size % rows == 0]
        shape = self.random.choice(shapes)
        flat = (f"{array.text}.ravel()", f"{array.text}.reshape(-1)", f"{array.text}.reshape({size})")
        value = self.random.choice(flat) if len(shape) == 1 else f"{array.text}.reshape({shape[0]}, {shape[1]})"
        self._new("array", value, shape=shape, contiguous=True, frozen=True)
        return True

    def stretched(self) -> bool:
        """A matrix, and sums over one of its axes along that axis."""
        matrix = self.scope.one("array", lambda a: len(a.shape) == 2)
        if matrix is None:
            return False
        a, axis = matrix.text, self.random.randrange(2)
        total = f"np.sum({a} * {a}, axis={axis})"
        shape = f"(-1, 1), ({matrix.shape[0]}, 1)" if axis else f"(1, -1), (1, {matrix.shape[1]})"
        forms = [f"{total}.reshape({each.strip('(), ')})" for each in shape.split("), (")]
        forms += [f"np.expand_dims({total}, {axis})", f"np.expand_dims({total}, {axis - 2})"]
        along = self.random.choice(forms)
        values = [f"{a} / (1.5 + {along})", f"np.sin({along}) * {a}", f"{a} - 0.5 * {along}"]
        values += [f"np.sin({a}[:, 0]).reshape(-1, 1) * np.cos({a}[0]).reshape(1, -1)"]
        values += [f"np.sin({a}).reshape(-1, {matrix.shape[1]}) * {a}[0]"]
        values += [f"{a}[:1] - 0.5 * {a}", f"np.sin({a}[:, :1]) * {a}"]
        self._new("array", self.random.choice(values), shape=matrix.shape)
        return True

    def staggered(self) -> bool:
        """Two arrays of which one has a row more than the other, as values at nodes and between them."""
        nodes = self.scope.one("array", lambda a: a.shape != () and a.shape[0] > 1)
        if nodes is None:
            return False
        shape = (nodes.shape[0] - 1, *nodes.shape[1:])
        between = self.scope.one("array", lambda a: a.shape == shape)
        x = nodes.text
        if between is None or self.random.random() < 0.3:
            self._new("array", f"{x}[1:] - 0.5 * {x}[:-1]", shape=shape)
            return True
        w = between.text
        sign = self.random.choice("+-")
        forms = [f"{x}[1:] {sign}= 0.5 * {w}", f"{x}[:-1] {sign}= {w} * 0.25", f"{w} {sign}= 0.5 * {x}[1:]"]
        forms += [f"{w}[:] = {x}[1:] * {w} - {x}[:-1]", f"{x}[:-1] = {w}"]
        if shape[0] > 1:
            forms += [f"{x}[1:-1] {sign}= 0.5 * ({w}[1:] - {w}[:-1])"]
        self.line(self.random.choice(forms))
        return True

    def cell(self) -> bool:
        """An array without axes."""
        old = self.scope.one("cell")
        if old is None:
            self._new("cell", self.random.choice(("np.zeros(())", f"np.array({self.say.number(1)})")))
            return True
        sign = self.random.choice(("=", "+=", "*="))
        value = self.say.number(1)
        self.line(f"{old.text}[()] {sign} {f'math.cos({value})' if sign == '*=' else value}")
        return True

    def into(self) -> bool:
        """A function of NumPy with `out=`."""
        array = self.scope.one("array")
        if array is None:
            return False
        first, second = (self.say.temporary(array.shape) for _ in range(2))
        if self.random.random() < 0.5:
            call = f"np.{self.random.choice(UNARY)}({first}, "
        else:
            call = f"np.{self.random.choice(BINARY)}({first}, {second}, "
        self.line(f"{call}{self.random.choice(('', 'out='))}{array.text})")
        return True

    def chained(self) -> bool:
        """Two names bound at once: to one array, or to two."""
        shape = self._shape()
        if shape is None:
            return False
        a, b = (self.scope.fresh("array", shape=shape) for _ in range(2))
        first, second = self.say.temporary(shape), self.say.temporary(shape)
        self.line(self.random.choice((f"{a.text} = {b.text} = {first}", f"{a.text}, {b.text} = {first}, {second}")))
        self.scope.declare(a)
        self.scope.declare(b)
        return True

    # --- functions -------------------------------------------------------------------------------------------------

    def closure(self) -> bool:
        """A function or lambda inside, which reads what is outside, or writes an array that it is given."""
        name = self.scope.fresh("function")
        array = self.scope.one("array", lambda a: 0 not in a.shape)
        kind = self.random.random()
        if kind < 0.4:
            self.line(f"{name.text} = lambda r: {self.say.number(1)} * math.sin(r)")
        elif kind < 0.7 or array is None:
            self.line(f"def {name.text}(r):")
            self.line(f"{INDENT}e = {self.say.number(1)}")
            self.line(f"{INDENT}return math.cos(e + r) * r")
        else:
            self.line(f"def {name.text}(r):")
            self.line(f"{INDENT}{self.say.element(array)} += math.sin(r)")
            self.line(f"{INDENT}return r * {self.say.element(array)}")
        self.scope.declare(name)
        return True

    def call_closure(self) -> bool:
        name = self.scope.one("function")
        if name is None:
            return False
        self._new("float", f"{name.text}({self.say.number(1)})")
        return True

    def give_array(self) -> bool:
        """A helper's array: a new one, or its argument, or a part of that."""
        makers = [h for h in self.helpers if h.gives == "array"]
        helper = self.random.choice(makers) if makers else None
        call = helper and self.say.call(helper, 1)
        if helper is None or call is None:
            return False
        self._new("array", call, shape=helper.shape)
        return True

    # --- containers ------------------------------------------------------------------------------------------------

    def group(self) -> bool:
        """A tuple of arrays, read and written through."""
        old = self.scope.one("group")
        if old is None:
            shape = self._shape()
            names = self.scope.all("array", lambda a: a.shape == shape and 0 not in a.shape)
            if not names:
                return False
            chosen = [self.random.choice(names) for _ in range(2)]
            self._new("group", f"({', '.join(n.text for n in chosen)})", shape=chosen[0].shape)
            return True
        inner = Name(f"{old.text}[{self.random.randrange(2)}]", "array", shape=old.shape)
        self.line(f"{self.say.element(inner)} {self.random.choice(('=', '+='))} {self.say.number(1)}")
        return True

    def rows(self) -> bool:
        """A list of arrays."""
        old = self.scope.one("rows")
        if old is None:
            shape = self._shape()
            if shape is None:
                return False
            self._new("rows", f"[{self.say.temporary(shape)}, {self.say.temporary(shape)}]", shape=shape)
        elif self.random.random() < 0.4:
            self.line(f"{old.text}.append({self.say.temporary(old.shape)})")
        else:
            end = self.random.choice((0, -1))
            self._new("float", f"np.sum({old.text}[{end}] * {self.say.literal()})")
        return True

    def comprehension(self) -> bool:
        array = self.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)
        if array is None:
            return False
        source = self.random.choice((f"e in {array.text}", f"e in range({self.say.size(array.shape[0])})"))
        value = self.random.choice(
            (f"math.sin(e * {self.say.leaf()})", f"e * {self.say.literal()} + {self.say.leaf()}")
        )
        text = f"[{value} for {source}]"
        if self.random.random() < 0.5:
            self._new("list", text)
        else:
            self._new("array", f"np.array({text})", shape=array.shape)
        return True

    def pop(self) -> bool:
        old = self.scope.one("list")
        if old is None:
            return False
        self.line(f"{old.text}.append({self.say.number(1)})")
        self._new("float", f"{old.text}.pop()")
        return True

    # --- small matrices --------------------------------------------------------------------------------------------

    def matrix(self) -> bool:
        """A matrix written out, in which rows may be constant."""
        rows, columns = self.random.randint(1, 3), self.random.randint(1, 3)
        leaf = lambda: self.random.choice((self.say.leaf, self.say.literal, self.say.literal))()  # noqa: E731
        text = ", ".join(f"[{', '.join(leaf() for _ in range(columns))}]" for _ in range(rows))
        self._new("array", f"np.array([{text}])", shape=(rows, columns))
        return True

    def solved(self) -> bool:
        """A linear system far from singular."""
        array = self.scope.one("array", lambda a: len(a.shape) == 2 and a.shape[0] == a.shape[1] > 0)
        if array is None:
            return False
        n = array.shape[0]
        regular = f"2.5 * np.eye({n}) + 0.5 * np.sin({array.text})"
        right = f"np.array([{', '.join(self.say.leaf() for _ in range(n))}])"
        match self.random.randrange(4):
            case 0:
                self._new("float", f"0.1 * np.linalg.det({regular})")
            case 1:
                self._new("array", f"np.linalg.inv({regular})", shape=(n, n))
            case 2:
                self._new("float", f"np.linalg.slogdet({regular})[1]")
            case _:
                self._new("array", f"np.linalg.solve({regular}, {right})", shape=(n,))
        return True

    # --- complex numbers -------------------------------------------------------------------------------------------

    def complex_number(self) -> bool:
        old = self.scope.one("complex")
        if old is None:
            self._new("complex", f"complex({self.say.number(1)}, {self.say.number(1)})")
            return True
        c, s = old.text, self.say.leaf()
        forms = (
            f"{c} * complex({s}, 0.5)",
            f"0.3 * {c} * {c} + {s}",
            f"np.exp(1j * {s}) * {c}",
            f"np.conj({c}) + 1j * {s}",
        )
        self.line(f"{c} = {self.random.choice(forms)}")
        return True

    # --- control ---------------------------------------------------------------------------------------------------

    def walrus(self) -> bool:
        name = self.scope.fresh("float")
        value = self.say.number(1)
        self.scope.declare(name)
        with self.block(f"if ({name.text} := {value}) > {self.say.literal()}:"):
            self.body(1)
        return True

    def moving_bound(self) -> bool:
        """A loop whose body changes the name that its range was made of."""
        bound = self.scope.fresh("int", "m", low=1, high=0)
        self.line(f"{bound.text} = {self.random.randint(1, 4)}")
        self.scope.declare(bound)
        index = self.scope.fresh("int", "i", low=0, high=3, frozen=True)
        with self.block(f"for {index.text} in range({bound.text}):", loop=True):
            self.scope.declare(index)
            self.line(f"{bound.text} {self.random.choice(('+= 2', '-= 1', '= 0'))}")
            self.body(self.random.randint(1, 2))
        return True

    def for_tuple(self) -> bool:
        item = self.scope.fresh("float", "e", frozen=True)
        values = [self.say.leaf() for _ in range(self.random.randint(2, 3))]
        with self.block(f"for {item.text} in ({', '.join(values)}):", loop=True):
            self.scope.declare(item)
            self.body(self.random.randint(1, 2))
        return True

    def guard(self) -> bool:
        self.line(f"if {self.say.leaf()} > 1e9:")
        self.line(f"{INDENT}raise ValueError('too large')")
        return True


# Kinds of statement and how often they come.
SIMPLE = {
    "mask": 1, "write_masked": 2, "integers": 1, "scatter": 2, "contiguous": 1, "reshaped": 2, "cell": 1, "into": 1,
    "chained": 1, "closure": 1, "call_closure": 1, "give_array": 2, "group": 1, "rows": 1, "comprehension": 1, "pop": 1,
    "complex_number": 1, "guard": 1, "matrix": 1, "solved": 1,
    "stretched": 5,
    "staggered": 5,
}  # fmt: skip
COMPOUND = {"walrus": 1, "moving_bound": 1, "for_tuple": 1, "scatter_loop": 1}
