"""Types of the array functions, by rule: asking Numba would make it compile each of them, 0.1 to 2 s a time.

Every rule says what Numba infers; a test compares them. Where Numba lacks a form that NumPy has (`max` over an axis),
the rule says what NumPy gives, and the lowering has to write the loop.
"""

from __future__ import annotations

from collections.abc import Callable

from adjoint.errors import TypingError
from adjoint.ir import Lit
from adjoint.rules.definitions.einsum import contraction_of
from adjoint.rules.numba_types import (
    Application,
    Type,
    array,
    boolean,
    dtype_of,
    float64,
    int64,
    is_array,
    is_number,
    ndim_of,
    own_layout,
    promote,
    scalar_or_array,
    tuple_of,
    types,
)
from adjoint.rules.operand_types import (
    Rule,
    always,
    array_operand,
    axes_named,
    dtype_option,
    in_double,
    inexact,
    modulus,
    part,
    rank_of_shape,
    same,
    wide,
)
from adjoint.rules.shape_types import SHAPE_RULES, fresh_same


def _reduction(element: Callable[[Type], Type], along_axis: Callable[[Type], Type] | None = None) -> Rule:
    """Reduce all axes or those named; `keepdims` keeps them with length one."""

    def rule(app: Application) -> Type:
        operand = array_operand(app)
        axes = axes_named(app, operand.ndim)
        change = element if axes is None or along_axis is None else along_axis
        dtype = dtype_option(app, change(operand.dtype))
        if app.option("keepdims", False):
            return scalar_or_array(dtype, operand.ndim)
        return scalar_or_array(dtype, 0 if axes is None else operand.ndim - axes)

    return rule


def _cumulative(app: Application) -> Type:
    operand = array_operand(app)
    dtype = dtype_option(app, wide(operand.dtype))
    return array(dtype, 1 if axes_named(app, operand.ndim) is None else operand.ndim)


def _vector(element: Callable[[Type], Type]) -> Rule:
    """A fresh array of one dimension, of the elements of all operands."""
    return lambda app: array(element(promote(*(array_operand(app, i).dtype for i in range(len(app.types))))), 1)


def _matrix(app: Application) -> Type:
    return array(promote(*(array_operand(app, i).dtype for i in range(len(app.types)))), 2)


def _kron(app: Application) -> Type:
    return _matrix(app).copy(ndim=max(array_operand(app, i).ndim for i in range(2)))


def _where(app: Application) -> Type:
    if len(app.types) != 3:
        raise TypingError("`where` with two arguments", help="give it a condition, or a condition and two values")
    ndim = max(map(ndim_of, app.types))
    dtype = promote(dtype_of(app.types[1]), dtype_of(app.types[2]))
    arrays = [kind for kind in app.types if is_array(kind)]
    in_order = ndim > 1 and all(kind.layout == "F" and kind.ndim == ndim for kind in arrays)
    return scalar_or_array(dtype, ndim, "F" if in_order else "C")


def _clip(app: Application) -> Type:
    if not any(map(is_array, app.types)):
        return promote(*(dtype_of(kind) for kind in app.types if is_number(kind)))
    if not is_array(app.types[0]):
        return array(promote(*(dtype_of(t) for t in app.types if t != types.none)), max(map(ndim_of, app.types)))
    return array(app.types[0].dtype, max(map(ndim_of, app.types)), own_layout(app.types[0]))


def _per_element(element: Callable[[Type], Type]) -> Rule:
    """One result for each element of the first operand."""

    def rule(app: Application) -> Type:
        operand = array_operand(app)
        return scalar_or_array(element(operand.dtype), operand.ndim)

    return rule


def _round(app: Application) -> Type:
    operand = array_operand(app)
    return scalar_or_array(operand.dtype, operand.ndim, own_layout(operand))


def _complex_part(app: Application) -> Type:
    operand = array_operand(app)
    if not operand.ndim:
        return part(operand.dtype)
    if isinstance(operand.dtype, types.Complex):
        return operand.copy(dtype=part(operand.dtype), layout="A")
    return operand if app.prim == "real" else array(operand.dtype, operand.ndim).copy(readonly=True)


def _dot(app: Application) -> Type:
    left, right = app.types
    if not (is_array(left) and is_array(right) and left.ndim in (1, 2) and right.ndim in (1, 2)):
        raise TypingError(f"`{app.prim}` needs arrays of one or two dimensions, not {left} and {right}")
    _check_products(app, left, right)
    return scalar_or_array(left.dtype, left.ndim + right.ndim - 2)


def _check_products(app: Application, left: Type, right: Type) -> None:
    if left.dtype != right.dtype:
        raise TypingError(f"`{app.prim}` needs arrays of one data type, not {left.dtype} and {right.dtype}")
    if not isinstance(left.dtype, (types.Float, types.Complex)):
        raise TypingError(f"`{app.prim}` needs floating-point arrays, not {left.dtype}")


def _einsum(app: Application) -> Type:
    """Calls that can be read are replaced by a text, so this is one that can't."""
    _, why = contraction_of(app.args[0], app.types[1:])
    raise why or TypingError("`einsum` in this place")


def _vdot(app: Application) -> Type:
    left, right = array_operand(app), array_operand(app, 1)
    _check_products(app, left, right)
    return left.dtype


def _cross(app: Application) -> Type:
    left, right = array_operand(app), array_operand(app, 1)
    return array(promote(left.dtype, right.dtype), max(left.ndim, right.ndim))


def _square_matrix(app: Application) -> Type:
    operand = array_operand(app)
    if operand.ndim != 2:
        raise TypingError(f"`{app.prim}` needs an array of two dimensions, not {operand}")
    return operand


def _linalg(result: Callable[[Type], Type]) -> Rule:
    """A function of one matrix, by its data type."""

    def rule(app: Application) -> Type:
        operand = _square_matrix(app)
        if not isinstance(operand.dtype, (types.Float, types.Complex)):
            raise TypingError(f"`{app.prim}` needs a floating-point array, not {operand.dtype}")
        return result(operand.dtype)

    return rule


def _solve(app: Application) -> Type:
    matrix, right = _square_matrix(app), array_operand(app, 1)
    _check_products(app, matrix, right)
    return array(matrix.dtype, right.ndim, "C" if right.ndim == 1 else "F")


def _norm(app: Application) -> Type:
    operand = array_operand(app)
    if operand.ndim not in (1, 2) and not app.kwargs:
        raise TypingError(f"`{app.prim}` needs an array of one or two dimensions, not {operand}")
    axes = axes_named(app, operand.ndim)
    if app.option("keepdims", False):
        return scalar_or_array(modulus(operand.dtype), operand.ndim)
    return scalar_or_array(modulus(operand.dtype), 0 if axes is None else operand.ndim - axes)


def _qr(dtype: Type) -> Type:
    return tuple_of((array(dtype, 2, "A"), array(dtype, 2, "F")))


def _interp(app: Application) -> Type:
    dtype = promote(float64, array_operand(app, 2).dtype)
    return scalar_or_array(dtype, ndim_of(app.types[0]))


def _searchsorted(app: Application) -> Type:
    return scalar_or_array(int64, ndim_of(app.types[1]))


def _trapezoid(app: Application) -> Type:
    operand = array_operand(app)
    return scalar_or_array(inexact(operand.dtype), operand.ndim - 1)


def _isclose(app: Application) -> Type:
    ndim = max(map(ndim_of, app.types))
    return array(boolean, ndim, "A").copy(readonly=True) if ndim else boolean


def _fourier(to_real: bool = False) -> Rule:
    def rule(app: Application) -> Type:
        operand = array_operand(app)
        dtype = promote(modulus(operand.dtype), types.float32)
        element = dtype if to_real else types.complex64 if dtype == types.float32 else types.complex128
        return array(element, operand.ndim)

    return rule


def _random(dtype: Type) -> Rule:
    def rule(app: Application) -> Type:
        if any(map(is_array, app.types)):
            raise TypingError(f"`np.{app.prim}` of an array of parameters", help="draw one number at a time, in a loop")
        size = app.kwargs.get("size")
        if size is None or size == Lit(None):
            return dtype
        return array(dtype_option(app, dtype), rank_of_shape(app, size))

    return rule


def _random_shape(app: Application) -> Type:
    """`rand(n, m)`: each argument is a length."""
    return scalar_or_array(float64, len(app.types))


_VECTOR_AND_MATRIX = _linalg(lambda d: tuple_of((array(part(d), 1), array(d, 2, "F"))))

_RULES: tuple[tuple[str, Rule], ...] = (
    *SHAPE_RULES,
    ("sum nansum", _reduction(wide)),
    ("prod nanprod", _reduction(wide)),
    ("mean nanmean", _reduction(inexact)),
    ("var std nanvar nanstd", _reduction(in_double, modulus)),
    ("max min nanmax nanmin ptp", _reduction(same)),
    ("argmax argmin nanargmax nanargmin count_nonzero", _reduction(always(int64))),
    ("any all", _reduction(always(boolean))),
    ("median nanmedian", _reduction(in_double)),
    ("cumsum cumprod nancumsum nancumprod", _cumulative),
    ("trace", _linalg(same)),
    ("where select", _where),
    ("clip", _clip),
    ("round", _round),
    ("real imag", _complex_part),
    ("angle", _per_element(modulus)),
    ("nan_to_num", _per_element(same)),
    ("sinc", _per_element(inexact)),
    ("isclose", _isclose),
    ("allclose array_equal", lambda _: boolean),
    ("dot matmul", _dot),
    ("einsum", _einsum),
    ("vdot", _vdot),
    ("outer", _matrix),
    ("kron", _kron),
    ("convolve correlate", _vector(same)),
    ("cross", _cross),
    ("interp", _interp),
    ("trapezoid", _trapezoid),
    ("searchsorted", _searchsorted),
    ("nonzero", lambda app: types.UniTuple(array(int64, 1), max(array_operand(app).ndim, 1))),
    ("linalg.inv linalg.pinv", _linalg(lambda d: array(d, 2, "F"))),
    ("linalg.matrix_power linalg.cholesky", _linalg(lambda d: array(d, 2))),
    ("linalg.solve", _solve),
    ("linalg.det", _linalg(same)),
    ("linalg.slogdet", _linalg(lambda d: tuple_of((d, part(d))))),
    ("linalg.norm", _norm),
    ("linalg.cond", _linalg(part)),
    ("linalg.matrix_rank", lambda _: int64),
    ("linalg.eigh linalg.eig", _VECTOR_AND_MATRIX),
    ("linalg.eigvalsh linalg.eigvals", _linalg(lambda d: array(part(d), 1))),
    ("linalg.svd", _linalg(lambda d: tuple_of((array(d, 2, "F"), array(part(d), 1), array(d, 2, "F"))))),
    ("linalg.qr", _linalg(_qr)),
    ("fft.fft fft.ifft fft.rfft fft.ihfft fft.fft2 fft.ifft2 fft.rfft2 fft.fftn fft.ifftn fft.rfftn", _fourier()),
    ("fft.irfft fft.hfft fft.irfft2 fft.irfftn", _fourier(to_real=True)),
    ("fft.fftshift fft.ifftshift", fresh_same),
    ("fft.fftfreq fft.rfftfreq", lambda _: array(float64, 1)),
    ("random.rand random.randn", _random_shape),
    ("random.random random.random_sample random.ranf random.sample random.standard_normal", _random(float64)),
    ("random.normal random.uniform random.lognormal random.logistic random.laplace random.gumbel", _random(float64)),
    ("random.standard_exponential random.standard_cauchy random.beta random.gamma random.f", _random(float64)),
    ("random.vonmises random.wald random.exponential random.chisquare random.standard_gamma", _random(float64)),
    ("random.pareto random.power random.rayleigh random.weibull random.standard_t", _random(float64)),
    ("random.randint random.binomial random.poisson random.geometric", _random(int64)),
)


def array_rules() -> dict[str, Rule]:
    """Return the rule of every primitive that has one."""
    return {name: rule for names, rule in _RULES for name in names.split()}
