"""Which names a text needs from its module."""

from __future__ import annotations

import ast
from typing import cast
from weakref import WeakKeyDictionary

from adjoint.codegen.calls import Name

# Asked of each function by itself, and of the module that it becomes part of.
_KNOWN: WeakKeyDictionary[ast.AST, frozenset[str]] = WeakKeyDictionary()


def module_names(*trees: ast.AST) -> frozenset[str]:
    """Return the names that texts need from their module or from the builtins; their trees don't change any more."""
    return frozenset[str]().union(*map(_names_of, trees))


def _names_of(tree: ast.AST) -> frozenset[str]:
    if tree in _KNOWN:
        return _KNOWN[tree]
    found: set[str] = set()
    ahead = [tree]
    while ahead:
        node = ahead.pop()
        if isinstance(node, Name):
            found.add(node.id)
            continue
        for part in vars(node).values():
            if isinstance(part, ast.AST):
                if vars(part):  # a `Load` has nothing in it, nor an operator
                    ahead.append(part)
            elif isinstance(part, list):
                ahead.extend(each for each in cast("list[object]", part) if isinstance(each, ast.AST))
    _KNOWN[tree] = frozenset(found)
    return _KNOWN[tree]
