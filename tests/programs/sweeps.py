"""Loops over the elements of an array that is changed in place: stencils, recurrences, factorizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def sweep(writer: Statements) -> bool:
    """Write a nest of loops whose subscripts are sums of the indices and numbers; say whether there was an array."""
    array = writer.scope.one("array", lambda a: a.shape != () and min(a.shape) > 1)
    if array is None:
        return False
    if writer.random.random() < 0.3:
        with writer.block("for _ in range(2):", loop=True):
            _nest(writer, array, [])
    else:
        _nest(writer, array, [])
    return True


def _nest(writer: Statements, array: Name, around: list[Name]) -> None:
    random = writer.random
    axis = len(around) % len(array.shape)
    header, low, high = _range(writer, array.shape[axis], around)
    index = writer.scope.fresh("int", random.choice("ijkl"), low=low, high=max(low, high), frozen=True)
    inner = [*around, index]
    with writer.block(f"for {index.text} in {header}:", loop=True):
        writer.scope.declare(index)
        first = random.random() < 0.4
        if first:
            _update(writer, array, inner)
        deeper = len(inner) < 3 and random.random() < (0.9 if len(inner) < len(array.shape) else 0.35)
        if deeper:
            _nest(writer, array, inner)
        if not first and not deeper or len(inner) >= len(array.shape) or random.random() < 0.4:
            _update(writer, array, inner)


def _range(writer: Statements, n: int, around: list[Name]) -> tuple[str, int, int]:
    """Text of a range within an axis of `n` places, and the least and greatest index in it."""
    size = writer.say.size(n)
    ranges = [
        (f"range({size})", 0, n - 1),
        (f"range(1, {size})", 1, n - 1),
        (f"range({size} - 1)", 0, n - 2),
        (f"range({size} - 1, -1, -1)", 0, n - 1),
        (f"range({size} - 2, -1, -1)", 0, n - 2),
        (f"range(1, {size}, 2)", 1, n - 1),
    ]
    for outer in around:
        if outer.high <= n:
            ranges += [(f"range({outer.text})", 0, max(outer.high - 1, 0))]
        if outer.high < n:
            ranges += [(f"range({outer.text}, {size})", outer.low, n - 1), (f"range({outer.text} + 1)", 0, outer.high)]
            ranges += [(f"range({outer.text} - 1, -1, -1)", 0, max(outer.high - 1, 0))]
    return writer.random.choice(ranges)


def _place(writer: Statements, array: Name, indices: list[Name]) -> str:
    """Text of an element; some subscripts count from the end."""
    parts: list[str] = []
    for axis, n in enumerate(array.shape):
        texts = ["0", "-1", str(n - 1)]
        for position, index in enumerate(indices):
            forms = [
                ("{0}", 0, 1),
                ("{0}", 0, 1),
                ("{0} - 1", -1, 1),
                ("{0} + 1", 1, 1),
                (f"{n - 1} - {{0}}", n - 1, -1),
            ]
            fits = [t for t, d, s in forms if -n <= min(d + s * index.low, d + s * index.high)
                    and max(d + s * index.low, d + s * index.high) < n]  # fmt: skip
            texts += [t.format(index.text) for t in fits] * (4 if position == axis else 2)
        parts.append(writer.random.choice(texts))
    return f"{array.text}[{', '.join(parts)}]"


def _update(writer: Statements, array: Name, indices: list[Name]) -> None:
    random = writer.random
    other = writer.scope.one("array", lambda a: a.shape == array.shape) if random.random() < 0.25 else array
    sources = [_place(writer, random.choice((array, array, other or array)), indices) for _ in range(3)]
    target = _place(writer, array, indices)
    if random.random() < 0.3:
        name = writer.scope.fresh("float")
        writer.line(f"{name.text} = math.sin({sources[0]})")
        sources[0] = name.text
    a, b, c = sources
    form = random.choice(
        (
            f"{target} = 0.3 * ({a} + {b} + {c})",
            f"{target} -= 0.3 * {a} * {b}",
            f"{target} += math.sin({a}) * {b}",
            f"{target} /= 1.5 + {a} * {a}",
            f"{target} = math.sqrt(1.0 + {a} * {a})",
            f"{target} = math.tanh({a} + {target})",
            f"{target} *= math.cos({a})",
            f"{target} = {target} * {target} * 0.2 + {b}",
        )
    )
    writer.line(form)


def fold(writer: Statements) -> bool:
    """Loops in a loop that write nothing but numbers and arrays of their own: all of it can be computed again."""
    array = writer.scope.one("array", lambda a: a.shape != () and 0 not in a.shape)
    if array is None:
        return False
    total = writer.scope.fresh("float")
    writer.line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    with writer.block(f"for _ in range({writer.random.randint(1, 3)}):", loop=True):
        if writer.random.random() < 0.5:
            _chain(writer, array, total)
        else:
            with writer.block(f"for _ in range({writer.random.randint(0, 3)}):", loop=True):
                _chain(writer, array, total)
            if writer.random.random() < 0.5:
                writer.line(f"{total.text} = math.sin({total.text})")
    return True


def _chain(writer: Statements, array: Name, total: Name) -> None:
    """Write the body of the outer loop: start values, an inner loop that changes them, and their use."""
    random = writer.random
    a, b = (writer.scope.declare(writer.scope.fresh("float")) for _ in range(2))
    index = writer.scope.fresh("int", random.choice("ijkl"), low=0, high=array.shape[0] - 1, frozen=True)
    element = f"{array.text}[{index.text}{', -1' * (len(array.shape) - 1)}]"
    writer.line(f"{a.text} = {random.choice((total.text, '0.5', f'math.cos({total.text})'))}")
    writer.line(f"{b.text} = {random.choice((a.text, '1.0'))}")
    own = writer.scope.fresh("array", shape=(array.shape[0],)) if random.random() < 0.5 else None
    if own is not None:
        writer.line(f"{own.text} = np.zeros({writer.say.size(array.shape[0])})")
    with writer.block(f"for {index.text} in range({writer.say.size(array.shape[0])}):", loop=True):
        writer.line(f"{a.text} = {a.text} * 0.5 + {element} * {b.text}")
        if random.random() < 0.3:
            word = random.choice(("break", "continue"))
            writer.line(f"if {a.text} > {random.choice(('0.7', '1.5', b.text))}:")
            writer.line(f"    {word}")
        if own is not None:
            writer.line(f"{own.text}[{index.text}] = math.sin({a.text}) * {random.choice((b.text, element))}")
            b_next = f"{b.text} * 0.5 + {own.text}[{index.text}] * {own.text}[0]"
        else:
            b_next = random.choice((f"math.tanh({b.text} + {a.text})", f"{b.text} * math.cos({a.text})"))
        writer.line(f"{b.text} = {b_next}")
    more = f" + np.sum({own.text} * {own.text})" if own is not None else ""
    writer.line(f"{total.text} = 0.4 * {total.text} + {a.text} * {b.text}{more}")


def scratch(writer: Statements) -> bool:
    """A loop whose iterations fill one array again, all of it or not, and sum up what they make of it."""
    random = writer.random
    array = writer.scope.one("array", lambda a: a.shape != () and 0 not in a.shape)
    if array is None:
        return False
    n = array.shape[0]
    size = writer.say.size(n)
    total, own = writer.scope.fresh("float"), writer.scope.fresh("array", shape=(n,))
    writer.line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    filled = f"range({size})" if random.random() < 0.7 else random.choice((f"range(1, {size})", f"range({size} - 1)"))
    made = "empty" if filled == f"range({size})" and random.random() < 0.5 else "zeros"
    writer.line(f"{own.text} = np.{made}({size})")
    outer, inner, last = (writer.scope.fresh("int", word, low=0, high=n - 1, frozen=True) for word in "ijk")
    rest = ", -1" * (len(array.shape) - 1)
    with writer.block(f"for {outer.text} in range({size}):", loop=True):
        with writer.block(f"for {inner.text} in {filled}:", loop=True):
            writer.line(f"{own.text}[{inner.text}] = math.sin({array.text}[{inner.text}{rest}] * ({outer.text} + 0.5))")
        if random.random() < 0.7:
            with writer.block(f"for {inner.text} in range({size}):", loop=True):
                with writer.block(f"for {last.text} in range({inner.text} + 1, {size}):", loop=True):
                    source = f"{array.text}[{outer.text}{rest}]"
                    writer.line(f"{own.text}[{last.text}] += 0.3 * {own.text}[{inner.text}] * {source}")
        factor = random.choice((total.text, "0.7", f"{array.text}[{outer.text}{rest}]"))
        use = random.choice((f"np.sum({own.text} * {own.text})", f"{own.text}[{random.choice(('-1', '0'))}]"))
        writer.line(f"{total.text} += 0.2 * {factor} * {use}")
    if made == "zeros":
        writer.scope.declare(own)
    return True


def relay(writer: Statements) -> bool:
    """Steps in time with buffers that change places, as in `old, new = new, old` and `prev, old = old, new`."""
    random = writer.random
    array = writer.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 2)
    if array is None:
        return False
    size = writer.say.size(array.shape[0])
    old, new, prev = (writer.scope.fresh("array", shape=array.shape) for _ in range(3))
    for name in (old, new, prev):
        starts = (f"{array.text}.copy()", f"np.zeros({size})", f"0.5 * {array.text}")
        writer.line(f"{name.text} = {random.choice(starts)}")
    index = writer.scope.fresh("int", random.choice("ijk"), low=1, high=array.shape[0] - 2, frozen=True)
    i = index.text
    with writer.block(f"for _ in range({random.randint(1, 4)}):", loop=True):
        if random.random() < 0.4:
            writer.line(f"{new.text} = np.{random.choice(('zeros', 'zeros', 'empty', 'ones'))}({size})")
            ends = random.choice(("0.3", f"{old.text}[0]", f"{prev.text}[-1]"))
            writer.line(f"{new.text}[0] = {new.text}[-1] = {ends}")
        with writer.block(f"for {i} in range({random.choice((f'1, {size} - 1', f'{size} - 2, 0, -1'))}):", loop=True):
            near = f"{old.text}[{i} - 1] {random.choice('+*')} {old.text}[{i} {random.choice(('+ 1', '- 0'))}]"
            writer.line(f"{new.text}[{i}] = math.sin({near}) - 0.3 * {random.choice((prev, old)).text}[{i}]")
            if random.random() < 0.4:
                other = random.choice((prev, old))
                writer.line(f"{other.text}[{i}] {random.choice(('+=', '*=', '='))} 0.7 * {new.text}[{i}]")
        if random.random() < 0.2:
            writer.line(f"{prev.text} = {random.choice((old, new)).text}{random.choice(('', '[:]', '.copy()'))}")
        writer.line(
            random.choice(
                (
                    f"{old.text}, {new.text} = {new.text}, {old.text}",
                    f"{prev.text}, {old.text}, {new.text} = {old.text}, {new.text}, {prev.text}",
                    f"{prev.text}, {old.text} = {old.text}, {new.text}",
                    f"{old.text} = {new.text}",
                )
            )
        )
    writer.scope.declare(random.choice((old, new, prev)))
    return True
