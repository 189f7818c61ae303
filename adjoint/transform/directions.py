"""Many directions in one forward sweep: every tangent gets one more axis, the last, along which the directions lie.

Works on a finished program in forward mode, `(value, tangent)` of arguments and seeds. What doesn't depend on the seeds
stays as it is and is computed once. A tangent that was a number becomes a *row*, a number for each direction; sums of
rows, products with numbers and reads of elements mean the same for rows as for numbers. Any other expression is
evaluated direction by direction, in a loop around it. So nothing is assumed about the calculus: the result is what as
many runs of the program would return.

How rows and arrays of them are written is up to a `Form`: `rows` for people, as NumPy arrays, and `lanes` for Numba,
as vectors of the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from adjoint.analysis.directed import carries, classes_of, shown
from adjoint.errors import Loc
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, statements
from adjoint.rules import spelling
from adjoint.rules.numba_types import Type, is_array, ndim_of, types
from adjoint.transform.directed import Directed
from adjoint.transform.rows import Form, refusal

_FRESH = ("zeros", "empty", "zeros_like", "empty_like")


def with_directions(func: Func, seeds: Sequence[str], form: Form) -> Func:
    """Return the program that takes `form.width` tangents for each one that `func` takes, and returns as many.

    Raises:
        UnsupportedError: tangents are used in a way that this pass doesn't know.
    """
    return _Directions(func, seeds, form).build(seeds)


class _Directions(Directed):
    def __init__(self, func: Func, seeds: Sequence[str], form: Form) -> None:
        super().__init__(func, seeds, form)
        classes = classes_of(func)
        written = {s.array.name for s in statements(func.body) if isinstance(s, Store)}
        written |= {s.target.name for s in statements(func.body) if isinstance(s, Accum)}
        self.written = {classes.get(name, name) for name in written}
        self.classes = classes
        self.direction = self.named("d", types.int64)

    def build(self, seeds: Sequence[str]) -> Func:
        head = [stmt for name in seeds for stmt in self.form.entered(Var(name), self.types[name])]
        body = (*head, *self.block(self.sized(self.func.body)))
        kinds = {name: self.form.kind(kind) if name in self.directed else kind for name, kind in self.types.items()}
        return replace(self.func, body=body, types={n: k for n, k in kinds.items() if n in self.types})

    # -- statements -------------------------------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.stmt(stmt))

    def stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case Let(target) if target.name in self.directed:
                return self.let(stmt)
            case Let(_, Call(names=names, prims=prims)) if not self.directed.isdisjoint(names):
                if any(prim.endswith("_like") for prim in prims):
                    raise refusal("an array made like a tangent that is none", stmt.loc)
                return [stmt]
            case Store(array) | Accum(array) if array.name in self.directed:
                return self.write(stmt)
            case For(_, start, stop, step, body):
                self.fixed(stmt.loc, start, stop, step, stmt.until)
                return [replace(stmt, body=self.block(body))]
            case While(cond, body):
                self.fixed(stmt.loc, cond, stmt.until)
                return [replace(stmt, body=self.block(body))]
            case If(cond, then, orelse):
                self.fixed(stmt.loc, cond)
                return [replace(stmt, then=self.block(then), orelse=self.block(orelse))]
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                return [self.move(stmt, targets, values)]
            case Effect(value):
                self.fixed(stmt.loc, value)
                return [stmt]
            case Return(Call("tuple", (value, tangent))):
                self.fixed(stmt.loc, value)
                before: list[Stmt] = []
                result = self.result(tangent, before, stmt.loc)
                return [*before, replace(stmt, value=Call("tuple", (value, result)))]
            case _:
                return [stmt]

    def fixed(self, loc: Loc | None, *exprs: Expr | None) -> None:
        if any(expr is not None and carries(expr, self.directed) for expr in exprs):
            raise refusal("control flow or a call that depends on a tangent", loc)

    def let(self, stmt: Let) -> list[Stmt]:
        before: list[Stmt] = []
        stmt = replace(stmt, value=self.products(stmt.value, before, stmt.loc))
        return [*before, *self.bind(stmt)]

    def bind(self, stmt: Let) -> list[Stmt]:
        target, value = stmt.target, stmt.value
        kind = self.types[target.name]
        if not is_array(kind):
            row = self.row(value, kind, kept=True)
            if row is not None:
                return [replace(stmt, value=row)]
            own = self.apart(target, value, kind)
            start = Let(own, self.form.row(Lit(0.0), kind), stmt.loc)
            loop = self.each(lambda d: [self.form.place(own, kind, d, self.one(value, d))], value, stmt.loc)
            return [start, loop, *([] if own == target else [replace(stmt, value=own)])]
        if isinstance(value, Call) and value.prim in _FRESH and not carries(Call("tuple", value.args), self.directed):
            return [replace(stmt, value=self.form.fresh(value, kind))]
        array = self.array(value)
        if array is not None:
            return [replace(stmt, value=array)]
        self.check_copy(target, value, stmt.loc)
        own = self.apart(target, value, kind)
        loop = self.each(lambda d: self.gathered(own, kind, value, d), value, stmt.loc)
        return [loop, *([] if own == target else [replace(stmt, value=own)])]

    def apart(self, target: Var, value: Expr, kind: Type) -> Var:
        """Return where to put a value direction by direction: not where it is read."""
        if target.name not in names_in(value):
            return target
        return self.tangent(f"{target.name}_new", kind)

    def check_copy(self, target: Var, value: Expr, loc: Loc | None) -> None:
        """Refuse to copy what may be a view, where a write into one of them has to be seen in the other."""
        own = self.classes.get(target.name, target.name)
        if own in self.written and any(self.classes.get(name) == own for name in shown(value)):
            raise refusal("a view of a tangent, of a kind that this pass doesn't know, where one is written", loc)

    def gathered(self, target: Var, kind: Type, value: Expr, direction: Var) -> list[Stmt]:
        """Evaluate an array in one direction; the first allocates the array of rows."""
        one = self.named(f"{target.name}_one", kind)
        allocate = Let(target, self.form.like(one, kind))
        return [
            Let(one, self.one(value, direction)),
            If(Call("eq", (direction, Lit(0)), via="operator"), (allocate,)),
            self.form.place(target, kind, direction, one),
        ]

    def write(self, stmt: Store | Accum) -> list[Stmt]:
        before: list[Stmt] = []
        stmt = replace(stmt, value=self.products(stmt.value, before, stmt.loc))
        return [*before, *self.put(stmt)]

    def put(self, stmt: Store | Accum) -> list[Stmt]:
        array, index = (stmt.array if isinstance(stmt, Store) else stmt.target), stmt.index
        self.fixed(stmt.loc, *index)
        kind = self.types[array.name]
        if not is_array(kind):
            return self.bind(Let(array, Call("add", (array, stmt.value), via="operator"), stmt.loc))
        value = None
        if self.is_element(array, index):
            value = self.row(stmt.value, kind.dtype, kept=False)
        elif isinstance(stmt, Store) and self.is_basic(index) and self.same_rank(array, index, stmt.value):
            value = self.array(stmt.value)
        if value is not None:
            place = self.form.section(Call("getitem", (array, *index)))
            assert isinstance(place, Call)
            return [replace(stmt, index=place.args[1:], value=value)]
        return [self.each(lambda d: self.written_in(stmt, array, kind, d), stmt.value, stmt.loc)]

    def same_rank(self, array: Var, index: Sequence[Expr], value: Expr) -> bool:
        """Whether nothing is broadcast to more axes."""
        place, kind = self.type_of(Call("getitem", (array, *index))), self.type_of(value)
        return is_array(place) and is_array(kind) and ndim_of(place) == ndim_of(kind)

    def written_in(self, stmt: Store | Accum, array: Var, kind: Type, direction: Var) -> list[Stmt]:
        part = self.named(f"{array.name}_one", kind.copy(layout="A"))
        value = self.one(stmt.value, direction)
        if isinstance(stmt, Store):
            return [Let(part, self.form.part(array, direction)), replace(stmt, array=part, value=value)]
        index = stmt.index or (Lit(...),)
        return [Let(part, self.form.part(array, direction)), replace(stmt, target=part, index=index, value=value)]

    def each(self, body: Callable[[Var], Sequence[Stmt]], value: Expr, loc: Loc | None) -> Stmt:
        """Return the loop over the directions around an evaluation."""
        prims = value.prims if isinstance(value, Call) else ()
        if any(p.startswith(("ref:", "random.")) or spelling.mutates(p) for p in prims):
            raise refusal("a call that may do more than return a value", loc)
        direction = self.direction
        return For(direction, Lit(0), Lit(self.form.width), Lit(1), tuple(body(direction)), loc=loc)

    def move(self, stmt: Effect, targets: Sequence[Expr], values: Sequence[Expr]) -> Stmt:
        moved: list[Expr] = []
        for target, value in zip(targets, values, strict=True):
            assert isinstance(target, Var)
            if target.name not in self.directed:
                moved.append(value)
                continue
            kind = self.types[target.name]
            new = self.array(value) if is_array(kind) else self.row(value, kind, kept=True)
            if new is None:
                raise refusal("a parallel assignment", stmt.loc)
            moved.append(new)
        return replace(stmt, value=Call("move", (Call("tuple", tuple(targets)), Call("tuple", tuple(moved)))))

    def result(self, tangent: Expr, before: list[Stmt], loc: Loc | None) -> Expr:
        """Return the tangent of the result, or of a part of it."""
        if isinstance(tangent, Call) and tangent.prim == "tuple":
            return Call("tuple", tuple(self.result(part, before, loc) for part in tangent.args))
        kind = self.type_of(tangent)
        if not self.is_real(kind):
            raise refusal(f"a result whose tangent is of type {kind}", loc)
        if not isinstance(tangent, Var):
            own = self.tangent("result_dot", kind)
            before += self.let(Let(own, tangent, loc))
            tangent = own
        return self.form.returned(tangent, kind)

    # -- products ---------------------------------------------------------------------------------------------------

    def products(self, expr: Expr, before: list[Stmt], loc: Loc | None) -> Expr:
        """Take the products of matrices and vectors in an expression out of it, if they are written as loops over rows.

        In one direction at a time each would be a call of BLAS with copies around it.
        """
        if not self.form.products or not isinstance(expr, Call) or not {"matmul", "dot"} & expr.prims:
            return expr
        if expr.prim in ("select", "and", "or"):  # what isn't chosen isn't evaluated
            return expr
        call = replace(expr, args=tuple(self.products(arg, before, loc) for arg in expr.args))
        kind = self.type_of(call)
        if call.prim not in ("matmul", "dot") or not carries(call, self.directed) or not self.is_real(kind):
            return call
        factors = [self.factor(arg, before, loc) for arg in call.args]
        ways = [carries(factor, self.directed) for factor in factors]
        ranks = [ndim_of(self.type_of(factor)) for factor in factors]
        if all(ways) or not all(rank in (1, 2) for rank in ranks):
            return call
        own = self.tangent("product_dot", kind)
        before += self.product(own, (factors[0], factors[1]), (ranks[0], ranks[1]), loc)
        return own

    def factor(self, arg: Expr, before: list[Stmt], loc: Loc | None) -> Expr:
        """Return the name of a factor."""
        if isinstance(arg, Var):
            return arg
        kind = self.type_of(arg)
        if carries(arg, self.directed):
            own = self.tangent("factor_dot", kind)
            before += self.bind(Let(own, arg, loc))
        else:
            own = self.named("factor", kind)
            before.append(Let(own, arg, loc))
        return own

    def product(self, own: Var, factors: tuple[Expr, Expr], ranks: tuple[int, int], loc: Loc | None) -> list[Stmt]:
        """Return the loops of a product of two factors of one or two axes, of which one has rows."""
        (left, right), (m, n), kind = factors, ranks, self.types[own.name]
        i, j, k = (self.named(name, types.int64) for name in ("i", "j", "k"))
        row, column = (i,) if m == 2 else (), (j,) if n == 2 else ()
        dtype = kind.dtype if is_array(kind) else kind
        terms = Call("getitem", (left, *row, k)), Call("getitem", (right, k, *column))
        total = self.named("total_dot", dtype)
        added = Accum(total, (), Call("mul", terms, via="operator"))
        inner = For(k, Lit(0), Call("dim", (left, Lit(m - 1))), Lit(1), (added,), loc=loc)
        start = Let(total, self.form.row(Lit(0.0), dtype))
        check = _same_size(Call("dim", (left, Lit(m - 1))), Call("dim", (right, Lit(0))))
        if not (row or column):
            return [check, start, inner, Let(own, total)]
        body: Block = (start, inner, Store(own, (*row, *column), total))
        sizes: list[Expr] = []
        if column:
            sizes = [Call("dim", (right, Lit(1)))]
            body = (For(j, Lit(0), sizes[0], Lit(1), body, loc=loc),)
        if row:
            sizes = [Call("dim", (left, Lit(0))), *sizes]
            body = (For(i, Lit(0), sizes[0], Lit(1), body, loc=loc),)
        return [check, Let(own, self.form.fresh(Call("empty", (Call("tuple", tuple(sizes)),)), kind)), *body]


def _same_size(first: Expr, second: Expr) -> Stmt:
    raised = Call("raise", (Lit('ValueError("incompatible array sizes for a product")'),))
    return If(Call("ne", (first, second), via="operator"), (Effect(raised),))
