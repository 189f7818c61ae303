"""What is known, while a program is read, about its functions that call themselves."""

from __future__ import annotations

from ast import AST
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from adjoint.ir.routine import Routine

if TYPE_CHECKING:
    from adjoint.frontend.frame import Code

# A function and the forms of its arguments (`passing.Form`): what a routine is made for.
Key: TypeAlias = tuple[object, ...]


class Recursion(Exception):
    """A function that was about to be inlined into itself; the program is read again, with calls of it kept."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class Routines:
    """The functions of one program that call themselves, and their routines, one for each form of arguments."""

    recursive: set[Code] = field(default_factory=set["Code"])
    known: dict[Key, Routine] = field(default_factory=dict[Key, Routine])
    # Those that are being read; their types may still change.
    open: dict[Key, Routine] = field(default_factory=dict[Key, Routine])
    # Syntax made on the way. It is kept from one reading to the next, for functions are known by their syntax.
    synthetic: dict[AST, object] = field(default_factory=dict[AST, object])

    @property
    def pending(self) -> bool:
        """Whether the type of a result is not known yet."""
        return any(routine.result_type is None for routine in self.open.values())
