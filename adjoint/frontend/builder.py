"""Building SSA: fresh names, types asked of `rules.typing`, nested blocks, and a way back when a loop is redone."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

from adjoint.errors import AdjointError, Loc, TypingError, UnsupportedError
from adjoint.ir import Call, Effect, Expr, If, Let, Lit, Stmt, Var
from adjoint.rules import typing
from adjoint.rules.numba_types import types
from adjoint.rules.typing import Type


@dataclass(frozen=True, slots=True)
class Mark:
    """A state of the builder to come back to."""

    used: frozenset[str]
    temporaries: int
    hints: dict[str, str]
    types: dict[str, Type]
    refs: dict[str, object]
    prelude: int
    constants: dict[int, Var]
    length: int


class Builder:
    """The function under construction."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self.hints: dict[str, str] = {}
        self.types: dict[str, Type] = {}
        self.refs: dict[str, object] = {}
        self.prelude: list[Stmt] = []
        self.constants: dict[int, Var] = {}
        # Lists by the names of lists of unknown items that have been appended to them.
        self.holders: dict[str, list[str]] = {}
        self._reserved = set(reserved)
        self._used: set[str] = set()
        self._temporaries = 0
        self._blocks: list[list[Stmt]] = [[]]

    def reserve(self, names: Iterable[str]) -> None:
        """Keep numbered names away from names the user has."""
        self._reserved.update(names)

    def define(self, hint: str | None, kind: Type) -> Var:
        """Return a new name: the user's if it is free, else with a number; `_1`, `_2`, ... without a hint."""
        name = self._free(hint)
        self._used.add(name)
        self.types[name] = kind
        if hint is not None:
            self.hints[name] = hint
        return Var(name)

    def tell_items(self, name: str, kind: Type) -> None:
        """Note the type of a list of which it wasn't known what it holds, and those of the lists that hold it."""
        self.types[name] = kind
        for holder in self.holders.pop(name, ()):
            self.tell_items(holder, types.List(kind))

    def _free(self, hint: str | None) -> str:
        if hint is None:
            self._temporaries += 1
            while f"_{self._temporaries}" in self._used | self._reserved:
                self._temporaries += 1
            return f"_{self._temporaries}"
        if hint not in self._used:
            return hint
        count = 1
        while (name := f"{hint}_{count}") in self._used or name in self._reserved:
            count += 1
        return name

    def emit(self, call: Call, loc: Loc | None, hint: str | None = None) -> Var:
        """Bind the result of a primitive to a new name, and return that."""
        kind = self.type_of_call(call, loc)
        target = self.define(hint, kind)
        self.add(Let(target, call, loc))
        return target

    def type_of_call(self, call: Call, loc: Loc | None) -> Type:
        try:
            return typing.result_type(call, self.type_of, self.refs)
        except AdjointError as error:
            raise located(error, loc) from None

    def type_of(self, expr: Expr) -> Type:
        match expr:
            case Var(name):
                return self.types[name]
            case Lit(value):
                return typing.literal_type(value)
            case Call():
                return typing.result_type(expr, self.type_of, self.refs)

    def add(self, stmt: Stmt) -> None:
        self._blocks[-1].append(stmt)

    @contextmanager
    def block(self) -> Generator[list[Stmt], None, None]:
        """Collect the statements added inside, instead of adding them to the block around."""
        own: list[Stmt] = []
        self._blocks.append(own)
        try:
            yield own
        finally:
            self._blocks.pop()

    @contextmanager
    def within(self, block: list[Stmt]) -> Generator[None, None, None]:
        """Add to a block that was collected earlier."""
        self._blocks.append(block)
        try:
            yield
        finally:
            self._blocks.pop()

    @property
    def current(self) -> list[Stmt]:
        return self._blocks[-1]

    def mark(self) -> Mark:
        return Mark(
            frozenset(self._used),
            self._temporaries,
            dict(self.hints),
            dict(self.types),
            dict(self.refs),
            len(self.prelude),
            dict(self.constants),
            len(self.current),
        )

    def back_to(self, mark: Mark) -> None:
        """Forget everything since `mark`, which was taken in the same block."""
        self._used = set(mark.used)
        self._temporaries = mark.temporaries
        self.hints, self.types = dict(mark.hints), dict(mark.types)
        self.refs, self.constants = dict(mark.refs), dict(mark.constants)
        del self.prelude[mark.prelude :]
        del self.current[mark.length :]


def located(error: AdjointError, loc: Loc | None) -> AdjointError:
    """Return the error at a place, if it had none."""
    if error.loc is not None or loc is None:
        return error
    kind = TypingError if isinstance(error, TypingError) else UnsupportedError
    return kind(str(error.msg), loc, help=error.help)


def raises(block: list[Stmt]) -> bool:
    """Say whether a block never reaches its end, since it raises."""
    match block[-1] if block else None:
        case Effect(Call("raise")):
            return True
        case If(then=then, orelse=orelse):
            return raises(list(then)) and raises(list(orelse))
        case _:
            return False
