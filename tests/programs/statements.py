"""Random statements. Every name keeps its kind and shape for the life of the function, and no index is out of range."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from random import Random

from tests.programs import features
from tests.programs.adaptive import adaptive
from tests.programs.beside import beside
from tests.programs.branching import branching
from tests.programs.contractions import contraction
from tests.programs.exchanges import exchanges
from tests.programs.expressions import KEYS, Expressions, Helper
from tests.programs.marches import march
from tests.programs.pieces import pieces
from tests.programs.points import points
from tests.programs.scope import Name, Scope
from tests.programs.sequences import sequences
from tests.programs.shown import counted, shown
from tests.programs.stencils import stencil
from tests.programs.sweeps import fold, relay, scratch, sweep
from tests.programs.turned import rebound, stretched, turned
from tests.programs.weights import weights
from tests.programs.windows import windows

INDENT = "    "


class Statements(features.Features):
    """Writes the body of one function. `returns` makes the text of a result for an early return, or is None."""

    def __init__(self, random: Random, scope: Scope, helpers: list[Helper], returns: Callable[[], str] | None) -> None:
        self.random = random
        self.scope = scope
        self.helpers = helpers
        self.say = Expressions(random, scope, helpers)
        self.returns = returns
        self.lines: list[str] = []
        self.depth = 1
        self.loops = 0
        self._never_empty: set[str] = set()
        # Swarm testing: each program knows only some kinds of statement, and so combines those it knows more deeply.
        kinds = list(SIMPLE) + list(COMPOUND)
        self.kinds = {kind for kind in kinds if random.random() < 0.6} | {"scalar", "element"}

    # --- writing ---------------------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        self.lines.append(INDENT * self.depth + text)

    @contextmanager
    def block(self, header: str, loop: bool = False):
        self.line(header)
        self.depth += 1
        self.loops += loop
        with self.scope.block():
            yield
        self.depth -= 1
        self.loops -= loop

    def body(self, count: int) -> None:
        for _ in range(count):
            self.statement()

    def statement(self) -> None:
        """One statement; what turns out to be impossible here becomes an assignment to a number."""
        deep = self.depth > 3
        table = [(k, w) for k, w in (SIMPLE | RECORDS | ({} if deep else COMPOUND)).items() if k in self.kinds]
        kind = self.random.choices([k for k, _ in table], [w for _, w in table])[0]
        if not getattr(self, kind)():
            self.scalar()

    # --- numbers ---------------------------------------------------------------------------------------------------

    def scalar(self) -> bool:
        old = self.scope.one("float", lambda f: not f.frozen)
        if old is None or self.random.random() < 0.3:
            value = self.say.number()
            self.line(f"{self.scope.declare(self.scope.fresh('float')).text} = {value}")
        elif self.random.random() < 0.4:
            sign = self.random.choice(("+=", "-=", "*="))
            value = self.say.number()
            self.line(f"{old.text} {sign} {f'math.cos({value})' if sign == '*=' else value}")
        else:
            value = self.say.number()
            forms = (value, f"math.sin({value})", f"0.5 * {old.text} + math.tanh({value})")
            self.line(f"{old.text} = {self.random.choice(forms)}")
        return True

    def integer(self) -> bool:
        old = self.scope.one("int", lambda k: not k.frozen and not k.bounded)
        if old is None:
            self.line(f"{self.scope.declare(self.scope.fresh('int', low=1, high=0)).text} = {self.random.randrange(3)}")
        else:
            change = ("{0} += 1", "{0} = ({0} * 3 + 1) % 7", "{0} = {0} + 2")
            self.line(self.random.choice(change).format(old.text))
        return True

    def swap(self) -> bool:
        names = self.scope.all("float", lambda f: not f.frozen)
        if len(names) < 2:
            return False
        a, b = (n.text for n in self.random.sample(names, 2))
        self.line(
            f"{a}, {b} = {b}, {self.random.choice((a, f'math.sin({a} + {b})', f'0.5 * {a} - {self.say.leaf()}'))}"
        )
        return True

    def pair(self) -> bool:
        makers = [h for h in self.helpers if h.gives == "pair"]
        if not makers:
            return False
        call = self.say.call(self.random.choice(makers), 1)
        if call is None:
            return False
        a, b = (self.scope.fresh("float") for _ in range(2))
        self.line(f"{a.text}, {b.text} = {call}")
        self.scope.declare(a)
        self.scope.declare(b)
        return True

    def pack(self) -> bool:
        name = self.scope.fresh("tuple")
        self.line(f"{name.text} = ({self.say.number(1)}, {self.say.number(1)})")
        self.scope.declare(name)
        return True

    def record(self) -> bool:
        """A dictionary of numbers: made, made again with another item."""
        name = self.scope.one("record")
        a, b = KEYS
        if name is None:
            name = self.scope.fresh("record")
            self.line(f"{name.text} = {{{a!r}: {self.say.number(1)}, {b!r}: {self.say.number(1)}}}")
            self.scope.declare(name)
        else:
            forms = (
                f"{{**{name.text}, {a!r}: {self.say.number(1)}}}",
                f"{name.text} | {{{b!r}: {self.say.number(1)}}}",
                f"{{key: 0.5 * item + {self.say.leaf()} for key, item in {name.text}.items()}}",
                f"dict({name.text}, {a}={self.say.number(1)})",
            )
            self.line(f"{name.text} = {self.random.choice(forms)}")
        return True

    def append(self) -> bool:
        """A list of numbers: begun, grown, read."""
        name = self.scope.one("list")
        if name is None:
            name = self.scope.fresh("list")
            self.line(f"{name.text} = [{self.say.number(1)}]")
            self.scope.declare(name)
        elif self.random.random() < 0.7:
            self.line(f"{name.text}.append({self.say.number(1)})")
        else:
            total, item = self.scope.fresh("float", "total"), self.scope.fresh("float", "item")
            self.line(f"{total.text} = 0.0")
            self.line(f"for {item.text} in {name.text}:")
            self.line(f"{INDENT}{total.text} += {item.text} * {item.text}")
            self.scope.declare(total)
        return True

    # --- arrays ----------------------------------------------------------------------------------------------------

    def _writable(self, test: Callable[[Name], bool] = lambda _: True) -> Name | None:
        return self.scope.one("array", test)

    def new_array(self) -> bool:
        shape = self._shape()
        if shape is None:
            return False
        like = self.scope.one("array", lambda a: a.shape == shape)
        assert like is not None
        whole = (f"{like.text}.copy()", f"{like.text} * 1.0", f"np.zeros_like({like.text})", self.say.made(shape))
        value = self.random.choice((*whole, self.say.temporary(shape, 2)))
        name = self.scope.fresh("array", shape=shape, private=self.random.random() < 0.4)
        self.line(f"{name.text} = {value}")
        self.scope.declare(name)
        return True

    def rebind(self) -> bool:
        name = self.scope.one("array", lambda a: not a.frozen)
        if name is None:
            return False
        self.line(f"{name.text} = {self.say.temporary(name.shape, 2)}")
        return True

    def view(self) -> bool:
        """A second name for (part of) an array."""
        array = self.scope.one("array", lambda a: not a.private)
        if array is None:
            return False
        shapes = [array.shape, array.shape[-1:], array.shape[:1], tuple(max(n - 1, 1) for n in array.shape)]
        shapes += [tuple(max(n - 2, 1) for n in array.shape), array.shape[::-1]]
        shape = self.random.choice(shapes)
        texts = self.say.parts(array, shape)
        if not texts:
            return False
        name = self.scope.fresh("array", shape=shape)
        self.line(f"{name.text} = {self.random.choice(texts)}")
        self.scope.declare(name)
        return True

    def swap_arrays(self) -> bool:
        names = self.scope.all("array", lambda a: not a.frozen and not a.private)
        pairs = [(a, b) for a in names for b in names if a is not b and a.shape == b.shape]
        if not pairs:
            return False
        a, b = self.random.choice(pairs)
        self.line(f"{a.text}, {b.text} = {b.text}, {a.text}")
        return True

    def element(self) -> bool:
        array = self._writable(lambda a: 0 not in a.shape)
        if array is None:
            return False
        target, value = self.say.element(array), self.say.number()
        sign = self.random.choice(("=", "=", "+=", "-=", "*=", "/="))
        value = {"*=": f"math.cos({value})", "/=": f"(1.5 + math.sin({value}))"}.get(sign, value)
        self.line(f"{target} {sign} {value}")
        return True

    def part(self) -> bool:
        """Write a slice, a row, a column, everything."""
        array = self._writable(lambda a: 0 not in a.shape)
        if array is None:
            return False
        shape = self.random.choice(
            [array.shape, array.shape[-1:], array.shape[:1], tuple(max(n - 1, 1) for n in array.shape)]
        )
        parts = [t for t in self.say.parts(array, shape) if "[" in t and t != array.text]
        targets = parts + [f"{array.text}[:]"] * (shape == array.shape)
        if not targets:
            return False
        target = self.random.choice(targets)
        sign = self.random.choice(("=", "=", "=", "+=", "*="))
        # An operator in place must not read what it writes: NumPy and Numba differ there. A plain `=` may.
        value = self.say.array(shape) if sign == "=" else f"np.cos({self.say.array(shape)})"
        self.line(f"{target} {sign} {value if self.random.random() < 0.8 else self.say.number(1)}")
        return True

    def in_place(self) -> bool:
        array = self._writable()
        if array is None or "." in array.text:  # a field can't be bound again
            return False
        sign = self.random.choice(("+=", "-=", "*=", "/="))
        value = f"np.cos({self.say.array(array.shape)})"
        if sign == "/=":
            value = f"(1.5 + {value})"
        elif self.random.random() < 0.2:
            value = f"math.cos({self.say.number(1)})"
        self.line(f"{array.text} {sign} {value}")
        return True

    def masked(self) -> bool:
        array = self._writable(lambda a: len(a.shape) == 1)
        if array is None:
            return False
        sign = self.random.choice(("=", "*="))
        self.line(f"{array.text}[{array.text} > {self.say.literal()}] {sign} {self.say.leaf()}")
        return True

    def call_writer(self) -> bool:
        writers = [h for h in self.helpers if h.writes]
        call = self.say.call(self.random.choice(writers), 1) if writers else None
        if call is None:
            return False
        gives = next(h.gives for h in writers if call.startswith(h.name + "("))
        if gives == "float":
            name = self.scope.fresh("float")
            self.line(f"{name.text} = {call}")
            self.scope.declare(name)
        else:
            self.line(call)
        return True

    # --- control ---------------------------------------------------------------------------------------------------

    def branch(self) -> bool:
        with self.block(f"if {self.say.condition()}:"):
            self.body(self.random.randint(1, 2))
        kind = self.random.random()
        if kind < 0.2:
            with self.block(f"elif {self.say.condition()}:"):
                self.body(1)
        if kind < 0.55:
            with self.block("else:"):
                self.body(self.random.randint(1, 2))
        return True

    def both_sides(self) -> bool:
        """A number, or a name for one of two arrays, that both branches bind."""
        test = self.say.condition()
        shared = self.scope.all("array", lambda a: not a.private)
        pairs = [(a, b) for a in shared for b in shared if a is not b and a.shape == b.shape]
        if pairs and self.random.random() < 0.4:
            a, b = self.random.choice(pairs)
            name, first, second = self.scope.fresh("array", shape=a.shape), a.text, b.text
        else:
            name, first, second = self.scope.fresh("float"), self.say.number(), self.say.number()
        self.line(f"if {test}:")
        self.line(f"{INDENT}{name.text} = {first}")
        self.line("else:")
        self.line(f"{INDENT}{name.text} = {second}")
        self.scope.declare(name)
        return True

    def leave(self) -> bool:
        """`break` or `continue`, under a condition."""
        if not self.loops:
            return False
        word = self.random.choice(("break", "continue"))
        with self.block(f"if {self.say.condition()}:"):
            if self.random.random() < 0.4:
                self.body(1)
            self.line(word)
        return True

    def give_up(self) -> bool:
        if self.returns is None:
            return False
        with self.block(f"if {self.say.condition()}:"):
            if self.random.random() < 0.3:
                self.body(1)
            self.line(f"return {self.returns()}")
        return True

    def for_range(self) -> bool:
        index = self.scope.fresh("int", self.random.choice("ijl"), frozen=True)
        header, index.low, index.high = self._range()
        with self.block(f"for {index.text} in {header}:", loop=True):
            self.scope.declare(index)
            self.body(self.random.randint(1, 4))
        if self.random.random() < 0.1:
            with self.block("else:"):
                self.body(1)
        if header in self._never_empty and self.random.random() < 0.3:
            self.scope.declare(index)
        return True

    def _range(self) -> tuple[str, int, int]:
        """Text of a range, and the least and greatest index in it."""
        n = self.random.choice([n for a in self.scope.all("array") for n in a.shape] or [4])
        size = self.say.size(n)
        self._never_empty = {f"range({size})", f"range({size} - 1, -1, -1)", f"range(0, {size}, 2)", "range(2)"}
        bounded = self.scope.one("int", lambda k: k.bounded and k.low >= 0)
        kind = self.random.randrange(10)
        any_int = self.scope.one("int")
        if kind == 8 and any_int is not None:
            return f"range({any_int.text} % 3)", 0, 2
        if kind == 9:
            return self.random.choice((f"range(2, {self.random.randint(0, 2)})", f"range({size} - {size})")), 1, 0
        if kind == 0 and bounded is not None:
            return f"range({bounded.text}, {size})", bounded.low, n - 1
        if kind == 1 and bounded is not None:
            return f"range({bounded.text} + 1)", 0, bounded.high
        return self.random.choice(
            (
                (f"range({size})", 0, n - 1),
                (f"range(1, {size})", 1, max(n - 1, 1)),
                (f"range({size} - 1, -1, -1)", 0, n - 1),
                (f"range(0, {size}, 2)", 0, n - 1),
                (f"range({size} - 2, 0, -1)", 1, max(n - 2, 1)),
                (f"range({size} - 1)", 0, max(n - 2, 0)),
                ("range(2)", 0, 1),
            )
        )

    def for_items(self) -> bool:
        array = self.scope.one("array", lambda a: 0 not in a.shape)
        if array is None:
            return False
        if len(array.shape) == 1:
            item = self.scope.fresh("float", "a", frozen=True)
        else:
            item = self.scope.fresh("array", "row", shape=array.shape[1:], frozen=True)
        index = self.scope.fresh("int", "i", low=0, high=array.shape[0] - 1, frozen=True)
        other = self.scope.one("array", lambda a: len(a.shape) == 1)
        second = self.scope.fresh("float", "b", frozen=True)
        headers: list[tuple[str, list[Name]]] = [
            (f"for {item.text} in {array.text}:", [item]),
            (f"for {index.text}, {item.text} in enumerate({array.text}):", [index, item]),
        ]
        if other is not None and item.kind == "float":
            headers.append((f"for {item.text}, {second.text} in zip({array.text}, {other.text}):", [item, second]))
        header, bound = self.random.choice(headers)
        with self.block(header, loop=True):
            for name in bound:
                self.scope.declare(name)
            self.body(self.random.randint(1, 3))
        return True

    def sweep(self) -> bool:
        return sweep(self)

    def fold(self) -> bool:
        return fold(self)

    def scratch(self) -> bool:
        return scratch(self)

    def relay(self) -> bool:
        return relay(self)

    def windows(self) -> bool:
        return windows(self)

    def beside(self) -> bool:
        return beside(self)

    def branching(self) -> bool:
        return branching(self)

    def points(self) -> bool:
        return points(self)

    def sequences(self) -> bool:
        return sequences(self)

    def pieces(self) -> bool:
        return pieces(self)

    def stencil(self) -> bool:
        return stencil(self)

    def contraction(self) -> bool:
        return contraction(self)

    def exchanges(self) -> bool:
        return exchanges(self)

    def weights(self) -> bool:
        return weights(self)

    def shown(self) -> bool:
        return shown(self)

    def turned(self) -> bool:
        return turned(self)

    def stretched(self) -> bool:
        return stretched(self)

    def rebound(self) -> bool:
        return rebound(self)

    def counted(self) -> bool:
        return counted(self)

    def adaptive(self) -> bool:
        return adaptive(self)

    def march(self) -> bool:
        return march(self)

    def while_counted(self) -> bool:
        count = self.scope.fresh("int", low=0, high=8, frozen=True)
        limit = self.random.randint(2, 5)
        self.line(f"{count.text} = 0")
        within = f"{count.text} < {limit}"
        tests = (within, f"{self.say.leaf()} < 1.9 and {within}", f"{within} and {self.say.condition(0)}")
        header = "while True:" if self.random.random() < 0.15 else f"while {self.random.choice(tests)}:"
        with self.block(header, loop=True):
            if header == "while True:":
                self.line(f"if {count.text} >= {limit}:")
                self.line(f"{INDENT}break")
            # Counted first, so that a `continue` cannot loop for ever.
            self.line(f"{count.text} += 1")
            self.scope.declare(count)
            self.body(self.random.randint(1, 3))
        if self.random.random() < 0.15:
            with self.block("else:"):
                self.body(1)
        self.scope.declare(count)
        return True


# Kinds of statement and how often they come.
SIMPLE = {
    "scalar": 5, "integer": 1, "swap": 1, "pair": 1, "new_array": 3, "rebind": 2, "view": 2, "swap_arrays": 2,
    "element": 6, "part": 4, "in_place": 2, "masked": 1, "call_writer": 2, "leave": 2, "pack": 1, "append": 2,
}  # fmt: skip
SIMPLE |= features.SIMPLE
# Only in programs that are given containers.
RECORDS = {"record": 4}
COMPOUND = {
    "branch": 3, "both_sides": 1, "give_up": 1, "for_range": 5, "for_items": 2, "while_counted": 2, "sweep": 4,
    "fold": 3,
    "scratch": 3,
    "relay": 3,
    "windows": 4,
    "beside": 4,
    "branching": 4,
    "points": 3,
    "sequences": 3,
    "pieces": 4,
    "stencil": 4,
    "contraction": 3,
    "exchanges": 4,
    "weights": 3,
    "shown": 3,
    "counted": 2,
    "turned": 3,
    "stretched": 3,
    "rebound": 3,
    "adaptive": 4,
    "march": 4,
}  # fmt: skip
COMPOUND |= features.COMPOUND
