"""Remove what nothing needs: values, stores into arrays that are not read again, tapes, empty loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.effects import is_pure
from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.ir import Block, Call, Comment, Effect, Expr, For, Func, If, Let, Return, Stmt, Store, Var, While
from adjoint.ir.walk import same_block, statements, subexpressions, with_body


def eliminate(func: Func, *, observable: Collection[str] | None = None) -> Func:
    """Return an imperative program without the statements that nothing needs.

    A statement is needed if its effect shows outside (`print`, `raise`, `assert`, a random draw, a write into the
    contents of an observable parameter), if the result depends on it, or if another needed statement does. So the
    stores into an array that is never read go, with the array; the appends and pops of a list whose values nobody uses
    go, with the list; and loops and branches go when nothing is left in them. A `pop` whose value is not used stays,
    as an effect, while later ones rely on its order. All primitives but these are pure; `ref:` calls are when they
    stand in a `Let`. A loop may be removed though it would not have ended.

    Args:
        func: the program.
        observable: the parameters whose contents the caller looks at afterwards; by default all.

    >>> from tests.ir_text import parse
    >>> from adjoint.ir.dump import dump
    >>> before = parse('''
    ... def f(x: float64[:], n: int64):
    ...     tape: float64[:] = empty(n)
    ...     s: float64 = 0.0
    ...     for i in range(n):
    ...         tape[i] = s
    ...         t: float64 = x[i]
    ...         s = s + 1.0
    ...     "backward: s = s + 1.0"
    ...     for k in range(n):
    ...         t = tape[k]
    ...     return s
    ... ''')
    >>> print(dump(eliminate(before)), end="")
    func f(x, n)
        s = 0.0
        for i in range(0, n, 1)
            s = add(s, 1.0)
        return s
    """
    if func.lean is func.body and observable is None:
        return func
    while True:
        rewriter = _Rewriter(func, liveness(func, needed_only=True, observable=observable))
        body = rewriter.block(rewriter.facts.sites)
        if rewriter.changed:
            func = with_body(func, body)
        if not rewriter.uncovers:
            if observable is None:
                object.__setattr__(func, "lean", func.body)
            return func


class _Rewriter:
    """Rebuild a program from its needed statements.

    A statement that goes was not counted as a reader, so without it nothing else is needed less; it `uncovers` others
    only if names are told apart better without it. What is put in the place of another statement may do so too.
    """

    def __init__(self, func: Func, facts: Liveness) -> None:
        self.func = func
        self.facts = facts
        self.changed = False
        self.uncovers = False
        self.sizes = Counter(facts.contents.values())

    def drop(self, stmt: Stmt) -> None:
        self.changed = True
        self.uncovers = self.uncovers or any(map(self.joins, statements((stmt,))))

    def put(self) -> None:
        self.changed = self.uncovers = True

    def joins(self, stmt: Stmt) -> bool:
        """Whether a statement may be why names count as sharing memory, or as no arrays."""
        match stmt:
            case Let(Var(name)):
                shared = name in self.facts.contents and self.sizes[self.facts.contents[name]] > 1
                return shared or name not in self.func.types
            case Store(Var(name)):
                return not isinstance(self.func.types.get(name), nb.Array)
            case Effect():
                return True
            case _:
                return False

    def block(self, block: Sequence[Site]) -> Block:
        kept = [stmt for site in block for stmt in self.stmt(site)]
        heard = [stmt for k, stmt in enumerate(kept) if not _is_void(stmt, kept[k + 1 : k + 2])]
        self.changed |= len(heard) != len(kept)
        # Comments alone are no reason for a block.
        return tuple(heard) if any(not isinstance(stmt, Comment) for stmt in heard) else ()

    def stmt(self, site: Site) -> Sequence[Stmt]:
        if isinstance(site.stmt, Comment):
            return (site.stmt,)
        if not self.facts.needed[site.position]:
            self.drop(site.stmt)
            return ()
        match site.stmt:
            case Let():
                return self.let(site.stmt, site)
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                return self.move(site.stmt, targets, values, self.facts.needed[site.position])
            case For() | While():
                return self.loop(site.stmt, site)
            case If():
                return self.branch(site.stmt, *(self.block(block) for block in site.blocks))
            case _:
                return (site.stmt,)

    def let(self, stmt: Let, site: Site) -> Sequence[Stmt]:
        """A `Let` that is needed while its target isn't has a `pop` in it, or a random draw."""
        if stmt.value == stmt.target:
            self.put()
            return ()
        is_pop = isinstance(stmt.value, Call) and stmt.value.prim == "pop"
        if is_pop and not self.facts.is_live_after(site, stmt.target.name):
            self.put()
            assert isinstance(stmt.value, Call)
            return (Effect(stmt.value, stmt.loc),)
        return (stmt,)

    def move(self, stmt: Effect, targets: Sequence[Expr], values: Sequence[Expr], needed: int) -> Sequence[Stmt]:
        pairs = [(t, v) for k, (t, v) in enumerate(zip(targets, values, strict=True)) if needed >> k & 1 and t != v]
        if len(pairs) != len(targets):
            self.put()
        return moves(pairs, stmt)

    def loop(self, stmt: For | While, site: Site) -> Sequence[Stmt]:
        body = self.block(site.blocks[0])
        if not body and isinstance(stmt, For) and not self.facts.is_live_after(site, stmt.index.name):
            self.put()
            bounds = (stmt.start, stmt.stop, stmt.step)
            return [Effect(e, stmt.loc) for e in bounds if isinstance(e, Call) and not is_pure(e)]
        return (stmt if same_block(body, stmt.body) else replace(stmt, body=body),)

    def branch(self, stmt: If, then: Block, orelse: Block) -> Sequence[Stmt]:
        if then:
            same = same_block(then, stmt.then) and same_block(orelse, stmt.orelse)
            return (stmt if same else replace(stmt, then=then, orelse=orelse),)
        self.put()
        if orelse:
            return (replace(stmt, cond=negated(stmt.cond), then=orelse, orelse=()),)
        return (Effect(stmt.cond, stmt.loc),) if isinstance(stmt.cond, Call) and not is_pure(stmt.cond) else ()


def moves(pairs: Sequence[tuple[Expr, Expr]], like: Effect) -> Sequence[Stmt]:
    """Return a parallel assignment of expressions to names: as nothing, a `Let` or a `move`."""
    match pairs:
        case []:
            return ()
        case [(Var() as target, value)]:
            return (Let(target, value, like.loc),)
        case _:
            sides = tuple(Call("tuple", side) for side in zip(*pairs, strict=True))
            return (Effect(Call("move", sides), like.loc),)


def negated(cond: Expr) -> Expr:
    """Return the opposite of a condition, without a double `not`."""
    match cond:
        case Call("not", (inner,)):
            return inner
        case _:
            return Call("not", (cond,))


def _is_void(stmt: Stmt, following: Sequence[Stmt]) -> bool:
    """Say whether a comment announces statements that have gone."""
    if not isinstance(stmt, Comment) or not stmt.text.startswith("backward:"):
        return False
    match following:
        case [] | [Comment()]:
            return True
        case [Return(value)]:
            return not any(isinstance(part, Call) and part.prim != "tuple" for part in subexpressions(value))
        case _:
            return False
