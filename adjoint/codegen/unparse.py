"""Python AST -> text, as a person with a formatter would have written it.

`astunparse` brackets every operation, brackets slices (which is a syntax error) and has no comments. `_Writer` keeps
its traversal and its statements, and writes expressions itself. Lines are never wrapped.

The contract is the round trip: `ast.dump(ast.parse(unparse(tree))) == ast.dump(tree)`, for every tree without
`Comment` nodes and without constants that have no literal (infinities, NaN, negative numbers).
"""

from __future__ import annotations

import ast
import importlib
import io
from collections.abc import Sequence
from typing import Any, cast

# astunparse has no types; this line and the base class below are the only places that see it.
_Unparser: Any = importlib.import_module("astunparse.unparser").Unparser


class Comment(ast.stmt):
    """A line of text for the reader; not part of Python's grammar, so it vanishes when the text is parsed."""

    _fields = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def unparse(tree: ast.AST) -> str:
    """Return the text of a module, a statement or an expression; statements end with a newline.

    >>> print(unparse(ast.parse("y = ((a + b) * c) ** (- 2)\\nu = v[1:-1, n + 1:]")), end="")
    y = ((a + b) * c) ** -2
    u = v[1:-1, n + 1 :]
    """
    out = io.StringIO()
    _Writer(tree, out)
    text = out.getvalue().strip("\n")
    return text if isinstance(tree, ast.expr) else text + "\n"


# Binding strength of an expression, from the grammar of Python; an operand weaker than its place is bracketed.
_TEST, _OR, _AND, _NOT, _COMPARE, _BIT_OR, _BIT_XOR, _BIT_AND, _SHIFT, _SUM, _TERM, _FACTOR, _POWER, _ATOM = range(14)

_OPERATOR: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("-", _SUM),
    ast.Mult: ("*", _TERM),
    ast.MatMult: ("@", _TERM),
    ast.Div: ("/", _TERM),
    ast.FloorDiv: ("//", _TERM),
    ast.Mod: ("%", _TERM),
    ast.Pow: ("**", _POWER),
    ast.LShift: ("<<", _SHIFT),
    ast.RShift: (">>", _SHIFT),
    ast.BitOr: ("|", _BIT_OR),
    ast.BitXor: ("^", _BIT_XOR),
    ast.BitAnd: ("&", _BIT_AND),
}

_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not "}


def _strength(node: ast.expr) -> int:
    match node:
        case ast.BinOp(op=op):
            return _OPERATOR[type(op)][1]
        case ast.UnaryOp(op=op):
            return _NOT if isinstance(op, ast.Not) else _FACTOR
        case ast.BoolOp(op=op):
            return _OR if isinstance(op, ast.Or) else _AND
        case ast.Compare():
            return _COMPARE
        case ast.IfExp() | ast.Lambda():
            return _TEST
        case ast.Constant(value=value) if _is_negative(value):
            return _FACTOR
        case ast.Constant(value=complex() as value) if value.real != 0.0:
            return _SUM
        case _:
            # `_Tuple` and the methods inherited from astunparse (`:=`, `yield`, `await`) write their own brackets.
            return _ATOM


def _is_negative(value: object) -> bool:
    return isinstance(value, int | float | complex) and repr(value).startswith("-")


def _is_simple(node: ast.expr | None) -> bool:
    """Whether formatters leave no spaces around a `:` beside the expression."""
    match node:
        case None | ast.Name() | ast.Constant():
            return True
        case ast.UnaryOp(op=op, operand=operand):
            return not isinstance(op, ast.Not) and _is_simple(operand)
        case _:
            return False


def _is_tight(node: ast.expr) -> bool:
    """Whether formatters leave no spaces around a `**` beside the expression."""
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return not isinstance(left, ast.UnaryOp | ast.BinOp) and _is_tight(left) and _is_tight(right)
        case ast.Attribute(value=value):
            return _is_tight(value)
        case _:
            return _is_simple(node)


def _string(value: str) -> str:
    text = repr(value)
    if text.startswith("'") and '"' not in value:
        return f'"{text[1:-1]}"'
    return text


def _docstring(value: str) -> str:
    """Return a triple-quoted literal that keeps line breaks; an ordinary one where something can't stand as it is."""
    if not value.replace("\n", "").isprintable():
        return _string(value)
    text = value.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text[:-1]}\\""""' if text.endswith('"') else f'"""{text}"""'


def _is_docstring(stmt: ast.stmt) -> bool:
    return isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant) and isinstance(stmt.value.value, str)


def _blank_lines(before: ast.stmt, after: ast.stmt, *, top: bool) -> int:
    """Return the number of empty lines between two neighbouring statements."""
    definition = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    if isinstance(before, Comment):
        return 0
    if isinstance(before, definition) or isinstance(after, definition):
        return 2 if top else 1
    if not top:
        return 0
    imports = (ast.Import, ast.ImportFrom)
    return int(_is_docstring(before) or isinstance(before, imports) != isinstance(after, imports))


class _Writer(_Unparser):
    """Finds the method for a node by its class name, as `astunparse` does: `_BinOp` writes an `ast.BinOp`."""

    # Statements

    def _Module(self, tree: ast.Module) -> None:
        self._statements(tree.body, top=True)

    def _statements(self, body: Sequence[ast.stmt], *, top: bool = False) -> None:
        for position, stmt in enumerate(body):
            if position > 0:
                self.write("\n" * _blank_lines(body[position - 1], stmt, top=top))
            if position == 0 and _is_docstring(stmt):
                constant = cast("ast.Constant", cast("ast.Expr", stmt).value)
                self.fill(_docstring(cast("str", constant.value)))
            else:
                self.dispatch(stmt)

    def _suite(self, body: Sequence[ast.stmt]) -> None:
        self.enter()
        self._statements(body)
        if all(isinstance(stmt, Comment) for stmt in body):
            self.fill("pass")
        self.leave()

    def _Comment(self, node: Comment) -> None:
        for line in node.text.split("\n"):
            self.fill(f"# {line}".rstrip())

    def _Expr(self, node: ast.Expr) -> None:
        self.fill()
        self._expression(node.value, _TEST)

    def _Assign(self, node: ast.Assign) -> None:
        self.fill()
        for target in node.targets:
            self._maybe_bare_tuple(target)
            self.write(" = ")
        self._maybe_bare_tuple(node.value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        self.fill()
        self._expression(node.target, _ATOM)
        self.write(f" {_OPERATOR[type(node.op)][0]}= ")
        self._expression(node.value, _TEST)

    def _Return(self, node: ast.Return) -> None:
        self.fill("return")
        if node.value is not None:
            self.write(" ")
            self._maybe_bare_tuple(node.value)

    def _If(self, node: ast.If, keyword: str = "if") -> None:
        self.fill(f"{keyword} ")
        self._expression(node.test, _TEST)
        self._suite(node.body)
        match node.orelse:
            case []:
                pass
            case [ast.If() as inner]:
                self._If(inner, "elif")
            case orelse:
                self.fill("else")
                self._suite(orelse)

    def _For(self, node: ast.For) -> None:
        self.fill("for ")
        self._maybe_bare_tuple(node.target)
        self.write(" in ")
        self._expression(node.iter, _TEST)
        self._loop_suites(node.body, node.orelse)

    def _While(self, node: ast.While) -> None:
        self.fill("while ")
        self._expression(node.test, _TEST)
        self._loop_suites(node.body, node.orelse)

    def _loop_suites(self, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        self._suite(body)
        if orelse:
            self.fill("else")
            self._suite(orelse)

    def _FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self.fill("@")
            self.dispatch(decorator)
        self.fill(f"def {node.name}(")
        self.dispatch(node.args)
        self.write(")")
        if node.returns is not None:
            self.write(" -> ")
            self.dispatch(node.returns)
        self._suite(node.body)

    # Expressions

    def _expression(self, node: ast.expr, place: int) -> None:
        """Write an operand, in brackets if it binds less strongly than its place demands."""
        if _strength(node) < place:
            self.write("(")
            self.dispatch(node)
            self.write(")")
        else:
            self.dispatch(node)

    def _separated(self, nodes: Sequence[ast.expr], place: int = _TEST, separator: str = ", ") -> None:
        for position, node in enumerate(nodes):
            self.write(separator if position > 0 else "")
            self._expression(node, place)

    def _BinOp(self, node: ast.BinOp) -> None:
        symbol, own = _OPERATOR[type(node.op)]
        space = " "
        if isinstance(node.op, ast.Pow):
            # `**` binds to the right, less strongly than a sign on its right and more than one on its left.
            left, right = own + 1, _FACTOR
            space = "" if _is_tight(node) else " "
        else:
            left, right = own, own + 1
        self._expression(node.left, left)
        self.write(f"{space}{symbol}{space}")
        self._expression(node.right, right)

    def _UnaryOp(self, node: ast.UnaryOp) -> None:
        self.write(_UNARY[type(node.op)])
        # `-a**b` is `-(a**b)`, and few readers are sure of it.
        power = _strength(node) == _FACTOR and _strength(node.operand) == _POWER
        self._expression(node.operand, _ATOM if power else _strength(node))

    def _BoolOp(self, node: ast.BoolOp) -> None:
        word = " or " if isinstance(node.op, ast.Or) else " and "
        self._separated(node.values, _strength(node) + 1, word)

    def _Compare(self, node: ast.Compare) -> None:
        self._expression(node.left, _BIT_OR)
        for op, right in zip(node.ops, node.comparators, strict=True):
            self.write(f" {self.cmpops[type(op).__name__]} ")
            self._expression(right, _BIT_OR)

    def _IfExp(self, node: ast.IfExp) -> None:
        self._expression(node.body, _OR)
        self.write(" if ")
        self._expression(node.test, _OR)
        self.write(" else ")
        self._expression(node.orelse, _TEST)

    def _Lambda(self, node: ast.Lambda) -> None:
        self.write("lambda ")
        self.dispatch(node.args)
        self.write(": ")
        self._expression(node.body, _TEST)

    def _Attribute(self, node: ast.Attribute) -> None:
        whole_number = isinstance(node.value, ast.Constant) and type(node.value.value) is int
        self._expression(node.value, _ATOM + whole_number)
        self.write(f".{node.attr}")

    def _Call(self, node: ast.Call) -> None:
        self._expression(node.func, _ATOM)
        self.write("(")
        self._separated(node.args)
        for position, keyword in enumerate(node.keywords):
            self.write(", " if position > 0 or node.args else "")
            self.dispatch(keyword)
        self.write(")")

    def _keyword(self, node: ast.keyword) -> None:
        self.write("**" if node.arg is None else f"{node.arg}=")
        self._expression(node.value, _TEST)

    def _Starred(self, node: ast.Starred) -> None:
        self.write("*")
        self._expression(node.value, _BIT_OR)

    def _Subscript(self, node: ast.Subscript) -> None:
        self._expression(node.value, _ATOM)
        self.write("[")
        match node.slice:
            case ast.Tuple(elts=[only]):
                self._expression(only, _TEST)
                self.write(",")
            case index:
                self._maybe_bare_tuple(index)
        self.write("]")

    def _Slice(self, node: ast.Slice) -> None:
        space = "" if all(map(_is_simple, (node.lower, node.upper, node.step))) else " "
        if node.lower is not None:
            self._expression(node.lower, _TEST)
            self.write(space)
        self.write(":")
        if node.upper is not None:
            self.write(space)
            self._expression(node.upper, _TEST)
        if node.step is not None:
            self.write(f"{space if node.upper is not None else ''}:{space}")
            self._expression(node.step, _TEST)

    def _maybe_bare_tuple(self, node: ast.expr) -> None:
        """Write an expression where a tuple of two or more items needs no brackets."""
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            self._separated(node.elts)
        else:
            self._expression(node, _TEST)

    def _Tuple(self, node: ast.Tuple) -> None:
        self.write("(")
        self._separated(node.elts)
        self.write(",)" if len(node.elts) == 1 else ")")

    def _comprehension(self, node: ast.comprehension) -> None:
        self.write(" async for " if node.is_async else " for ")
        self._maybe_bare_tuple(node.target)
        self.write(" in ")
        self._expression(node.iter, _OR)
        for test in node.ifs:
            self.write(" if ")
            self._expression(test, _OR)

    def _List(self, node: ast.List) -> None:
        self.write("[")
        self._separated(node.elts)
        self.write("]")

    def _Constant(self, node: ast.Constant) -> None:
        value: object = node.value
        match value:
            case str():
                self.write(_string(value))
            case complex() if value.real != 0.0:
                self.write(repr(value)[1:-1])
            case _:
                _Unparser._Constant(self, node)

    def _JoinedStr(self, node: ast.JoinedStr) -> None:
        self.write(ast.unparse(node))
