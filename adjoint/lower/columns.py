"""Arrays of points, `x[i, 0]`, `x[i, 1]`, `x[i, 2]`, are kept by columns where loops go from point to point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.linear import whole
from adjoint.analysis.ranges import turns_of
from adjoint.analysis.sharing import memory_classes, shared_names
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Return, Stmt, Store, Var
from adjoint.ir.walk import (
    blocks,
    bound,
    items_of,
    map_blocks,
    map_expr,
    map_operands,
    names_in,
    operands,
    statements,
    subexpressions,
)
from adjoint.lower.context import Context
from adjoint.lower.uses import MADE, is_single
from adjoint.rules.numba_types import Type, array, is_array, of_dtype, types

FEW = 8  # columns, and turns of a loop that LLVM writes out
TURNS = 10  # how much more is done in a loop than around it


def columns(func: Func, context: Context) -> Func:
    """Swap the axes of arrays with a few columns that innermost loops go along, so that these load vectors.

    Arrays made here get the other order; of parameters that are only read, and of results, there is a copy by columns,
    if another loop is around those that use it.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:, ::1], y: float64[::1], n: int64):
    ...     for i in range(n):
    ...         for j in range(n):
    ...             y[j] += x[j, 0] * x[i, 1] + x[j, 1]
    ... ''')
    >>> print(text(columns(func, Context.of(func))), end="")
    def f(x, y, n):
        x_columns = np.empty((2, x.shape[0]))
        for i_1 in range(x.shape[0]):
            for j_1 in range(min(2, x.shape[1])):
                x_columns[j_1, i_1] = x[i_1, j_1]
        for i in range(n):
            for j in range(n):
                y[j] += x_columns[0, j] * x_columns[1, i] + x_columns[1, j]
    """
    uses = _Finder(func, context).found()
    chosen = {name: each for name, each in uses.items() if each.gain > 0 and (each.is_local or each.depth > 1)}
    if not chosen:
        return func
    return _Changer(func, context, chosen).changed()


@dataclass(slots=True)
class _Uses:
    """What is known of an array with two axes: how it comes to be, and what is gained by the other order.

    `depth` counts the loops around the accesses that gain, `width` the columns that they use.
    """

    made: Let | None = None
    returned: bool = False
    gain: int = 0
    depth: int = 0
    width: int = 0
    first: Stmt | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        return self.made is not None and not self.returned


class _Finder:
    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.uses: dict[str, _Uses] = {}
        self.bindings = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))
        self.other: set[str] = set()  # arrays that are used in other ways

    def found(self) -> dict[str, _Uses]:
        params = {param.name for param in self.func.params}
        self.other |= shared_names(memory_classes(self.func))
        for stmt in self.func.body:
            self.stmt(stmt, (), stmt)
        writes = {name for stmt in statements(self.func.body) for name in _written(stmt)}
        self.other |= {name for name, each in self.uses.items() if each.made is None and name not in params - writes}
        self.other |= {name for name, each in self.uses.items() if each.made is not None and name in params}
        return {name: each for name, each in self.uses.items() if name not in self.other and self.fits(name, each)}

    def fits(self, name: str, uses: _Uses) -> bool:
        kind: Type = self.context.kinds.get(name)
        if not is_array(kind) or kind.ndim != 2 or kind.layout != "C" or not 0 < uses.width <= FEW:
            return False
        if not isinstance(kind.dtype, types.Float | types.Integer):
            return False
        if uses.made is None or not uses.returned:
            return True
        # It is made once more at the end.
        sizes = _sizes(uses.made)
        top = any(stmt is uses.made for stmt in self.func.body) and isinstance(self.func.body[-1], Return)
        same = all(self.bindings[name] <= 1 for size in sizes for name in names_in(size))
        return top and same and (_is_zeros(uses.made) or sizes[1] == Lit(uses.width))

    def stmt(self, stmt: Stmt, around: tuple[For, ...], top: Stmt) -> None:
        match stmt:
            case Let(Var(name), Call(prim) as value) if prim in MADE and is_array(self.context.kinds.get(name)):
                uses = self.uses.setdefault(name, _Uses())
                if uses.made is not None or len(_sizes(stmt)) != 2:
                    self.other.add(name)
                uses.made = stmt
                self.expr(value, around, top)
            case Return(value) if stmt is self.func.body[-1]:
                self.result(value)
            case Store(Var(name), index, value) | Accum(Var(name), index, value):
                if is_array(self.context.kinds.get(name)):
                    self.element(name, index, around, top)
                for expr in (*index, value):
                    self.expr(expr, around, top)
            case _:
                self.other |= {stmt.target.name} if isinstance(stmt, Let) else set()
                for expr in operands(stmt):
                    self.expr(expr, around, top)
        inside = (*around, stmt) if isinstance(stmt, For) else around
        for block in blocks(stmt):
            for each in block:
                self.stmt(each, inside, top)

    def result(self, value: Expr | None) -> None:
        for each in () if value is None else subexpressions(value):
            if isinstance(each, Var) and is_array(self.context.kinds.get(each.name)):
                self.uses.setdefault(each.name, _Uses()).returned = True

    def expr(self, expr: Expr, around: tuple[For, ...], top: Stmt) -> None:
        match expr:
            case Call("getitem", (Var(name), *index)):
                self.element(name, tuple(index), around, top)
                for each in index:
                    self.expr(each, around, top)
            case Call("dim", (Var(name), _)):
                made = self.uses.get(name, _Uses()).made
                self.other |= {name} if made is not None else set()
            case Call(_, args, kwargs):
                for each in (*args, *(value for _, value in kwargs)):
                    self.expr(each, around, top)
            case Var(name):
                self.other.add(name)
            case Lit():
                pass

    def element(self, name: str, index: tuple[Expr, ...], around: tuple[For, ...], top: Stmt) -> None:
        if len(index) != 2 or not all(map(is_single, index)):
            self.other.add(name)
            return
        uses = self.uses.setdefault(name, _Uses())
        uses.width = max(uses.width, _width(index[1], around))
        while around and _is_written_out(around[-1]):
            around = around[:-1]
        if not around or not _is_plain(around[-1]):
            return
        along = [around[-1].index.name in names_in(place) for place in index]
        if along == [True, False]:
            uses.gain += TURNS ** len(around)
            uses.depth = max(uses.depth, len(around))
            uses.first = uses.first or top
        elif along == [False, True]:
            uses.gain -= TURNS ** len(around)


class _Changer:
    def __init__(self, func: Func, context: Context, chosen: dict[str, _Uses]) -> None:
        self.func = func
        self.context = context
        self.chosen = chosen
        kinds = context.kinds
        self.names = {
            name: Var(name) if uses.is_local else context.fresh(f"{name}_columns", array(kinds[name].dtype, 2))
            for name, uses in chosen.items()
        }
        self.copied: set[str] = set()

    def changed(self) -> Func:
        body: list[Stmt] = []
        for stmt in self.func.body:
            for name, uses in self.chosen.items():
                if uses.first is stmt and uses.made is None:
                    body += self.copy(name, uses)
                    self.copied.add(name)
            if isinstance(stmt, Return):
                # A parameter whose shape is part of the result is still there.
                made = [(name, uses) for name, uses in self.chosen.items() if uses.returned and uses.made is not None]
                body += [each for name, uses in made for each in self.back(name, uses)]
            body += self.block((stmt,)) if not isinstance(stmt, Return) else (stmt,)
        return replace(self.func, body=tuple(body))

    def block(self, block: Block) -> Block:
        return tuple(map(self.stmt, block))

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Let(Var(name), Call() as value) if name in self.chosen:
                rows, width = _sizes(stmt)[0], self.chosen[name].width
                made = replace(value, args=(Call("tuple", (Lit(width), rows)), *value.args[1:]))
                for table in (self.context.made, self.context.facts.shapes):
                    shape = table.pop(name, None)
                    if shape is not None:
                        table[self.names[name].name] = (whole(width), shape[0])
                return replace(stmt, target=self.names[name], value=made)
            case Store(Var(name), index) if self.is_changed(name):
                stmt = replace(stmt, array=self.names[name], index=index[::-1])
            case Accum(Var(name), index) if index and self.is_changed(name):
                stmt = replace(stmt, target=self.names[name], index=index[::-1])
            case _:
                pass
        return map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.swapped)), self.block)

    def is_changed(self, name: str) -> bool:
        return name in self.chosen and (self.chosen[name].made is not None or name in self.copied)

    def swapped(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name), first, second)) if self.is_changed(name):
                return replace(expr, args=(self.names[name], second, first))
            case _:
                return expr

    def copy(self, name: str, uses: _Uses) -> Iterator[Stmt]:
        """Yield the statements that copy the columns of a parameter."""
        target, rows = self.names[name], Call("dim", (Var(name), Lit(0)))
        yield self.made("empty", target, (Lit(uses.width), rows))
        yield self.copied_to(target, Var(name), (rows, Call("dim", (Var(name), Lit(1)))), uses.width, swap=True)

    def back(self, name: str, uses: _Uses) -> Iterator[Stmt]:
        """Yield the statements that give a result the order it has to have."""
        assert uses.made is not None
        sizes = _sizes(uses.made)
        yield self.made("empty" if sizes[1] == Lit(uses.width) else "zeros", Var(name), sizes)
        yield self.copied_to(Var(name), self.names[name], sizes, uses.width, swap=False)

    def copied_to(self, target: Var, source: Var, sizes: Sequence[Expr], width: int, *, swap: bool) -> For:
        """Return loops that copy elements to an array by columns, if `swap`, or else from one."""
        row, column = (self.context.fresh(letter, types.int64, letter) for letter in "ij")
        self.context.natural |= {row.name: True, column.name: True}
        places = (row, column), (column, row)
        store = Store(target, places[swap], Call("getitem", (source, *places[not swap])))
        end = Lit(width) if sizes[1] == Lit(width) else Call("minimum", (Lit(width), sizes[1]), via="builtin")
        return For(row, Lit(0), sizes[0], Lit(1), (For(column, Lit(0), end, Lit(1), (store,)),))

    def made(self, how: str, target: Var, sizes: Sequence[Expr]) -> Let:
        dtype = self.context.kinds[target.name].dtype
        options = of_dtype(dtype)
        return Let(target, Call(how, (Call("tuple", tuple(sizes)),), options))


def _sizes(made: Let) -> tuple[Expr, ...]:
    assert isinstance(made.value, Call)
    return items_of(made.value.args[0])


def _is_zeros(made: Let) -> bool:
    return isinstance(made.value, Call) and made.value.prim == "zeros"


def _width(column: Expr, around: Sequence[For]) -> int:
    """Return how many columns there are up to one; more than a few if that isn't known."""
    match column:
        case Lit(int() as number) if number >= 0:
            return number + 1
        case Var(name):
            turns = [turns_of(loop) for loop in around if loop.index.name == name and _is_written_out(loop)]
            return max(turns[0]) + 1 if turns else FEW + 1
        case _:
            return FEW + 1


def _is_written_out(loop: For) -> bool:
    """Whether a loop is so short, and of a certain length, that LLVM writes it out."""
    turns = turns_of(loop)
    return bool(turns) and min(turns) >= 0 and max(turns) < FEW


def _is_plain(loop: For) -> bool:
    """Whether LLVM may make vectors of iterations."""
    for stmt in loop.body:
        short = isinstance(stmt, For) and _is_written_out(stmt) and _is_plain(stmt)
        if not short and not isinstance(stmt, Let | Store | Accum | Comment):
            return False
    return loop.until is None


def _written(stmt: Stmt) -> Iterator[str]:
    match stmt:
        case Store(Var(name)) | Accum(Var(name), (_, *_)):
            yield name
        case _:
            pass
