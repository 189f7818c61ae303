"""Whether iterations of a loop may be threads of a GPU: what they share, and how they may add to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from numba import types as nb

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.effects import binds_of
from adjoint.analysis.iterations import Apart, exposed, opaque, pairs, shared_arrays, term
from adjoint.ir import Call, Effect, For, Func, Let, Lit, Stmt, Var
from adjoint.ir.walk import names_in, operands, statements

EXTREMA = ("maximum", "minimum")


@dataclass(frozen=True, slots=True)
class Threads:
    """What the iterations of a loop share, each of them a thread.

    `totals` are numbers that they only add to ("sum") or compare with (a name of `EXTREMA`), by name; `added` are
    arrays that they only add to, anywhere. No two iterations use the same element of any other array, one writing it.
    """

    totals: tuple[tuple[str, str], ...] = ()
    added: tuple[str, ...] = ()


def threads(
    func: Func,
    loop: For,
    depth: int,
    live: Iterable[str],
    uses: Dependence,
    made: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Threads | Apart:
    """Return what iterations share as threads, or why they can't be threads.

    Of a loop that the user has called parallel it is taken for granted that iterations use no element of another one.

    Args:
        func: an imperative program.
        loop: one of its loops.
        depth: the number of loops around it.
        live: names that are read after the loop, before they are written.
        uses: the uses of arrays in `func`.
        made: arrays made shortly before, each with the names that are bound between there and the loop: no other name
            shows the array.
    """
    if loop.until is not None:
        return Apart("it may be left early", True)
    if loop.step not in (Lit(1), Lit(-1)):
        return Apart("its step isn't 1", True)
    if loop.index.name in live:
        return Apart("its index is used after it", True)
    totals = _totals(func, loop, frozenset(live))
    if isinstance(totals, Apart):
        return totals
    private = {s.target.name for s in statements(loop.body) if isinstance(s, Let)}
    if (name := opaque(func, loop, uses, private, totals)) is not None:
        return Apart(f"`{name}` is changed in a way that isn't followed")
    added: list[str] = []
    for root, (writes, others, only_added) in shared_arrays(loop, depth, uses, private).items():
        if root in made:
            others = [read for read in others if read.root is not None or read.name in made[root] | private]
        if any(uses.meet_apart(*pair, depth, 0) for pair in pairs(writes, [*writes, *others])):
            if only_added:
                added.append(root)
            elif not loop.parallel:
                return Apart(f"iterations may use the same element of `{root}`")
    return Threads(tuple(totals.items()), tuple(added))


def _totals(func: Func, loop: For, live: frozenset[str]) -> dict[str, str] | Apart:
    """Return the numbers that iterations hand on, with how they are put together."""
    bound = {name for stmt in statements(loop.body) for name in binds_of(stmt, func)}
    early, _ = exposed(loop.body, {loop.index.name}, func)
    found: dict[str, str] = {}
    for name in sorted(bound & (early | live) - {loop.index.name}):
        ways = {_way(stmt, name) for stmt in statements(loop.body)} - {""}
        is_number = isinstance(func.types.get(name), nb.Float | nb.Integer)
        if not is_number or ways not in ({"sum"}, *({e} for e in EXTREMA)):
            return Apart(f"`{name}` is carried from one iteration to the next", carried=True)
        found[name] = ways.pop()
    return found


def _way(stmt: Stmt, name: str) -> str:
    """Return what a statement does with a number: "" if nothing, "other" if it isn't a step of a total."""
    if term(stmt, name) is not None:
        return "sum"
    match stmt:
        case Let(Var(target), Call(prim, (Var(first), value))) if (
            target == first == name and prim in EXTREMA and name not in names_in(value)
        ):
            return prim
        case Let(Var(target)) if target == name:
            return "other"
        case Effect(Call("move") as value) if name in names_in(value):
            return "other"
        case _:
            return "other" if any(name in names_in(expr) for expr in operands(stmt)) else ""
