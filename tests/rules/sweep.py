"""Counts what calls of the tables' functions give through the whole compiler: right, refused, or wrong.

`python -m tests.rules.sweep [TARGET]` tries each function in all forms that there are: numbers, arrays of several
ranks, every operand broadcast, axes and `keepdims`, without elements, not contiguous, single precision, complex. Values
must be NumPy's; both modes must agree with differences. It prints the counts, and every call that is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint
from adjoint.errors import AdjointError
from adjoint.rules.composite import COMPOSITE
from adjoint.rules.elementwise import ELEMENTWISE
from adjoint.rules.linear import LINEAR
from adjoint.rules.special import TABLE
from adjoint.rules.special_functions import SPECIAL_FUNCTIONS
from adjoint.rules.spelling import text_of

R = np.random.default_rng(17)


@dataclass(frozen=True, slots=True)
class Trial:
    """A call, as text over `x0`, `x1`, …, and its operands."""

    prim: str
    text: str
    args: tuple[Any, ...]

    def function(self) -> Callable[..., Any]:
        names = ", ".join(f"x{k}" for k in range(len(self.args)))
        return adjoint_function(f"def called({names}):\n    return {self.text}\n")


def adjoint_function(text: str) -> Callable[..., Any]:
    """Return the function of a text, which can be read again."""
    from adjoint.rules.definitions.text import made

    return made("called", text.splitlines(), f"<sweep {abs(hash(text))}>")


_LIMITS = {"R": (-3.0, 3.0), "R+": (0.3, 4.0), "R*": (0.3, 3.0), "(1, 9)": (1.2, 9.0), "(-1, 5)": (-0.9, 5.0)}


def _operand(domain: str, shape: tuple[int, ...]) -> Any:
    low, high = _LIMITS.get(domain, (-0.9, 0.9))
    return R.uniform(low, high, shape) if shape else float(R.uniform(low, high))


_PAIRS = [
    ((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((3,), (2, 3)), ((0,), (0,))
]  # fmt: skip
_ALONE = [(), (3,), (2, 3), (2, 2, 2), (0,), (0, 3)]
_NOT_CALLED = ("cast.", "astype.")
_LEFT_OUT = {"where", "select", "clip", "ldexp", "complex", "rect", "unwrap", "stop_gradient", "nextafter"}
_HOLOMORPHIC = (
    "add sub mul div square reciprocal exp expm1 log log1p sqrt sin cos tan sinh cosh tanh abs real imag conj angle"
)


def elementwise() -> Iterator[Trial]:
    """Yield every element-wise function in every form of its operands."""
    for prim, rows in ELEMENTWISE.items():
        if prim.startswith(_NOT_CALLED) or prim in _LEFT_OUT:
            continue
        domains = [part.strip() for part in rows[0].columns[1].split(";")]
        name = text_of(prim, "np")
        for shapes in _PAIRS if len(domains) == 2 else [(shape,) for shape in _ALONE]:
            spelt = name if name.startswith("np.") else text_of(prim, "math", not any(shapes))
            if not spelt.startswith(("np.", "math.")) or spelt.startswith("math.") and any(shapes):
                continue
            args = tuple(_operand(domain, shape) for domain, shape in zip(domains, shapes, strict=True))
            call = f"{spelt}({', '.join(f'x{k}' for k in range(len(args)))})"
            yield Trial(prim, call, args)
            if any(shapes) and all(np.size(arg) for arg in args):
                yield Trial(prim, call, tuple(np.float32(arg) for arg in args))
                yield Trial(prim, call, tuple(_strided(arg) for arg in args))
            if prim in _HOLOMORPHIC.split() and shapes in (((3,),), ((3,), (3,))):
                yield Trial(prim, call, tuple(arg + 0.4j for arg in args))


def _strided(arg: Any) -> Any:
    return np.repeat(arg, 2, axis=-1)[..., ::2] if np.ndim(arg) else arg


_REDUCTIONS = "sum mean prod max min var std median ptp nansum nanmean nanmax nanmin nanvar nanstd cumsum cumprod"
_LINALG = {
    "inv": "np.linalg.inv(x0)", "det": "np.linalg.det(x0)", "slogdet": "np.linalg.slogdet(x0)[1]",
    "pinv": "np.linalg.pinv(x0)", "matrix_power": "np.linalg.matrix_power(x0, 3)", "norm": "np.linalg.norm(x0)",
    "qr": "np.linalg.qr(x0)[1]", "svd": "np.linalg.svd(x0)[1]", "cond": "np.linalg.cond(x0)",
    "eigvalsh": "np.linalg.eigvalsh(x0 + x0.T)", "cholesky": "np.linalg.cholesky(x0 @ x0.T + 2.0 * np.eye(3))",
    "solve": "np.linalg.solve(x0, x0[0])", "trace": "np.trace(x0)", "matmul": "x0 @ x0", "outer": "np.outer(x0, x0)",
    "kron": "np.kron(x0, x0)", "dot": "np.dot(x0, x0)", "inner": "np.inner(x0, x0)", "tril": "np.tril(x0)",
    "diag": "np.diag(x0)", "diff": "np.diff(x0)", "flip": "np.flip(x0)", "roll": "np.roll(x0, 1)",
    "ravel": "np.ravel(x0)", "transpose": "x0.T", "sort": "np.sort(x0, axis=0)", "repeat": "np.repeat(x0, 2)",
    "rot90": "np.rot90(x0)",
}  # fmt: skip
# Matrices of every kind: of full rank, deficient, with equal singular values, of single precision, complex.
_SPECTRA = "inv det slogdet norm svd trace matmul outer kron dot inner tril diag diff flip roll ravel transpose".split()


def reductions() -> Iterator[Trial]:
    """Yield reductions along every axis, with and without `keepdims`."""
    for name in _REDUCTIONS.split():
        running = name.startswith("cum")
        for shape in ((4,), (3, 4), (2, 3, 2)):
            a = R.uniform(0.4, 2.0, shape)
            for axis in (None, *range(-1, len(shape))):
                for kept in ("",) if running else ("", ", keepdims=True"):
                    option = "" if axis is None else f", axis={axis}"
                    yield Trial(name, f"np.{name}(x0{option}{kept})", (a,))
            yield Trial(name, f"np.{name}(x0)", (a.astype(np.float32),))
            yield Trial(name, f"np.{name}(x0)", (_strided(a),))


def matrices() -> Iterator[Trial]:
    """Yield functions of matrices of every kind."""
    full = R.normal(size=(3, 3)) + 2.0 * np.eye(3)
    for name, text in _LINALG.items():
        yield Trial(name, text, (full,))
        yield Trial(name, text, (full.astype(np.float32),))
        yield Trial(name, text, (np.asfortranarray(full),))
        yield Trial(name, text, (_strided(full),))
        if name in _SPECTRA:
            yield Trial(name, text, (full + 0.5j,))
    for name in ("det", "norm", "trace", "matmul"):
        yield Trial(name, _LINALG[name], (np.outer([1.0, 2.0, 3.0], [0.5, -1.0, 2.0]),))
    # Of rank 1 in all directions; a symmetric function of equal eigenvalues.
    yield Trial("pinv", "np.linalg.pinv(np.outer(x0, x1))", (full[0], full[1]))
    yield Trial("eigvalsh", "np.sum(np.linalg.eigvalsh(x0 + x0.T) ** 3)", (np.diag([1.0, 1.0, 2.0]),))
    for name in ("inv", "det", "slogdet", "norm"):
        yield Trial(name, _LINALG[name], (np.diag([1.0, 1.0, 2.0]),))


def outcome(trial: Trial, target: Any = "python") -> str:
    """Return "right", "refused", or what is wrong."""
    fun = trial.function()
    single = any(getattr(arg, "dtype", None) == np.float32 for arg in trial.args)
    args = trial.args
    wide = tuple(np.float64(arg) if getattr(arg, "dtype", None) == np.float32 else arg for arg in args)
    dots = tuple(_direction(arg) for arg in args)
    with np.errstate(all="ignore"):
        try:
            value = fun(*args)
            expected = (_moved(fun, wide, dots, 1e-6) - _moved(fun, wide, dots, -1e-6)) / 2e-6
        except Exception:  # noqa: BLE001 (NumPy has no such call)
            return "no call of NumPy's"
        loose: dict[str, float] = {"rtol": 2e-3, "atol": 2e-4} if single else {"rtol": 2e-6, "atol": 1e-7}
        try:
            own, tangent = adjoint.jvp(fun, args, dots, target=target)
            bars = adjoint.vjp(fun, *args, target=target)[1](seed := _seed(value))
        except AdjointError as error:
            return "refused" if error.filename != "" else f"crashed: {error}"
        except Exception as error:  # noqa: BLE001
            return f"crashed: {type(error).__name__}: {error}"
    found = sum(np.sum(bar * dot) for bar, dot in zip(bars, dots, strict=True))
    if not np.allclose(own, value, rtol=1e-3 if single else 1e-11, equal_nan=True):
        return f"value {own}, not {value}"
    if not np.allclose(tangent, expected, **loose):
        return f"tangent {tangent}, not {expected}"
    pairs = zip(bars, args, strict=True)
    if any(getattr(bar, "dtype", None) not in (None, np.asarray(arg).dtype) for bar, arg in pairs):
        return f"cotangents of types {[np.asarray(bar).dtype for bar in bars]}"
    whole = np.sum(seed * expected)
    close = np.allclose(np.real(found), np.real(whole), **loose)
    return "right" if close else f"cotangent along the direction {found}, not {whole}"


def _direction(arg: Any) -> Any:
    dot = R.normal(size=np.shape(arg))
    if np.iscomplexobj(arg):
        dot = dot + 1j * R.normal(size=np.shape(arg))
    return dot.astype(arg.dtype) if hasattr(arg, "dtype") and np.ndim(arg) else type(arg)(dot)


def _moved(fun: Callable[..., Any], args: tuple[Any, ...], dots: tuple[Any, ...], h: float) -> Any:
    steps = [h * np.asarray(dot, np.result_type(dot, np.float64)) for dot in dots]
    return np.asarray(fun(*(arg + step for arg, step in zip(args, steps, strict=True))))


def _seed(value: Any) -> Any:
    shape, dtype = np.shape(value), np.asarray(value).dtype
    seed = R.normal(size=shape)
    if np.iscomplexobj(value):
        seed = seed + 1j * R.normal(size=shape)
    return np.asarray(seed).astype(dtype) if shape else dtype.type(seed)


def median_length() -> float:
    """Return the median number of characters of a row, of all tables; a line of them has up to 120."""
    tables = (ELEMENTWISE, SPECIAL_FUNCTIONS, LINEAR, TABLE, COMPOSITE)
    return float(np.median([len(row.text) for table in tables for rows in table.values() for row in rows]))


def trials() -> Iterator[Trial]:
    yield from elementwise()
    yield from reductions()
    yield from matrices()


def swept(target: Any = "python") -> tuple[dict[str, int], list[str]]:
    """Return the counts of outcomes, and what is wrong."""
    counts, wrong = {"right": 0, "refused": 0, "no call of NumPy's": 0, "wrong": 0}, []
    for trial in trials():
        found = outcome(trial, target)
        counts[found if found in counts else "wrong"] += 1
        if found not in counts:
            kinds = ", ".join(f"{np.asarray(arg).dtype}{np.shape(arg)}" for arg in trial.args)
            wrong.append(f"{trial.text} of {kinds}: {found}")
    return counts, wrong


def main() -> int:
    counts, wrong = swept(sys.argv[1] if len(sys.argv) > 1 else "python")
    print(", ".join(f"{kind}: {count}" for kind, count in counts.items()))
    print(f"median length of a row: {median_length():.0f} characters")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
