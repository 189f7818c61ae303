"""Arrays seen in another order of their axes and in other shapes, with writes between; axes of length 1, stretched."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from tests.programs.scope import Shape
    from tests.programs.statements import Statements


def turned(writer: Statements) -> bool:
    """Take views of views of an array, change an element or a part, and add up what the last ones hold."""
    array = writer.scope.one("array", lambda a: len(a.shape) in (1, 2) and 3 < prod(a.shape) < 40)
    if array is None:
        return False
    random, line = writer.random, writer.line
    whole = writer.scope.fresh("float", "whole").text
    line(f"{whole} = {array.text} * {writer.say.leaf()}" if random.random() < 0.8 else f"{whole} = {array.text}.copy()")
    known = [(whole, array.shape)]
    for _ in range(random.randint(2, 4)):
        source, shape = random.choice(known[-2:])
        view, new = random.choice(_views(random, shape))
        if not new:
            continue
        name = writer.scope.fresh("float", "view").text
        line(f"{name} = {view.format(source)}")
        known.append((name, new))
        if random.random() < 0.35:
            changed, _ = random.choice(known)
            line(
                random.choice(
                    (
                        f"{changed}[0] = {writer.say.number(1)}",
                        f"{changed} *= {writer.say.number(1)}",
                        f"{changed}[1:] += {writer.say.leaf()}",
                        f"{changed}[...] = np.cos({changed})",
                    )
                )
            )
    found = writer.scope.fresh("float")
    terms = [_weighted(name, shape) for name, shape in (*random.sample(known, 1), known[-1])]
    line(f"{found.text} = 0.01 * ({' + '.join(terms)})")
    writer.scope.declare(found)
    return True


def stretched(writer: Statements) -> bool:
    """Put parts of a matrix beside each other that have axes of length 1: slices of one element, sums that are kept."""
    array = writer.scope.one("array", lambda a: len(a.shape) == 2 and min(a.shape) > 0)
    if array is None:
        return False
    random, line, a = writer.random, writer.line, array.text
    axis = random.randrange(2)
    parts = [
        f"{a}[:, :1]",
        f"{a}[-1:]",
        f"{a}[0:1, :]",
        f"np.max({a}, axis={axis}, keepdims=True)",
        f"{a}.min(axis=-1, keepdims=True)",
        f"np.mean({a}, axis=(0, 1), keepdims=True)",
        f"np.expand_dims({a}.sum(axis={axis}), {axis})",
        f"{a}[:, -1][:, None]",
        a,
    ]
    first, second, third = random.sample(parts, 3)
    name, total = (writer.scope.fresh("float", text).text for text in ("spread", "total"))
    forms = (
        "{0} * {1} + {2}",
        "np.sin({0} - {1}) * {2}",
        "np.where({0} > {1}, {2}, 0.5 * {0})",
        "({0} + {1}) / (1.5 + {2} ** 2)",
    )
    line(f"{name} = {random.choice(forms).format(first, second, third)} + 0.0 * {a}")
    if random.random() < 0.4:
        once = (f"{name}[:, :1] *= {writer.say.number(1)}", f"{name}[-1:] += {second}[:, :1]", f"{name} -= {first}")
        line(random.choice(once))
    line(f"{total} = 0.01 * np.sum({name} * {random.choice(parts)})")
    found = writer.scope.fresh("float")
    line(f"{found.text} = {total}")
    writer.scope.declare(found)
    return True


def rebound(writer: Statements) -> bool:
    """Give an array's name, in a loop, to what is made of views of the array: at once, by names, by a call."""
    array = writer.scope.one("array", lambda a: len(a.shape) in (1, 2) and 3 < prod(a.shape) < 40)
    if array is None:
        return False
    random, line, rank = writer.random, writer.line, len(array.shape)
    state, part, count, step, t = (writer.scope.fresh("float", n).text for n in ("state", "part", "count", "step", "t"))
    views = ["{}[::-1]", *(["{}[1:]", "{}[:-1]", "{}[::2]"] if array.shape[0] > 3 else [])]
    views += ["{}[:, ::-1]"] if rank > 1 else []
    views += ["{}.T"] if rank > 1 and array.shape[0] == array.shape[1] else []
    view = random.choice(views)
    one, two = (view, view) if view in ("{}[1:]", "{}[:-1]", "{}[::2]") else ("{}", view)
    one = "{}[:-1]" if view == "{}[1:]" and random.random() < 0.5 else one
    form = random.choice(("np.sin({0}) * {1}", "{0} - 0.3 * ({0} - {1})", "{1} * 0.5 + np.cos({0})", "2.0 * {1}"))
    line(f"{state}, {count} = {array.text} * 1.0, 0.5")
    way = random.randrange(4)
    if way == 0:
        line(f"{step} = lambda u: {form.format(one.format('u'), two.format('u'))}")
    with writer.block(f"for {t} in range({random.randint(1, 3)}):", loop=True):
        made = form.format(one.format(state), two.format(state))
        if way == 0:
            line(f"{state} = {step}({state})")
        elif way == 1:
            line(f"{state}, {count} = {made}, {count} + {random.choice(('1.0', f'np.sum({state})'))}")
        elif way == 2:
            line(f"{part} = {two.format(state)}")
            line(f"{state} = {form.format(one.format(state), part)}")
        else:
            line(f"{state} = {made}")
    found = writer.scope.fresh("float")
    line(f"{found.text} = 0.01 * np.sum({state} ** 2) * {count}")
    writer.scope.declare(found)
    return True


def _weighted(name: str, shape: Shape) -> str:
    return f"np.sum(np.sin({name}) * np.arange({prod(shape)}.0).reshape({shape}))"


def _views(random: Random, shape: Shape) -> list[tuple[str, Shape]]:
    """Return views and changed copies of an array of a shape, `{}` being the array, with their shapes."""
    count, rank = prod(shape), len(shape)
    found = [("{}[::-1]", shape), ("{}[1:]", (shape[0] - 1, *shape[1:])), ("2.0 * {}", shape), ("np.sin({})", shape)]
    found = [each for each in found if prod(each[1])]
    if rank > 1:
        order = random.sample(range(rank), rank)
        one, other = random.sample(range(rank), 2)
        swapped = list(shape)
        swapped[one], swapped[other] = shape[other], shape[one]
        found += [
            (f"np.transpose({{}}, {tuple(order)})", tuple(shape[axis] for axis in order)),
            ("{}.T", shape[::-1]),
            (f"np.swapaxes({{}}, {one}, {other})", tuple(swapped)),
            ("{}.ravel()", (count,)),
            ("{}.flatten()", (count,)),
            ("{}[..., 0]", shape[:-1]),
            ("{}[:, ::-1]", shape),
            ("{}.sum(axis=0)", shape[1:]),
        ]
    if rank < 3:
        found += [("np.expand_dims({}, 1)", (shape[0], 1, *shape[1:])), ("{}[None]", (1, *shape))]
    for size in (k for k in range(2, count) if count % k == 0):
        found.append((f"{{}}.reshape({size}, {count // size})", (size, count // size)))
        if count // size % 2 == 0:
            found.append((f"np.reshape({{}}, (2, {size}, {count // size // 2}))", (2, size, count // size // 2)))
    return found
