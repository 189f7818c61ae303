"""Steps between buffers that change places: `u, new = new, u`, or three in turns; filled all over, in part, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def exchanges(writer: Statements) -> bool:
    """Write a loop over steps of two or three buffers; say whether there was an array to start from."""
    array = writer.scope.one("array", lambda a: 0 < len(a.shape) < 3)
    if array is None:
        return False
    random, line = writer.random, writer.line
    made = ("{0}.copy()", "{0}.copy()", "np.zeros_like({0})", "np.ones({0}.shape)", "0.5 * {0}", "np.sin({0})")
    names = [writer.scope.fresh("array", name, shape=array.shape, private=True) for name in ("new", "u", "prev")]
    names = names[: random.choice((2, 2, 3))]
    shared = random.random() < 0.1
    for name in names:
        itself = shared and name is names[-1]
        line(f"{name.text} = {array.text if itself else random.choice(made).format(array.text)}")
    total, step = writer.scope.fresh("float"), writer.scope.fresh("int", "t")
    line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    with writer.block(f"for {step.text} in range({random.choice((0, 1, 2, 2, 3, 4))}):", loop=True):
        _step(writer, names, total.text, step.text)
    for name in names:
        name.private = not shared
        if random.random() < 0.7:
            writer.scope.declare(name)
    line(f"{total.text} += 0.1 * np.sum({names[1].text} * {random.choice(names).text})")
    return True


def _step(writer: Statements, names: list[Name], total: str, step: str) -> None:
    random, line, block = writer.random, writer.line, writer.block
    new = names[0]
    tests = (f"{step} % 2 == 0", f"{step} > 0", f"{total} > 0.2")
    if 0 not in new.shape and random.random() < 0.3:
        line(f"{total} += 0.1 * {writer.say.element(random.choice(names))}")
    if 0 not in new.shape and random.random() < 0.4:
        _boundary(writer, names, random.choice(tests))
    if random.random() < 0.12:
        with block(f"if {random.choice(tests)}:"):
            _fill(writer, names)
    else:
        _fill(writer, names)
    if random.random() < 0.15:
        with block(f"if {random.choice(tests)}:"):
            line("break")
    if random.random() < 0.12:
        with block(f"if {random.choice(tests)}:"):
            _exchange(writer, [name.text for name in names])
    else:
        _exchange(writer, [name.text for name in names])
    if random.random() < 0.3:
        line(f"{total} += 0.1 * np.sum({random.choice(names).text} ** 2)")


def _boundary(writer: Statements, names: list[Name], test: str) -> None:
    random = writer.random
    a, n = names[0].text, names[0].shape[0]
    values = (f"{names[1].text}[{n} - 1]", f"0.5 * {names[1].text}[0]", "0.0")
    places = (f"{a}[0] = {random.choice(values)}", f"{a}[{n} - 1] = {random.choice(values)}", f"{a}[-1] = 0.3")
    for statement in random.sample(places, random.randint(1, 2)):
        if random.random() < 0.2:
            with writer.block(f"if {test}:"):
                writer.line(statement)
        else:
            writer.line(statement)


def _fill(writer: Statements, names: list[Name]) -> None:
    """Write loops or a statement of slices that fill the first buffer from the others, all over or inside."""
    random = writer.random
    new, u, prev = names[0].text, names[1].text, names[-1].text
    axes = range(len(names[0].shape))
    inside = random.random() < 0.7
    form = random.choice(
        (
            "{new}[{at}] = 2 * {u}[{at}] - {prev}[{at}] + 0.1 * ({u}[{up}] - {u}[{at}])",
            "{new}[{at}] = {u}[{at}] - 0.1 * {u}[{at}] * ({u}[{at}] - {u}[{down}])",
            "{new}[{at}] = 0.3 * ({u}[{up}] + {u}[{down}]) * np.cos({u}[{at}])",
            "{new}[{at}] = 0.5 * {u}[{at}] + 0.1 * {prev}[{down}]",
            "{new}[{at}] += 0.2 * ({u}[{up}] - {prev}[{at}])",
        )
    )

    def places(texts: list[tuple[str, str, str]], which: int) -> str:
        moved = random.randrange(len(texts))
        return ", ".join(each[which if axis == moved else 0] for axis, each in enumerate(texts))

    if random.random() < 0.3:
        cuts = [("1:-1", "2:", ":-2")] * len(axes) if inside else [(":", ":", "::-1")] * len(axes)
        if min(names[0].shape) > 1:
            writer.line(
                form.format(new=new, u=u, prev=prev, at=places(cuts, 0), up=places(cuts, 1), down=places(cuts, 2))
            )
            return
    indices = [writer.scope.fresh("int", name, frozen=True).text for name in "ij"[: len(axes)]]
    texts = [(i, f"{i} + 1", f"{i} - 1") if inside else (i, i, f"{i} - 1") for i in indices]
    _nest(writer, names[0], indices, inside, form.format(
        new=new, u=u, prev=prev, at=places(texts, 0), up=places(texts, 1), down=places(texts, 2)
    ))  # fmt: skip


def _nest(writer: Statements, new: Name, indices: list[str], inside: bool, statement: str) -> None:
    if not indices:
        writer.line(statement)
        return
    size = f"{new.text}.shape[{len(new.shape) - len(indices)}]"
    up, down = (f"1, {size} - 1", f"{size} - 2, 0, -1") if inside else (size, f"{size} - 1, -1, -1")
    with writer.block(f"for {indices[0]} in range({writer.random.choice((up, up, up, down))}):", loop=True):
        _nest(writer, new, indices[1:], inside, statement)


def _exchange(writer: Statements, names: list[str]) -> None:
    random, line = writer.random, writer.line
    new, u = names[:2]
    if len(names) == 3 and random.random() < 0.8:
        prev = names[2]
        line(random.choice((f"{prev}, {u}, {new} = {u}, {new}, {prev}", f"{new}, {prev}, {u} = {prev}, {u}, {new}")))
    elif random.random() < 0.3:
        kept = writer.scope.fresh("array", "kept").text
        line(f"{kept} = {u}")
        line(f"{u} = {new}")
        line(f"{new} = {kept}")
    else:
        line(f"{u}, {new} = {new}, {u}")
