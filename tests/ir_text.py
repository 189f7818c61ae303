"""Programs of the imperative IR, written as Python text for tests.

    func = parse('''
    def f(x: float64[:], n: int64):
        s: float64 = 0.0
        for i in range(n):
            s += mul(x[i], 2.0)
        return s
    ''')

Statements mean what they look like: `a = e` is a Let, `a[i] = e` a Store, `a += e` and `a[i] += e` are Accums,
`a, b = b, a` is the parallel `move`, a call on its own line is an Effect, a string on its own line is a Comment.
`range(n, until=done)` and `while until(cond, done):` give loops a flag, `prange` makes them parallel.
Operators, subscripts and conditional expressions become calls; `ref.f(x)` is `ref:f(x)`, `const.A` is `const:A()`.

Annotations give Numba types; `types` gives more of them, as text or as type, and `default` types every other name.
A name `x_3` has the hint `x`, `_3` has none, all others hint at themselves; `hints` overrides this.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping

import numba
from numba import types as nb

from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Param,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import bound, names_in, operands, statements

OPERATORS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.USub: "neg", ast.UAdd: "pos", ast.Not: "not", ast.Invert: "invert",
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne", ast.Is: "is",
    ast.IsNot: "is_not", ast.In: "in", ast.And: "and", ast.Or: "or",
}  # fmt: skip


def parse(
    text: str,
    *,
    types: Mapping[str, object] | None = None,
    default: object = None,
    hints: Mapping[str, str] | None = None,
) -> Func:
    """Read one function."""
    (tree,) = ast.parse(textwrap.dedent(text)).body
    assert isinstance(tree, ast.FunctionDef)
    reader = _Reader()
    for arg in tree.args.args:
        reader.annotate(arg.arg, arg.annotation)
    params = tuple(Param(arg.arg) for arg in tree.args.args)
    body = reader.block(tree.body)
    found = {name: _type(kind) for name, kind in (types or {}).items()}
    names = dict.fromkeys([p.name for p in params] + [name for stmt in statements(body) for name in _mentioned(stmt)])
    rest = dict.fromkeys(names, _type(default)) if default is not None else {}
    all_hints = {name: hint for name in names if (hint := natural_hint(name)) is not None} | dict(hints or {})
    return Func(tree.name, params, body, hints=all_hints, types=rest | reader.types | found)


def natural_hint(name: str) -> str | None:
    match = re.fullmatch(r"(.*?)_\d+", name)
    return name if match is None else match[1] or None


def _mentioned(stmt: Stmt) -> list[str]:
    return [v.name for v in bound(stmt)] + [name for expr in operands(stmt) for name in names_in(expr)]


def _type(kind: object) -> object:
    return eval(kind, dict(vars(nb))) if isinstance(kind, str) else kind


class _Reader:
    def __init__(self) -> None:
        self.types: dict[str, object] = {}

    def annotate(self, name: str, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self.types[name] = _type(ast.unparse(annotation))

    def block(self, nodes: list[ast.stmt]) -> Block:
        return tuple(stmt for node in nodes for stmt in self.stmt(node))

    def stmt(self, node: ast.stmt) -> list[Stmt]:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                self.annotate(name, annotation)
                return [] if value is None else [Let(Var(name), expr(value))]
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pair = (Call("tuple", tuple(map(expr, targets))), Call("tuple", tuple(map(expr, values))))
                return [Effect(Call("move", pair))]
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return [Let(Var(name), expr(value))]
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=index)], value=value):
                return [Store(Var(name), indices(index), expr(value))]
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                return [Accum(Var(name), (), expr(value))]
            case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name), slice=index), op=ast.Add(), value=value):
                return [Accum(Var(name), indices(index), expr(value))]
            case ast.For(target=ast.Name(id=name), iter=ast.Call() as call, body=body):
                return [self.loop(name, call, body)]
            case ast.While(test=ast.Call(func=ast.Name(id="until"), args=[cond, ast.Name(id=flag)]), body=body):
                return [While(expr(cond), self.block(body), until=Var(flag))]
            case ast.While(test=cond, body=body):
                return [While(expr(cond), self.block(body))]
            case ast.If(test=cond, body=then, orelse=orelse):
                return [If(expr(cond), self.block(then), self.block(orelse))]
            case ast.Expr(value=ast.Constant(value=str(text))):
                return [Comment(text)]
            case ast.Expr(value=value):
                call = expr(value)
                assert isinstance(call, Call)
                return [Effect(call)]
            case ast.Return(value=value):
                return [Return(Lit(None) if value is None else expr(value))]
            case ast.Pass():
                return []
            case _:
                raise SyntaxError(ast.unparse(node))

    def loop(self, name: str, call: ast.Call, body: list[ast.stmt]) -> For:
        assert isinstance(call.func, ast.Name)
        match list(map(expr, call.args)):
            case [stop]:
                bounds = (Lit(0), stop, Lit(1))
            case [start, stop]:
                bounds = (start, stop, Lit(1))
            case [start, stop, step]:
                bounds = (start, stop, step)
            case _:
                raise SyntaxError(ast.unparse(call))
        flags = [Var(ast.unparse(keyword.value)) for keyword in call.keywords]
        parallel = call.func.id == "prange"
        until = flags[0] if flags else None
        self.types.setdefault(name, numba.int64)
        return For(Var(name), *bounds, self.block(body), until=until, parallel=parallel)


def expr(node: ast.expr) -> Expr:
    match node:
        case ast.Name(id=name):
            return Var(name)
        case ast.Constant(value=value):
            return Lit(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() | complex() as value)):
            return Lit(-value)
        case ast.UnaryOp(op=op, operand=operand):
            return Call(OPERATORS[type(op)], (expr(operand),))
        case ast.BinOp(left=left, op=op, right=right):
            return Call(OPERATORS[type(op)], (expr(left), expr(right)))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return Call(OPERATORS[type(op)], (expr(left), expr(right)))
        case ast.BoolOp(op=op, values=[left, right]):
            return Call(OPERATORS[type(op)], (expr(left), expr(right)))
        case ast.IfExp(test=cond, body=then, orelse=orelse):
            return Call("select", (expr(cond), expr(then), expr(orelse)))
        case ast.Subscript(value=value, slice=index):
            return Call("getitem", (expr(value), *indices(index)))
        case ast.Tuple(elts=elts):
            return Call("tuple", tuple(map(expr, elts)))
        case ast.List(elts=elts):
            return Call("list", tuple(map(expr, elts)))
        case ast.Attribute(value=ast.Name(id="const"), attr=name):
            return Call(f"const:{name}")
        case ast.Call(func=func, args=args, keywords=keywords):
            prim = re.sub(r"^ref\.", "ref:", ast.unparse(func))
            return Call(prim, tuple(map(expr, args)), tuple((k.arg or "", expr(k.value)) for k in keywords))
        case _:
            raise SyntaxError(ast.unparse(node))


def indices(node: ast.expr) -> tuple[Expr, ...]:
    return tuple(map(_index, node.elts)) if isinstance(node, ast.Tuple) else (_index(node),)


def _index(node: ast.expr) -> Expr:
    if not isinstance(node, ast.Slice):
        return expr(node)
    parts = (node.lower, node.upper, node.step)
    return Call("slice", tuple(Lit(None) if part is None else expr(part) for part in parts))
