"""Generated modules as real files, so that Numba caches them, tracebacks show them and a debugger steps through them.

A file is written once and never again: its name holds a digest of all that its text depends on. The directory is
`$ADJOINT_CACHE_DIR`, or `adjoint` in the user's cache directory. Where no digest can be formed, the directory can't be
written or the user said `cache=False`, the module lives in memory and `linecache` shows its lines.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
import linecache
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from adjoint.backends.fingerprint import Unpinned, fingerprint, text_fingerprint, type_key
from adjoint.backends.request import Generated, NumbaType, Request
from adjoint.backends.vector_library import library
from adjoint.rules.containers import classes_in

# First line of a file: says what kind of file this is, and what no later reader could tell from the text.
HEADER = "# adjoint module 1; entry: "
REFS_MARK = "; with references"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Module:
    """The two texts of one gradient, importable: what people read, and what Numba compiles."""

    entry: str
    readable: Text
    compiled: Text
    refs: Mapping[str, object]

    @property
    def on_disk(self) -> bool:
        """Whether Numba can keep the compiled code beside the file."""
        return self.compiled.path is not None

    @cached_property
    def source(self) -> str:
        """The text for people."""
        return self.readable.read()

    @cached_property
    def python_function(self) -> FunctionType:
        """The gradient as `source` defines it."""
        return self._load(self.readable)

    @cached_property
    def assemble(self) -> Callable[[Any], Any] | None:
        """What makes the result of what the compiled function returns; None if that is the result."""
        return getattr(self.compiled.load(self.refs), f"{self.entry}_result", None)

    @cached_property
    def compiled_function(self) -> FunctionType:
        """The gradient as Numba compiles it, not yet compiled."""
        return self._load(self.compiled)

    def _load(self, text: Text) -> FunctionType:
        return getattr(text.load(self.refs), self.entry)


@dataclass(frozen=True)
class Text:
    """One module, on disk or in memory."""

    name: str
    path: Path | None
    text: str | None = None

    def read(self) -> str:
        """Return the text without the header line."""
        if self.text is not None or self.path is None:
            return self.text or ""
        return self.path.read_text(encoding="utf-8").partition("\n")[2]

    def load(self, refs: Mapping[str, object]) -> ModuleType:
        """Import the module; `refs` are in its namespace before its body runs."""
        loaded = sys.modules.get(self.name)
        if loaded is not None and (self.path is None or loaded.__file__ == str(self.path)):
            return loaded
        module = self._from_memory(refs) if self.path is None else self._from_file(self.path, refs)
        # Numba looks a function's module up by name. A name without dots has no parent that would have to exist.
        sys.modules[self.name] = module
        return module

    def _from_file(self, path: Path, refs: Mapping[str, object]) -> ModuleType:
        spec = importlib.util.spec_from_file_location(self.name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"can't import {path}")
        module = importlib.util.module_from_spec(spec)
        vars(module).update(refs)
        spec.loader.exec_module(module)
        return module

    def _from_memory(self, refs: Mapping[str, object]) -> ModuleType:
        text = self.read()
        filename = f"<{self.name}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        module = ModuleType(self.name)
        vars(module).update(refs)
        exec(compile(text, filename, "exec"), vars(module))
        return module


def directory() -> Path:
    """Return the directory of generated modules; it need not exist."""
    chosen = os.environ.get("ADJOINT_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "adjoint" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "adjoint"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "adjoint"


def stem(request: Request, arg_types: tuple[NumbaType, ...]) -> str | None:
    """Return the name of the module for this request and these types, or None if it must not be kept on disk.

    With `nan_check` it must not: its messages have the user's lines in them, which move.
    """
    if not request.options.cache or request.options.nan_check:
        return None
    options = astuple(replace(request.options, cache=True))
    asked = (request.mode, request.argnums, request.single, request.has_aux, options)
    try:
        classes = tuple(cls for kind in arg_types for cls in classes_in(kind))
        digest = fingerprint("modules 1", library(), asked, type_key(arg_types), classes, request.fun)
    except (Unpinned, OSError, RecursionError):
        return None
    return f"{_identifier(request)}_{digest[:32]}"


def find(name: str) -> Module | None:
    """Return the module of that name if it is on disk and complete without the compiler's help."""
    path = directory() / f"{name}.py"
    try:
        with path.open(encoding="utf-8") as file:
            header = file.readline().rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if not header.startswith(HEADER) or header.endswith(REFS_MARK) or not _readable_path(path).exists():
        return None
    return _on_disk(name, path, header.removeprefix(HEADER), {})


def store(name: str | None, request: Request, generated: Generated) -> Module:
    """Keep generated text under `name`, or in memory where there is no name or no room."""
    if name is not None:
        path = directory() / f"{name}.py"
        header = HEADER + generated.entry + (REFS_MARK if generated.refs else "") + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The compiled text goes last: whoever finds it finds the other.
            _write_once(_readable_path(path), header + generated.source)
            _write_once(path, header + generated.compiled_text)
        except OSError:
            pass
        else:
            return _on_disk(name, path, generated.entry, generated.refs)
    return _in_memory(request, generated)


def keep_text(entry: str, text: str, *, cache: bool) -> Text:
    """Return a module with this text: a file of its own if it may be kept and there is room."""
    name = f"{entry}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    path = directory() / f"{name}.py"
    if cache:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, text)
            return Text(f"_adjoint_{name}", path)
    return Text(f"_adjoint_{name}", None, text)


def once_per_text(fun: FunctionType, check: Callable[[FunctionType], None]) -> None:
    """Call `check`, which looks at the text of `fun` only, unless it has passed this text before, in any process."""
    digest = text_fingerprint(fun)
    mark = directory() / "checked" / f"{digest}"
    if digest is not None and mark.exists():
        return
    check(fun)
    if digest is not None:
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def _on_disk(name: str, path: Path, entry: str, refs: Mapping[str, object]) -> Module:
    readable = Text(f"_adjoint_{name}_source", _readable_path(path))
    return Module(entry, readable, Text(f"_adjoint_{name}", path), refs)


def _in_memory(request: Request, generated: Generated) -> Module:
    name = f"_adjoint_{_identifier(request)}_{next(_numbers)}"
    readable = Text(f"{name}_source", None, generated.source)
    # Numba keeps what it compiles beside the file, and here is none.
    compiled = re.sub(r"^(@numba\.njit\(cache=)True", r"\1False", generated.compiled_text, flags=re.MULTILINE)
    return Module(generated.entry, readable, Text(name, None, compiled), generated.refs)


def _readable_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}_source.py")


def _identifier(request: Request) -> str:
    name = re.sub(r"\W", "", request.fun.__name__, flags=re.ASCII) or "function"
    return f"{name}_{request.mode}"[:80]


def _write_once(path: Path, text: str) -> None:
    """Write a file whole, unless it is there: rewriting could make Numba drop what it compiled from it."""
    taken = path.exists()
    if taken and path.read_bytes() == text.encode():
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".adjoint-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        if taken or not _linked(temporary, path):  # taken: a damaged file, or no longer ours
            os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _linked(temporary: str, path: Path) -> bool:
    """Give the file its name unless another process was first; False where a file system has no links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True
