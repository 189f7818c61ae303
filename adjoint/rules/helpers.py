"""Functions that generated code calls where an expression is not enough, as text.

They are written in the subset the compiler accepts, for plain NumPy and for Numba alike, and go into the generated
module. Results are fresh C arrays. A primitive `helper.NAME` calls one.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any

from adjoint.rules.numba_types import array
from adjoint.rules.numba_types import types as number_types
from adjoint.rules.texts import TEXT
from adjoint.rules.typing import literal_type, register_helper

_UNBROADCAST = re.compile(r"unbroadcast_(\d)d_(\d)d")
_AXES = "ijklmn"


def source(name: str) -> str:
    """Return the text of a helper, without `helper.`; it ends in a newline and imports nothing.

    It may use `np` and `math`, and call the helpers of `needs(name)`.
    """
    match = _UNBROADCAST.fullmatch(name)
    if match is not None:
        return _unbroadcast(int(match[1]), int(match[2]))
    return _definitions()[name]


def needs(name: str) -> tuple[str, ...]:
    """Return the other helpers that a helper calls, directly or not, callees first."""
    found: list[str] = []
    for callee in re.findall(r"\b(\w+)\(", source(name).split(":", 1)[1]):
        if callee in _definitions() and callee != name:
            found += [other for other in (*needs(callee), callee) if other not in found]
    return tuple(found)


def names() -> tuple[str, ...]:
    """Return every helper written out by hand; `unbroadcast_NdMd` are made on demand."""
    return tuple(_definitions())


def exists(name: str) -> bool:
    return _UNBROADCAST.fullmatch(name) is not None or name in _definitions()


def result_type(name: str, types: tuple[Any, ...]) -> Any:
    """Return the Numba type of a helper's result for operands of these types."""
    if _UNBROADCAST.fullmatch(name):
        return _fresh(types[1])
    if name not in _definitions():
        raise KeyError(name)
    if name == "share_memory":
        return literal_type(True)
    if name == "listed":
        return array(number_types.float64, 1)
    operand, rank = _RESULT.get(name, (0, None))
    return _fresh(types[operand], rank)


def _fresh(kind: Any, rank: int | None = None) -> Any:
    """An array like this one, in C order, perhaps of another rank."""
    if not hasattr(kind, "ndim"):
        return kind
    if rank == 0:
        return kind.dtype
    return kind.copy(ndim=kind.ndim if rank is None else rank, layout="C", readonly=False)


# The operand whose type the result has, where it isn't the first, and its rank, where it has another.
_RESULT: dict[str, tuple[int, int | None]] = {
    "extract_pullback": (1, None),
    "polygamma": (1, None),
    "kron_right_1d": (1, None),
    "kron_right_2d": (1, None),
    "diff_transposed_1d": (0, 1),
    "insert_place": (1, None),
    "interp_slope": (2, 0),
    "interp_transposed": (1, None),
    "interp_all_transposed": (1, None),
    "quantile_slope": (0, 0),
    "trapezoid_pullback_of": (1, None),
    "trapezoid_pullback_2d_of": (1, None),
    "vander_pushforward": (0, 2),
    "max_along_2d": (0, 1),
    "max_along_3d": (0, 2),
    "min_along_2d": (0, 1),
    "min_along_3d": (0, 2),
    "members_pushforward": (2, None),
    "roots_pushforward": (1, None),
    "eigh_pullback": (1, None),
    "eigh_values_pushforward": (0, 1),
    "eigh_vectors_pushforward": (1, None),
    "eigvalsh_pushforward": (0, 1),
    "eig_pullback": (1, None),
    "eig_values_pushforward": (0, 1),
    "eig_vectors_pushforward": (1, None),
    "eigvals_pushforward": (0, 1),
    "svd_values_pushforward": (2, None),
    "svd_right_pushforward": (2, None),
    "qr_right_pushforward": (1, None),
    "pinv_pushforward": (1, None),
    "lstsq_pushforward": (3, None),
    "lstsq_pushforward_2d": (3, None),
}


@cache
def _definitions() -> dict[str, str]:
    texts = re.split(r"\n(?=def )", TEXT.strip("\n"))
    return {text[4 : text.index("(")]: text.rstrip("\n") + "\n" for text in texts}


def _unbroadcast(source_rank: int, target_rank: int) -> str:
    """The transpose of broadcasting an array `like` to the shape of `y_bar`."""
    outer = _AXES[: source_rank - target_rank]
    inner = _AXES[source_rank - target_rank : source_rank]
    lines = [f"def unbroadcast_{source_rank}d_{target_rank}d(y_bar, like):"]
    for k in range(target_rank):
        length = f"y_bar.shape[{source_rank - target_rank + k}]"
        lines += [f"    if like.shape[{k}] != {length} and like.shape[{k}] != 1:"]
        lines += ['        raise ValueError("operands could not be broadcast together")']
    lines += ["    x_bar = np.zeros(like.shape, like.dtype)"]
    # An axis of length 1 is summed over: its index advances by 0.
    lines += [f"    {axis}_step = 1 if like.shape[{k}] != 1 else 0" for k, axis in enumerate(inner)]
    for k, axis in enumerate(outer + inner):
        lines.append(f"{'    ' * (k + 1)}for {axis} in range(y_bar.shape[{k}]):")
    place = ", ".join(f"{axis} * {axis}_step" for axis in inner)
    lines.append(f"{'    ' * (source_rank + 1)}x_bar[{place}] += y_bar[{', '.join(outer + inner)}]")
    return "\n".join([*lines, "    return x_bar", ""])


def _register() -> None:
    for name in names():
        register_helper(name, partial(result_type, name))
    for source_rank in range(1, 5):
        for target_rank in range(1, source_rank + 1):
            name = f"unbroadcast_{source_rank}d_{target_rank}d"
            register_helper(name, partial(result_type, name))


_register()
