"""Sums into elements around that are gathered row by row: the text, the values, and what stays as it is."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import lower, to_numba
from adjoint.lower.expand import expand
from adjoint.lower.gather import gather
from tests.ir_text import parse
from tests.lower.programs import run, same
from tests.lower.test_lower import lowered

NEST = """
def f(x: {dtype}[:, :], y: {dtype}[:, :], n: int64, c: float64):
    d: {dtype} = {zero}
    for s in range(2):
        for i in range({rows}):
            a: {dtype} = y[i, 0]
            for j in range({columns}):
                t: {dtype} = y[i, j]
                y[i, j] = {zero}
                u: {dtype} = t * a
                {body}
    return x, y
"""
CROSS = "x[i - 1, j] += t\n x[i + 1, j] += t\n x[i, j - 1] += t\n x[i, j + 1] += t"
GATHERED = {
    "cross": CROSS,
    "centre": f"{CROSS}\n x[i, j] += -4 * t",
    "corner": "x[i - 1, j - 1] += t\n x[i + 1, j + 1] += -t",
    "far": "x[i - 1, j] += t\n x[i + 2, j] += t",
    "factors": "v: {dtype} = -t\n x[i - 1, j] += v\n x[i + 1, j] += 0.5 * v\n x[i, j] += v\n x[i, j] += v",
    "several": f"{CROSS}\n x[i, j + 2] += u\n x[i, j - 1] += u\n x[i + 1, j] += c * t\n x[i - 1, j] += c * t",
    "bound late": "x[i - 1, j] += d\n d = u + t\n x[i + 1, j] += d\n x[i, j + 1] += d\n x[i, j - 1] += -d",
    "stays": f"{CROSS}\n x[i, j] += 2 * u\n x[i, j] += -4 * t",
    "other array": f"{CROSS}\n z[i, j] += t\n z[i + 2, j] += t\n z[i, j + 1] += -t\n w[i, j] += t\n w[i, j + 1] += t",
}
LEFT = {
    "one row": "x[i, j] += t\n x[i, j + 1] += t",
    "reads": f"{CROSS}\n t = x[i, j]",
    "reads all": f"{CROSS}\n w[i, j] += sum(x)",
    "in place": CROSS.replace("x", "y"),
    "round": "x[(i + 1) % n, j] += t\n x[i, j] += t",
    "columns": "x[j - 1, i] += t\n x[i + 1, j] += u",
    "twice": "x[i, i - 1] += t\n x[i, i + 1] += t",
    "arrays of their own": "x[i - 1, j] += t\n x[i + 1, j] += u",
}


def _source(body: str, rows: str = "1, n - 2", columns: str = "1, n - 2", dtype: str = "float64") -> str:
    zero = "0.0" if dtype == "float64" else "cast.float32(0.0)"
    lines = body.format(dtype=dtype).replace("\n ", "\n                ")
    source = NEST.format(rows=rows, columns=columns, dtype=dtype, zero=zero, body=lines)
    for name in "zw":
        source = source.replace("    for s", f"    {name}: {dtype}[:, :] = zeros_like(x)\n    for s", 1)
    return source.replace("return x, y", "return x, y, z, w")


def _is_gathered(func: Func) -> bool:
    return " % " in text(func)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize(("rows", "columns"), [("1, n - 2", "1, n - 2"), ("n - 3, 0, -1", "n - 3, 0, -1")])
@pytest.mark.parametrize("body", GATHERED)
def test_values(body: str, rows: str, columns: str, n: int) -> None:
    source = _source(GATHERED[body], rows, columns)
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n, n))
    for c in (0.5, np.inf):
        with np.errstate(invalid="ignore"):
            same(run(lowered(source), x, y, n, c), run(parse(source), x, y, n, c), 1e-12)
    carried = body == "bound late"  # so that its loops don't change direction
    assert _is_gathered(lowered(source)) or carried and not rows.startswith("1")


@pytest.mark.parametrize("body", LEFT)
def test_what_is_left(body: str) -> None:
    source = _source(LEFT[body])
    assert not _is_gathered(gather(*expand(parse(source)))) or "%" in source
    x, y = np.random.default_rng(0).standard_normal((2, 8, 8))
    same(run(lowered(source), x, y, 8, 0.5), run(parse(source), x, y, 8, 0.5), 1e-12)


def test_an_array_that_has_another_name_is_left() -> None:
    source = _source(f"{CROSS}\n w[i, j] += other[i, j]").replace("    for s", "    other: float64[:, :] = x\n    for s")
    assert not _is_gathered(lowered(source))
    x, y = np.random.default_rng(0).standard_normal((2, 8, 8))
    same(run(lowered(source), x, y, 8, 0.5), run(parse(source), x, y, 8, 0.5), 1e-12)


def test_rows_that_can_only_be_taken_downwards_are_left() -> None:
    source = _source(f"{CROSS}\n y[i - 1, j] = t", rows="n - 3, 0, -1")
    assert not _is_gathered(lowered(source))


def test_short_loops_are_left() -> None:
    assert not _is_gathered(lowered(_source(CROSS, "1, 5")))
    assert not _is_gathered(lowered(_source(CROSS, "1, n - 2", "1, 5")))


def test_a_loop_that_starts_anywhere_has_its_sums_spread() -> None:
    done = text(lowered(_source(CROSS, columns="s + 1, n - 2")))
    assert "%" not in done
    assert "_kept[np.uint64(j" in done


def test_multiples_of_one_value_are_kept_once() -> None:
    done = text(lowered(_source(GATHERED["factors"])))
    assert done.count("np.empty(") == 1
    assert "- 2.0 * t_kept" in done


def test_sums_that_would_need_an_array_stay() -> None:
    done = text(lowered(_source(GATHERED["stays"])))
    assert done.count("np.empty(") == 1
    assert "x[i_1, j] += 2 * u" in done


def test_an_array_for_each_sum_is_not_worth_it() -> None:
    separate = "x[i - 1, j] += t\n x[i + 1, j] += u\n x[i, j + 1] += t * t\n x[i, j - 1] += u * u"
    assert not _is_gathered(lowered(_source(separate)))


def test_what_is_not_finite_stays_where_it_is() -> None:
    source = _source(GATHERED["centre"])
    x, y = np.zeros((2, 8, 8))
    y[3, 4], y[5, 2], y[2, 0] = np.inf, np.nan, np.inf
    found, wanted = run(lowered(source), x, y, 8, np.inf), run(parse(source), x, y, 8, np.inf)
    same(found, wanted)
    assert np.isnan(found[0]).any()
    assert np.isinf(found[0]).any()


@pytest.mark.parametrize("body", ["cross", "corner", "far"])
def test_single_precision(body: str) -> None:
    source = _source(GATHERED[body], dtype="float32")
    assert _is_gathered(lowered(source))
    x, y = np.random.default_rng(0).standard_normal((2, 7, 7)).astype(np.float32)
    found, wanted = run(lowered(source), x, y, 7, 0.5), run(parse(source), x, y, 7, 0.5)
    assert found[0].dtype == np.float32
    same(found, wanted, 1e-5)


def test_numba_compiles_it() -> None:
    for body in GATHERED.values():
        source = _source(body)
        x, y = np.random.default_rng(0).standard_normal((2, 9, 9))
        found = run(to_numba(lowered(source)), x, y, 9, 0.5, jit={"error_model": "numpy"})
        same(found, run(parse(source), x, y, 9, 0.5), 1e-12)


def _random_nest(random: Random) -> tuple[str, int]:
    """Return a function with nests over arrays of two or three axes, and how many axes there are."""
    rank = random.choice((2, 2, 3))
    indices, reach = "ijk"[:rank], [random.randint(0, 2) for _ in range(rank)]

    def place() -> str:
        offsets = [random.choice((0, random.randint(-most, most))) for most in reach]
        return ", ".join(f"{i} {'-' if by < 0 else '+'} {abs(by)}" for i, by in zip(indices, offsets, strict=True))

    shape = ", ".join([":"] * rank)
    lines = [f"def f(x: float64[{shape}], y: float64[{shape}], w: float64[{shape}], n: int64, c: float64):"]
    lines.append("    for s in range(2):")
    for depth, (index, most) in enumerate(zip(indices, reach, strict=True)):
        up = f"range({most}, n - {most})"
        header = random.choice((up, up, up, f"range({most + random.randint(0, 1)}, n - {most + random.randint(0, 1)})",
                                f"range(n - {most + 1}, {most - 1}, -1)"))  # fmt: skip
        lines.append("    " * (depth + 2) + f"for {index} in {header}:")
    here, around = ", ".join(indices), "    " * (rank + 2)
    taken = random.choice("yyyx")
    lines += [f"{around}t: float64 = {taken}[{here}]", f"{around}u: float64 = tanh(t)", f"{around}v: float64 = -0.5 * t"]
    if random.random() < 0.7:
        lines.append(f"{around}{random.choice((taken, 'y', 'w'))}[{here}] = 0.0")
    values = ("t", "t", "u", "v", "-v", "c * t", "2 * u", "t * u", f"w[{here}]", "-(3.0 * v)", "c")
    for _ in range(random.randint(2, 8)):
        target = random.choice("xxxxw")
        lines.append(f"{around}{target}[{place()}] += {random.choice(values)}")
        if random.random() < 0.1:
            lines.append(f"{around}{random.choice((f'x[{place()}] = u', f'y[{place()}] = v', f't = w[{place()}]'))}")
    return "\n".join([*lines, "    return x, y, w", ""]), rank


@pytest.mark.parametrize("seed", range(60))
def test_random_nests(seed: int) -> None:
    random = Random(seed)
    source, rank = _random_nest(random)
    for n in (0, 1, 3, 6):
        args = (*np.random.default_rng(seed).standard_normal((3, *(n,) * rank)), n, random.choice((0.5, np.inf)))
        with np.errstate(all="ignore"):
            same(run(lower(parse(source)), *args), run(parse(source), *args), 1e-9)
