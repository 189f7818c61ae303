"""`np.einsum` as the text of a function: operands are contracted in pairs, each by a product of matrices or by loops.

The subscripts are constants, so the text is that of one contraction; it is read in the place of the call. Products of
arrays of more than two axes, which Numba lacks, are contractions too: `@`, `dot`, `inner`, `tensordot`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

from adjoint.errors import UnsupportedError
from adjoint.ir import Call, Expr, Lit
from adjoint.rules.definitions.text import made
from adjoint.rules.numba_types import Type, is_array, types


def contraction_of(
    subscripts: Expr, kinds: Sequence[Type]
) -> tuple[Callable[..., Any], None] | tuple[None, UnsupportedError]:
    """Return the function of a call, or why there is none; a refusal is raised where the call's type is asked."""
    try:
        if not isinstance(subscripts, Lit) or not isinstance(subscripts.value, str):
            raise UnsupportedError("`einsum` with subscripts that are no constant")
        _check_types(kinds)
        return contraction(subscripts.value, tuple(kind.ndim for kind in kinds)), None
    except UnsupportedError as error:
        return None, error


def _check_types(kinds: Sequence[Type]) -> None:
    if not all(map(is_array, kinds)) or len({str(kind.dtype) for kind in kinds}) != 1:
        raise UnsupportedError("`einsum` of operands that are not arrays of one data type", help="convert them first")
    if not isinstance(kinds[0].dtype, types.Float | types.Complex):
        raise UnsupportedError("`einsum` of integers", help="convert the operands: `x.astype(np.float64)`")


def product_of(call: Call, kinds: Sequence[Type]) -> Callable[..., Any] | None:
    """Return the function of a product of two arrays, as a contraction; None if it is none, or Numba has it."""
    if len(kinds) != 2 or not all(map(is_array, kinds)):
        return None
    ranks = kinds[0].ndim, kinds[1].ndim
    subscripts = _product_subscripts(call, *ranks)
    try:
        _check_types(kinds)
        return None if subscripts is None else contraction(subscripts, ranks, call.prim, "", "axes=2")
    except UnsupportedError:
        return None


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _product_subscripts(call: Call, left: int, right: int) -> str | None:
    """Return the subscripts of a product of arrays of these ranks, none of them 0."""
    if min(left, right) < 1 or max(left, right) < 3 and call.prim != "matvec" or left + right > len(_LETTERS):
        return None if call.prim != "tensordot" else _tensordot_subscripts(call, left, right)
    a, b = _LETTERS[:left], _LETTERS[left : left + right]
    match call.prim:
        case "matmul":
            return "...y,yz->...z" if right == 2 else "...xy,y->...x" if right == 1 else _of_stacks(left)
        case "matvec" if left > 1:
            return "...xy,...y->...x"
        case "dot":
            shared = b[-2:-1] or b
            return f"{a[:-1]}{shared},{b}->{a[:-1]}{b.replace(shared, '')}"
        case "inner":
            return f"{a[:-1]}{b[-1]},{b}->{a[:-1]}{b[:-1]}"
        case "tensordot":
            return _tensordot_subscripts(call, left, right)
        case _:
            return None


def _of_stacks(left: int) -> str:
    return "y,...yz->...z" if left == 1 else "...xy,...yz->...xz"


def _tensordot_subscripts(call: Call, left: int, right: int) -> str | None:
    axes: Any = _constant(dict(call.kwargs).get("axes", Lit(2)))
    a, b = list(_LETTERS[:left]), list(_LETTERS[left : left + right])
    if isinstance(axes, int) and 0 < axes <= min(left, right):
        axes = (tuple(range(left - axes, left)), tuple(range(axes)))
    if not isinstance(axes, tuple) or len(cast("tuple[Any, ...]", axes)) != 2:
        return None
    pair = cast("tuple[Any, Any]", axes)
    firsts, seconds = (cast("tuple[Any, ...]", axis if isinstance(axis, tuple) else (axis,)) for axis in pair)
    if len(firsts) != len(seconds) or not firsts:
        return None
    for i, j in zip(firsts, seconds, strict=True):
        if not isinstance(i, int) or not isinstance(j, int) or not (-left <= i < left and -right <= j < right):
            return None
        b[j] = a[i]
    return f"{''.join(a)},{''.join(b)}->{''.join(c for c in (*a, *b) if c not in a or c not in b)}"


def _constant(expr: Expr) -> Any:
    match expr:
        case Lit(value):
            return value
        case Call("neg", (Lit(int() as value),)):
            return -value
        case Call("tuple" | "list", items):
            return tuple(map(_constant, items))
        case _:
            return None


@cache
def contraction(
    subscripts: str,
    ranks: tuple[int, ...],
    name: str = "einsum",
    lead: str = "subscripts, ",
    options: str = "optimize=False",
) -> Callable[..., Any]:
    """Return a function of the subscripts, which it ignores, and the operands, of these ranks.

    Raises
    ------
    UnsupportedError
        If the subscripts do not fit the ranks.
    """
    inputs, output = _labels(subscripts, ranks)
    names = [f"x{k + 1}" for k in range(len(inputs))]
    lines = [f"def {name}({lead}{', '.join(names)}, {options}):", *_checks(name, names, inputs)]
    have = list(zip(names, inputs, strict=True))
    while len(have) > 2:
        (a, b), rest = have[:2], have[2:]
        needed = {*output, *(label for _, labels in rest for label in labels)}
        kept = "".join(dict.fromkeys(label for label in a[1] + b[1] if label in needed))
        lines += _step(f"part{len(rest)}", have[:2], kept)
        have = [(f"part{len(rest)}", kept), *rest]
    lines += _step("result", have, output)
    return made(name, [*lines, "    return result"], f"<{name} {subscripts} {ranks}>")


def _labels(subscripts: str, ranks: tuple[int, ...]) -> tuple[list[str], str]:
    """Return the labels of the axes of each operand and of the result; capitals that are free stand for `...`."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise UnsupportedError(f"`einsum` of {len(ranks)} operands with subscripts for {len(parts)}")
    hidden = [rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks, strict=True)]
    free = "".join(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in subscripts)
    dots = free[: max(0, *hidden)] if len(hidden) > 1 else free[: max(0, hidden[0])]
    inputs = [part.replace("...", dots[len(dots) - n :]) for part, n in zip(parts, hidden, strict=True)]
    if any(n < 0 or n > 0 and "..." not in part for part, n in zip(parts, hidden, strict=True)):
        raise UnsupportedError(f"`einsum` of operands whose ranks do not fit the subscripts `{subscripts}`")
    every = "".join(inputs)
    once = sorted(label for label in every if every.count(label) == 1 and label not in dots)
    output = right.replace("...", dots) if arrow else dots + "".join(once)
    if len(set(output)) != len(output) or not set(output) <= set(every) or not (every or "x").isalpha():
        raise UnsupportedError(f"`einsum` with the subscripts `{subscripts}`")
    return inputs, output


def _places(operands: Sequence[tuple[str, str]], label: str) -> list[str]:
    return [f"{name}.shape[{k}]" for name, labels in operands for k, each in enumerate(labels) if each == label]


def _checks(name: str, names: Sequence[str], inputs: Sequence[str]) -> list[str]:
    operands = list(zip(names, inputs, strict=True))
    pairs = [
        (first, other)
        for label in dict.fromkeys("".join(inputs))
        for first, *others in [_places(operands, label)]
        for other in others
    ]
    fail = f'        raise ValueError("the lengths of the operands of `{name}` differ")'
    return [line for first, other in pairs for line in (f"    if {first} != {other}:", fail)]


def _step(name: str, operands: Sequence[tuple[str, str]], output: str) -> list[str]:
    """Contract one operand or two to the labels of `output`."""
    product = _product(operands, output)
    if product is not None:
        return [f"    {name} = {product}"]
    if len(operands) == 1 and set(output) == set(operands[0][1]):
        raise UnsupportedError("`einsum` that takes a diagonal, which is a view", help="write `np.diag(a)`, a copy")
    for count in range(1, len(output)):
        peeled = [_peeled(each, output[:count]) for each in operands]
        inner = _product(peeled, output[count:])
        if inner is not None and not any(label in rest for label in output[:count] for _, rest in peeled):
            return _looped(name, operands, output, count, inner)
    return _loops(name, operands, output)


def _peeled(operand: tuple[str, str], labels: str) -> tuple[str, str]:
    """Take an operand at an index for each of these labels that it begins with."""
    x, rest = operand
    index: list[str] = []
    for label in labels:
        if rest[:1] == label:
            index.append(label)
            rest = rest[1:]
    return (f"{x}[{', '.join(index)}]" if index else x), rest


def _looped(name: str, operands: Sequence[tuple[str, str]], output: str, count: int, inner: str) -> list[str]:
    """Loop over the first labels of the result."""
    lines = [f"    {name} = np.zeros({_shape(operands, output)}, {operands[0][0]}.dtype)"]
    for depth, label in enumerate(output[:count], 1):
        lines.append(f"{'    ' * depth}for {label} in range({_places(operands, label)[0]}):")
    return [*lines, f"{'    ' * (count + 1)}{name}[{', '.join(output[:count])}] = {inner}"]


def _shape(operands: Sequence[tuple[str, str]], output: str) -> str:
    return f"({', '.join(_places(operands, label)[0] for label in output)},)"


def _loops(name: str, operands: Sequence[tuple[str, str]], output: str) -> list[str]:
    """One loop for each label, those of the result outside."""
    summed = dict.fromkeys(label for _, labels in operands for label in labels if label not in output)
    product = " * ".join(f"{x}[{', '.join(labels)}]" for x, labels in operands)
    dtype = f"{operands[0][0]}.dtype"
    lines = [f"    {name} = np.zeros({_shape(operands, output) if output else '1'}, {dtype})"]
    indent = "    "
    for label in (*output, *summed):
        lines.append(f"{indent}for {label} in range({_places(operands, label)[0]}):")
        indent += "    "
    lines.append(f"{indent}{name}[{', '.join(output) or 0}] += {product}")
    return lines if output else [*lines, f"    {name} = {name}[0]"]


def _product(operands: Sequence[tuple[str, str]], output: str) -> str | None:
    """Return the contraction as one expression of NumPy's; None if there is none."""
    if len(operands) == 1:
        ((x, labels),) = operands
        return _of_one(x, labels, output)
    first, second = operands
    return _of_two(first, second, output) or _of_two(second, first, output)


def _of_one(x: str, labels: str, output: str) -> str | None:
    if labels == output:
        return x
    if sorted(labels) == sorted(output) and len(set(labels)) == len(labels):
        return f"np.transpose({x}, ({', '.join(str(labels.index(label)) for label in output)}))"
    if not output and len(set(labels)) == len(labels):
        return f"np.sum({x})"
    return f"np.trace({x})" if not output and len(labels) == 2 else None


def _of_two(a: tuple[str, str], b: tuple[str, str], output: str) -> str | None:
    (x, left), (y, right) = a, b
    shared = [label for label in left if label in right]
    if max(len(left), len(right)) > 2 or len(set(left)) < len(left) or len(set(right)) < len(right):
        return None
    if left == right:
        return f"{x} * {y}" if output == left else f"np.dot({x}, {y})" if len(left) == 1 and not output else None
    if not shared and len(left) == len(right) == 1 and output == left + right:
        return f"np.outer({x}, {y})"
    if len(shared) != 1 or output != (left + right).replace(shared[0], ""):
        return None
    x = x if left[-1] == shared[0] else f"{x}.T"
    y = y if right[0] == shared[0] else f"{y}.T"
    return f"np.dot({x}, {y})"
