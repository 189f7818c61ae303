"""Copies that nobody can tell from the original: their elements are read only, and before the original changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.effects import actions, binds_of
from adjoint.analysis.sharing import external_names, memory_classes
from adjoint.ir import Accum, Block, Call, Expr, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, map_expr, map_operands, names_in, operands, statements, statements_of, with_body
from adjoint.rules.numba_types import element_type
from adjoint.rules.spelling import HIDDEN_VIEWS, is_elementwise, is_view
from adjoint.transform.hints import hint_of
from adjoint.transform.renaming import rename_block

_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "dot", "matmul"})
_OF_ELEMENTS = _REDUCTIONS | {"dim", "shape", "size", "ndim"}
# Their result may be an operand, or show it.
_SHOWING = frozenset({"select", "real", "imag"})


def drop_copies(func: Func) -> Func:
    """Return an imperative program in which operands of element-wise primitives and reductions are not copied.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(u: float64[:]):
    ...     t: float64[:] = 0.2 * copy(u)
    ...     return t
    ... ''')
    >>> print(text(drop_copies(func)), end="")
    def f(u):
        t = 0.2 * u
        return t
    """
    return with_body(func, _block(func.body))


def borrow(func: Func) -> Func:
    """Return an imperative program in which temporaries show arrays instead of copies of them.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(u: float64[:], n: int64):
    ...     v: float64[:] = zeros(n)
    ...     _1: float64[:] = copy(u[1:])
    ...     _2: float64[:] = _1 * v[0]
    ...     v[2:] += _1 * 2.0
    ...     u[1:] = 0.0
    ...     return _2
    ... ''')
    >>> print(text(borrow(func)), end="")
    def f(u, n):
        v = np.zeros(n)
        _1 = u[1:]
        _2 = _1 * v[0]
        v[2:] += _1 * 2.0
        u[1:] = 0.0
        return _2
    """
    if not any(_copied(stmt) is not None for stmt in statements_of(func)):
        return func
    return with_body(func, _Borrower(func).block(func.body))


class _Borrower:
    def __init__(self, func: Func) -> None:
        self.func = func
        self.classes = memory_classes(func)
        everything = statements_of(func)
        self.bindings = Counter(name for stmt in everything for name in binds_of(stmt, func))
        self.uses = Counter(name for stmt in everything for top in operands(stmt) for name in names_in(top))

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        position = 0
        while position < len(stmts):
            stmt = stmts[position]
            place = _copied(stmt)
            if isinstance(stmt, Let) and place == stmt.target and self.is_alone(stmt.target.name):
                del stmts[position]  # nobody else has the memory that the copy would be of
                continue
            if isinstance(stmt, Let) and place is not None and self.is_seen_as(stmt.target, place, stmts[position:]):
                if isinstance(place, Var) and hint_of(stmt.target.name, self.func.hints) is None:
                    stmts[position:] = rename_block(tuple(stmts[position + 1 :]), {stmt.target.name: place.name})
                    continue
                stmts[position] = replace(stmt, value=place)
            position += 1
        return tuple(stmts)

    def is_alone(self, name: str) -> bool:
        """Whether memory of a name, which is no parameter's and no part of something larger, is known by no other."""
        cls = self.classes.get(name)
        made = (stmt.value for stmt in statements_of(self.func) if isinstance(stmt, Let) and stmt.target.name == name)
        if any(isinstance(value, Call) and _shows(value.prim) for value in made):
            return False
        alone = sum(each == cls for each in self.classes.values()) == 1
        return alone and name not in external_names(self.func) and all(p.name != name for p in self.func.params)

    def is_seen_as(self, copy: Var, place: Expr, stmts: Sequence[Stmt]) -> bool:
        """Whether all that reads a copy, made by the first of the statements, reads elements before they change."""
        if self.bindings[copy.name] != 1 or not self.is_alike(copy, place):
            return False
        left = self.uses[copy.name]
        for stmt in stmts[1:]:
            inside = list(statements((stmt,)))
            left -= sum(names_in(top).count(copy.name) for each in inside for top in operands(each))
            if any(self.keeps(each, copy) or self.changes(each, place) for each in inside):
                return False
            if left == 0:
                return True
        return False

    def is_alike(self, copy: Var, place: Expr) -> bool:
        """Whether a place is an array or a view of one, and its elements are what they are in the copy."""
        base, *index = place.args if isinstance(place, Call) else (place,)
        if not isinstance(base, Var):
            return False
        kinds = self.func.types.get(base.name), self.func.types.get(copy.name)
        if not isinstance(kinds[0], nb.Array) or not isinstance(kinds[1], nb.Array):
            return False
        return element_type(kinds[0]) == element_type(kinds[1]) and all(self.is_basic(each) for each in index)

    def is_basic(self, index: Expr) -> bool:
        return all(isinstance(self.func.types.get(name), nb.Integer) for name in names_in(index))

    def keeps(self, stmt: Stmt, copy: Var) -> bool:
        """Whether a statement uses an array for more than its elements, or its size."""
        match stmt:
            case Let(_, value) | If(value) | While(value):
                return _escapes(value, copy)
            case Store(_, index, value) | Accum(_, index, value):
                named = stmt.array if isinstance(stmt, Store) else stmt.target
                return named == copy or any(_escapes(each, copy) for each in index) or _is_kept(value, copy)
            case _:
                return any(copy.name in names_in(top) for top in operands(stmt))

    def changes(self, stmt: Stmt, place: Expr) -> bool:
        """Whether a statement binds a name of a place again, or may change what is there."""
        names = set(names_in(place))
        own = {self.classes[name] for name in names if name in self.classes}
        if names & set(binds_of(stmt, self.func)):
            return True
        changed = (name for action in actions(stmt, self.func) for name in (*action.binds, *action.changes))
        return any(name in names or self.classes.get(name) in own for name in changed)


def _copied(stmt: Stmt) -> Expr | None:
    """Return the array, or the part of one, that a statement makes a copy of."""
    match stmt:
        case Let(_, Call("copy", (place,)) | Call("mul", (Lit(1.0), place)) | Call("mul", (place, Lit(1.0)))):
            return place if isinstance(place, Var) or isinstance(place, Call) and place.prim == "getitem" else None
        case _:
            return None


def _is_kept(value: Expr, copy: Var) -> bool:
    """Whether a value that is stored is more than an array's elements; they are copied themselves."""
    return value != copy and _escapes(value, copy)


def _escapes(expr: Expr, copy: Var) -> bool:
    """Whether an expression may hand on an array, not only what is computed of its elements."""
    match expr:
        case Var():
            return expr == copy
        case Call(prim, args, kwargs) if prim not in _SHOWING and (is_elementwise(prim) or prim in _OF_ELEMENTS):
            inner = [arg for arg in (*args, *(value for _, value in kwargs)) if arg != copy]
            return any(_escapes(arg, copy) for arg in inner)
        case Call():
            return copy.name in expr.names
        case _:
            return False


def _block(block: Block) -> Block:
    return tuple(_stmt(stmt) for stmt in block)


def _stmt(stmt: Stmt) -> Stmt:
    return map_blocks(map_operands(stmt, _changed), _block)


def _changed(expr: Expr) -> Expr:
    return map_expr(expr, _without_copies) if isinstance(expr, Call) and "copy" in expr.prims else expr


def _shows(prim: str) -> bool:
    return prim in ("getitem", *HIDDEN_VIEWS) or is_view(prim)


def _without_copies(expr: Expr) -> Expr:
    match expr:
        case Call(prim, args) if is_elementwise(prim) or prim in _REDUCTIONS:
            originals = tuple(_original(arg) for arg in args)
            return replace(expr, args=originals) if originals != args else expr
        case _:
            return expr


def _original(arg: Expr) -> Expr:
    match arg:
        case Call("copy", (source,)):
            return source
        case _:
            return arg
