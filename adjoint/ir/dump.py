"""A compact textual form of programs, for tests and for `.inspect`."""

from __future__ import annotations

from adjoint.ir.nodes import (
    Accum,
    Block,
    Call,
    Carry,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Return,
    Stmt,
    Store,
    Var,
    While,
)


def dump(func: Func) -> str:
    """Return a program as text, one statement a line; SSA merges are shown in brackets."""
    params = ", ".join(p.name if p.default is None else f"{p.name}={expr_text(p.default)}" for p in func.params)
    return "\n".join([f"func {func.name}({params})", *_block(func.body, 1)]) + "\n"


def expr_text(expr: Expr | None) -> str:
    """Return an expression in function-call notation."""
    match expr:
        case None:
            return "unbound"
        case Var(name):
            return name
        case Lit(value):
            return repr(value)
        case Call(prim, args, kwargs):
            parts = [*map(expr_text, args), *(f"{name}={expr_text(value)}" for name, value in kwargs)]
            return f"{prim}({', '.join(parts)})"


def _block(block: Block, depth: int) -> list[str]:
    return [line for stmt in block for line in _stmt(stmt, depth)]


def _stmt(stmt: Stmt, depth: int) -> list[str]:
    pad = "    " * depth
    match stmt:
        case Let(target, value):
            return [f"{pad}{target.name} = {expr_text(value)}"]
        case Store(array, index, value):
            return [f"{pad}{array.name}[{_index(index)}] = {expr_text(value)}"]
        case Accum(target, index, value):
            place = f"{target.name}[{_index(index)}]" if index else target.name
            return [f"{pad}{place} += {expr_text(value)}"]
        case For(index, start, stop, step, body, carried, until):
            bounds = ", ".join(map(expr_text, (start, stop, step)))
            kind = "parfor" if stmt.parallel else "for"
            head = f"{pad}{kind} {index.name} in range({bounds}){_carried(carried)}{_until(until)}"
            return [head, *_block(body, depth + 1)]
        case While(cond, body, carried, until):
            return [f"{pad}while {expr_text(cond)}{_carried(carried)}{_until(until)}", *_block(body, depth + 1)]
        case If(cond, then, orelse, merges):
            merged = ", ".join(f"{m.target.name} = {expr_text(m.then)} | {expr_text(m.orelse)}" for m in merges)
            tail = [f"{pad}else", *_block(orelse, depth + 1)] if orelse else []
            return [f"{pad}if {expr_text(cond)}{f' [{merged}]' if merged else ''}", *_block(then, depth + 1), *tail]
        case Effect(value):
            return [f"{pad}{expr_text(value)}"]
        case Comment(text):
            return [f"{pad}# {text}"]
        case Return(value):
            return [f"{pad}return {expr_text(value)}"]


def _index(index: tuple[Expr, ...]) -> str:
    return ", ".join(map(expr_text, index))


def _carried(carried: tuple[Carry, ...]) -> str:
    text = ", ".join(f"{c.phi.name} = {expr_text(c.init)} | {expr_text(c.next)}" for c in carried)
    return f" [{text}]" if text else ""


def _until(until: Var | None) -> str:
    return f" until {until.name}" if until is not None else ""
