"""Numbers that go from one part of an iteration to another, kept in arrays once the parts are loops of their own."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from adjoint.analysis.ranges import ends
from adjoint.analysis.written import offset_from, shifted
from adjoint.ir import Accum, Block, Call, Expr, For, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_operands, mentioned_within, names_in, operands, statements, substitute
from adjoint.lower.context import Context
from adjoint.lower.of_rows import OfRows
from adjoint.lower.products import FLOATS
from adjoint.rules.numba_types import array, of_dtype


class Row(Protocol):
    """Statements in a row, or, where `product` isn't None, a loop in which no number is bound any more."""

    middle: tuple[For, ...]
    body: Block
    before: Block
    after: Block

    @property
    def product(self) -> object | None: ...


class Kept:
    """The arrays for numbers of a loop in others, an element for each of their iterations."""

    def __init__(self, context: Context, outer: For, middle: Sequence[For], block: OfRows | None = None) -> None:
        self.context = context
        self.outer = outer
        self.middle = middle
        self.block = block
        self.arrays: dict[str, Var] = {}

    @property
    def place(self) -> tuple[Expr, ...]:
        row = self.outer.index if self.block is None else self.block.row
        return (row, *(loop.index for loop in self.middle))

    def mark(self) -> int:
        return len(self.arrays)

    def forget(self, mark: int = 0) -> None:
        """Give up the arrays made since a mark, with their names."""
        self.context.forget([self.arrays.pop(name).name for name in list(self.arrays)[mark:]])

    def array(self, name: str) -> Var | None:
        """Return the array for a number; None if that is of a type that isn't kept."""
        kind = self.context.kinds.get(name)
        if name not in self.arrays and kind in FLOATS:
            base = f"{self.context.hint(name) or name.rstrip('0123456789').rstrip('_') or 'number'}_kept"
            self.arrays[name] = self.context.fresh(base, array(kind, len(self.place)), base)
        return self.arrays.get(name)

    def lets(self) -> tuple[Let, ...]:
        """Return what makes the arrays."""
        index = self.outer.index.name
        whole = self.outer if self.block is None else self.block.whole
        rows, *columns = (_end(loop) for loop in (whole, *self.middle))
        for k, width in enumerate(columns):
            if index in names_in(width):
                offset = offset_from(width, index)
                assert offset is not None
                columns[k] = Call("maximum", (shifted(rows, offset - 1), Lit(0)), via="builtin")
        rows = rows if self.block is None else self.block.size
        return tuple(Let(var, self._empty(var, (rows, *columns))) for var in self.arrays.values())

    def _empty(self, var: Var, sizes: tuple[Expr, ...]) -> Expr:
        dtype = self.context.kinds[var.name].dtype
        options = of_dtype(dtype)
        return Call("empty", (sizes[0] if len(sizes) == 1 else Call("tuple", sizes),), options)

    def without(self, body: Block, local: Container[str], stable: Mapping[str, Expr]) -> Block | None:
        """Return statements with the numbers of the loop replaced: by what they are, or by elements of arrays.

        None if one is bound otherwise than by a sum, or can't be kept.
        """
        out: list[Stmt] = []
        for stmt in map(as_number_sum, body):
            target = stmt.target.name if isinstance(stmt, Let | Accum) else ""
            own = [name for expr in operands(stmt) for name in names_in(expr) if name in local and name not in stable]
            own += [target] if target in local else []
            made = {name: self.array(name) for name in own}
            if isinstance(stmt, Let) and target in local or None in made.values():
                return None
            values = {**stable, **{name: self._element(name) for name in own}}
            new = map_operands(stmt, lambda expr, values=values: substitute(expr, values))
            if isinstance(new, Accum) and target in local:
                new = replace(new, target=self.arrays[target], index=self.place)
            out.append(new)
        return tuple(out)

    def share(self, parts: Sequence[Row], local: Mapping[str, Let], stable: Mapping[str, Expr]) -> bool:
        """Have each part fetch the numbers that were bound before it, and keep what later ones need; whether it can."""
        loads: list[list[str]] = []
        for part in parts:
            names = set[str]().union(*map(mentioned_within, part.body))
            if part.product is not None:
                loads.append([name for name, made in self.arrays.items() if made.name in names])
                continue
            own = {name for name in local if any(stmt is local[name] for stmt in part.body)}
            loads.append([name for name in local if name in names and name not in own])
            if any(self.array(name) is None for name in loads[-1] if name not in stable):
                return False
        for k, part in enumerate(parts):
            if part.product is None:
                bound = {s.target.name for s in statements(part.body) if isinstance(s, Let | Accum)}
                later = {name for names in loads[k + 1 :] for name in names if name not in stable}
                before = [Let(Var(name), stable.get(name) or self._element(name)) for name in loads[k]]
                after = [Store(self.arrays[n], self.place, Var(n)) for n in local if n in bound and n in later]
                if len(part.middle) > len(self.middle):
                    part.before, part.after = tuple(before), tuple(after)
                else:
                    part.body = (*before, *_without_unread(part.body, stable), *after)
        return True

    def _element(self, name: str) -> Expr:
        return Call("getitem", (self.arrays[name], *self.place))


def _end(loop: For) -> Expr:
    """Return what is beyond the greatest index of a loop."""
    found = ends(loop)
    assert found is not None, "loops that count one up or down have ends"
    return found[1]


def as_number_sum(stmt: Stmt) -> Stmt:
    """Return `s = s + e` as a sum into a number, other statements as they are."""
    match stmt:
        case Let(target, Call("add" | "sub" as prim, (base, value)), loc) if base == target:
            added = value if prim == "add" else Call("neg", (value,))
            return stmt if target.name in names_in(value) else Accum(target, (), added, loc)
        case _:
            return stmt


def _without_unread(body: Block, names: Container[str]) -> Block:
    """Remove bindings of names that nothing after them in the block reads."""
    out: list[Stmt] = []
    read: set[str] = set()
    for stmt in reversed(body):
        if not (isinstance(stmt, Let) and stmt.target.name in names and stmt.target.name not in read):
            out.append(stmt)
            read |= mentioned_within(stmt)
    return tuple(reversed(out))
