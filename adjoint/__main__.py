"""The command line: `python -m adjoint source|explain|export|check`."""

from __future__ import annotations

import argparse
import importlib
import inspect
import operator
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numba.core import types as nb

from adjoint.api.export import check, import_file
from adjoint.api.gradient import Gradient
from adjoint.api.transforms import grad, value_and_grad
from adjoint.backends.numba_cpu import typeof
from adjoint.backends.request import NumbaType
from adjoint.errors import AdjointError

ANNOTATIONS: dict[Any, NumbaType] = {float: nb.float64, int: nb.int64, bool: nb.boolean, complex: nb.complex128}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 for success, 1 for a stale file, 2 for an error."""
    parsed = _parser().parse_args(arguments)
    sys.path.insert(0, os.getcwd())
    try:
        return parsed.command(parsed)
    except AdjointError as error:
        import traceback

        print("".join(traceback.format_exception_only(error)), end="", file=sys.stderr)
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        print(f"adjoint: {error}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adjoint", description="Print, explain, export or check gradients.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    source = commands.add_parser("source", help="print the gradient of a function")
    source.set_defaults(command=_source)
    explain = commands.add_parser("explain", help="say what is active, what is recorded and why")
    explain.set_defaults(command=_explain)
    export = commands.add_parser("export", help="write the gradient as a stand-alone module")
    export.set_defaults(command=_export)
    for command in (source, explain, export):
        _add_function(command)
    source.add_argument("--compiled", action="store_true", help="the text that Numba compiles, with fused loops")
    export.add_argument("--output", "-o", type=Path, required=True, help="the file to write")
    checker = commands.add_parser("check", help="tell whether an exported file is up to date: exit status 0 or 1")
    checker.add_argument("file", type=Path, metavar="FILE")
    checker.set_defaults(command=_check)
    return parser


def _add_function(command: argparse.ArgumentParser) -> None:
    command.add_argument("function", metavar="MODULE:FUNCTION", help="a module or a .py file, and a function in it")
    command.add_argument("--wrt", help="parameters to differentiate with respect to, separated by commas (the first)")
    command.add_argument("--value", action="store_true", help="value and gradient")
    command.add_argument(
        "--types",
        help='Numba types of the arguments, as in "float64[:], int64". By default those of the annotations and '
        "defaults, and float64 for the rest.",
    )


def _source(parsed: argparse.Namespace) -> int:
    gradient = _gradient(parsed)
    module = gradient.module_for(*_types(gradient, parsed.types))
    print(module.compiled.read() if parsed.compiled else module.source, end="")
    return 0


def _explain(parsed: argparse.Namespace) -> int:
    gradient = _gradient(parsed)
    print(gradient.explain(*_types(gradient, parsed.types)), end="")
    return 0


def _export(parsed: argparse.Namespace) -> int:
    gradient = _gradient(parsed)
    print(gradient.export(parsed.output, *_types(gradient, parsed.types)))
    return 0


def _check(parsed: argparse.Namespace) -> int:
    problem = check(parsed.file)
    print(f"{parsed.file}: {'fresh' if problem is None else f'stale: {problem}'}")
    return 0 if problem is None else 1


def _gradient(parsed: argparse.Namespace) -> Gradient:
    module_name, colon, function = parsed.function.partition(":")
    if not colon:
        raise ValueError(f"{parsed.function!r} is not of the form module:function")
    module = import_file(Path(module_name)) if module_name.endswith(".py") else importlib.import_module(module_name)
    fun = operator.attrgetter(function)(module)
    if isinstance(fun, Gradient):
        return fun
    wrt = tuple(parsed.wrt.split(",")) if parsed.wrt else None
    transform: Callable[..., Gradient] = value_and_grad if parsed.value else grad
    return transform(fun, wrt=wrt[0] if wrt is not None and len(wrt) == 1 else wrt)


def _types(gradient: Gradient, text: str | None) -> tuple[NumbaType, ...]:
    if text is not None:
        return _parse_types(text)
    parameters = inspect.signature(gradient).parameters.values()
    guessed = [p.name for p in parameters if p.annotation not in ANNOTATIONS and p.default is p.empty]
    if guessed:
        print(f"# taken to be float64: {', '.join(guessed)}; say otherwise with --types", file=sys.stderr)
    return tuple(_type_of(parameter) for parameter in parameters)


def _type_of(parameter: inspect.Parameter) -> NumbaType:
    if parameter.default is not parameter.empty:
        return typeof(parameter.default)
    return ANNOTATIONS.get(parameter.annotation, nb.float64)


def _parse_types(text: str) -> tuple[NumbaType, ...]:
    """Read types as Numba spells them; nothing but names, brackets, colons, commas and digits is evaluated."""
    if not re.fullmatch(r"[\w\s\[\]():,]*", text):
        raise ValueError(f"--types: {text!r} is not a list of Numba types")
    names = {name: value for name, value in vars(nb).items() if not name.startswith("_")}
    try:
        found = eval(f"({text},)", {"__builtins__": {}}, names)
    except Exception as error:
        raise ValueError(f"--types: {text!r} is not a list of Numba types: {error}") from error
    for kind in found:
        if not isinstance(kind, nb.Type):
            raise ValueError(f"--types: {kind!r} is not a Numba type")
    return found


if __name__ == "__main__":
    sys.exit(main())
