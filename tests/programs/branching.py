"""Innermost loops with short branches on what is in an array, or on where they are: limiters, upwinding, pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def branching(writer: Statements) -> bool:
    """Write a loop over a vector, or two loops over pairs, with branches; say whether there was a vector."""
    vector = writer.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 2)
    if vector is None:
        return False
    random = writer.random
    length = vector.shape[0]
    size = writer.say.size(length)
    total = writer.scope.fresh("float")
    writer.line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    own, results = (writer.scope.fresh("array", name, shape=(length,), private=True) for name in ("own", "out"))
    writer.line(f"{own.text} = {vector.text} + 0.0")
    writer.line(f"{results.text} = np.zeros({size})")
    for name in (own, results):
        writer.scope.declare(name)
    i, j = (writer.scope.fresh("int", name).text for name in "ij")
    body = _Body(writer, vector, own, results, total, i, j)
    if random.random() < 0.4:
        body.pairs = True
        with writer.block(f"for {j} in range({size}):", loop=True):
            body.loop(f"range({size})", near=0)
    else:
        header = random.choice(("range(1, {0} - 1)", "range({0} - 2, 0, -1)", "range(1, {0} - 1, 2)"))
        body.loop(header.format(size), near=1)
    return True


class _Body:
    def __init__(
        self, writer: Statements, vector: Name, own: Name, results: Name, total: Name, i: str, j: str
    ) -> None:
        self.writer, self.random = writer, writer.random
        self.vector, self.own, self.results, self.total = vector.text, own.text, results.text, total.text
        self.i, self.j = i, j
        self.a, self.r, self.q = (writer.scope.fresh("float", name).text for name in "arq")
        self.near = 0
        self.pairs = False

    def loop(self, header: str, near: int) -> None:
        self.near = near
        line, random = self.writer.line, self.random
        with self.writer.block(f"for {self.i} in {header}:", loop=True):
            line(f"{self.a} = {self.element()}")
            line(f"{self.r} = {random.choice(('0.0', self.a, f'{self.a} * {self.element()}'))}")
            for _ in range(random.randint(1, 3)):
                if random.random() < 0.7:
                    self.branch(random.random() < 0.3)
                else:
                    self.step()
            line(f"{self.results}[{self.i}] += {self.r}")

    def place(self) -> str:
        shift = self.random.choice(("", " - 1", " + 1", "")) if self.near else ""
        return f"{self.j}" if self.pairs and self.random.random() < 0.3 else f"{self.i}{shift}"

    def element(self) -> str:
        return f"{self.random.choice((self.vector, self.own, self.own))}[{self.place()}]"

    def cond(self) -> str:
        forms = [f"{self.a} > 0.1", f"{self.element()} * {self.a} < 0.2", f"not {self.r} < {self.element()}"]
        forms += [f"abs({self.a}) < 0.5 and {self.r} > {self.element()}"]
        forms += [f"{self.i} {self.random.choice(('<', '>=', '=='))} {self.j}"] * 3 if self.pairs else []
        forms += [f"{self.i} > 1", f"{self.i} % 2 == 0"]
        return self.random.choice(forms)

    def value(self) -> str:
        a, e = self.a, self.element()
        forms = [f"{a} * {e}", e, f"-{a}", f"0.5 * {self.r} - {e}", f"{a} / (1.5 + {e} * {e})", f"abs({e})", "0.0"]
        forms += [f"math.sqrt({e} * {e} + 0.5)", f"min({a}, {e})", f"{a} ** 2", f"math.sin({e})"]
        return self.random.choice(forms)

    def step(self) -> None:
        where = f"{self.random.choice((self.own, self.results, self.results))}[{self.place()}]"
        forms = [
            f"{self.r} = {self.value()}",
            f"{self.r} += {self.value()}",
            f"{self.total} += 0.1 * {self.a} * {self.element()}",
            f"{where} += 0.3 * {self.value()}",
            f"{where} -= 0.3 * {self.value()}",
            f"{where} = 0.3 * {self.value()}",
        ]
        self.writer.line(self.random.choice(forms))

    def side(self, deeper: bool) -> None:
        for _ in range(self.random.randint(1, 2)):
            self.step()
        if self.random.random() < 0.3:
            self.writer.line(f"{self.q} = {self.value()}")
            self.writer.line(f"{self.r} = {self.q} * {self.a}")
        if deeper:
            self.branch(False)

    def branch(self, deeper: bool) -> None:
        with self.writer.block(f"if {self.cond()}:"):
            self.side(deeper)
        if self.random.random() < 0.2:
            with self.writer.block(f"elif {self.cond()}:"):
                self.side(False)
        if self.random.random() < 0.5:
            with self.writer.block("else:"):
                self.side(False)
