"""Finding the definition of a function, with every node at its true place."""

from __future__ import annotations

import ast
import importlib
import linecache
import sys
from pathlib import Path
from typing import Any

import gast
import numba
import numpy as np
import pytest

from adjoint.errors import SourceError
from adjoint.frontend import check, source
from tests.frontend import source_samples as samples


def text(fun: Any) -> str:
    tree = source.read(fun).tree
    return ast.unparse(gast.gast_to_ast(tree.body[-1]))


@pytest.mark.parametrize(
    ("fun", "expected"),
    [
        (samples.pair[0], "return x + 1"),
        (samples.pair[1], "return x * 2"),
        (samples.same_text[0], "return x - 1"),
        (samples.same_text[1], "return y - 1"),
        (samples.nested, "return lambda y: x + y"),
        (samples.nested(1), "return x + y"),
        (samples.multiline, "return x + 1"),
        (samples.decorated, "return x"),
        (samples.Holder.static, "return x"),
        (samples.outer(3), "return x * n"),
        (samples.twice, "return 2"),
        (numba.njit(samples.decorated), "return x"),
    ],
)
def test_found(fun: Any, expected: str) -> None:
    assert text(fun) == expected


def test_a_lambda_is_called_as_the_variable_it_is_assigned_to() -> None:
    assert source.read(samples.multiline).tree.name == "multiline"
    assert source.read(samples.pair[0]).tree.name == "function"


def test_places_count_characters() -> None:
    found = source.read(samples.ünïcode)
    returned: Any = found.tree.body[-1]
    value = returned.value.elts[1]
    loc = source.loc_of(value, found.file)
    line = linecache.getline(found.file, loc.line)
    assert line[loc.column - 1 : loc.end_column - 1] == "x + ω * é"


REFUSED = [
    (samples.generator, "`generator` is a generator function"),
    (samples.coroutine, "`coroutine` is an `async` function"),
    (samples.asynchronous_generator, "`asynchronous_generator` is an asynchronous generator function"),
    (samples.stars, "the parameter `*args`"),
    (samples.Holder, "`Holder` is a class, not a Python function"),
    (samples.Holder().method, "`Holder.method` is a bound method, not a Python function"),
    (len, "`len` is written in C, not a Python function"),
    (np.sin, "`sin` is written in C, not a Python function"),
    (3.0, "`float` is an object of type `float`, not a Python function"),
    (eval("lambda x: x"), "the source of `<lambda>` can't be read"),
]


@pytest.mark.parametrize(("fun", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused(fun: Any, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        check(fun)
    assert caught.value.msg == message
    assert caught.value.help


def test_a_file_that_was_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "edited_sample.py"
    file.write_text("def f(x):\n    return x + 1\n")
    module = importlib.import_module("edited_sample")
    check(module.f)
    file.write_text("def f(x):\n    return x * 222\n")
    with pytest.raises(SourceError) as caught:
        check(module.f)
    assert caught.value.msg == "the file of `f` has changed since it was imported"
