"""The name the user would give a value."""

from __future__ import annotations

from collections.abc import Mapping

from adjoint.ir import Func

_DERIVED = ("_bar", "_dot", "_tape")


def all_hints(func: Func, hints: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the hints of a program, with those of its parameters (their names) added.

    `hint_of` also derives hints: the cotangent of a value with a hint has one.
    """
    return {param.name: param.name for param in func.params} | dict(func.hints if hints is None else hints)


def hint_of(name: str, hints: Mapping[str, str]) -> str | None:
    """Return the user's name for a value, or None for a temporary.

    >>> hint_of("x_1_bar", {"x_1": "x"}), hint_of("_1_bar", {"x_1": "x"})
    ('x_bar', None)
    """
    if name in hints:
        return hints[name]
    for suffix in _DERIVED:
        if name.endswith(suffix):
            base = hint_of(name.removesuffix(suffix), hints)
            return None if base is None else base + suffix
    return None
