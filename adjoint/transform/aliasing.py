"""Memory that is written must be shared only in ways the shadows can follow; anything else is refused here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from numba import types as nb

from adjoint.analysis.effects import actions
from adjoint.analysis.layouts import bindings, not_in_rows
from adjoint.analysis.memory import CONVERSIONS, Memory, is_memory, is_reshape, memory
from adjoint.analysis.structure import Place
from adjoint.errors import AliasError, Loc
from adjoint.ir import Block, Call, Carry, Effect, Expr, For, Func, If, Let, Lit, Merge, Stmt, Var, While
from adjoint.ir.routine import Routine
from adjoint.ir.walk import blocks, names_in, operands, rename, statements
from adjoint.rules.numba_types import element_type
from adjoint.transform.program import Program


def own_written_arguments(func: Func) -> Func:
    """Copy every argument that the function writes, so that the caller's array stays as it was."""
    facts = memory(func)
    written = [p.name for p in func.params if is_memory(func.types.get(p.name)) and facts.is_written(p.name)]
    _refuse_written_items(func, facts)
    _refuse_written_results(func, facts)
    refuse_written_conversions(func, facts)
    if not written:
        return func
    types, hints = dict(func.types), dict(func.hints)
    own: dict[str, str] = {}
    copies: list[Stmt] = []
    for name in written:
        new = f"{name}_own"
        while new in types:
            new += "_"
        own[name], types[new], hints[new] = new, types[name], name
        copies.append(Let(Var(new), Call("copy", (Var(name),), via="method"), func.loc))
    guards = _guards(func, written)
    return replace(func, body=(*guards, *copies, *rename(func.body, own)), types=types, hints=hints)


def _refuse_written_items(func: Func, facts: Memory) -> None:
    inside = {p.name for p in func.params}
    for stmt in statements(func.body):
        match stmt:
            case Let(target, Call("item" | "getitem", (Var(source), *_))) if source in inside and isinstance(
                func.types.get(source), nb.BaseTuple
            ):
                inside.add(target.name)
                if is_memory(func.types.get(target.name)) and facts.is_written(target.name):
                    raise AliasError(
                        f"an array in the tuple `{source}` is written, and it is the caller's",
                        stmt.loc,
                        help="copy it first",
                    )
            case _:
                pass


def _refuse_written_results(func: Func, facts: Memory) -> None:
    """A routine returns copies: neither the original nor the copy may change while both are in use."""
    for stmt in statements(func.body):
        match stmt:
            case Let(target, Call(prim)) if isinstance(routine := func.refs.get(prim), Routine) and routine.shares:
                if facts.is_written(target.name):
                    raise AliasError(
                        f"what `{routine.name}` returns may share memory with what it is given, and that is written",
                        stmt.loc,
                        help=f"copy the result: `{routine.name}(...).copy()`, and return a copy from `{routine.name}`",
                    )
            case _:
                pass


def refuse_written_conversions(func: Func, facts: Memory) -> None:
    """`np.ascontiguousarray(x)` is `x` or a copy, as the strides of the run say: refuse where that makes a difference.

    It does if the result is written, or read after a write to `x`. Other shapes of an array show it or are copies, too.
    """
    _refuse_written_shapes(func, facts)
    conversions = [stmt for stmt in statements(func.body) if _converts(stmt)]
    unsure = not_in_rows(func) if conversions else frozenset[str]()
    for stmt in conversions:
        match stmt:
            case Let(target, Call(prim, (Var(source), *_))) if (
                is_memory(func.types.get(source))
                and (func.types[target.name] != func.types[source] or source in unsure and prim != "asarray")
                and (facts.is_written(target.name) or read_after_write(stmt, target.name, source, func, facts))
            ):
                raise AliasError(
                    f"`np.{prim}` returns its argument or a copy of it, and one of the two is written",
                    stmt.loc,
                    help="`.copy()` always makes a copy",
                )
            case _:
                pass


def _converts(stmt: Stmt) -> bool:
    return isinstance(stmt, Let) and isinstance(stmt.value, Call) and stmt.value.prim in CONVERSIONS


def _refuse_written_shapes(func: Func, facts: Memory) -> None:
    """A shape that is read before the next write, and not written, may be a view or a copy: `Program.zeros` has both
    add up in the same memory."""
    shapes = [stmt for stmt in statements(func.body) if isinstance(stmt, Let) and is_reshape(stmt.value)]
    unsure = not_in_rows(func) if shapes else frozenset[str]()
    for stmt in shapes:
        assert isinstance(stmt.value, Call)
        source = stmt.value.args[0]
        if not isinstance(source, Var) or source.name not in unsure or not is_memory(func.types.get(source.name)):
            continue
        name = stmt.target.name
        if _matters(stmt, name, source.name, func, facts):
            raise AliasError(
                f"`{stmt.value.prim}` shows its argument or copies it, as that lies in memory, and one of the two is "
                "written",
                stmt.loc,
                help=f"`.copy().{stmt.value.prim}(...)` always makes a copy",
            )


def _matters(stmt: Stmt, name: str, source: str, func: Func, facts: Memory) -> bool:
    """Whether it makes a difference if a name shows `source` or is a copy: writes to one are seen by the other."""
    shown = _shown_by(name, func, facts)
    written = any(not shown.isdisjoint(each.changes) for s in statements(func.body) for each in actions(s, func))
    return written or read_after_write(stmt, name, source, func, facts)


def _shown_by(name: str, func: Func, facts: Memory) -> set[str]:
    """Return the names that may show what a name does: itself, and those made of it that are of its memory class."""
    found, count = {name}, 0
    while count != len(found):
        count = len(found)
        for target, values in (each for stmt in statements(func.body) for each in bindings(stmt)):
            of_it = any(used in found for value in values for used in names_in(value))
            if of_it and facts.cls(target) == facts.cls(name):
                found.add(target)
    return found


def read_after_write(stmt: Stmt, name: str, source: str, func: Func, facts: Memory) -> bool:
    """Whether what a name shows may be read where the memory of `source` is not as it was at `stmt`."""
    shown, written = _shown_by(name, func, facts), facts.cls(source)
    then = facts.before[id(stmt)].get(written)
    for reader in statements(func.body):
        if any(each in shown for expr in operands(reader) for each in names_in(expr)):
            states = (facts.before[id(reader)], facts.after[id(reader)] if blocks(reader) else facts.before[id(reader)])
            if any(state.get(written) != then for state in states):
                return True
    return False


def _guards(func: Func, written: list[str]) -> list[Stmt]:
    """Raise on entry if an argument that the function writes shares memory with another: the copies would not."""
    arrays = [p.name for p in func.params if isinstance(func.types.get(p.name), nb.Array)]
    pairs = [(a, b) for k, a in enumerate(arrays) for b in arrays[k + 1 :] if a in written or b in written]
    guards: list[Stmt] = []
    for a, b in pairs:
        text = f"ValueError('{a} and {b} share memory, and one of them is written: pass a copy')"
        failed = Effect(Call("raise", (Lit(text),)), func.loc)
        guards.append(If(Call("helper.share_memory", (Var(a), Var(b))), (failed,), loc=func.loc))
    return guards


def permutation(stmt: For | While, program: Program) -> list[tuple[Var, Var]]:
    """Return the (phi, next) pairs by which a loop ends its iteration with an exchange of written buffers."""
    pairs = [(c.phi, c.next) for c in stmt.carried if _is_written(c.phi, program) and c.next != c.phi]
    phis = [phi for phi, _ in pairs]
    nexts = [value for _, value in pairs]
    if sorted(names_of(phis)) == sorted(names_of(nexts)):
        return [(phi, value) for phi, value in pairs if isinstance(value, Var)]
    return []


def handed_on(stmt: For | While, phis: list[str], program: Program) -> bool:
    """Whether a loop starts with these values as it left them when it last ran, in the loops around it.

    Then the backward sweep, having undone one run, finds them as the run before that left them.
    """
    home = program.structure.home[id(stmt)]
    outer = home.owner
    if not home.loops:
        return True
    if not isinstance(outer, For | While):
        return False
    starts = {carry.phi.name: carry.init for carry in stmt.carried}
    ends = {carry.phi.name: carry.next for carry in outer.carried}
    before = [start.name if isinstance(start := starts[phi], Var) else "" for phi in phis]
    same = all(ends.get(start) == Var(phi) for start, phi in zip(before, phis, strict=True))
    return same and handed_on(outer, before, program)


def names_of(values: list[Var] | list[Expr]) -> list[str]:
    return [v.name if isinstance(v, Var) else "" for v in values]


def _is_written(var: Expr | None, program: Program) -> bool:
    return isinstance(var, Var) and is_memory(program.types.get(var.name)) and program.memory.is_written(var.name)


def tangled(program: Program) -> dict[str, AliasError]:
    """Return the memory classes in which names may share written memory in a way that depends on the run.

    Each comes with the error that says where, for those that `mirror` can't follow either.
    """
    uses = _Uses.of(program.func.body)
    found: dict[str, AliasError] = {}
    for stmt in statements(program.func.body):
        for name, check in _checks(stmt, program, uses):
            try:
                check()
            except AliasError as error:
                found.setdefault(program.memory.cls(name), error)
        if isinstance(stmt, Let) and _holds_arrays(program.types.get(stmt.target.name)):
            label = program.label(stmt.target.name)
            found.setdefault(
                program.memory.cls(stmt.target.name), _error(f"`{label}` is a list of arrays", stmt.loc, label)
            )
    return found


def _holds_arrays(type_: object) -> bool:
    return isinstance(type_, nb.List) and is_memory(element_type(type_))


def _checks(stmt: Stmt, program: Program, uses: _Uses) -> list[tuple[str, Callable[[], None]]]:
    match stmt:
        case For(carried=carried) | While(carried=carried):
            names = [c.phi.name for c in carried if _is_written(c.phi, program)]
            classes = dict.fromkeys(program.memory.cls(name) for name in names)
            return [(cls, partial(_check_loop, stmt, program, uses, cls)) for cls in classes]
        case If(merges=merges):
            return [
                (m.target.name, partial(_check_merge, stmt, m, program))
                for m in merges
                if _is_written(m.target, program)
            ]
        case _:
            return []


@dataclass(frozen=True, slots=True)
class _Uses:
    """The places of statements in the order of the text, and the statements that read each name."""

    order: dict[int, int]
    readers: dict[str, list[int]]

    @staticmethod
    def of(body: Block) -> _Uses:
        order: dict[int, int] = {}
        readers: dict[str, list[int]] = {}
        for position, stmt in enumerate(statements(body)):
            order[id(stmt)] = position
            for expr in operands(stmt):
                for name in names_in(expr):
                    readers.setdefault(name, []).append(position)
        return _Uses(order, readers)


def _check_loop(stmt: For | While, program: Program, uses: _Uses, cls: str) -> None:
    carried = [c for c in stmt.carried if _is_written(c.phi, program) and program.memory.cls(c.phi.name) == cls]
    phis = {c.phi.name for c in carried}
    body = program.structure.place(stmt)
    seen: dict[str, str] = {}
    for carry in carried:
        label = program.label(carry.phi.name)
        if not isinstance(carry.next, Var):
            continue
        root = program.memory.root(carry.next.name)
        if root in seen:
            raise _error(
                f"`{label}` and `{seen[root]}` share memory after an iteration of this loop, and it is written",
                stmt.loc,
                label,
            )
        seen[root] = label
        if carry.next.name not in phis and not is_new(carry.next.name, body, program):
            raise _error(
                f"`{label}` shares memory with another array after an iteration of this loop, and it is written",
                stmt.loc,
                label,
            )
        if isinstance(carry.init, Var):
            _check_init(carry.init.name, label, stmt, program, uses)
    _check_starts(carried, stmt, program)


def _check_starts(carried: list[Carry], stmt: For | While, program: Program) -> None:
    """Names that a loop exchanges must not start as names of one array: `out = rows = x`."""
    starts: dict[str, str] = {}
    for carry in carried:
        if isinstance(carry.init, Var):
            label, root = program.label(carry.phi.name), program.memory.root(carry.init.name)
            if root in starts:
                text = f"`{label}` and `{starts[root]}` share memory when this loop starts, and it is written"
                raise _error(text, stmt.loc, label)
            starts[root] = label


def _check_init(init: str, label: str, stmt: For | While, program: Program, uses: _Uses) -> None:
    """The array a loop starts with must not be used by another name once the loop may have written it."""
    memory_, structure = program.memory, program.structure
    root = memory_.root(init)
    here = uses.order[id(stmt)]
    inside = structure.place(stmt)
    for name in sorted(program.types):
        if (
            not is_memory(program.types[name])
            or name not in structure.bindings
            or memory_.cls(name) != memory_.cls(init)
        ):
            continue
        binding = structure.of(name)
        if root not in roots(name, program) or binding.place.inside(inside):
            continue
        if any(position > here for position in uses.readers.get(name, ())):
            raise _error(f"`{program.label(name)}` and `{label}` share memory that this loop writes", stmt.loc, label)
    again = structure.of(root).place.loops
    if len(again) < len(structure.home[id(stmt)].loops):
        raise _error(f"`{label}` starts every time with the same array, which this loop writes", stmt.loc, label)


def roots(name: str, program: Program) -> set[str]:
    """Return the arrays that a name may stand for, by the names they have where they are made or come in."""
    found, todo = set[str](), [name]
    while todo:
        root = program.memory.root(todo.pop())
        if root in found:
            continue
        found.add(root)
        match program.structure.of(root).stmt:
            case If(merges=merges):
                values = [v for m in merges if m.target.name == root for v in (m.then, m.orelse)]
            case For(carried=carried) | While(carried=carried):
                values = [v for c in carried if c.phi.name == root for v in (c.init, c.next)]
            case _:
                values = []
        todo += [value.name for value in values if isinstance(value, Var)]
    return found


def is_new(name: str, place: Place, program: Program) -> bool:
    """Whether a name is bound to an array made in this very block or one nested in it."""
    root = program.memory.root(name)
    binding = program.structure.of(root)
    if root != name or not binding.place.inside(place):
        return False
    if isinstance(binding.stmt, If):
        merge = next(m for m in binding.stmt.merges if m.target.name == name)
        branches = [program.structure.place(binding.stmt, slot) for slot in (0, 1)]
        values = (merge.then, merge.orelse)
        return all(isinstance(v, Var) and is_new(v.name, b, program) for v, b in zip(values, branches, strict=True))
    return isinstance(binding.stmt, Let)


def _check_merge(stmt: If, merge: Merge, program: Program) -> None:
    branches = [program.structure.place(stmt, slot) for slot in (0, 1)]
    pairs = [(v, b) for v, b in zip((merge.then, merge.orelse), branches, strict=True) if v is not None]
    inside = [isinstance(v, Var) and program.structure.of(v.name).place.inside(b) for v, b in pairs]
    new = [isinstance(v, Var) and is_new(v.name, b, program) for v, b in pairs]
    if all(new) or (len(pairs) == 2 and not any(inside)):
        return
    label = program.label(merge.target.name)
    raise _error(
        f"`{label}` is a new array or another name for one, depending on this branch, and it is written",
        stmt.loc,
        label,
    )


def _error(message: str, loc: Loc | None, label: str) -> AliasError:
    return AliasError(message, loc, help=f"give `{label}` memory of its own with `.copy()`")
