"""Random expressions of a known kind and shape, smooth and bounded where their operands are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.programs.scope import Name, Scope, Shape

SCALAR_FUNCTIONS = (
    "math.sin({})", "math.cos({})", "math.tanh({})", "math.atan({})", "math.exp(-abs({}))", "math.exp(math.sin({}))",
    "math.log(2.0 + math.sin({}))", "np.sin({})", "np.tanh({})", "abs({})", "-{}", "({}) ** 2",
    "math.sqrt(1.0 + ({}) ** 2)",
    "math.hypot({}, 1.1)", "math.atan2({}, 2.0)", "float({})", "math.log1p(math.exp(math.cos({})))",
    "np.arctan2({}, 1.3)", "np.clip({}, -0.43, 0.61)", "math.copysign(0.7, {})", "math.erf({})",
    "(1.2 + math.sin({})) ** 1.7",
    "np.sign({}) * 0.3", "np.floor({}) * 0.2", "0.3 * (({}) % 1.3)", "1.3 ** math.sin({})",
    "1.0 / (2.0 + math.cos({}))", "({}) ** 3 * 0.1", "math.asin(0.8 * math.sin({}))", "np.sqrt(1.5 + np.cos({}))",
)  # fmt: skip
ARRAY_FUNCTIONS = (
    "np.sin({})", "np.cos({})", "np.tanh({})", "np.exp(-np.abs({}))", "-{}", "({}) ** 2", "np.sqrt(1.0 + ({}) ** 2)",
    "1.0 / (2.0 + np.cos({}))", "np.maximum({}, 0.31)", "np.minimum({}, 0.57)", "np.abs({})",
    "np.log(2.0 + np.sin({}))",
    "np.arctan({})", "np.square(np.sin({}))", "np.clip({}, -0.41, 0.63)", "np.arctan2({}, 1.7)", "np.hypot({}, 0.9)",
    "(1.1 + np.sin({})) ** 1.3", "np.sign({}) * 0.3", "1.2 ** np.sin({})", "np.floor({}) * 0.1", "np.flip({})",
    "np.ascontiguousarray({}) * 0.7", "np.copy({})",
)  # fmt: skip
REDUCTIONS = (
    "np.sum({})", "np.mean({})", "np.max({})", "np.min({})", "np.prod(np.cos({}))", "np.var({})", "np.std({} + 0.1)",
    "np.linalg.norm({} * 1.0)", "np.ptp({})",
)  # fmt: skip
METHODS = ("{}.sum()", "{}.mean()", "{}.max()", "{}[0]", "{}[-1]")


@dataclass(frozen=True)
class Helper:
    """A function that the program may call: parameter kinds in order, and what it gives."""

    name: str
    params: tuple[tuple[str, Shape], ...]
    gives: str
    writes: tuple[int, ...] = ()
    shape: Shape = ()


# The keys of dictionaries that programs make.
KEYS = ("first", "second")


class Expressions:
    def __init__(self, random: Random, scope: Scope, helpers: list[Helper]) -> None:
        self.random = random
        self.scope = scope
        self.helpers = helpers

    # --- numbers ---------------------------------------------------------------------------------------------------

    def literal(self) -> str:
        return str(round(self.random.uniform(-1.2, 1.2), 2) or 0.5)

    def number(self, depth: int = 2) -> str:
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf()
        return self.random.choice((*[self._arithmetic] * 3, *[self._function] * 2, self._reduction, self._choice))(
            depth - 1
        )

    def leaf(self) -> str:
        kind = self.random.random()
        name = self.scope.one("float")
        if kind < 0.45 and name is not None:
            return name.text
        if kind < 0.85 and (array := self.scope.one("array", lambda a: 0 not in a.shape)) is not None:
            return self.element(array)
        if kind < 0.92 and (name := self.scope.one("int")) is not None:
            return f"0.1 * {name.text}" if name.bounded else f"0.1 * ({name.text} % 5)"
        if kind > 0.7 and (name := self.scope.one("record")) is not None:
            return f"{name.text}[{self.random.choice(KEYS)!r}]"
        if kind < 0.97 and (name := self.scope.one("tuple")) is not None:
            return f"{name.text}[{self.random.randrange(2)}]"
        if kind < 0.99 and (text := self._odd_leaf()) is not None:
            return text
        if (name := self.scope.one("list")) is not None:
            return self.random.choice(("{0}[-1]", "{0}[0]", "0.1 * len({0})")).format(name.text)
        return self.literal()

    def _odd_leaf(self) -> str | None:
        """A number out of something else than a number or an array."""
        found = [
            *(f"{name.text}[()]" for name in self.scope.all("cell")),
            *(f"{name.text}{part}" for name in self.scope.all("complex") for part in (".real", ".imag")),
            *(f"abs({name.text} + 0.1j)" for name in self.scope.all("complex")),
            *(f"{name.text}({self.literal()})" for name in self.scope.all("function")),
            *(self.element(Name(f"{name.text}[1]", "array", name.shape)) for name in self.scope.all("group")),
            *(
                self.element(Name(f"{name.text}[-1]", "array", name.shape))
                for name in self.scope.all("rows")
                if 0 not in name.shape
            ),
            *(f"0.2 * np.sum({name.text})" for name in (*self.scope.all("mask"), *self.scope.all("ints"))),
        ]
        return self.random.choice(found) if found else None

    def comparison(self, array: Name) -> str:
        """Text of an array of booleans."""
        return f"{array.text} {self.random.choice(('>', '<', '<='))} {self.literal()}"

    def element(self, array: Name) -> str:
        indices = [self.index(n) for n in array.shape]
        if len(indices) == 2 and self.random.random() < 0.2:
            return f"{array.text}[{indices[0]}][{indices[1]}]"
        return f"{array.text}[{', '.join(indices)}]"

    def _arithmetic(self, depth: int) -> str:
        a, b = self.number(depth), self.number(depth)
        forms = (f"({a} + {b})", f"({a} - {b})", f"{_tight(a)} * {_tight(b)}", f"({a}) / (1.5 + {_tight(b)} ** 2)")
        return self.random.choice(forms)

    def _function(self, depth: int) -> str:
        callable_ = [h for h in self.helpers if h.gives == "float" and not h.writes]
        if callable_ and self.random.random() < 0.3:
            call = self.call(self.random.choice(callable_), depth)
            if call is not None:
                return call
        return self.random.choice(SCALAR_FUNCTIONS).format(self.number(depth))

    def call(self, helper: Helper, depth: int) -> str | None:
        """None if no array of the right shape is at hand; arrays that are written come from different memory."""
        texts: list[str] = []
        for position, (kind, shape) in enumerate(helper.params):
            if kind == "float":
                texts.append(self.number(depth))
                continue
            private = len(helper.writes) > 0 and self.random.random() < 0.7
            array = self.scope.one("array", lambda a: a.shape == shape and a.text not in texts and a.private >= private)
            if array is None or (position in helper.writes and array.frozen):
                return None
            texts.append(array.text)
        return f"{helper.name}({', '.join(texts)})"

    def _reduction(self, depth: int) -> str:
        shapes = sorted({a.shape for a in self.scope.all("array", lambda a: 0 not in a.shape)})
        if not shapes:
            return self.leaf()
        shape = self.random.choice(shapes)
        kind = self.random.random()
        if kind < 0.2 and len(shape) == 1:
            a, b = self.array(shape, depth - 1), self.array(shape, depth - 1)
            return self.random.choice((f"np.dot({a}, {b})", f"0.3 * ({_tight(a)} @ {_tight(b)})"))
        if kind < 0.4 and (array := self.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)):
            return self.random.choice(METHODS).format(array.text)
        return self.random.choice(REDUCTIONS).format(self.array(shape, depth))

    def _choice(self, depth: int) -> str:
        a, b = self.number(depth), self.number(depth)
        if a == b:
            b = self.literal()
        return self.random.choice((f"({a} if {self.condition()} else {b})", f"max({a}, {b})", f"min({a}, {b}, 0.77)"))

    # --- integers --------------------------------------------------------------------------------------------------

    def index(self, n: int) -> str:
        """A valid index of an axis of length `n`, negative ones included."""
        fitting = self.scope.all("int", lambda k: k.bounded and k.low >= -n and k.high < n)
        any_int = self.scope.one("int")
        kind = self.random.random()
        if fitting and kind < 0.55:
            name = self.random.choice(fitting)
            options = [name.text]
            if name.low >= 0:
                options += [f"{n - 1} - {name.text}", f"-1 - {name.text}"]
            if name.low + 1 >= -n and name.high + 1 < n:
                options += [f"{name.text} + 1"] * 2
            if name.low - 1 >= -n:
                options += [f"{name.text} - 1"] * 2
            return self.random.choice(options)
        if any_int is not None and kind < 0.7:
            return f"{any_int.text} % {n}" if self.random.random() < 0.6 else f"({any_int.text} + 1) % {n}"
        if kind < 0.78 and (ints := self.scope.one("ints")) is not None:
            return f"{ints.text}[{self.index(ints.shape[0])}] % {n}"
        return str(self.random.randrange(-n, n))

    def size(self, n: int) -> str:
        """`n`, as a literal or as the program would rather say it."""
        known = self.scope.all("array", lambda a: n in a.shape)
        if known and self.random.random() < 0.6:
            array = self.random.choice(known)
            axis = array.shape.index(n)
            return f"len({array.text})" if axis == 0 and self.random.random() < 0.5 else f"{array.text}.shape[{axis}]"
        sizes = self.scope.all("int", lambda k: k.frozen and k.low == k.high == n)
        return self.random.choice(sizes).text if sizes and self.random.random() < 0.7 else str(n)

    def condition(self, depth: int = 1) -> str:
        kind = self.random.random()
        if kind < 0.45:
            return f"{self.number(depth)} {self.random.choice('<>')} {self.literal()}"
        if kind < 0.6 and (name := self.scope.one("int")) is not None:
            relation = self.random.choice(("% 2 == 0", "% 3 != 1", "> 1", "<= 2"))
            return f"{name.text} {relation}"
        if kind < 0.7:
            return f"{self.literal()} < {self.leaf()} < {round(self.random.uniform(0.6, 2.0), 2)}"
        if kind < 0.9 and depth > 0:
            word = self.random.choice(("and", "or"))
            return f"({self.condition(0)} {word} {self.condition(0)})"
        return f"not {self.leaf()} > {self.literal()}"

    # --- arrays ----------------------------------------------------------------------------------------------------

    def existing(self, shape: Shape) -> str | None:
        """Some part of an array that exists, of this shape; it shares memory with it."""
        found = [text for array in self.scope.all("array") for text in self.parts(array, shape)]
        return self.random.choice(found) if found else None

    def parts(self, array: Name, shape: Shape) -> list[str]:
        """Ways to take something of `shape` out of `array` by basic indexing."""
        name, own = array.text, array.shape
        if own == shape:
            turned = [f"{name}.T"] if len(set(own)) < len(own) else []
            return [name] * 3 + ([f"{name}[::-1]"] if len(own) == 1 else [f"{name}[:, ::-1]", *turned])
        if len(own) == 2 and len(shape) == 2 and own == shape[::-1]:
            return [f"{name}.T"]
        if len(own) == 2 and len(shape) == 1:
            rows = [f"{name}[{self.index(own[0])}]"] if own[1] == shape[0] and own[0] > 0 else []
            return rows + ([f"{name}[:, {self.index(own[1])}]"] if own[0] == shape[0] and own[1] > 0 else [])
        if len(own) == len(shape) and all(a >= b for a, b in zip(own, shape, strict=True)):
            slices = ", ".join(self.cut(a, b) for a, b in zip(own, shape, strict=True))
            return [f"{name}[{slices}]"]
        return []

    def cut(self, n: int, length: int) -> str:
        """A slice of an axis of length `n` that has `length` entries."""
        if n == length:
            return ":" if self.random.random() < 0.8 else "::-1"
        rest = n - length
        options = [f":{length}", f":-{rest}", f"{rest}:", f"-{length}:" if length else f"{rest}:{rest}"]
        if n - length >= 2:
            options.append("1:" + (str(length + 1) if n - length > 2 else "-1"))
        options += [
            text
            for step in (2, 3, -1, -2)
            for text in (f"::{step}", f"1::{step}", f"{n - 2}::{step}")
            if len(range(n)[_slice(text)]) == length
        ]
        return self.random.choice(options)

    def leaf_array(self, shape: Shape) -> str:
        text = self.existing(shape)
        return text if text is not None else self.made(shape)

    def made(self, shape: Shape) -> str:
        """A new array without looking at old ones."""
        sizes = [self.size(n) for n in shape]
        text = sizes[0] if len(shape) == 1 else f"({', '.join(sizes)})"
        return self.random.choice(
            (f"np.full({text}, {self.leaf()})", f"(np.zeros({text}) + {self.leaf()})", f"np.ones({text})")
        )

    def array(self, shape: Shape, depth: int = 1) -> str:
        if depth <= 0:
            return self.leaf_array(shape)
        kinds: list[Callable[[Shape, int], str]] = [
            self._combined,
            self._combined,
            self._applied,
            self._scaled,
            self._selected,
        ]
        return self.random.choice([*kinds, self._vector if len(shape) == 1 else self._matrix])(shape, depth - 1)

    def temporary(self, shape: Shape, depth: int = 1) -> str:
        """Never a bare reference to existing memory."""
        return self.array(shape, max(depth, 1))

    def _combined(self, shape: Shape, depth: int) -> str:
        a, b = self.array(shape, depth), self.array(shape, depth)
        forms = (
            f"({a} + {b})",
            f"({a} - {b})",
            f"{_tight(a)} * {_tight(b)}",
            f"{_tight(a)} / (1.5 + {_tight(b)} ** 2)",
        )
        return self.random.choice(forms)

    def _applied(self, shape: Shape, depth: int) -> str:
        return self.random.choice(ARRAY_FUNCTIONS).format(self.array(shape, depth))

    def _scaled(self, shape: Shape, depth: int) -> str:
        a, s = self.array(shape, depth), self.number(depth)
        forms = (
            f"{_tight(s)} * {_tight(a)}",
            f"({a} + {s})",
            f"({s} - {_tight(a)})",
            f"{_tight(a)} * {self.literal()}",
        )
        return self.random.choice(forms)

    def _selected(self, shape: Shape, depth: int) -> str:
        a, b, test = self.array(shape, depth), self.array(shape, depth), self.leaf_array(shape)
        mask = self.scope.one("mask", lambda m: m.shape == shape)
        if mask is not None and self.random.random() < 0.5:
            return f"np.where({mask.text}, {a}, {b})"
        return f"np.where({test} > {self.literal()}, {a}, {b})"

    def _vector(self, shape: Shape, depth: int) -> str:
        (n,) = shape
        matrices = self.scope.all("array", lambda a: len(a.shape) == 2 and n in a.shape and 0 not in a.shape)
        a = self.array(shape, depth)
        options = [f"0.4 * np.cumsum({a})", f"np.sort({a})", f"np.roll({a}, 1)", f"np.cumprod(np.cos({a}))"]
        options.append(f"np.diff({self.array((n + 1,), depth)})")
        options.append(f"np.concatenate(({self.array((n,), 0)}[:0], {a}))")
        if matrices:
            m = self.random.choice(matrices)
            axis = m.shape.index(n)
            options.append(
                f"np.{self.random.choice(('sum', 'mean', 'max', 'min', 'prod', 'var'))}({m.text}, axis={1 - axis})"
            )
            options.append(f"(np.sum({m.text}, axis={1 - axis}, keepdims=True) * {m.text}).sum(axis={1 - axis})")
            across = self.array((m.shape[1 - axis],), depth)
            options.append(f"0.3 * ({m.text}{'.T' if axis else ''} @ {_tight(across)})")
        ints = self.scope.one("ints", lambda k: k.shape == shape)
        source = self.scope.one("array", lambda a: len(a.shape) == 1)
        if ints is not None and source is not None:
            options.append(f"{source.text}[{ints.text} % {source.shape[0]}] * 1.0")
        if n > 2:
            cut = self.random.randrange(1, n)
            parts = (self.array((cut,), depth), self.array((n - cut,), depth))
            options.append(f"np.concatenate(({parts[0]}, {parts[1]}))")
        return self.random.choice(options)

    def _matrix(self, shape: Shape, depth: int) -> str:
        rows, columns = shape
        row, column = self.array((columns,), depth), self.array((rows,), depth)
        whole = self.array(shape, depth)
        square = self.array((columns, columns), 0)
        return self.random.choice(
            (
                f"np.outer({column}, {row})",
                f"({whole} + {row})",
                f"{_tight(whole)} * {_tight(row)}",
                f"{_tight(whole)} * {_tight(column)}[:, None]" if _is_plain(column) else f"({whole} - {row})",
                f"0.3 * ({_tight(whole)} @ {_tight(square)})",
                f"{column_of(column)} * {row_of(row)}",
                f"({whole} - np.mean({whole}, axis={self.random.randrange(2)}, keepdims=True))",
                f"({whole} / (1.5 + np.sum({whole} ** 2, axis=1, keepdims=True)))",
                f"np.{self.random.choice(('fliplr', 'flipud', 'tril', 'triu'))}({whole})",
                f"np.vstack(({self.array((1, columns), 0)}, {self.array((rows - 1, columns), 0)}))"
                if rows > 1
                else whole,
            )
        )


def column_of(text: str) -> str:
    return f"{_tight(text)}[:, np.newaxis]"


def row_of(text: str) -> str:
    return f"{_tight(text)}[None, :]"


def _slice(text: str) -> slice:
    start, stop, step = (int(part) if part else None for part in text.split(":"))
    return slice(start, stop, step)


def _is_plain(text: str) -> bool:
    return text.isidentifier()


def _tight(text: str) -> str:
    """`text` in brackets unless it binds tighter than any operator."""
    simple = text.replace(".", "").replace("_", "").isalnum()
    return text if simple or (text[0] == "(" and _closes_at_end(text)) else f"({text})"


def _closes_at_end(text: str) -> bool:
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return position == len(text) - 1
    return False
