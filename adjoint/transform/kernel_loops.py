"""`while` loops of a kernel whose course constants decide: `n = 16; while n > 0: ...; n //= 2` runs five times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from adjoint.ir import Block, Call, Expr, For, Func, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import bound, map_blocks, names_in, operands, statements
from adjoint.transform.whole import ARITHMETIC

_LONGEST = 4096


def counted(func: Func) -> Func:
    """Return an SSA program in which such loops are `for` loops, so that what they record has a known size."""
    taken = {*func.types, *(v.name for s in statements(func.body) for v in bound(s)), *(p.name for p in func.params)}
    return replace(func, body=_block(func.body, taken, _outside_reads(func.body)))


def _outside_reads(body: Block) -> dict[int, set[str]]:
    """Return for each `while` what is read elsewhere of what it carries."""
    found: dict[int, set[str]] = {}
    counts = Counter(name for s in statements(body) for expr in operands(s) for name in names_in(expr))
    for stmt in statements(body):
        if isinstance(stmt, While):
            inside = Counter(n for s in statements((stmt,)) for expr in operands(s) for n in names_in(expr))
            found[id(stmt)] = {c.phi.name for c in stmt.carried if counts[c.phi.name] > inside[c.phi.name]}
    return found


def _block(block: Block, taken: set[str], elsewhere: Mapping[int, set[str]]) -> Block:
    return tuple(_stmt(stmt, taken, elsewhere) for stmt in block)


def _stmt(stmt: Stmt, taken: set[str], elsewhere: Mapping[int, set[str]]) -> Stmt:
    read_after = elsewhere.get(id(stmt), set[str]())
    stmt = map_blocks(stmt, lambda inner: _block(inner, taken, elsewhere))
    found = _course(stmt) if isinstance(stmt, While) and stmt.until is None else None
    if found is None:
        return stmt
    assert isinstance(stmt, While)
    trips, course = found
    index = next(name for k in range(len(taken) + 1) if (name := f"step_{k}" if k else "step") not in taken)
    taken.add(index)
    formulas = {name: _formula(values, Var(index)) for name, values in course.items() if name not in read_after}
    lets = tuple(Let(Var(name), value, stmt.loc) for name, value in formulas.items() if value is not None)
    carried = tuple(c for c in stmt.carried if formulas.get(c.phi.name) is None)
    return For(Var(index), Lit(0), Lit(trips), Lit(1), (*lets, *stmt.body), carried, loc=stmt.loc)


def _formula(values: Sequence[int], index: Var) -> Call | None:
    """Return the values that a name has in the iterations as a formula of the iteration's number."""
    first = values[0]
    second = values[1] if len(values) > 1 else first
    forms: tuple[tuple[Callable[[int], int], Call], ...] = (
        (lambda k: first >> k, Call("rshift", (Lit(first), index), via="operator")),
        (lambda k: first << k, Call("lshift", (Lit(first), index), via="operator")),
        (lambda k: first + k * (second - first), _affine(first, second - first, index)),
    )
    return next((call for form, call in forms if all(form(k) == value for k, value in enumerate(values))), None)


def _affine(first: int, step: int, index: Var) -> Call:
    term = Call("mul", (index, Lit(step)), via="operator")
    return Call("add", (Lit(first), term), via="operator")


def _course(stmt: While) -> tuple[int, dict[str, list[int]]] | None:
    """Return how often a loop runs and the values of its whole numbers, if that follows from constants alone."""
    lets = {s.target.name: s.value for s in stmt.body if isinstance(s, Let)}
    known: dict[str, int] = {
        c.phi.name: c.init.value for c in stmt.carried if isinstance(c.init, Lit) and isinstance(c.init.value, int)
    }
    nexts = {c.phi.name: c.next for c in stmt.carried}
    course: dict[str, list[int]] = {name: [] for name in known}
    for trips in range(_LONGEST):
        holds = _value(stmt.cond, known, lets)
        if holds is None:
            return None
        if not holds:
            full = {name: values for name, values in course.items() if values and len(values) == trips}
            return trips, full
        for name, value in known.items():
            course[name].append(int(value))
        new = {name: _value(nexts[name], known, lets) for name in known}
        known = {name: value for name, value in new.items() if value is not None}
    return None


def _value(expr: Expr, known: Mapping[str, int], lets: Mapping[str, Expr]) -> int | None:
    match expr:
        case Lit(int() as number):
            return number
        case Var(name) if name in known:
            return known[name]
        case Var(name) if name in lets and name not in names_in(lets[name]):
            return _value(lets[name], known, lets)
        case Call(prim, args) if prim in ARITHMETIC:
            values = [_value(arg, known, lets) for arg in args]
            if None in values or (prim in ("floordiv", "mod") and values[1] == 0):
                return None
            return ARITHMETIC[prim](*values)
        case _:
            return None
