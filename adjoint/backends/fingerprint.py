"""A digest of everything a function's meaning hangs on: its text, its code, and all it can reach.

Reached are defaults, closure cells, globals by the names the code loads and, through modules, their attributes by
name; from functions found so, onwards. The digest over-approximates: an edit that changes nothing may change it, an
edit that changes something always does. What can't be pinned down raises `Unpinned`: the caller does without a cache.
"""

from __future__ import annotations

import builtins
import dis
import functools
import hashlib
import linecache
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

import numba
import numpy as np
from numba.core import types as nb
from numba.core.dispatcher import Dispatcher
from numba.np.ufunc.dufunc import DUFunc

LOAD_GLOBAL, LOAD_NAME, IMPORT_NAME = (dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME"))
PACKAGE = Path(__file__).resolve().parent.parent

_Atom = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
# Attribute of a class that says what an instance of it depends on: `__adjoint_key__(self) -> tuple[object, ...]`.
KEY_METHOD = "__adjoint_key__"


class Unpinned(Exception):
    """The value of an object that a function depends on can't be told from that of another."""


def fingerprint(*roots: object, portable: bool = False) -> str:
    """Return a hex digest of `roots` and all they reach.

    A portable digest leaves out bytecode and versions, so that it is the same on another Python. Raises `Unpinned`.
    """
    walk = _Walk(portable)
    if not portable:
        walk.feed("versions", *versions())
    for root in roots:
        walk.visit(root)
    return walk.digest.hexdigest()


def text_fingerprint(fun: FunctionType) -> str | None:
    """Return a digest of what the text of `fun` and its place in the file show, or None if it has no text."""
    walk = _Walk(portable=False)
    text = function_text(fun)
    walk.feed("text", *versions(), fun.__name__, text, *map(str, fun.__code__.co_positions()))
    walk.feed(str(fun.__code__.co_flags))
    return walk.digest.hexdigest() if text else None


def reached_functions(*roots: object) -> tuple[FunctionType, ...]:
    """Return the Python functions that `roots` reach, in the order of the walk; what can't be walked is passed over."""
    walk = _Walk(portable=True, lenient=True)
    for root in roots:
        walk.visit(root)
    return tuple(walk.functions)


@functools.cache
def versions() -> tuple[str, ...]:
    """Return the versions generated code depends on, with a stamp of this package's own files."""
    stamp = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        status = path.stat()
        stamp.update(f"{path.relative_to(PACKAGE).as_posix()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return (sys.version, numba.__version__, np.__version__, f"blas {has_blas()}", stamp.hexdigest())


@functools.cache
def has_blas() -> bool:
    """Whether Numba finds SciPy, whose BLAS it multiplies matrices with."""
    return find_spec("scipy") is not None


def function_text(fun: FunctionType) -> str:
    """Return the source lines of `fun`, decorators and surrounding expression included; empty if there are none."""
    code = fun.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, fun.__globals__)
    return "".join(lines[code.co_firstlineno - 1 : _last_line(code)])


class _Walk:
    def __init__(self, portable: bool, lenient: bool = False) -> None:
        self.digest = hashlib.sha256()
        self.functions: list[FunctionType] = []
        self._portable = portable
        self._lenient = lenient
        self._seen: dict[int, int] = {}
        self._alive: list[object] = []
        self._names: frozenset[str] = frozenset()
        self._modules: set[tuple[str, frozenset[str]]] = set()

    def feed(self, *texts: str) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self.digest.update(b"%d:" % len(data))
            self.digest.update(data)

    def visit(self, value: object) -> None:
        if isinstance(value, _Atom) and type(value) in _Atom:
            self.feed(type(value).__name__, repr(value))
            return
        if isinstance(value, ModuleType):
            self.module(value)
            return
        number = self._seen.get(id(value))
        if number is not None:
            self.feed("seen", str(number))
            return
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)  # or its id could be given to another object
        self._visit_new(value)

    def _visit_new(self, value: object) -> None:
        key = getattr(type(value), KEY_METHOD, None)
        if key is not None:
            self.feed("keyed", type(value).__qualname__)
            self.visit(key(value))
            return
        for kinds, method in _KINDS:
            if isinstance(value, kinds):
                method(self, value)
                return
        if _is_numba_global(value):
            self.feed("numba", repr(value))
        elif not self._lenient:
            raise Unpinned(f"a value of type {type(value).__qualname__}")

    def sequence(self, value: Any) -> None:
        self.feed(type(value).__qualname__, str(len(value)))
        for item in value:
            self.visit(item)

    def mapping(self, value: dict[object, object]) -> None:
        self.feed(type(value).__qualname__, str(len(value)))
        for key, item in value.items():
            self.visit(key)
            self.visit(item)

    def unordered(self, value: frozenset[object]) -> None:
        if not all(isinstance(item, _Atom) for item in value):
            raise Unpinned("a set of objects")
        self.feed(type(value).__qualname__, *sorted(f"{type(item).__name__} {item!r}" for item in value))

    def array(self, value: Any) -> None:
        if value.dtype.hasobject:
            raise Unpinned("an array of objects")
        self.feed("array", repr(value.dtype), str(value.shape), str(value.strides), str(value.flags.writeable))
        self.digest.update(np.ascontiguousarray(value).tobytes())

    def scalar(self, value: np.generic) -> None:
        self.feed("scalar", repr(value.dtype), value.tobytes().hex())

    def printed(self, value: object) -> None:
        self.feed(type(value).__qualname__, repr(value))

    def named(self, value: Any) -> None:
        module = getattr(value, "__module__", None) or ""
        self.feed("named", module, getattr(value, "__qualname__", value.__name__), self._release(module))

    def bound_builtin(self, value: Any) -> None:
        if not isinstance(value.__self__, ModuleType | type(None)):
            raise Unpinned("a method of a built-in object")
        self.named(value)

    def module(self, value: ModuleType) -> None:
        self.feed("module", value.__name__, self._release(value.__name__))
        # What is looked at depends on the function that looks, so a module may be visited more than once.
        visit = (value.__name__, self._names)
        if visit in self._modules or _is_library(getattr(value, "__file__", None)):
            return
        self._modules.add(visit)
        for name in sorted(self._names & vars(value).keys()):
            self.feed(name)
            self.visit(vars(value)[name])

    def partial(self, value: functools.partial[Any]) -> None:
        self.feed("partial")
        self.visit((value.func, value.args, value.keywords))

    def dispatcher(self, value: Any) -> None:
        self.feed("dispatcher", repr(sorted(value.targetoptions.items(), key=str)))
        self.visit(value.py_func)

    def vectorised(self, value: Any) -> None:
        self.feed("vectorised")
        self.visit(value._dispatcher.py_func)

    def mapped(self, value: Any) -> None:
        self.feed("mapped", str(value.otypes), str(value.signature), str(sorted(value.excluded, key=str)))
        self.visit(value.pyfunc)

    def cached(self, value: Any) -> None:
        self.feed("cached")
        self.visit(value.__wrapped__)

    def method(self, value: MethodType) -> None:
        self.feed("method")
        self.visit((value.__func__, value.__self__))

    def klass(self, value: type) -> None:
        self.feed("class", value.__module__, value.__qualname__, self._release(value.__module__))
        defined_in = sys.modules.get(value.__module__)
        if defined_in is None or _is_library(getattr(defined_in, "__file__", None)):
            return
        for name, member in vars(value).items():
            self._visit_member(name, member)
        self.visit(value.__bases__)

    def _visit_member(self, name: str, member: object) -> None:
        plain = cast("Any", member).__func__ if isinstance(member, staticmethod | classmethod) else member
        if isinstance(plain, FunctionType) and plain.__code__.co_filename.startswith("<"):
            self.feed(name)  # written by `dataclass` or `namedtuple`: there is no text
            self.code(plain.__code__)
        elif isinstance(plain, FunctionType | property) or name in _CLASS_DATA:
            self.feed(name)
            self.visit(plain)
        elif name == "__dataclass_fields__":
            self.feed(*(f"{field.name}: {field.type!r}" for field in cast("dict[str, Any]", member).values()))

    def accessor(self, value: Any) -> None:
        self.feed(type(value).__qualname__)
        self.visit(value.fget if isinstance(value, property) else value.__func__)

    def function(self, value: FunctionType) -> None:
        if _is_library(value.__code__.co_filename):
            self.named(value)
            return
        self.functions.append(value)
        text = function_text(value)
        if not text and not self._lenient:
            raise Unpinned(f"no source for {value.__qualname__}")
        self.feed("function", value.__name__, text)
        self.code(value.__code__)
        self.visit(value.__defaults__)
        self.visit(value.__kwdefaults__)
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            self.feed(name)
            self._visit_cell(cell)
        self._visit_globals(value)

    def code(self, code: CodeType) -> None:
        if self._portable:
            return
        self.digest.update(code.co_code)
        self.feed(*code.co_names, "|", *code.co_varnames, "|", *code.co_freevars, str(code.co_flags))
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.code(constant)
            else:
                self.visit(constant)

    def _visit_cell(self, cell: Any) -> None:
        try:
            content = cell.cell_contents
        except ValueError:  # a name that its enclosing function has yet to bind
            self.feed("empty")
        else:
            self.visit(content)

    def _visit_globals(self, fun: FunctionType) -> None:
        outer = self._names
        self._names = frozenset(name for code in _codes(fun.__code__) for name in code.co_names)
        for name in _global_names(fun.__code__):
            self.feed(name)
            if name in fun.__globals__:
                self.visit(fun.__globals__[name])
            elif not hasattr(builtins, name):
                self.feed("missing")
        self._names = outer

    def _release(self, module: str) -> str:
        """The version of the package that a compiled function, whose text can't be read, comes from."""
        package = sys.modules.get(module.partition(".")[0])
        return "" if self._portable else str(getattr(package, "__version__", ""))


_CLASS_DATA = ("_fields", "__slots__")
_KINDS: tuple[tuple[Any, Callable[[Any, Any], None]], ...] = (
    (FunctionType, _Walk.function),
    ((tuple, list), _Walk.sequence),
    (cast("Any", dict), _Walk.mapping),
    ((set, frozenset), _Walk.unordered),
    (np.ndarray, _Walk.array),
    (np.generic, _Walk.scalar),
    ((np.dtype, range, slice), _Walk.printed),
    (Dispatcher, _Walk.dispatcher),
    (cast("Any", functools.partial), _Walk.partial),
    (MethodType, _Walk.method),
    (BuiltinFunctionType, _Walk.bound_builtin),
    (np.ufunc, _Walk.named),
    (DUFunc, _Walk.vectorised),
    (np.vectorize, _Walk.mapped),
    (type(functools.lru_cache(len)), _Walk.cached),
    (cast("Any", type(np.sum)), _Walk.named),
    (type, _Walk.klass),
    ((staticmethod, classmethod, property), _Walk.accessor),
)


def _is_numba_global(value: object) -> bool:
    return isinstance(value, nb.Type) and " at 0x" not in repr(value)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _global_names(code: CodeType) -> tuple[str, ...]:
    """Return the names that `code` loads as globals, in order of first use."""
    found: dict[str, None] = {}
    for inner in _codes(code):
        for opcode, argument in _instructions(inner.co_code):
            if opcode == LOAD_GLOBAL:
                found[inner.co_names[argument >> 1]] = None  # the low bit says whether a call follows
            elif opcode == LOAD_NAME:
                found[inner.co_names[argument]] = None
            elif opcode == IMPORT_NAME:
                raise Unpinned("an import inside the function")
    return tuple(found)


def _instructions(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield opcodes with their arguments. `dis.get_instructions` says the same in fifty times the time."""
    extended = 0
    for opcode, argument in zip(data[::2], data[1::2], strict=True):
        argument |= extended
        extended = argument << 8 if opcode == dis.EXTENDED_ARG else 0
        yield opcode, argument


def _last_line(code: CodeType) -> int:
    ends = (end for _, end, _, _ in code.co_positions() if end is not None)
    inner = (_last_line(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return max((code.co_firstlineno, *ends, *inner))


@functools.cache
def _library_roots() -> tuple[str, ...]:
    files: Iterable[Any] = (os.__file__, np.__file__, numba.__file__)
    return (*(os.path.dirname(os.path.abspath(file)) + os.sep for file in files), str(PACKAGE) + os.sep)


@functools.cache
def _is_library(file: str | None) -> bool:
    """Whether a file is named well enough by a version: the standard library's, NumPy's, Numba's or our own."""
    if file is None or file.startswith("<frozen"):
        return True
    for root in _library_roots():
        rest = file.removeprefix(root)
        if rest != file and not rest.startswith(("site-packages" + os.sep, "dist-packages" + os.sep)):
            return True
    return False


def type_key(arg_types: Iterable[object]) -> tuple[object, ...]:
    """Return, for `fingerprint`, what tells these argument types from others. Raises `Unpinned`."""
    key = tuple(("omitted", kind.value) if isinstance(kind, nb.Omitted) else str(kind) for kind in arg_types)
    if any(" at 0x" in part for part in key if isinstance(part, str)):
        raise Unpinned("a function as an argument")
    return key
