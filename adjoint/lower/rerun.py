"""An iteration that has become one with that of an earlier loop doesn't begin with what that one has just done.

A loop of the backward sweep that is replayed (`transform.replay`) begins each iteration with the forward body, in
arrays of its own and with tapes. Once it is one loop with the forward sweep, that has been done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from adjoint.ir import Block, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import mentioned, mentioned_within, mentions_of, names_in, statements
from adjoint.lower.accesses import Accesses, Summary
from adjoint.lower.context import Context
from adjoint.lower.iteration import is_empty
from adjoint.lower.rows import Row, in_rows
from adjoint.lower.uses import element_arrays, open_indices
from adjoint.rules.numba_types import Type, is_number
from adjoint.transform.renaming import rename_block


class Reruns:
    """Joins bodies of loops of one program, and leaves out what the second one does again."""

    def __init__(self, func: Func, context: Context, accesses: Accesses) -> None:
        self.accesses = accesses
        self.kinds = context.kinds
        self.own = element_arrays(func, context.kinds)
        self.read_outside = open_indices(func)
        self.counts = mentions_of(func)

    def joined(self, first: Block, second: Block) -> Block:
        """Return two bodies of a loop, one after the other, without what the second one begins with if it's done.

        Arrays that the first one makes for itself give way to those of the second, of which they may be rows; all that
        the second one does besides is to store.

        >>> from adjoint.codegen.emit import text
        >>> from tests.ir_text import parse
        >>> func = parse('''
        ... def f(x: float64[:], r: float64, n: int64):
        ...     a: float64[:] = empty(n)
        ...     for i in range(n):
        ...         a[i] = x[i] * x[i]
        ...         r += a[i]
        ...     b: float64[:] = empty(n)
        ...     tape: float64[:] = empty(n)
        ...     for k in range(n):
        ...         b[k] = x[k] * x[k]
        ...         tape[k] = b[k]
        ...     for k in range(n):
        ...         x[k] = tape[k] + b[k]
        ... ''')
        >>> context = Context.of(func)
        >>> reruns = Reruns(func, context, context.accesses(func))
        >>> print(text(replace(func, body=reruns.joined(func.body[:2], func.body[2:]))), end="")
        def f(x, r, n):
            b = np.empty(n)
            tape = np.empty(n)
            for i in range(n):
                b[i] = x[i] * x[i]
                tape[i] = b[i]
                r += b[i]
            for k in range(n):
                x[k] = tape[k] + b[k]
        """
        match = _Match(self.kinds, self.places(first), {let.target.name for let in _made(second)})
        done, end = match.prefix(first, second)
        made = _made(second[:end])
        if any(isinstance(stmt, For) for stmt in second[:end]) and self.is_done(first, second, end, match):
            done = in_rows(done, match.rows)
            names = {let.target.name for let in made}
            use = next((k for k, stmt in enumerate(done) if names & mentioned_within(stmt)), 0)
            return (*done[:use], *made, *done[use:], *second[end:])
        return (*first, *second)

    def places(self, block: Block) -> dict[str, frozenset[str]]:
        """Return the arrays that are used in a block only, and as elements, with the indices of the loops around."""
        inside = Counter(name for stmt in statements(block) for name in mentioned(stmt))
        found = dict(_made_in(block, frozenset()))
        bound = {name for stmt in block for name in self.accesses.of(stmt).binds}
        own = {name for name in found if name in self.own and inside[name] == self.counts[name]}
        return {name: frozenset(bound - found[name]) for name in own}

    def is_done(self, first: Block, second: Block, end: int, match: _Match) -> bool:
        """Whether the second block finds everything as the first one did, and finds all that it leaves behind."""
        again = tuple(stmt for stmt in second[:end] if not _is_made(stmt))
        a, b, whole = self.of(first), self.of(again), self.of(second)
        tapes = {self.accesses.class_of(s.array.name) for s in match.only_second if isinstance(s, Store)}
        bound = {s.target.name for s in match.only_second if isinstance(s, Let)}
        rows = {self.accesses.class_of(tape.name) for tape, *_ in match.rows.values()}
        used, written = {x.cls for x in b.accesses}, {x.cls for x in b.accesses if x.writes}
        here = {name for stmt in first for name in mentioned_within(stmt)}
        made = {let.target.name for let in _made(second[:end])}
        sizes = {name for let in _made(second[:end]) for name in names_in(let.value)}
        return (
            not (a.effect or whole.effect or a.binds & b.exposed)
            and not any(x.cls in written or x.writes and x.cls in used for x in a.accesses)
            and not (tapes & rows or any(x.cls in tapes and not x.writes for x in b.accesses))
            and all(self.is_apart(stmt, b, used) for stmt in in_rows(tuple(match.only_first), match.rows))
            and not ((made | bound) & here or sizes & (a.binds | whole.binds))
            and self.read_outside.isdisjoint(match.indices)
        )

    def of(self, block: Block) -> Summary:
        return self.accesses.of(For(Var(""), Lit(0), Lit(1), Lit(1), block))

    def is_apart(self, stmt: Stmt, again: Summary, used: set[str]) -> bool:
        """Whether what only the first block does makes no difference to the second one."""
        done = self.accesses.of(stmt)
        stores = any(x.writes and x.cls in used for x in done.accesses)
        return not stores and done.binds.isdisjoint(again.reads | again.binds)


def _made(block: Block) -> list[Let]:
    """Return what makes arrays in a block."""
    return [stmt for stmt in block if isinstance(stmt, Let) and is_empty(stmt.value)]


def _is_made(stmt: Stmt) -> bool:
    return bool(_made((stmt,)))


def _made_in(block: Block, around: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the arrays that a block makes, each with the indices of the loops in the block that are around."""
    for stmt in block:
        if isinstance(stmt, Let) and is_empty(stmt.value):
            yield stmt.target.name, around
        elif isinstance(stmt, For):
            yield from _made_in(stmt.body, around | {stmt.index.name})


@dataclass(slots=True)
class _Match:
    """Two blocks as one, as far as they do the same.

    `moving` are arrays of the first, with the names that their rows can't be subscripted with; `made` are those of the
    second.
    """

    kinds: Mapping[str, Type]
    moving: Mapping[str, frozenset[str]]
    made: set[str]
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    only_first: list[Stmt] = field(default_factory=list[Stmt])
    only_second: list[Store | Let] = field(default_factory=list["Store | Let"])
    indices: list[str] = field(default_factory=list[str])
    # How many statements both have.
    both: int = 0

    def prefix(self, first: Block, second: Block) -> tuple[Block, int]:
        """Return the first block with what the second one does besides, and how much of that is in it then.

        What comes before the last counterpart is; stores at the end of all are, too.
        """
        out: list[Stmt] = []
        start = end = stored = kept = 0
        for position, stmt in enumerate(second):
            if isinstance(stmt, Comment) or _is_made(stmt):
                continue
            found = self.counterpart(first, start, stmt)
            if found is not None:
                place, merged = found
                out += [*first[start:place], merged]
                self.only_first += first[start:place]
                start, end, stored, kept = place + 1, position + 1, len(self.only_second), len(out)
            elif isinstance(stmt, Store) or isinstance(stmt, Let) and is_number(self.kinds.get(stmt.target.name)):
                out.append(stmt)
                self.only_second.append(stmt)
            else:
                break
        else:
            end, stored, kept = len(second), len(self.only_second), len(out)
        del out[kept:], self.only_second[stored:]
        self.only_first += first[start:]
        return (*out, *first[start:]), end

    def counterpart(self, first: Block, start: int, stmt: Stmt) -> tuple[int, Stmt] | None:
        for place in range(start, len(first)):
            before = dict(self.rows), list(self.only_first), list(self.only_second), list(self.indices), self.both
            merged = self.merged(first[place], stmt)
            if merged is not None:
                return place, merged
            self.rows, self.only_first, self.only_second, self.indices, self.both = before
        return None

    def merged(self, first: Stmt, second: Stmt) -> Stmt | None:
        """Return a statement that does what two do, if they differ in arrays of their own and in stores only."""
        match first, second:
            case For(), For() if _bounds(first) == _bounds(second):
                self.indices.append(second.index.name)
                both = self.both
                body = self.whole(first.body, rename_block(second.body, {second.index.name: first.index.name}))
                return None if body is None or self.both == both else replace(first, body=body)
            case If(), If() if first.cond == second.cond and not first.merges and not second.merges:
                then = self.whole(first.then, second.then)
                orelse = None if then is None else self.whole(first.orelse, second.orelse)
                return None if then is None or orelse is None else replace(first, then=then, orelse=orelse)
            case Store(), Store():
                self.pair(first, second)
            case _:
                pass
        same = in_rows((first,), self.rows) == (second,)
        self.both += same
        return second if same else None

    def whole(self, first: Block, second: Block) -> Block | None:
        done, end = self.prefix(first, second)
        return done if end == len(second) else None

    def pair(self, first: Store, second: Store) -> None:
        """Have an array of the first block give way to one that is stored in, in the same place, in the second."""
        name, array = first.array.name, second.array
        row = second.index[: len(second.index) - len(first.index)]
        if name in self.rows or name not in self.moving or array.name not in self.made:
            return
        fits = second.index[len(row) :] == first.index and self.dtype(name) == self.dtype(array.name)
        known = self.moving[name].isdisjoint(name for each in row for name in names_in(each))
        if fits and known and all(array != taken for taken, *_ in self.rows.values()):
            self.rows[name] = (array, *row)

    def dtype(self, name: str) -> object:
        return getattr(self.kinds.get(name), "dtype", None)


def _bounds(loop: For) -> tuple[Expr | object, ...]:
    return loop.start, loop.stop, loop.step, loop.carried, loop.until, loop.parallel
