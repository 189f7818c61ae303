"""Which loops run their body again in the backward sweep, before its adjoint.

A value of an inner loop is recorded once per iteration of all loops around it. If instead an outer loop is *replayed*,
its backward iteration runs the forward body once more, from the loop-carried values recorded at its start, and the
inner loops record for the length of one iteration only: a short tape that stays in the cache. The same goes for arrays
made in an iteration. The body must be such that it can be run again: it writes no memory but what it made itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from numba import types as nb

from adjoint.analysis.effects import observed
from adjoint.analysis.memory import is_memory
from adjoint.analysis.structure import Place
from adjoint.ir import Call, Effect, Expr, For, Func, Let, Store, While
from adjoint.ir.walk import bound, operands, statements, subexpressions
from adjoint.transform.aliasing import roots
from adjoint.transform.choose import left_in
from adjoint.transform.parts import Kept, makes, parts
from adjoint.transform.program import Program, is_fresh
from adjoint.transform.residuals import Part, Residuals, When
from adjoint.transform.work import MOST, Work, is_singular


def repeatable(program: Program) -> dict[int, bool]:
    """Return the loops, by identity, of which something may run again, and whether all of their body may."""
    found = [stmt for stmt in statements(program.func.body) if isinstance(stmt, For | While)]
    all_of = {id(loop): may_repeat(loop, program) for loop in found if _has_more(loop, program)}
    return {id(loop): whole for loop in found if (whole := all_of.get(id(loop), False)) or makes(loop, program)}


def _has_more(loop: For | While, program: Program) -> bool:
    inner = list(statements(loop.body))
    return any(isinstance(s, For | While) for s in inner) or any(
        isinstance(s, Let) and is_memory(program.types.get(s.target.name)) and is_fresh(s.value) for s in inner
    )


def may_repeat(loop: For | While, program: Program, *, exchanged: bool = False) -> bool:
    """Whether the body of a loop may be run again; with `exchanged`, also one that exchanges arrays that it made."""
    place = program.structure.place(loop)
    for stmt in statements(loop.body):
        match stmt:
            case Effect():
                return False
            case Store(array):
                names = roots(array.name, program) if exchanged else {program.memory.root(array.name)}
                if not all(_is_own(name, place, program, exchanged) for name in names):
                    return False
            case _:
                pass
        if any(isinstance(program.types.get(var.name), nb.List) for var in bound(stmt)):
            return False
        if any(is_singular(e) for top in operands(stmt) for e in subexpressions(top)):
            return False
    return True


def _is_own(name: str, place: Place, program: Program, exchanged: bool) -> bool:
    """Whether a name stands for an array made in a block, or for one of several, which are looked at themselves."""
    made = program.structure.of(name)
    if not made.place.inside(place):
        return False
    return _makes(made.stmt.value) if isinstance(made.stmt, Let) else exchanged and made.stmt is not None


def _makes(value: Expr) -> bool:
    """Whether evaluating an expression makes a new array each time."""
    return is_fresh(value) and isinstance(value, Call) and not value.prim.startswith("const:")


def worthwhile(residuals: Residuals, cleaned: Func, repeatable: Mapping[int, bool]) -> dict[int, Part | None]:
    """Return the loops to replay, and what of them, given a program made without, free of dead statements."""
    left, read = left_in(cleaned), _read_in_backward(cleaned)
    kept = {key: tape for key, tape in residuals.tapes.items() if tape.var.name in left}
    wanted: dict[int, list[tuple[str, When]]] = {}
    loops: dict[int, For | While] = {}
    for key in kept:
        name, when = key
        around = residuals.tape_places[key].loops
        whole = is_memory(residuals.program.types.get(name))
        # Of numbers the innermost loop keeps its tape; of arrays what the iteration itself made need not be kept.
        outer = around if whole and when != "phi" else around[:-1]
        loop = next((loop for loop in reversed(outer) if repeatable.get(id(loop))), None)
        if loop is not None and (not whole or _is_made(residuals, name)):
            wanted.setdefault(id(loop), []).append(key)
            loops[id(loop)] = loop
    work = Work(residuals)
    found: dict[int, Part | None] = {}
    for loop, keys in ((loops[at], wanted[at]) for at in loops):
        stmts = work.of(loop, [name for name, _ in keys])
        if _hands_on(loop, residuals, kept):
            pays = work.total(loop, stmts) <= sum(work.worth(loop, key) for key in keys)
        else:
            # The two sweeps may become one, and then nothing runs twice.
            pays = work.each(stmts) <= MOST * len(keys)
        if pays:
            found[id(loop)] = None
    # What is kept for one iteration of a loop that is replayed need not be made twice.
    done = {id(inner) for loop in loops.values() if id(loop) in found for inner in statements((loop,))}
    return {**parts(residuals, kept, work, [key for key in repeatable if key not in done], read), **found}


def _read_in_backward(cleaned: Func) -> frozenset[str]:
    """Return the names whose values, not sizes alone, the backward sweep reads."""
    sweep = tuple(s for s in cleaned.body if (loc := getattr(s, "loc", None)) and loc.role == "backward")
    return frozenset(name for stmt in statements(sweep) for name in observed(*operands(stmt))[1])


def _hands_on(loop: For | While, residuals: Residuals, kept: Kept) -> bool:
    """Whether an iteration, of a loop or of one around, starts from what the one before has left."""
    place = residuals.program.structure.place(loop)
    around = {id(each) for each in place.loops}
    starts = [residuals.tape_places[key].loops[-1] for key in kept if key[1] == "phi"]
    return any(id(each) in around for each in starts)


def _is_made(residuals: Residuals, name: str) -> bool:
    stmt = residuals.binding(name).stmt
    return isinstance(stmt, Let) and is_fresh(stmt.value)
