"""Arrays that a loop over steps makes anew in each, from those of the step before, have one place in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import bound, items_of, map_blocks, names_in, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.contract import contract
from adjoint.lower.either import either
from adjoint.lower.fuse import fuse
from adjoint.lower.inward import inward
from adjoint.lower.iteration import is_empty
from adjoint.lower.march import columns_first
from adjoint.lower.outward import outward
from adjoint.lower.state_rows import Recorder, State, Stock
from adjoint.lower.unstack import unstack
from adjoint.lower.uses import element_arrays, is_new_memory, mentions
from adjoint.transform.renaming import rename_block


def states(func: Func, context: Context) -> Func:
    """Write states, and their cotangents, into arrays that are made before a loop over steps.

    A state that the loop replaces, and keeps on a list for the backward sweep, becomes a row of an array with a row for
    each step, and one for what comes out. A cotangent that the loop replaces, element by element, is overwritten. So a
    step is nothing but loops over elements. Where the steps don't end up in these, the states stay as they are.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, ::1], y_bar: float64[::1], n: int64):
    ...     tape: List(float64[::1]) = list()
    ...     y: float64[::1] = 2.0 * y_bar
    ...     z: float64[::1] = y
    ...     for t in range(n):
    ...         append(tape, z)
    ...         w: float64[::1] = z * x[:, t]
    ...         z = w
    ...     for t in range(n - 1, -1, -1):
    ...         z = pop(tape)
    ...         x[:, t] = x[:, t] * z
    ... '''))
    >>> print(text(states(func, context)), end="")
    def f(x, y_bar, n):
        if y_bar.shape[0] != x.shape[0] or x.shape[0] != y_bar.shape[0]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        y = np.empty(y_bar.shape[0])
        for i in range(y_bar.shape[0]):
            y[i] = 2.0 * y_bar[i]
        tape = np.empty((max(n, 0) + 1, y_bar.shape[0]))
        for i_4 in range(y_bar.shape[0]):
            tape[0, i_4] = y[i_4]
        for t in range(n):
            for i_2 in range(y_bar.shape[0]):
                tape[t + 1, i_2] = tape[t, i_2] * x[i_2, t]
        for t_1 in range(n - 1, -1, -1):
            for i_3 in range(y_bar.shape[0]):
                x[i_3, t_1] *= tape[t_1, i_3]
    """
    if not any(_replaces(stmt) or _chooses(stmt) for stmt in statements(func.body)):
        return func
    before = func
    for with_branches in (True, False):
        left: set[str] = set()
        while True:
            own = replace(context.copy(), taken=set(context.taken))
            func = replace(before, types=own.kinds)
            tried = unstack(either(func, own), own) if with_branches else func
            chosen = (s for s in statements(tried.body) if with_branches and isinstance(s, For) and _chooses(s))
            branching = {loop.index.name for loop in chosen}
            finder = _Finder(tried, own, left)
            tried = with_body(tried, finder.block(tried.body))
            if with_branches and not branching or not finder.found | branching:
                break
            if branching and with_branches:
                tried = inward(tried, own, branching)
            late = _apart(tried, replace(own.copy(), taken=set(own.taken)), finder.found | branching)
            if not late:
                context.take(own)
                return tried
            if with_branches and late & branching or not late - left:
                break
            left |= late
    return before


def _apart(func: Func, context: Context, loops: Collection[str]) -> set[str]:
    """Return the loops, by their indices, that don't end up in loops over elements, with nothing else in them."""
    func = outward(contract(fuse(func, context), context.kinds), context)
    joined, found = columns_first(func, context, element_arrays(func, context.kinds))
    if not found:
        return set(loops)
    inner = {s.index.name for s in statements(joined.body) if isinstance(s, For) and not any(map(_is_loop, s.body))}
    return {name for name in loops if name not in inner}


def _is_loop(stmt: Stmt) -> bool:
    return isinstance(stmt, For | While)


def _replaces(stmt: Stmt) -> bool:
    return isinstance(stmt, For) and any(isinstance(each, Let) and _is_memory(each.value) for each in stmt.body)


def _is_memory(value: Expr) -> bool:
    return isinstance(value, Var) or is_empty(value)


def _chooses(stmt: Stmt) -> bool:
    """Whether there are loops over elements on the sides of a branch in a loop."""
    branches = [each for each in stmt.body if isinstance(each, If)] if isinstance(stmt, For) else []
    return any(isinstance(inner, For) for branch in branches for inner in (*branch.then, *branch.orelse))


class _Finder:
    def __init__(self, func: Func, context: Context, left: Collection[str]) -> None:
        self.context = context
        self.left = left
        self.found: set[str] = set()
        self.stock = Stock(func, context)
        self.recorder = Recorder(self.stock)

    def block(self, block: Block) -> Block:
        out = tuple(map_blocks(stmt, self.block) for stmt in block)
        for index in [stmt.index for stmt in out if isinstance(stmt, For) and _replaces(stmt)]:
            if index.name not in self.left and self.context.spans.get(index.name) is not None:
                out = self.changed(out, index)
        return out

    def changed(self, block: Block, index: Var) -> Block:
        """Return a block in which a loop, whose index is given, replaces no arrays, as far as that can be done."""
        tried: set[str] = set()
        while True:
            place = next(k for k, stmt in enumerate(block) if isinstance(stmt, For) and stmt.index == index)
            state = next((state for state in self.states(block[place]) if state.name not in tried), None)
            if state is None:
                return block
            tried.add(state.name)
            change = self.in_place if state.tape is None else self.recorder.in_array
            done = change(block, place, state)
            if done is not None:
                block = done
                self.found.add(index.name)

    def states(self, loop: Stmt) -> list[State]:
        """Return the arrays that a loop replaces."""
        if not isinstance(loop, For) or loop.until is not None or loop.parallel or loop.step not in (Lit(1), Lit(-1)):
            return []
        made = {s.target.name: s for s in loop.body if isinstance(s, Let) and self.stock.is_empty(s)}
        found: list[State] = []
        for position, stmt in enumerate(loop.body):
            match stmt:
                case Let(Var(name)) if self.stock.is_empty(stmt) and self.stock.bound[name] == 2:
                    found.append(State(name, stmt, position))
                case Let(Var(name), Var(new)) if new in made and self.stock.is_own(new, 2):
                    state = State(name, made[new], position)
                    rest = [s for s in loop.body if s is not stmt and mentions(s, name)]
                    match rest:
                        case [Effect(Call("append", (Var(tape), Var(item)))), *_] if item == name:
                            state.tape = tape
                        case _:
                            pass
                    found.append(state)
                case _:
                    pass
        return found

    # -- overwritten ---------------------------------------------------------------------------------------------

    def in_place(self, block: Block, place: int, state: State) -> Block | None:
        """Return a block in which a loop overwrites an array where it replaced it; None if that could be told."""
        loop, name, new = block[place], state.name, state.new.target.name
        assert isinstance(loop, For)
        body = loop.body
        made = [s for s in block[:place] if isinstance(s, Let) and s.target.name == name]
        if name == new:
            return self.renewed(block, place, state, made)
        shown = [s.target.name for s in body[: state.position] if isinstance(s, Let) and s.value == Var(name)]
        if len(made) != 1 or name in self.stock.params:
            return None
        if isinstance(made[0].value, Var):
            own = self.under_one_name(block, made[0])
            return None if own is None else self.in_place(own, place - 1, state)
        if not is_new_memory(made[0].value) or self.context.made.get(name) != self.context.made.get(new):
            return None
        # Where it is made and replaced, and other names for it.
        if not self.stock.is_own(name, 2 + len(shown), 2) or not all(self.stock.is_own(other, 1) for other in shown):
            return None
        if any(mentions(s, other) for s in (*block[:place], *block[place + 1 :]) for other in (new, *shown)):
            return None
        names = dict.fromkeys(shown, name)
        aliases = {id(s) for s in body[: state.position] if isinstance(s, Let) and s.value == Var(name)}
        before = rename_block(tuple(s for s in body[: state.position] if id(s) not in aliases), names)
        # Other names still mean what was there before: it stays to the end of the iteration.
        after = rename_block(body[state.position + 1 :], {**names, name: new})
        shape = self.context.made[new]
        assert shape is not None
        indices = self.context.indices(shape)
        copied = Store(Var(name), indices, Call("getitem", (Var(new), *indices)), state.new.loc)
        body = (*before, *after, *self.context.nest(indices, shape, (copied,)))
        return (*block[:place], replace(loop, body=body), *block[place + 1 :])

    def under_one_name(self, block: Block, shown: Let) -> Block | None:
        """Return a block without a statement that gives an array a second name, if the first one isn't used then."""
        name, source = shown.target.name, names_in(shown.value)[0]
        at = next(place for place, stmt in enumerate(block) if stmt is shown)
        made = [stmt for stmt in block[:at] if isinstance(stmt, Let) and stmt.target.name == source]
        if len(made) != 1 or not is_new_memory(made[0].value):
            return None
        if not self.stock.is_own(source, 2) or any(mentions(s, source) for s in block[at + 1 :]):
            return None
        if self.context.made.setdefault(name, self.context.made.get(source)) != self.context.made.get(source):
            return None
        return (*rename_block(block[:at], {source: name}), *block[at + 1 :])

    def renewed(self, block: Block, place: int, state: State, made: Sequence[Let]) -> Block | None:
        """Return a block in which a loop goes on with the memory of an array, where it took new memory."""
        loop, name = block[place], state.name
        assert isinstance(loop, For)
        if len(made) != 1 or not is_new_memory(made[0].value):
            return None
        sizes = items_of(made[0].value.args[0])
        same = isinstance(state.new.value, Call) and sizes == items_of(state.new.value.args[0])
        moving = {var.name for stmt in statements((loop,)) for var in bound(stmt)}
        if not same or not self.stock.is_own(name, 2, 2) or moving & set(names_in(state.new.value)):
            return None
        body = (*loop.body[: state.position], *loop.body[state.position + 1 :])
        return (*block[:place], replace(loop, body=body), *block[place + 1 :])
