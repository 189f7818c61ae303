"""Without its jumps a function still is Python, and computes the same."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import gast
import pytest

from adjoint.frontend.jumps import flag_of, remove_jumps
from adjoint.frontend.source import read
from tests.cases import frontend_cases, frontend_traps
from tests.frontend.test_values import same

CASES = [
    (fun, args)
    for fun, args in [*frontend_cases.CASES, *frontend_traps.CASES]
    if inspect.isfunction(fun) and fun.__closure__ is None and fun.__name__ != "<lambda>"
]


def plain(fun: Callable[..., Any]) -> gast.FunctionDef:
    return remove_jumps(read(fun).tree)


@pytest.mark.parametrize(("fun", "args"), CASES, ids=lambda part: getattr(part, "__name__", ""))
def test_the_same_without_jumps(fun: Any, args: tuple[Any, ...]) -> None:
    tree = plain(fun)
    module = ast.fix_missing_locations(ast.Module([gast.gast_to_ast(tree)], []))
    space: dict[str, Any] = {}
    exec(compile(module, "<plain>", "exec"), fun.__globals__, space)
    rewritten = space[fun.__name__]
    rewritten.__defaults__, rewritten.__kwdefaults__ = fun.__defaults__, fun.__kwdefaults__
    same(fun(*copy.deepcopy(args)), rewritten(*copy.deepcopy(args)))


@pytest.mark.parametrize(("fun", "args"), CASES, ids=lambda part: getattr(part, "__name__", ""))
def test_no_jumps_are_left(fun: Any, args: tuple[Any, ...]) -> None:
    tree = plain(fun)
    assert isinstance(tree.body[-1], gast.Return)
    allowed = {id(tree.body[-1])}
    for node in _own(tree):
        if isinstance(node, gast.For | gast.While):
            assert not node.orelse
            if flag_of(node.body)[1] is not None:
                allowed.add(id(node.body[-1].body[0]))
    for node in _own(tree):
        if isinstance(node, gast.Return | gast.Break | gast.Continue | gast.Try):
            assert id(node) in allowed, ast.dump(node)


def _own(tree: Any) -> Any:
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, gast.FunctionDef | gast.Lambda):
            yield child
            yield from _own(child)


def leaves(x):
    for v in x:
        if v > 1:
            break
        s = v
    return s


def falls_through_both(x):
    for v in x:
        if v > 1:
            if v > 2:
                continue
            s = 1
        else:
            s = 2
        t = s
    return t


def returns_early(x):
    if x > 1:
        return 1
    for v in x:
        if v:
            return v
    return 2


TEXTS = {
    leaves: """
        def leaves(x):
            for v in x:
                leave = False
                if v > 1:
                    leave = True
                else:
                    s = v
                if leave:
                    break
            return s
    """,
    falls_through_both: """
        def falls_through_both(x):
            for v in x:
                skip = False
                if v > 1:
                    if v > 2:
                        skip = True
                    else:
                        s = 1
                else:
                    s = 2
                if not skip:
                    t = s
            return t
    """,
    returns_early: """
        def returns_early(x):
            if x > 1:
                result = 1
            else:
                returned = False
                for v in x:
                    returned = False
                    if v:
                        result = v
                        returned = True
                    if returned:
                        break
                if returned:
                    pass
                else:
                    result = 2
            return result
    """,
}


@pytest.mark.parametrize(("fun", "text"), TEXTS.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_text(fun: Any, text: str) -> None:
    tree = plain(fun)
    module = ast.fix_missing_locations(ast.Module([gast.gast_to_ast(tree)], []))
    assert ast.unparse(module) == textwrap.dedent(text).strip()
