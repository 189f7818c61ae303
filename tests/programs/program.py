"""Whole programs: a few helper functions, a function of floats and arrays, and arguments for it."""

from __future__ import annotations

import ast
from collections import namedtuple
from dataclasses import dataclass, is_dataclass, make_dataclass, replace
from random import Random
from typing import Any

import numpy as np

from tests.programs.expressions import Helper
from tests.programs.scope import Name, Scope, Shape
from tests.programs.statements import Statements

HEADER = "import math\n\nimport numpy as np\n\n"


@dataclass(frozen=True)
class Program:
    """Module text with a function `program`, its arguments, and the positions of those to differentiate by."""

    source: str
    args: tuple[Any, ...]
    argnums: tuple[int, ...]


def generate(seed: int) -> tuple[str, tuple[Any, ...]]:
    """Source text of a module with a function `program`, and arguments for it; the same for the same seed."""
    program = grow(seed)
    return program.source, program.args


def grow(seed: int) -> Program:
    random = Random(seed)
    shapes = _shapes(random)
    helpers: list[Helper] = []
    texts = [_helper(random, number, helpers, shapes) for number in range(random.choice((0, 0, 0, 1, 1, 2)))]
    params, args = _parameters(random, shapes)
    # Drawn apart, so that all other programs stay what they were.
    boxes = Random(f"containers of {seed}")
    boxed = _boxed(boxes, params, args) if boxes.random() < 0.25 else None
    names = [p.text for p in params] if boxed is None else boxed.params
    texts.append(_function(random, params if boxed is None else boxed.names, helpers, names))
    wanted = tuple(k for k, p in enumerate(params) if p.kind in ("float", "array")) if boxed is None else boxed.wanted
    if random.random() < 0.2:
        wanted = (random.choice(wanted),)
    args = args if boxed is None else boxed.args
    # A round through the parser takes out the brackets that a writer would not set.
    return Program(ast.unparse(ast.parse(HEADER + "\n\n".join(texts))) + "\n", args, wanted)


@dataclass(frozen=True)
class _Boxed:
    """Parameters of which some are in a container, `names` as the body reads them."""

    params: list[str]
    names: list[Name]
    args: tuple[Any, ...]
    wanted: tuple[int, ...]


def _boxed(random: Random, params: list[Name], args: tuple[Any, ...]) -> _Boxed:
    """Put some of the floats and arrays into a container, and maybe two of those into one inside it."""
    chosen = [k for k, p in enumerate(params) if p.kind in ("float", "array") and random.random() < 0.7]
    chosen = chosen or [next(k for k, p in enumerate(params) if p.kind == "array")]
    outside = [k for k in range(len(params)) if k not in chosen]
    inner = chosen[-2:] if len(chosen) > 2 and random.random() < 0.5 else []
    box, texts = _filled(random, "box", [(params[k].text, args[k]) for k in chosen if k not in inner])
    if inner:
        more, nested = _filled(random, "box['more']", [(params[k].text, args[k]) for k in inner])
        box, renamed = _filled(random, "box", [*((n, v) for n, v in zip(texts, _values(box))), ("more", more)], "dict")
        texts = {**{n: renamed[n] for n in texts}, **nested}
    names = [replace(p, text=texts.get(p.text, p.text), frozen=p.frozen or p.text in texts) for p in params]
    wanted = [0, *(position for position, k in enumerate(outside, 1) if params[k].kind in ("float", "array"))]
    given = (box, *(args[k] for k in outside))
    return _Boxed(["box", *(params[k].text for k in outside)], names, given, tuple(wanted))


def _filled(
    random: Random, name: str, items: list[tuple[str, Any]], kind: str = ""
) -> tuple[Any, dict[str, str]]:
    """A container called `name`, and how its items are read."""
    kind = kind or random.choice(("dict", "list", "named", "data"))
    keys, values = [key for key, _ in items], [value for _, value in items]
    match kind:
        case "dict":
            return dict(items), {key: f"{name}[{key!r}]" for key in keys}
        case "list":
            return values, {key: f"{name}[{position}]" for position, key in enumerate(keys)}
        case "named":
            return namedtuple("Box", keys)(*values), {key: f"{name}.{key}" for key in keys}
        case _:
            return make_dataclass("Box", keys)(*values), {key: f"{name}.{key}" for key in keys}


def _values(box: Any) -> list[Any]:
    return list(box.values() if isinstance(box, dict) else vars(box).values() if is_dataclass(box) else box)


def _shapes(random: Random) -> list[Shape]:
    n, rows, columns = random.randint(3, 6), random.randint(2, 4), random.randint(2, 4)
    shapes: list[Shape] = [(n,), (n,), (rows, columns)]
    if random.random() < 0.06:
        shapes.append(random.choice(((0,), (0, columns), (1,), (1, columns))))
    return [*shapes, (columns,)] if random.random() < 0.5 else shapes


def _parameters(random: Random, shapes: list[Shape]) -> tuple[list[Name], tuple[Any, ...]]:
    numbers = np.random.default_rng(random.randrange(2**32))
    params, args = [], []
    dtype = np.float32 if random.random() < 0.06 else np.float64

    def add(name: Name, value: Any) -> None:
        params.append(name)
        args.append(value)

    for text in ("x", "y0", "a")[: random.randint(0, 2)]:
        add(Name(text, "float"), float(numbers.uniform(-1.0, 1.0)))
    for text in ("f", "g", "h")[: random.randint(1, 3)]:
        shape = random.choice(shapes)
        add(Name(text, "array", shape=shape), _array(random, numbers, shape).astype(dtype, order="A", copy=False))
    if random.random() < 0.4:
        n = max(params[-1].shape[0], 1)
        add(Name("n", "int", low=n, high=n, frozen=True), n)
    if random.random() < 0.3:
        length = random.randint(2, 5)
        add(Name("idx", "ints", shape=(length,), frozen=True), numbers.integers(0, 5, length))
    return params, tuple(args)


def _array(random: Random, numbers: np.random.Generator, shape: Shape) -> np.ndarray:
    values = numbers.uniform(-1.0, 1.0, shape)
    kind = random.random()
    if kind < 0.1:
        return np.asfortranarray(values)
    if kind < 0.2:
        wide = numbers.uniform(-1.0, 1.0, tuple(2 * n for n in shape))
        return wide[tuple(slice(1, None, 2) for _ in shape)]
    if kind < 0.25:
        return values[::-1]
    return values


def _function(random: Random, params: list[Name], helpers: list[Helper], names: list[str]) -> str:
    scope = Scope(random)
    for param in params:
        scope.declare(param)
    writer = Statements(random, scope, helpers, None)
    result = lambda: _result(random, writer)  # noqa: E731
    writer.returns = result
    if names != [p.text for p in params]:
        writer.kinds.add("record")
    writer.body(random.choice((1, 1, 2, 2, 3, 3, 4, 4, 5, 7)))
    writer.line(f"return {result()}")
    return f"def program({', '.join(names)}):\n" + "\n".join(writer.lines) + "\n"


def _result(random: Random, writer: Statements) -> str:
    """A float that looks at most of what there is."""
    terms = [writer.say.number(1)]
    for name in writer.scope.names:
        if name.kind == "float" and random.random() < 0.6:
            terms.append(random.choice((name.text, f"math.sin({name.text})")))
        if name.kind == "array" and random.random() < 0.6:
            forms = (f"np.sum({name.text})", f"np.sum({name.text} * {name.text})", f"{name.text}.mean()")
            terms.append(random.choice(forms if 0 not in name.shape else forms[:1]))
    return " + ".join(terms)


# --- helpers ------------------------------------------------------------------------------------------------------

WRITING_OR_SHARING = {
    "call_writer", "view", "swap_arrays", "in_place", "part", "masked", "element", "both_sides", "for_items",
    "write_masked", "scatter", "scatter_loop", "into", "group", "reshaped", "closure", "give_array", "contiguous",
}  # fmt: skip
KINDS = ("float", "float", "pair", "writer", "writing float", "loop", "array", "array", "recursive")


def _helper(random: Random, number: int, helpers: list[Helper], shapes: list[Shape]) -> str:
    name, kind = f"helper{number}", random.choice(KINDS)
    if kind == "recursive":
        return _recursive(random, name, helpers)
    scope = Scope(random)
    params = [scope.declare(Name(text, "float")) for text in ("x", "t")[: random.randint(1, 2)]]
    writes: tuple[int, ...] = ()
    if kind not in ("float", "pair") or random.random() < 0.4:
        params.insert(0, scope.declare(Name("f", "array", shape=random.choice(shapes))))
        writes = (0,) if kind.startswith("writ") else ()
    returns = None
    writer = Statements(random, scope, list(helpers), None)
    if not writes and random.random() < 0.8:
        # Most functions whose value is used inside an expression only read.
        writer.kinds -= WRITING_OR_SHARING
    if kind in ("float", "loop", "writing float"):
        returns = lambda: writer.say.number(1)  # noqa: E731
    elif kind == "array":
        returns = lambda: _given_back(random, writer)  # noqa: E731
    elif kind == "pair":
        returns = lambda: f"{writer.say.number(1)}, {writer.say.number(1)}"  # noqa: E731
    writer.returns = returns
    writer.body(random.randint(1, 3))
    if returns is not None:
        writer.line(f"return {returns()}")
    gives = {"pair": "pair", "writer": "nothing", "array": "array"}.get(kind, "float")
    helpers.append(Helper(name, tuple((p.kind, p.shape) for p in params), gives, writes, params[0].shape))
    return f"def {name}({', '.join(p.text for p in params)}):\n" + "\n".join(writer.lines) + "\n"


def _given_back(random: Random, writer: Statements) -> str:
    """The argument, a view of it, or a new array; all of one shape, that of the argument."""
    shape = next(name.shape for name in writer.scope.names if name.text == "f")
    return random.choice(("f", "f[::-1]", writer.say.temporary(shape), writer.say.temporary(shape)))


def _recursive(random: Random, name: str, helpers: list[Helper]) -> str:
    """A float by recursion; how deep depends on a literal at the call, as `depth` has a default."""
    scope = Scope(random)
    scope.declare(Name("x", "float"))
    say = Statements(random, scope, [], None).say
    helpers.append(Helper(name, (("float", ()),), "float"))
    again = f"{name}({say.number(1)} * 0.7, depth - 1)"
    lines = (
        f"def {name}(x, depth=3):",
        "    if depth <= 0:",
        f"        return {say.number(1)}",
        f"    return {random.choice((f'math.sin({again}) + x', f'{again} * x', again))}",
    )
    return "\n".join(lines) + "\n"
