"""Why a value has a cotangent, or none."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from adjoint.analysis.activity import is_differentiable, useful_names, varied_names
from adjoint.analysis.memory import Memory
from adjoint.ir import Func


class Activity(Enum):
    """What is known of a value, or of all values of a user's variable; an earlier member wins over later ones."""

    ACTIVE = "active"
    USELESS = "the result does not depend on it"
    CONSTANT = "it does not depend on what is differentiated"
    NO_DERIVATIVE = "its type has no derivatives"


def activities(func: Func, memory: Memory, wrt: Iterable[str]) -> dict[str, Activity]:
    """Return the activity of each name that the user gave a value, in the order of the program.

    A name stands for all its values: it is active if one of them is.

    >>> from adjoint.analysis.memory import memory
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x, a, n: int64):
    ...     y = x * a
    ...     z = y * y
    ...     b = a + 1.0
    ...     return y * b
    ... ''', default="float64")
    >>> {name: reason.name for name, reason in activities(func, memory(func), ["x"]).items()}
    {'x': 'ACTIVE', 'a': 'CONSTANT', 'n': 'NO_DERIVATIVE', 'y': 'ACTIVE', 'z': 'USELESS', 'b': 'CONSTANT'}
    """
    varied, useful = varied_names(func, memory, wrt), useful_names(func, memory)

    def reason(name: str) -> Activity:
        if not is_differentiable(func.types.get(name)):
            return Activity.NO_DERIVATIVE
        if name not in varied:
            return Activity.CONSTANT
        return Activity.ACTIVE if name in useful else Activity.USELESS

    order = list(Activity)
    found: dict[str, Activity] = {}
    params = {p.name: p.name for p in func.params}
    for name in func.types:
        label = params.get(name) or func.hints.get(name)
        if label is not None and not label.startswith("_"):
            found[label] = min(reason(name), found.get(label, order[-1]), key=order.index)
    return found
