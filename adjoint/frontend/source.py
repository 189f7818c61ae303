"""From a function object to its syntax tree, every node with its true place in the user's file."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TypeAlias, cast

import gast

from adjoint.errors import Loc, SourceError


@dataclass(frozen=True, slots=True)
class Source:
    """A function and its definition; a lambda is given the form of a `def` with one `return`."""

    fun: FunctionType
    tree: gast.FunctionDef
    file: str


def read(fun: object) -> Source:
    """Return the definition of a Python function, lambda, closure or Numba dispatcher.

    Raises
    ------
    SourceError
        If it isn't a plain function, or its source can't be found.
    """
    function = plain_function(fun)
    code = function.__code__
    _refuse_generators(function)
    module, lines = _module(code)
    found = _find_lambda(module, code) if code.co_name == "<lambda>" else _find_def(module, code)
    if not lines or found is None:
        raise SourceError(
            f"the source of `{function.__name__}` can't be read",
            help="define the function in a file or a notebook cell; source made by `exec` or typed at a prompt "
            "is not kept",
        )
    if _has_changed("".join(lines), found, code):
        raise SourceError(
            f"the file of `{function.__name__}` has changed since it was imported", help="import the module again"
        )
    tree = _convert(found)
    _refuse_star_parameters(tree, code.co_filename)
    return Source(function, tree, code.co_filename)


def plain_function(fun: object) -> FunctionType:
    """Return the Python function behind `fun`: itself, or what a Numba dispatcher compiles."""
    inner = getattr(fun, "py_func", fun)
    if isinstance(inner, FunctionType):
        return inner
    name = getattr(fun, "__qualname__", type(fun).__qualname__)
    raise SourceError(f"`{name}` is {_kind(inner)}, not a Python function", help="pass a `def` function or a lambda")


def _kind(obj: object) -> str:
    if inspect.isclass(obj):
        return "a class"
    if inspect.ismethod(obj):
        return "a bound method"
    if inspect.isbuiltin(obj) or type(obj).__name__ == "ufunc":
        return "written in C"
    return f"an object of type `{type(obj).__name__}`"


def _refuse_generators(function: FunctionType) -> None:
    kinds = (
        (inspect.CO_GENERATOR, "a generator function"),
        (inspect.CO_ASYNC_GENERATOR, "an asynchronous generator function"),
        (inspect.CO_COROUTINE, "an `async` function"),
    )
    code = function.__code__
    for flag, kind in kinds:
        if code.co_flags & flag:
            loc = Loc(code.co_filename, code.co_firstlineno)
            raise SourceError(
                f"`{function.__name__}` is {kind}", loc, help="write a plain function that returns its result"
            )


def _refuse_star_parameters(tree: gast.FunctionDef, file: str) -> None:
    for star, param in (("*", tree.args.vararg), ("**", tree.args.kwarg)):
        if param is not None:
            raise SourceError(f"the parameter `{star}{param.id}`", loc_of(param, file), help="name every parameter")


def _module(code: CodeType) -> tuple[ast.Module, list[str]]:
    """Return the whole file as a tree. Whole, since lambdas can't be cut out of their line."""
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    try:
        return _parse("".join(lines)), lines
    except SyntaxError:
        return ast.Module([], []), []


@functools.lru_cache(maxsize=32)
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


@functools.lru_cache(maxsize=32)
def _compiled(text: str, file: str) -> dict[tuple[str, int], list[CodeType]]:
    """Return all code objects of a file as it is now, by name and line."""
    found: dict[tuple[str, int], list[CodeType]] = {}
    waiting: list[CodeType] = [compile(text, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
    return found


def _has_changed(text: str, node: ast.FunctionDef, code: CodeType) -> bool:
    """Say whether the text is no longer what `code` was compiled from.

    Import hooks that rewrite `assert`, as pytest's does, are no change.
    """
    if any(isinstance(each, ast.Assert) for each in ast.walk(node)):
        return False
    now = _compiled(text, code.co_filename).get((code.co_name, code.co_firstlineno), [])
    return not any(_same_code(each, code) for each in now)


def _same_code(first: CodeType, second: CodeType) -> bool:
    plain = [[c for c in code.co_consts if not isinstance(c, CodeType)] for code in (first, second)]
    return (
        first.co_code == second.co_code
        and first.co_names == second.co_names
        and first.co_varnames == second.co_varnames
        and repr(plain[0]) == repr(plain[1])
    )


def _find_def(module: ast.Module, code: CodeType) -> ast.FunctionDef | None:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno and _same_parameters(node.args, code):
                return node
    return None


def _same_parameters(args: ast.arguments, code: CodeType) -> bool:
    """Notice a file that was edited after it was imported."""
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return names == list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _find_lambda(module: ast.Module, code: CodeType) -> ast.FunctionDef | None:
    """Find the lambda whose body spans the positions of the code; several may share a line."""
    candidates = [
        (node, name)
        for node, name in _lambdas(module)
        if node.lineno == code.co_firstlineno and _same_parameters(node.args, code)
    ]
    if len(candidates) > 1:
        spans = _spans(code)
        candidates = [found for found in candidates if _covers(found[0].body, spans)]
    if not candidates:
        return None
    return _as_def(*min(candidates, key=lambda found: _extent(found[0].body)))


def _lambdas(module: ast.Module) -> Iterator[tuple[ast.Lambda, str]]:
    """Yield every lambda with its name: that of the variable it is assigned to."""
    names: dict[ast.AST, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.value] = node.targets[0].id
        if isinstance(node, ast.Lambda):
            yield node, names.get(node, "function")


Span: TypeAlias = tuple[int, int, int, int]


def _spans(code: CodeType) -> list[Span]:
    """Return line, end line, column and end column of every instruction that has them."""
    return [cast("Span", place) for place in code.co_positions() if None not in place and place[3]]


def _covers(body: ast.expr, spans: list[Span]) -> bool:
    """Say whether the instructions lie in `body` and reach its end."""
    if not spans:
        return False
    start, end = min((s[0], s[2]) for s in spans), max((s[1], s[3]) for s in spans)
    return start >= (body.lineno, body.col_offset) and end == (body.end_lineno, body.end_col_offset)


def _extent(node: ast.expr) -> tuple[int, int]:
    lines = (node.end_lineno or node.lineno) - node.lineno
    return lines, (node.end_col_offset or 0) - node.col_offset


def _as_def(node: ast.Lambda, name: str) -> ast.FunctionDef:
    body = ast.copy_location(ast.Return(node.body), node.body)
    made = ast.FunctionDef(name=name, args=node.args, body=[body], decorator_list=[], returns=None, type_comment=None)
    return ast.copy_location(made, node)


def _convert(node: ast.FunctionDef) -> gast.FunctionDef:
    tree = cast("gast.FunctionDef", gast.ast_to_gast(node))
    tree.decorator_list = []
    return tree


def loc_of(node: ast.AST, file: str) -> Loc:
    """Return where a node stands; columns count characters, from 1."""
    line, end_line = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 0
    column = _characters(file, line, getattr(node, "col_offset", 0))
    end_column = _characters(file, end_line, getattr(node, "end_col_offset", None) or 0) if end_line else 0
    return Loc(file, line, column + 1, end_line, end_column + 1 if end_line else 0)


def _characters(file: str, line: int, offset: int) -> int:
    """Turn an offset in bytes of UTF-8, which is what `ast` counts, into one in characters."""
    text = linecache.getline(file, line)
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
