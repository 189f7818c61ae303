"""Loops over the rows of a matrix, each with nests of loops of its own: distances, mixtures, layers, paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def beside(writer: Statements) -> bool:
    """Write a loop over rows whose iterations don't meet but in sums; say whether there was a matrix."""
    matrix = writer.scope.one("array", lambda a: len(a.shape) == 2 and min(a.shape) > 1)
    if matrix is None:
        return False
    random = writer.random
    total = writer.scope.fresh("float")
    writer.line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    rows, columns = matrix.shape
    size, length = writer.say.size(rows), writer.say.size(columns)
    scratch = writer.scope.fresh("array", "buf", shape=(columns,), private=True)
    results = writer.scope.fresh("array", "out", shape=(rows,), private=True)
    writer.line(f"{results.text} = np.zeros({size})")
    writer.scope.declare(results)
    outside = random.random() < 0.5
    if outside:
        writer.line(f"{scratch.text} = np.empty({length})")
    i = writer.scope.fresh("int", random.choice("ij"), low=0, high=rows - 1, frozen=True)
    with writer.block(f"for {i.text} in range({size}):", loop=True):
        writer.scope.declare(i)
        _Row(writer, matrix, total, scratch, results, i, length).body(outside)
    return True


class _Row:
    def __init__(
        self, writer: Statements, matrix: Name, total: Name, scratch: Name, results: Name, i: Name, length: str
    ) -> None:
        self.writer, self.random = writer, writer.random
        self.matrix, self.total, self.scratch, self.results, self.i = matrix, total, scratch, results, i
        self.length = length
        self.number = writer.scope.fresh("float", "r").text
        self.k, self.d, self.p = (writer.scope.fresh("int", name).text for name in "kdp")
        columns = matrix.shape[1]
        self.vectors = writer.scope.all("array", lambda a: a.shape == (columns,) and a is not scratch)
        self.tables = writer.scope.all("array", lambda a: len(a.shape) == 2 and a.shape[1] == columns)
        self.writes = random_write = self.random.random() < 0.4
        if random_write:
            # What others may be, they may not read.
            self.vectors, self.tables = [v for v in self.vectors if v.private], [t for t in self.tables if t.private]

    def body(self, outside: bool) -> None:
        line, random = self.writer.line, self.random
        if not outside:
            line(f"{self.scratch.text} = np.empty({self.length})")
        line(f"{self.number} = {random.choice(('0.0', '0.5', f'{self.matrix.text}[{self.i.text}, 0]'))}")
        with self.writer.block(f"for {self.d} in range({self.length}):", loop=True):
            line(f"{self.scratch.text}[{self.d}] = {self.term()}")
        table = random.choice(self.tables) if self.tables else None
        turns = self.writer.say.size(table.shape[0]) if table is not None else "2"
        with self.writer.block(f"for {self.k} in range({turns}):", loop=True):
            self.turn(table)
        for _ in range(random.randint(1, 2)):
            self.result()

    def turn(self, table: Name | None) -> None:
        line, random = self.writer.line, self.random
        counted = random.random() < 0.4
        if counted:
            line(f"{self.p} = 0")
        header = random.choice(("range({0})", "range({0} - 1, -1, -1)", "range(1, {0})")).format(self.length)
        with self.writer.block(f"for {self.d} in {header}:", loop=True):
            place = self.p if counted else self.d
            other = f"{table.text}[{self.k}, {place}]" if table is not None else f"0.1 * {self.k}"
            for _ in range(random.randint(1, 2)):
                self.step(other)
            if counted:
                line(f"{self.p} += 1")
        if random.random() < 0.4:
            with self.writer.block(f"if {self.number} > {random.choice(('0.3', self.term('0')))}:"):
                line(f"{self.number} = {random.choice(('0.5', f'math.sin({self.number})'))}")
                if random.random() < 0.5:
                    line(f"{self.total.text} += 0.1 * {self.number}")

    def term(self, place: str = "") -> str:
        """Text of a number at a place along the row."""
        d = place or self.d
        forms = [f"{self.matrix.text}[{self.i.text}, {d}]"] * 3
        forms += [f"{v.text}[{d}]" for v in self.vectors]
        return self.random.choice(forms)

    def step(self, other: str) -> None:
        random, r, y = self.random, self.number, f"{self.scratch.text}[{self.d}]"
        a = self.term()
        forms = [
            f"{r} += ({a} - {other}) ** 2",
            f"{r} = 0.5 * {r} + {a} * {other}",
            f"{r} = math.sin({r}) + {a}",
            f"{r} = max({r}, {y} * {other})",
            f"{y} = math.tanh({y} + {other})",
            f"{y} += {a} * {other}",
            f"{r} += {y} * {other}",
            f"{self.total.text} += 0.1 * {y} * {a}",
        ]
        if self.writes:
            place = f"{self.matrix.text}[{self.i.text}, {self.d}]"
            forms += [f"{place} = 0.5 * {y} + math.sin({place})", f"{place} += 0.1 * {r}", f"{place} *= math.cos({r})"]
        self.writer.line(random.choice(forms))

    def result(self) -> None:
        forms = [
            f"{self.results.text}[{self.i.text}] = {self.number}",
            f"{self.total.text} += math.tanh({self.number})",
            f"{self.total.text} -= 0.3 * {self.scratch.text}[0] * {self.number}",
        ]
        self.writer.line(self.random.choice(forms))
