"""Gradients as files that need nothing of us, and the check that such a file is still that of its function.

The first lines of an exported file say where it comes from. The digest covers the source of the primal and of all it
reaches, not the bytecode, so that it is the same under another version of Python.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import operator
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adjoint.api.standalone import after_imports, with_functions
from adjoint.backends.fingerprint import Unpinned, fingerprint
from adjoint.backends.request import VERSION, Options
from adjoint.errors import SourceError, UnsupportedError

if TYPE_CHECKING:
    from adjoint.api.gradient import Gradient

MARK = "# adjoint-export: "


def export(gradient: Gradient, path: Path, *args: Any, **kwargs: Any) -> Path:
    """Write the gradient for these arguments as a module that imports only `math`, `numpy` and `numba`."""
    arg_types = gradient.types_of(*args, **kwargs)
    module = gradient.module_for_types(arg_types)
    text = jitted(module.compiled.read(), module.entry, gradient.request.options)
    if module.refs:
        try:
            text = with_functions(text, module.refs)
        except UnsupportedError as error:
            raise UnsupportedError(f"can't export {gradient!r}: {error.msg}", help=error.help) from None
    fun: Any = gradient.primal
    record = {
        "module": fun.__module__,
        "file": _relative(sys.modules.get(fun.__module__), path),
        "function": fun.__qualname__,
        "sha256": primal_digest(fun),
    }
    header = (
        f"# {module.entry}: {gradient.request.mode} of {fun.__module__}.{fun.__qualname__}, "
        f"for ({', '.join(map(str, arg_types))}).\n"
        f"# Written by adjoint {VERSION}; `python -m adjoint check {path.name}` tells whether it is still up to date.\n"
        f"{MARK}{json.dumps(record)}\n"
    )
    path.write_text(header + text, encoding="utf-8")
    return path


def jitted(text: str, entry: str, options: Options) -> str:
    """Return the text with `entry` compiled by Numba on its first call."""
    flags = f"{{{', '.join(repr(flag) for flag in options.fastmath)}}}" if options.fastmath else "False"
    parallel = "parallel=True, " if options.parallel else ""
    decorator = f'@numba.njit({parallel}cache=True, fastmath={flags}, error_model="numpy")\n'.replace("'", '"')
    text = re.sub(rf"^def {re.escape(entry)}\(", lambda match: decorator + match[0], text, count=1, flags=re.MULTILINE)
    return text if re.search(r"^import numba$", text, re.MULTILINE) else after_imports(text, "import numba\n")


def check(path: Path) -> str | None:
    """Return None if the function an exported file came from is as it was then, else what has changed.

    Imports the function's module. Raises ValueError if the file isn't one that `export` wrote.
    """
    record = _record(path)
    where = f"{record['module']}:{record['function']}"
    try:
        fun = operator.attrgetter(record["function"])(_import(record, path.parent))
    except (ImportError, AttributeError, FileNotFoundError) as error:
        return f"{where} can't be found: {error}"
    fun = getattr(fun, "primal", fun)
    return None if primal_digest(fun) == record["sha256"] else f"{where} has changed"


def primal_digest(fun: Any) -> str:
    """Return the digest of the source of `fun` and of all that it reaches."""
    try:
        return fingerprint(getattr(fun, "py_func", fun), portable=True)
    except Unpinned as error:
        raise SourceError(f"can't tell whether {fun.__qualname__} changes: it depends on {error}") from error


def _relative(module: Any, path: Path) -> str:
    file = getattr(module, "__file__", None)
    if file is None:
        return ""
    try:
        return Path(os.path.relpath(file, path.absolute().parent)).as_posix()
    except ValueError:  # another drive
        return ""


def _record(path: Path) -> dict[str, str]:
    for line in path.read_text(encoding="utf-8").splitlines()[:5]:
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    raise ValueError(f"{path} wasn't written by adjoint's export")


def _import(record: dict[str, str], folder: Path) -> Any:
    if record["module"] != "__main__":
        try:
            return importlib.import_module(record["module"])
        except ModuleNotFoundError:
            if not record["file"]:
                raise
    return import_file(folder / record["file"])


def import_file(path: Path) -> Any:
    """Import a file by its path, not as `__main__`."""
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise ImportError(f"can't import {path.name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
