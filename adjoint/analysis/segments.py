"""Inner loops over segments that an array marks out, as in sparse matrices: `for k in range(start[i], start[i + 1])`.

No two segments share a place if what marks them rises and isn't negative, which a run can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from numba import types as nb

from adjoint.analysis.effects import actions
from adjoint.analysis.ranges import ends
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.written import offset_from, shifted
from adjoint.ir import Accum, Call, Expr, For, Func, Let, Lit, Var
from adjoint.ir.walk import statements
from adjoint.rules.numba_types import element_type


@dataclass(frozen=True, slots=True)
class Segment:
    """The places from `low` up to, but without, `high`: an element of an array of whole numbers and the next one."""

    low: Expr
    high: Expr


def segments(func: Func, loop: For) -> Mapping[str, Segment]:
    """Return the segments that inner loops run over, by the names of their indices."""
    inner = list(statements(loop.body))
    count = Counter(s.target.name for s in inner if isinstance(s, Let))
    lets = {s.target.name: s.value for s in inner if isinstance(s, Let) and count[s.target.name] == 1}
    loops = Counter(s.index.name for s in inner if isinstance(s, For))
    changed = {name for stmt in inner for action in actions(stmt, func) for name in action.changes}
    classes = memory_classes(func)
    lost = {classes.get(name, name) for name in changed}
    found: dict[str, Segment] = {}
    for stmt in inner:
        if not isinstance(stmt, For) or loops[stmt.index.name] > 1 or count.keys() & {stmt.index.name, loop.index.name}:
            continue
        segment = _segment(stmt, loop.index, lets)
        if segment is not None and _marks(segment, func, lost, classes):
            found[stmt.index.name] = segment
    return found


def _segment(inner: For, outer: Var, lets: Mapping[str, Expr]) -> Segment | None:
    between = ends(inner) if inner.step in (Lit(1), Lit(-1)) else None
    if between is None:
        return None
    low, high = (lets.get(e.name, e) if isinstance(e, Var) else e for e in between)
    match low, high:
        case Call("getitem", (Var() as first, place)), Call("getitem", (Var() as second, after)) if first == second:
            place, after = (lets.get(e.name, e) if isinstance(e, Var) else e for e in (place, after))
            if offset_from(place, outer.name) is not None and after == shifted(place, 1):
                return Segment(Call("getitem", (first, place)), Call("getitem", (first, after)))
        case _:
            pass
    return None


def _marks(segment: Segment, func: Func, lost: Collection[str], classes: Mapping[str, str]) -> bool:
    """Whether the marks are whole numbers that the loop leaves alone."""
    assert isinstance(segment.low, Call)
    array = segment.low.args[0]
    assert isinstance(array, Var)
    kind = func.types.get(array.name)
    whole = isinstance(kind, nb.Array) and kind.ndim == 1 and isinstance(element_type(kind), nb.Integer)
    return whole and classes.get(array.name, array.name) not in lost


def segment_of(root: str, loop: For, known: Mapping[str, Segment], writes: int) -> Segment | None:
    """Return the segments within which iterations add to an array, all along one axis, if all its `writes` do."""
    added = [s for s in statements(loop.body) if isinstance(s, Accum) and s.index and s.target.name == root]
    if not added or len(added) < writes:
        return None
    for places in zip(*(stmt.index for stmt in added), strict=False):
        found = {known.get(place.name) if isinstance(place, Var) else None for place in places}
        if len(found) == 1 and (only := found.pop()) is not None:
            return only
    return None
