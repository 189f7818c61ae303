"""Primitives whose derivative is zero, or whose result has none: names only."""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr
from adjoint.rules.build import is_complex
from adjoint.rules.rule import TypeOf

ZERO = frozenset("""
    floor ceil trunc rint round fix int_floor int_ceil int_trunc int_round sign signbit floordiv floor_divide spacing
    lt le gt ge eq ne is is_not in not_in not and or bitand bitor bitxor invert lshift rshift
    logical_and logical_or logical_not logical_xor
    isnat iscomplexobj isrealobj
    isnan isinf isfinite isneginf isposinf iscomplex isreal isscalar isclose allclose array_equal isin in1d
    any all count_nonzero argmax argmin nanargmax nanargmin argsort argwhere argpartition
    nonzero flatnonzero searchsorted digitize lexsort
    shape size ndim dim len itemsize nbytes dtype strides
    zeros ones empty zeros_like ones_like empty_like eye identity tri indices
    tril_indices triu_indices tril_indices_from triu_indices_from diag_indices unravel_index ravel_multi_index
    bartlett blackman hamming hanning
    gcd lcm factorial comb perm isqrt ilogb popcount popc
    cast.int8 cast.int16 cast.int32 cast.int64 cast.uint8 cast.uint16 cast.uint32 cast.uint64 cast.bool cast.boolean
    astype.int8 astype.int16 astype.int32 astype.int64 astype.uint8 astype.uint16 astype.uint32 astype.uint64
    astype.bool astype.boolean
    broadcast_shapes
    range slice print assert raise
    linalg.matrix_rank helper.unmoved
    """.split())


# Zero for real operands only: of a complex number it is `z / abs(z)`, which turns as `z` does.
STEPS_OF_REALS = frozenset({"sign"})

# Draws that depend on no active operand. They are not "zero" but "special": they must not be evaluated twice.
DRAWS_OF_NOTHING = frozenset("""
    random.seed random.random random.rand random.randn random.random_sample random.ranf random.sample
    random.standard_normal random.standard_exponential random.standard_cauchy random.randint random.integers
    random.binomial random.poisson random.geometric random.hypergeometric random.negative_binomial random.zipf
    random.logseries random.multinomial random.getrandbits random.randrange
    """.split())


@dataclass(frozen=True, slots=True)
class Zero:
    """The rule of every primitive of `ZERO`."""

    prim: str
    elementwise: bool = False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        _refuse_complex(call, type_of)
        return (None,) * len(call.args)

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        _refuse_complex(call, type_of)
        return None


def _refuse_complex(call: Call, type_of: TypeOf) -> None:
    if call.prim in STEPS_OF_REALS and any(is_complex(type_of(arg)) for arg in call.args):
        raise MissingRuleError(
            f"no derivative rule for `{call.prim}` of a complex number",
            help="write `z / abs(z)`",
        )
