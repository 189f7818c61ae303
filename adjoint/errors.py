"""Source locations, and the errors a user of the compiler can see."""

from __future__ import annotations

import linecache
from dataclasses import dataclass

# What a `ValueError` says that generated text raises where sizes are not what its form takes for granted. Whoever
# called it then runs a form that takes nothing for granted.
BROADCAST_GUARD = "adjoint: this gradient assumes"
# What follows it.
STRETCHED = "that no axis of length 1 is stretched by broadcasting"
INSIDE = "that slices lie inside their arrays"
# What is raised where a product has no value, if only its derivative is computed.
PRODUCT_GUARD = "the operands of a product do not fit together"
EMPTY_GUARD = "an array without elements has no largest or smallest one"
WRITE_GUARD = "what is written to an array does not fit its place"


@dataclass(frozen=True, slots=True)
class Loc:
    """A range of the user's source: 1-based lines, 1-based columns, the end exclusive.

    `role` says what a generated statement is to the text there: "" for itself, "backward" or "tangent" for its
    derivative.
    """

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0
    role: str = ""

    @property
    def text(self) -> str:
        """The source line, without indentation; empty if the file can't be read."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def fragment(self) -> str:
        """What stands in the range; the whole line if the range runs over several."""
        if self.end_line != self.line or self.end_column <= self.column:
            return self.text
        return linecache.getline(self.file, self.line)[self.column - 1 : self.end_column - 1]


class AdjointError(SyntaxError):
    """The function cannot be differentiated.

    Deriving from `SyntaxError` lets CPython, IPython, pytest and IDEs draw the caret under the construct.
    """

    def __init__(self, message: str, loc: Loc | None = None, *, help: str | None = None) -> None:
        if loc is None:
            super().__init__(message)
        else:
            line = linecache.getline(loc.file, loc.line)
            # A range that runs over several lines is drawn on its first line only.
            one_line = loc.end_line in (0, loc.line)
            end_column = loc.end_column if one_line and loc.end_column > 0 else len(line.rstrip("\n")) + 1
            super().__init__(message, (loc.file, loc.line, loc.column, line, loc.line, end_column))
        self.loc = loc
        self.help = help
        if help is not None:
            self.add_note(f"help: {help}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.msg, self.loc, self.help)


def _rebuild(kind: type[AdjointError], message: str, loc: Loc | None, help: str | None) -> AdjointError:
    return kind(message, loc, help=help)


class UnsupportedError(AdjointError):
    """A construct outside the accepted subset of Python."""


class MissingRuleError(AdjointError):
    """A function for which no derivative rule is known."""


class AliasError(AdjointError):
    """Two names may share memory in a way that can't be followed, and one of them is written."""


class SourceError(AdjointError):
    """The source of a function can't be read, or isn't that of a plain function."""


class TypingError(AdjointError):
    """Numba can't give the function types; its message, at the user's line."""
