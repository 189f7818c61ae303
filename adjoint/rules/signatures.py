"""The parameters of NumPy's functions: which are operands, which are options, and what the options default to.

Operands stay positional, options become keyword arguments, and options that say what is the default anyway go away.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from adjoint.errors import UnsupportedError
from adjoint.ir import Call, Expr, Lit

Kwargs = tuple[tuple[str, Expr], ...]

# Left of the bar the operands, right of it the options. `a/b` are two names of one parameter.
_SIGNATURES = {
    # reductions
    "sum prod nansum nanprod": "a | axis=None dtype=None out=None keepdims=False initial=None where=True",
    "max min": "a | axis=None out=None keepdims=False initial=None where=True",
    "nanmax nanmin": "a | axis=None out=None keepdims=False",
    "any all": "a | axis=None out=None keepdims=False",
    "mean nanmean": "a | axis=None dtype=None out=None keepdims=False",
    "var std nanvar nanstd": "a | axis=None dtype=None out=None ddof=0 keepdims=False",
    "median nanmedian": "a | axis=None out=None overwrite_input=False keepdims=False",
    "percentile quantile nanpercentile nanquantile": "a q | axis=None out=None overwrite_input=False",
    "argmax argmin nanargmax nanargmin": "a | axis=None out=None keepdims=False",
    "count_nonzero": "a | axis=None keepdims=False",
    "ptp": "a | axis=None out=None keepdims=False",
    "cumsum cumprod nancumsum nancumprod": "a | axis=None dtype=None out=None",
    "trace": "a | offset=0 axis1=0 axis2=1 dtype=None out=None",
    "trapezoid": "y x | dx=1.0 axis=-1",
    "linalg.norm": "x | ord=None axis=None keepdims=False",
    # fresh arrays
    "zeros ones empty": "shape | dtype=None order='C'",
    "full": "shape fill_value | dtype=None order='C'",
    "zeros_like ones_like empty_like": "a/x/prototype | dtype=None order='K' subok=True shape=None",
    "full_like": "a fill_value | dtype=None order='K' subok=True shape=None",
    "eye": "N | M=None k=0 dtype=None order='C'",
    "identity": "n | dtype=None",
    "tri": "N | M=None k=0 dtype=None",
    "arange": "start stop step | dtype=None",
    "linspace": "start stop | num=50 endpoint=True retstep=False dtype=None axis=0",
    "geomspace": "start stop | num=50 endpoint=True dtype=None axis=0",
    "average": "a | axis=None weights=None returned=False keepdims=False",
    "logspace": "start stop | num=50 endpoint=True base=10.0 dtype=None axis=0",
    "array": "object | dtype=None copy=True order='K' subok=False ndmin=0",
    "asarray ascontiguousarray asfortranarray": "a | dtype=None order=None",
    "frombuffer": "buffer | dtype=None count=-1 offset=0",
    # the same elements in another form
    "reshape": "a shape/newshape | order='C'",
    "ravel flatten": "a | order='C'",
    "copy": "a | order='K'",
    "astype": "a dtype | order='K' casting='unsafe' subok=True copy=True",
    "transpose": "a | axes=None",
    "swapaxes": "a axis1 axis2 |",
    "moveaxis": "a source destination |",
    "rollaxis": "a axis | start=0",
    "expand_dims": "a axis |",
    "squeeze": "a | axis=None",
    "broadcast_to": "array shape | subok=False",
    "concatenate": "arrays | axis=0 out=None dtype=None",
    "stack": "arrays | axis=0 out=None",
    "vstack hstack dstack column_stack row_stack block": "tup/arrays |",
    "split array_split": "ary indices_or_sections | axis=0",
    "hsplit vsplit dsplit": "ary indices_or_sections |",
    "flip": "m | axis=None",
    "roll": "a shift | axis=None",
    "rot90": "m | k=1 axes=(0,1)",
    "repeat": "a repeats | axis=None",
    "tile": "A reps |",
    "pad": "array pad_width | mode='constant'",
    "take": "a indices | axis=None out=None mode='raise'",
    "take_along_axis": "arr indices axis |",
    "compress": "condition a | axis=None out=None",
    "diag": "v | k=0",
    "diagonal": "a | offset=0 axis1=0 axis2=1",
    "tril triu": "m | k=0",
    "sort": "a | axis=-1 kind=None order=None",
    "argsort": "a | axis=-1 kind=None order=None",
    "partition argpartition": "a kth | axis=-1 kind='introselect' order=None",
    "np_append": "arr values | axis=None",
    "delete": "arr obj | axis=None",
    "unique": "ar | return_index=False return_inverse=False return_counts=False axis=None",
    # values
    "where": "condition x y |",
    "np_select": "condlist choicelist default |",
    "clip": "a a_min/min a_max/max | out=None",
    "round": "a | decimals=0 out=None",
    "nan_to_num": "x | copy=True nan=0.0 posinf=None neginf=None",
    "real imag angle conj": "val/z/x | out=None",
    "interp": "x xp fp | left=None right=None period=None",
    "diff": "a | n=1 axis=-1",
    "ediff1d": "ary | to_end=None to_begin=None",
    "gradient": "f h | axis=None edge_order=1",
    "cross": "a b | axisa=-1 axisb=-1 axisc=-1 axis=None",
    "searchsorted": "a v | side='left' sorter=None",
    "digitize": "x bins | right=False",
    "bincount": "x weights | minlength=0",
    "histogram": "a | bins=10 range=None",
    "isclose allclose": "a b | rtol=1e-05 atol=1e-08 equal_nan=False",
    "array_equal": "a1 a2 | equal_nan=False",
    "cov": "m | y=None rowvar=True bias=False ddof=None",
    "corrcoef": "x | y=None rowvar=True",
    "vander": "x | N=None increasing=False",
    # products
    "dot outer": "a b | out=None",
    "vdot inner kron": "a b |",
    "tensordot": "a b | axes=2",
    "polyfit": "x y deg | rcond=None full=False w=None cov=False",
    "polyder": "p | m=1",
    "polyint": "p | m=1 k=None",
    "cumulative_sum cumulative_prod": "x | axis=None dtype=None out=None include_initial=False",
    "fill_diagonal": "a val | wrap=False",
    "putmask": "a mask values |",
    "put": "a ind v | mode='raise'",
    "place": "arr mask vals |",
    "put_along_axis": "arr indices values axis |",
    "real_if_close": "a | tol=100",
    "asanyarray asarray_chkfinite": "a | dtype=None order=None",
    "matrix_transpose linalg.multi_dot": "x/arrays |",
    "linalg.trace linalg.diagonal": "x | offset=0 dtype=None",
    "linalg.svdvals": "x |",
    "convolve": "a v | mode='full'",
    "correlate": "a v | mode='valid'",
    "linalg.solve": "a b |",
    "linalg.lstsq": "a b | rcond=-1",
    "linalg.pinv": "a | rcond=1e-15",
    "linalg.matrix_rank": "A | tol=None",
    "linalg.matrix_power": "a n |",
    "linalg.cond": "x | p=None",
    "linalg.cholesky linalg.inv linalg.det linalg.slogdet linalg.eig linalg.eigvals": "a |",
    "linalg.eigh linalg.eigvalsh": "a | UPLO='L'",
    "linalg.svd": "a | full_matrices=True compute_uv=True hermitian=False",
    "linalg.qr": "a | mode='reduced'",
    "fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft": "a | n=None axis=-1 norm=None",
    "fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2": "a | s=None axes=(-2,-1) norm=None",
    "fft.fftn fft.ifftn fft.rfftn fft.irfftn": "a | s=None axes=None norm=None",
    "fft.fftshift fft.ifftshift": "x | axes=None",
    "fft.fftfreq fft.rfftfreq": "n d |",
    # random numbers
    "random.random random.random_sample random.ranf random.sample random.standard_normal": "| size=None",
    "random.standard_exponential random.standard_cauchy": "| size=None",
    "random.normal random.uniform random.lognormal random.logistic random.laplace random.gumbel": "a b | size=None",
    "random.beta random.gamma random.f random.vonmises random.wald random.binomial": "a b | size=None",
    "random.exponential random.poisson random.chisquare random.geometric random.standard_gamma": "a | size=None",
    "random.pareto random.power random.rayleigh random.weibull random.standard_t": "a | size=None",
    "random.randint": "low high | size=None dtype=None",
    "random.choice": "a | size=None replace=True p=None",
}

# Axis lists and shapes may be spelt as separate arguments of a method.
_VARIADIC = {"reshape": 1, "transpose": 1}


@dataclass(frozen=True, slots=True)
class Signature:
    """`operands` and `options` hold, for each parameter, all its names; `defaults` those of the options."""

    operands: tuple[tuple[str, ...], ...]
    options: tuple[str, ...]
    defaults: tuple[Lit | Call | None, ...]


def signature_of(prim: str, arity: int = 0) -> Signature | None:
    """Return the signature of a primitive; with `arity`, ufuncs of so many operands have one too."""
    text = _by_name().get(prim)
    if text is not None:
        return _parse(text)
    if arity:
        return _parse(f"{' '.join(f'x{i + 1}' for i in range(arity))} | out=None where=True dtype=None")
    return None


def normalise_args(prim: str, args: Sequence[Expr], kwargs: Kwargs = ()) -> tuple[tuple[Expr, ...], Kwargs]:
    """Make operands positional and options keywords, in NumPy's order, without those that state the default.

    Options that are data types must be `Lit` of the name, as `Lit("float32")`.
    A primitive that has no signature here passes through unchanged.

    Raises
    ------
    UnsupportedError
        If there are too many arguments, or one is given twice.
    """
    signature = signature_of(prim)
    if signature is None:
        return tuple(args), kwargs
    args = _gather(prim, args)
    kept = list(args[: len(signature.operands)])
    named = dict(zip(signature.options, args[len(signature.operands) :], strict=False))
    if len(args) > len(signature.operands) + len(signature.options):
        raise UnsupportedError(f"`{prim}` takes fewer than {len(args)} arguments")
    given = dict(kwargs)
    kept += _operands_by_name(signature, len(kept), given)
    twice = sorted(named.keys() & given.keys()) or [n for names in signature.operands for n in names if n in given]
    if twice:
        raise UnsupportedError(f"`{prim}` got more than one value for `{twice[0]}`")
    named |= given
    return tuple(kept), _without_defaults(signature, named)


def _gather(prim: str, args: Sequence[Expr]) -> tuple[Expr, ...]:
    """Write the separate numbers of `x.reshape(n, m)` as one tuple."""
    fixed = _VARIADIC.get(prim)
    if fixed is None or len(args) <= fixed + 1 or _is_text(args[-1]):
        return tuple(args)
    return (*args[:fixed], Call("tuple", tuple(args[fixed:])))


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Lit) and isinstance(expr.value, str)


def _operands_by_name(signature: Signature, have: int, given: dict[str, Expr]) -> list[Expr]:
    """Take the operands that were passed by name; one left out before them is None, as in `clip(x, a_max=1)`."""
    found: list[Expr] = []
    for names in signature.operands[have:]:
        name = next((n for n in names if n in given), None)
        found.append(Lit(None) if name is None else given.pop(name))
    while found and found[-1] == Lit(None):
        found.pop()
    return found


def _without_defaults(signature: Signature, named: dict[str, Expr]) -> Kwargs:
    defaults = dict(zip(signature.options, signature.defaults, strict=True))
    order = [*signature.options, *(name for name in named if name not in defaults)]
    return tuple((name, named[name]) for name in order if name in named and named[name] != defaults.get(name))


@cache
def _by_name() -> dict[str, str]:
    return {prim: text for prims, text in _SIGNATURES.items() for prim in prims.split()}


@cache
def _parse(text: str) -> Signature:
    left, _, right = text.partition("|")
    options = [part.split("=", 1) for part in right.split()]
    return Signature(
        operands=tuple(tuple(part.split("/")) for part in left.split()),
        options=tuple(name for name, _ in options),
        defaults=tuple(_default(value) for _, value in options),
    )


def _default(text: str) -> Lit | Call:
    value: object = ast.literal_eval(text)
    return Call("tuple", tuple(map(Lit, cast(tuple[object, ...], value)))) if isinstance(value, tuple) else Lit(value)
