"""Lists of numbers that each iteration fills and empties are made once, and filled again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Effect, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, mentioned_within, mentions_of, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.subset import number
from adjoint.rules.numba_types import Type, is_number, types


def refill(func: Func, context: Context) -> Func:
    """Make a list of numbers before the loops in which statements append to it, and pop: a number says how full it is.

    Nobody knows how often a `while` loop runs, so that its tapes are lists. To make one costs as much as a few dozen
    iterations, and so does making it longer and shorter again.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], x_bar: float64[:], n: int64):
    ...     for i in range(n):
    ...         tape: List(float64) = list()
    ...         s: float64 = x[i]
    ...         while s < 2.0:
    ...             append(tape, s)
    ...             s = s * s
    ...         s_bar: float64 = 1.0
    ...         for k in range(n):
    ...             s = pop(tape)
    ...             s_bar = s_bar * (2.0 * s)
    ...         x_bar[i] = s_bar
    ... ''')
    >>> print(text(refill(before, Context.of(before))), end="")
    def f(x, x_bar, n):
        tape = [0.0]
        for i in range(n):
            tape_filled = 0
            s = x[i]
            while s < 2.0:
                if tape_filled == len(tape):
                    tape.append(s)
                else:
                    tape[tape_filled] = s
                tape_filled += 1
                s *= s
            s_bar = 1.0
            for k in range(n):
                tape_filled -= 1
                s = tape[tape_filled]
                s_bar *= 2.0 * s
            x_bar[i] = s_bar
    """
    lists = _stacks(func, context)
    if not lists:
        return func
    filled = {name: context.fresh(f"{name}_filled", types.int64, f"{name}_filled") for name in lists}
    made = (Let(Var(name), Call("list", (number(0.0, context.kinds[name].dtype),))) for name in lists)
    return with_body(func, (*made, *_refilled(func.body, filled)))


def _stacks(func: Func, context: Context) -> list[str]:
    """Return the lists of numbers, made in loops, of which nothing but what is on top of them is used."""
    everything = list(statements(func.body))
    around = [stmt for stmt in everything if isinstance(stmt, For | While)]
    inside = {name for loop in around for stmt in loop.body if (name := _made(stmt)) is not None}
    apart = {name for loop in around if isinstance(loop, For) and loop.parallel for name in mentioned_within(loop)}
    uses, known = mentions_of(func), Counter(map(_use, everything))
    found: list[str] = []
    for name in dict.fromkeys(name for stmt in everything if (name := _made(stmt)) in inside):
        kind: Type = context.kinds.get(name)
        if isinstance(kind, types.List) and is_number(kind.dtype) and known[name] == uses[name] and name not in apart:
            found.append(name)
    return found


def _made(stmt: Stmt) -> str | None:
    match stmt:
        case Let(Var(name), Call("list", ())):
            return name
        case _:
            return None


def _use(stmt: Stmt) -> str | None:
    """Return the list that a statement makes, appends a number to, or pops one from."""
    match stmt:
        case Effect(Call("append", (Var(name), _))) | Let(_, Call("pop", (Var(name),))):
            return name
        case _:
            return _made(stmt)


def _refilled(block: Block, filled: Mapping[str, Var]) -> Block:
    return tuple(new for stmt in block for new in _stmt(map_blocks(stmt, lambda b: _refilled(b, filled)), filled))


def _stmt(stmt: Stmt, filled: Mapping[str, Var]) -> Iterator[Stmt]:
    name = _use(stmt)
    if name is None or name not in filled:
        yield stmt
        return
    stack, count = Var(name), filled[name]
    match stmt:
        case Effect(Call(_, (_, value)), loc):
            full = Call("eq", (count, Call("len", (stack,))))
            yield If(full, (stmt,), (Store(stack, (count,), value, loc),), loc=loc)
            yield Accum(count, (), Lit(1), loc)
        case Let(_, Call("pop"), loc):
            yield Accum(count, (), Lit(-1), loc)
            yield replace(stmt, value=Call("getitem", (stack, count)))
        case _:
            yield Let(count, Lit(0))
