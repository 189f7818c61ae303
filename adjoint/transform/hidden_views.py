"""Views that no shadow mirrors: parts of complex arrays, diagonals, and what NumPy and Numba disagree about.

`z.real`, `np.diag(a)` and their like show the memory of their operand in NumPy, some of them in Numba, too. To the
transforms they are new arrays, which makes no difference while neither of the two is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adjoint.analysis.memory import Memory, memory
from adjoint.errors import AliasError
from adjoint.ir import Block, Call, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, names_in, operands, rename, statements, with_body
from adjoint.rules.numba_types import dtype_of, is_array, types
from adjoint.transform.aliasing import read_after_write

_SHOWN: Mapping[str, str] = {
    "real": "the real part",
    "imag": "the imaginary part",
    "diag": "the diagonal",
    "conj": "the elements",
    "trim_zeros": "the elements",
    "resize": "the elements",
}


def own_views(func: Func) -> Func:
    """Return an SSA program in which these views have memory of their own where a write would show.

    Raises:
        AliasError: a view, or what it shows, is written while the other is in use.
    """
    if not any(_shown(stmt, func) for stmt in statements(func.body)):
        return func
    func = _of_real_numbers(func)
    facts = memory(func)
    copied = {id(stmt) for stmt in statements(func.body) if _needs_copy(stmt, func, facts)}
    return _replaced(func, lambda stmt, kinds: _copied(stmt, kinds) if id(stmt) in copied else [stmt])


def _replaced(func: Func, change: Callable[[Stmt, dict[str, object]], list[Stmt]]) -> Func:
    kinds = dict(func.types)

    def block(old: Block) -> Block:
        return tuple(map_blocks(new, block) for stmt in old for new in change(stmt, kinds))

    return replace(func, body=block(func.body), types=kinds)


def _shown(stmt: Stmt, func: Func) -> str | None:
    """Return the array that a statement binds such a view of."""
    match stmt:
        case Let(_, Call(prim, (Var(source), *_))) if prim in _SHOWN and is_array(func.types.get(source)):
            is_complex = _is_complex(source, func)
            is_new = prim == "imag" and not is_complex or prim == "conj" and is_complex
            kind: Any = func.types[source]
            return None if is_new or prim == "diag" and kind.ndim != 2 else source
        case _:
            return None


def _is_complex(name: str, func: Func) -> bool:
    return isinstance(dtype_of(func.types.get(name)), types.Complex)


def _of_real_numbers(func: Func) -> Func:
    """Of real numbers, `x.real` is `x`."""
    names: dict[str, str] = {}
    for stmt in statements(func.body):
        match stmt:
            case Let(Var(target), Call("real", (Var(source),))) if _shown(stmt, func) and not _is_complex(source, func):
                names[target] = names.get(source, source)
            case _:
                pass
    kept = _replaced(func, lambda stmt, _: [] if isinstance(stmt, Let) and stmt.target.name in names else [stmt])
    return with_body(kept, rename(kept.body, names)) if names else func


def _needs_copy(stmt: Stmt, func: Func, facts: Memory) -> bool:
    source = _shown(stmt, func)
    if source is None:
        return False
    assert isinstance(stmt, Let)
    assert isinstance(stmt.value, Call)
    is_written = facts.is_written(stmt.target.name)
    if not is_written and not facts.is_written(source):
        return False
    seen_through_it = read_after_write(stmt, stmt.target.name, source, func, facts)
    if seen_through_it or is_written and _is_read_elsewhere(source, func, facts):
        raise AliasError(
            f"`{_label(stmt.target.name, func)}` shows {_SHOWN[stmt.value.prim]} of `{_label(source, func)}`, "
            "and one of the two is written while the other is in use",
            stmt.loc,
            help="`.copy()` gives it memory of its own",
        )
    return not _is_copied_at_once(stmt, func)


def _is_read_elsewhere(source: str, func: Func, facts: Memory) -> bool:
    """Whether what a view shows is used but for its real part or its imaginary part, each taken once."""
    cls = facts.cls(source)
    if cls in {facts.cls(p.name) for p in func.params}:
        return True
    parts: list[str] = []
    for stmt in statements(func.body):
        if any(facts.cls(name) == cls for expr in operands(stmt) for name in names_in(expr)):
            if not (isinstance(stmt, Let) and isinstance(stmt.value, Call) and _shown(stmt, func)):
                return True
            parts.append(stmt.value.prim)
    return len(parts) > len(set(parts) & {"real", "imag"}) and len(parts) > 1


def _is_copied_at_once(view: Let, func: Func) -> bool:
    """Whether copies are all that is made of a view."""
    readers = [stmt for stmt in statements(func.body) if any(view.target.name in names_in(e) for e in operands(stmt))]
    return all(isinstance(stmt, Let) and isinstance(stmt.value, Call) and stmt.value.prim == "copy" for stmt in readers)


def _label(name: str, func: Func) -> str:
    return func.hints.get(name) or name


def _copied(stmt: Stmt, kinds: dict[str, object]) -> list[Stmt]:
    assert isinstance(stmt, Let)
    name = f"{stmt.target.name}_shown"
    while name in kinds:
        name += "_"
    kinds[name] = kinds[stmt.target.name]
    return [replace(stmt, target=Var(name)), replace(stmt, value=Call("copy", (Var(name),), via="method"))]
