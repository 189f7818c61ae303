"""From Python source to typed SSA programs."""

from __future__ import annotations

from adjoint.frontend import fence, source


def check(fun: object) -> None:
    """Refuse at decoration what the text of a function shows: no source, or syntax outside the accepted subset.

    Raises:
        SourceError: the source can't be read, or isn't that of a plain function.
        UnsupportedError: a construct that can't be differentiated.
    """
    found = source.read(source.plain_function(fun))
    fence.check(found.tree, found.file)


def __getattr__(name: str) -> object:
    # Lowering needs Numba's type inference; a check at decoration does without.
    if name == "lower":
        from adjoint.frontend.lowering import lower

        return lower
    raise AttributeError(name)
