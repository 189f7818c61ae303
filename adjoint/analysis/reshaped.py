"""The length that an array is asked to be reshaped to by -1."""

from __future__ import annotations

from typing import TypeVar

_Length = TypeVar("_Length")


def left_over(old: tuple[_Length, ...] | None, asked: tuple[_Length, ...], *given: _Length) -> _Length | None:
    """Return the length that -1 stands for, where all lengths but one are 1; None if it isn't known.

    `old` is the shape of the array, `asked` the one it gets, `given` are 1 and -1 as these write them.

    >>> left_over(("n",), (-1, 1), 1, -1)
    'n'
    """
    others = [length for length in (*asked, *(old or ())) if length not in given]
    return others[0] if old is not None and len(others) == 1 else None
