"""Exported files: they stand alone, and tell when they are stale. And the command line."""

import math
import subprocess
import sys
from typing import Any

import pytest

from adjoint import grad
from adjoint.__main__ import main
from adjoint.api.export import check, jitted
from adjoint.backends.request import Options

PRIMAL = "factor = 1.0\ndef scaled(x, k=3.0):\n    return helper(x) * k\ndef helper(x):\n    return x * x * factor\n"
MODULE = "exported_primal"


@pytest.fixture
def exported(compiler, module, tmp_path):
    primal = module(MODULE, PRIMAL)
    return grad(primal.scaled).export(tmp_path / "out.py", 2.0, 3.0)


def test_text(exported):
    lines = exported.read_text().splitlines()
    assert lines[0] == f"# scaled_grad: grad of {MODULE}.scaled, for (float64, float64)."
    assert lines[1].startswith("# Written by adjoint ")
    assert '"file": "exported_primal.py", "function": "scaled"' in lines[2]
    assert lines[3:] == [
        "import numba",
        '@numba.njit(cache=True, fastmath={"arcp", "contract", "nsz", "reassoc"}, error_model="numpy")',
        "def scaled_grad(x, k=3.0):",
        "    return 2.0 * x * k",
    ]


def test_stands_alone(exported):
    program = "import sys, out; assert out.scaled_grad(2.0) == 12.0; assert 'adjoint' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=exported.parent, check=True)


def test_import_goes_after_imports():
    text = '"""Doc."""\nimport math\n\n\ndef f(x):\n    return math.sin(x)\n'
    assert jitted(text, "f", Options(fastmath=(), parallel=True)) == (
        '"""Doc."""\nimport math\nimport numba\n\n\n'
        '@numba.njit(parallel=True, cache=True, fastmath=False, error_model="numpy")\n'
        "def f(x):\n    return math.sin(x)\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("* k\n", "* k \n", f"{MODULE}:scaled has changed"),
        ("x * x * factor", "x * factor", f"{MODULE}:scaled has changed"),
        ("factor = 1.0", "factor = 2.0", f"{MODULE}:scaled has changed"),
        ("factor = 1.0", "factor = 1.0\nunrelated = 2.0", None),
        ("def scaled", "def renamed", f"{MODULE}:scaled can't be found: module '{MODULE}' has no attribute 'scaled'"),
    ],
)
def test_check(exported, module, old, new, problem):
    assert check(exported) is None
    module(MODULE, PRIMAL.replace(old, new))
    assert check(exported) == problem


def test_check_command(exported, module, capsys):
    assert main(["check", str(exported)]) == 0
    assert capsys.readouterr().out == f"{exported}: fresh\n"
    module(MODULE, PRIMAL.replace("1.0", "2.0"))
    assert main(["check", str(exported)]) == 1
    assert capsys.readouterr().out == f"{exported}: stale: {MODULE}:scaled has changed\n"
    other = exported.with_name("other.py")
    other.write_text("pass\n")
    assert main(["check", str(other)]) == 2
    assert capsys.readouterr().err == f"adjoint: {other} wasn't written by adjoint's export\n"


def test_check_of_a_script(exported):
    exported.write_text(exported.read_text().replace(f'"module": "{MODULE}"', '"module": "__main__"'))
    assert check(exported) is None
    exported.with_name(f"{MODULE}.py").unlink()
    assert check(exported) == f"__main__:scaled can't be found: can't import {MODULE}.py"


def test_source_command(compiler, module, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module(MODULE, PRIMAL)
    text = "def scaled_grad(x, k=3.0):\n    return x * x\n"
    assert main(["source", f"{MODULE}:scaled", "--wrt", "k", "--types", "float64[:], int64"]) == 2
    assert "argument 'k' is an int64 scalar" in capsys.readouterr().err
    assert main(["source", f"{MODULE}.py:scaled", "--wrt", "k", "--types", "float64[::1], float64"]) == 0
    assert capsys.readouterr().out == text
    assert main(["source", f"{MODULE}:scaled", "--wrt", "k"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == (text, "# taken to be float64: x; say otherwise with --types\n")
    assert main(["export", f"{MODULE}:scaled", "--value", "-o", "made.py"]) == 0
    assert "def scaled_value_and_grad" in (tmp_path / "made.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["source", "math"], "adjoint: 'math' is not of the form module:function\n"),
        (["source", "no_such_module:f"], "adjoint: No module named 'no_such_module'\n"),
        (["source", "missing.py:f"], "adjoint: can't import missing.py\n"),
        (["source", "math:cosh2"], "adjoint: module 'math' has no attribute 'cosh2'\n"),
    ],
)
def test_command_errors(arguments, error, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err == error


@pytest.mark.parametrize("types", ["float64[:", "print(1)", "float64.x", "float64, 3"])
def test_types_are_not_evaluated_as_code(compiler, module, types, capsys):
    module(MODULE, PRIMAL)
    assert main(["source", f"{MODULE}:scaled", "--types", types]) == 2
    assert capsys.readouterr().err.startswith("adjoint: --types: ")


def half_life(x, n=3, scale=2.0, flag=None, word="a", missing=float("nan")):
    for _ in range(n):
        x = x * scale
    return x if flag is None and word == "a" and math.isnan(missing) else -x


@pytest.mark.parametrize("jitted_too", [False, True])
def test_a_default_that_was_taken_for_granted_is_checked(tmp_path, jitted_too):
    path = grad(half_life).export(tmp_path / "out.py", 1.0)
    made: dict[str, Any] = {}
    exec(compile(path.read_text().replace("cache=True", "cache=False"), str(path), "exec"), made)
    gradient = made["half_life_grad"] if jitted_too else made["half_life_grad"].py_func
    assert gradient(1.0) == gradient(1.0, 3, 2.0) == 8.0
    for other in ((1.0, 4), (1.0, 3, 1.0), (1.0, 3, 2.0, 1), (1.0, 3, 2.0, None, "b"), (1.0, 3, 2.0, None, "a", 0.0)):
        with pytest.raises(ValueError, match="this gradient was made for n=3, scale=2.0, flag=None, word='a'"):
            gradient(*other)
