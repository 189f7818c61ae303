"""Symbols of sizes: an integer, a word, or a word less, or plus, a number of elements, "x.0-2"."""

from __future__ import annotations

from adjoint.ir import Call, Expr, Lit

Dim = int | str
Shape = tuple[Dim, ...]
# What two equal values have in common: how they are made.
Key = Dim | tuple[object, ...]


def cut_from(dim: Dim, number: int) -> Dim:
    """Return the symbol of a size less a number of elements, or none; a number below 0 adds some.

    >>> cut_from("x.0-2", 1), cut_from("x.0-2", -3), cut_from("x.0-2", -2), cut_from(3, 5)
    ('x.0-3', 'x.0+1', 'x.0', 0)
    """
    base, before = split(dim)
    cut = before + number
    if isinstance(base, int):
        return max(0, base - cut)
    return f"{base}-{cut}" if cut > 0 else f"{base}+{-cut}" if cut else base


def less(size: Expr, number: int) -> Expr:
    """Return the expression for a size less a number of elements; a number below 0 adds some."""
    return Call("sub" if number > 0 else "add", (size, Lit(abs(number))), via="operator") if number else size


def split(dim: Dim) -> tuple[Dim, int]:
    """Take apart the symbol of a size from which a slice has cut a number of elements."""
    if isinstance(dim, int):
        return dim, 0
    base, sign, cut = dim.rpartition("-") if "-" in dim else dim.rpartition("+")
    return (base, int(cut) if sign == "-" else -int(cut)) if sign else (dim, 0)
