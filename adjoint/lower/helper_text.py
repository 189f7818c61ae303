"""Functions for the forms of array functions that Numba lacks: reductions and scans along axes, as loops.

`helper.NAME` calls them. The name says everything about one: `max_over_3d_02_kept` reduces the first and the last of
three axes and keeps them with length one; `mean_over_2d_1_float64` has elements of a type other than its operand's.
All other names are those of `rules.helpers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from adjoint.rules import helpers

_AXES = "ijklmn"
_NAME = re.compile(r"([a-z_]+)_over_(\d)d_(\d+)(_kept)?(?:_([a-z]+\d*))?")


@dataclass(frozen=True, slots=True)
class Along:
    """A function of one array along some of its axes; `dtype` is that of the result if it isn't the operand's."""

    prim: str
    rank: int
    axes: tuple[int, ...]
    kept: bool = False
    dtype: str = ""

    @property
    def name(self) -> str:
        kept = "_kept" if self.kept else ""
        dtype = f"_{self.dtype}" if self.dtype else ""
        return f"{self.prim}_over_{self.rank}d_{''.join(map(str, self.axes))}{kept}{dtype}"

    @property
    def out_dtype(self) -> str:
        return {"": "x.dtype", "bool": "np.bool_"}.get(self.dtype, f"np.{self.dtype}")

    @property
    def element(self) -> str:
        return f"x[{', '.join(_AXES[: self.rank])}]"

    @property
    def rest(self) -> tuple[int, ...]:
        return tuple(k for k in range(self.rank) if k not in self.axes)

    @property
    def shown(self) -> tuple[int, ...]:
        """The axes of the operand that the result has too."""
        return tuple(range(self.rank)) if self.kept else self.rest

    @property
    def place(self) -> str:
        """The subscript of the result that belongs to an element."""
        return ", ".join("0" if k in self.axes else _AXES[k] for k in self.shown)

    @property
    def shape(self) -> str:
        sizes = ["1" if k in self.axes else f"x.shape[{k}]" for k in self.shown]
        return f"({', '.join(sizes)},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    @property
    def count(self) -> str:
        return " * ".join(f"x.shape[{k}]" for k in self.axes)

    def first(self) -> str:
        return " and ".join(f"{_AXES[k]} == 0" for k in self.axes)


def parsed(name: str) -> Along | None:
    """Return what a name of this module stands for; None for other names."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in _BODIES:
        return None
    return Along(match[1], int(match[2]), tuple(map(int, match[3])), match[4] is not None, match[5] or "")


def supports(prim: str) -> bool:
    """Whether there is a loop for a function along axes."""
    return prim in _BODIES


def source(name: str) -> str:
    """Return the text of a helper, without `helper.`; it ends in a newline and imports nothing."""
    along = parsed(name)
    if along is None:
        return helpers.source(name)
    return "\n".join([f"def {name}(x):", *(f"    {line}" for line in _BODIES[along.prim](along)), ""])


def sources(names: Iterable[str]) -> list[str]:
    """Return the texts of helpers and of those they call, callees first, each once."""
    found: dict[str, None] = {}
    for name in names:
        if parsed(name) is None:
            found.update(dict.fromkeys(helpers.needs(name)))
        found[name] = None
    return [source(name) for name in found]


def _nest(along: Along, body: list[str], order: Iterable[int] | None = None) -> list[str]:
    """Put loops over all axes around the lines."""
    lines: list[str] = []
    depth = 0
    for k in range(along.rank) if order is None else order:
        lines.append(f"{'    ' * depth}for {_AXES[k]} in range(x.shape[{k}]):")
        depth += 1
    return [*lines, *(f"{'    ' * depth}{line}" for line in body)]


def _over_result(along: Along, line: str) -> list[str]:
    """Put loops over the elements of the result around a line."""
    return _nest(along, [line], along.rest)


def _made(along: Along, how: str = "zeros", dtype: str | None = None) -> str:
    return f"out = np.{how}({along.shape}, {dtype or along.out_dtype})"


def _not_empty(along: Along, what: str) -> list[str]:
    message = f"zero-size array to reduction operation {what} which has no identity"
    return [f"if {along.count} == 0:", f'    raise ValueError("{message}")']


def _sum(along: Along) -> list[str]:
    return [_made(along), *_nest(along, [f"out[{along.place}] += {along.element}"]), "return out"]


def _nansum(along: Along) -> list[str]:
    body = [f"if {along.element} == {along.element}:", f"    out[{along.place}] += {along.element}"]
    return [_made(along), *_nest(along, body), "return out"]


def _prod(along: Along) -> list[str]:
    return [_made(along, "ones"), *_nest(along, [f"out[{along.place}] *= {along.element}"]), "return out"]


def _mean(along: Along) -> list[str]:
    # `out` divided by an integer would be of double precision.
    return [*_sum(along)[:-1], *_over_result(along, f"out[{along.place}] /= {along.count}"), "return out"]


def _var(along: Along) -> list[str]:
    spread = f"{along.element} - middle[{along.place}]"
    return [
        _made(along).replace("out", "middle", 1),
        *_nest(along, [f"middle[{along.place}] += {along.element} / ({along.count})"]),
        _made(along),
        *_nest(along, [f"spread = {spread}", f"out[{along.place}] += spread * spread / ({along.count})"]),
        "return out",
    ]


def _std(along: Along) -> list[str]:
    return [*_var(along)[:-1], "return np.sqrt(out)"]


def _extreme(compare: str, what: str) -> Callable[[Along], list[str]]:
    def lines(along: Along) -> list[str]:
        x, out = along.element, f"out[{along.place}]"
        body = [f"if {along.first()} or {x} {compare} {out} or {x} != {x}:", f"    {out} = {x}"]
        return [*_not_empty(along, what), _made(along, "empty"), *_nest(along, body), "return out"]

    return lines


def _ptp(along: Along) -> list[str]:
    x, out, low = along.element, f"out[{along.place}]", f"low[{along.place}]"
    body = [
        f"if {along.first()} or {x} > {out} or {x} != {x}:",
        f"    {out} = {x}",
        f"if {along.first()} or {x} < {low} or {x} != {x}:",
        f"    {low} = {x}",
    ]
    made = _made(along, "empty")
    return [*_not_empty(along, "maximum"), made, made.replace("out", "low", 1), *_nest(along, body), "return out - low"]


def _arg_extreme(compare: str) -> Callable[[Along], list[str]]:
    def lines(along: Along) -> list[str]:
        x, best = along.element, f"best[{along.place}]"
        body = [
            f"if {along.first()} or {best} == {best} and ({x} {compare} {best} or {x} != {x}):",
            f"    {best} = {x}",
            f"    out[{along.place}] = {_AXES[along.axes[0]]}",
        ]
        made = _made(along, "zeros", "np.int64")
        best_made = _made(along, "empty", "x.dtype").replace("out", "best", 1)
        return [*_not_empty(along, "argmax"), made, best_made, *_nest(along, body), "return out"]

    return lines


def _any(along: Along) -> list[str]:
    body = [f"if {along.element}:", f"    out[{along.place}] = True"]
    return [_made(along, "zeros", "np.bool_"), *_nest(along, body), "return out"]


def _all(along: Along) -> list[str]:
    body = [f"if not {along.element}:", f"    out[{along.place}] = False"]
    return [_made(along, "ones", "np.bool_"), *_nest(along, body), "return out"]


def _count_nonzero(along: Along) -> list[str]:
    body = [f"if {along.element}:", f"    out[{along.place}] += 1"]
    return [_made(along, "zeros", "np.int64"), *_nest(along, body), "return out"]


def _scan(operator: str) -> Callable[[Along], list[str]]:
    def lines(along: Along) -> list[str]:
        axis = along.axes[0]
        here = ", ".join(_AXES[: along.rank])
        before = ", ".join(f"{_AXES[k]} - 1" if k == axis else _AXES[k] for k in range(along.rank))
        body = [
            f"if {_AXES[axis]} == 0:",
            f"    out[{here}] = {along.element}",
            "else:",
            f"    out[{here}] = out[{before}] {operator} {along.element}",
        ]
        return [f"out = np.empty(x.shape, {along.out_dtype})", *_nest(along, body), "return out"]

    return lines


def _by_line(function: str, dtype: str = "x.dtype") -> Callable[[Along], list[str]]:
    """Apply a function of vectors to each line along an axis."""

    def lines(along: Along) -> list[str]:
        axis = along.axes[0]
        line = ", ".join(":" if k == axis else _AXES[k] for k in range(along.rank))
        body = [f"out[{line}] = {function}(x[{line}].copy())"]
        return [f"out = np.empty(x.shape, {dtype})", *_nest(along, body, along.rest), "return out"]

    return lines


def _diff(along: Along) -> list[str]:
    axis = along.axes[0]
    here = ", ".join(_AXES[: along.rank])
    after = ", ".join(f"{_AXES[k]} + 1" if k == axis else _AXES[k] for k in range(along.rank))
    sizes = ", ".join(f"max(x.shape[{k}] - 1, 0)" if k == axis else f"x.shape[{k}]" for k in range(along.rank))
    loops = _nest(along, [f"out[{here}] = x[{after}] - x[{here}]"])
    loops = [line.replace(f"x.shape[{axis}]", f"out.shape[{axis}]") for line in loops]
    return [f"out = np.empty(({sizes},), x.dtype)", *loops, "return out"]


_BODIES: Mapping[str, Callable[[Along], list[str]]] = {
    "sum": _sum,
    "nansum": _nansum,
    "prod": _prod,
    "mean": _mean,
    "var": _var,
    "std": _std,
    "max": _extreme(">", "maximum"),
    "min": _extreme("<", "minimum"),
    "ptp": _ptp,
    "argmax": _arg_extreme(">"),
    "argmin": _arg_extreme("<"),
    "any": _any,
    "all": _all,
    "count_nonzero": _count_nonzero,
    "cumsum": _scan("+"),
    "cumprod": _scan("*"),
    "sort": _by_line("np.sort"),
    "argsort": _by_line("np.argsort", "np.int64"),
    "diff": _diff,
}
# Of one axis only.
SINGLE = frozenset("argmax argmin cumsum cumprod sort argsort diff".split())
