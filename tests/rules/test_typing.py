"""Types agree with Numba's: the rules of array functions say what Numba infers by compiling them."""

import pytest
from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.numba_types import ask_numba, named_dtype
from adjoint.rules.spelling import canonical_call, python_callable
from adjoint.rules.typing import expr_type, literal_type, register_helper, unify
from numba import types

NAMES = {
    "x": types.float64,
    "f": types.float32,
    "n": types.int64,
    "p": types.boolean,
    "z": types.complex128,
    "v": types.Array(types.float64, 1, "C"),
    "w": types.Array(types.float64, 1, "A"),
    "a": types.Array(types.float64, 2, "C"),
    "b": types.Array(types.float64, 2, "F"),
    "s": types.Array(types.float64, 2, "A"),
    "c": types.Array(types.float64, 3, "C"),
    "g": types.Array(types.float32, 1, "C"),
    "h": types.Array(types.float32, 2, "C"),
    "i": types.Array(types.int64, 1, "C"),
    "j": types.Array(types.int32, 1, "C"),
    "u": types.Array(types.uint8, 1, "C"),
    "m": types.Array(types.boolean, 1, "C"),
    "y": types.Array(types.complex128, 1, "C"),
    "q": types.Array(types.complex128, 2, "C"),
    "vv": types.UniTuple(types.Array(types.float64, 1, "C"), 2),
    "aa": types.UniTuple(types.Array(types.float64, 2, "C"), 2),
    "bb": types.UniTuple(types.Array(types.float64, 2, "F"), 2),
    "vg": types.Tuple((types.Array(types.float64, 1, "C"), types.Array(types.float32, 1, "C"))),
    "l": types.List(types.float64),
    "t": types.Tuple((types.float64, types.int64)),
    "nn": types.UniTuple(types.int64, 2),
}

# A primitive, and what it is applied to; "name=2" is an option, a number is a constant.
QUICK = """
    sum v | sum j | mean i | prod g | zeros n | zeros nn | full n n | ones n dtype=float32 | zeros_like b | zeros_like s
    copy b | concatenate vg | stack vv | dot v v | arange n | expand_dims v 0 | asarray v | take v n | transpose c
"""
SLOW = """
    sum a | sum h | sum u | sum m | sum y | sum a axis=0 | sum h axis=1 | sum b axis=0 | prod a | prod j | prod u
    mean a | mean g | mean m | mean y | var v | var g | var i | var y | std v | std g | max a | max g | max i | min v
    argmax v | argmin g | argmax a axis=1 | any v | all m | cumsum v | cumsum a | cumsum j | cumsum g | cumprod v
    median v | median g | ptp v | count_nonzero v | nansum v | nanmean v | nanmax v | trace a
    empty nn | ones nn | full nn x | full nn f | eye n | identity n | zeros_like v | full_like v x
    arange n n | arange x x x | arange n n n | linspace x x n | array l | asarray l
    ascontiguousarray s | ascontiguousarray v | asfortranarray a | asfortranarray v
    transpose a | transpose b | transpose s | transpose v | reshape v nn | reshape a n | reshape b nn | ravel a | ravel b
    ravel s | flip v | flip a | fliplr a | flipud a | rot90 a | swapaxes a 0 1 | expand_dims a 1 | expand_dims b 0 | expand_dims v 1
    broadcast_to v nn | atleast_1d v | atleast_2d v | atleast_2d a | atleast_3d a | copy a | copy s | sort v | argsort v
    partition v n | roll v n | roll a n | diff v | diff a | diff i | repeat v n | repeat a n | take v i | take a n
    concatenate vv | concatenate aa | concatenate bb | concatenate aa axis=1 | stack aa | stack bb | hstack vv | hstack aa | hstack bb
    vstack vv | vstack aa | vstack bb | column_stack vv | column_stack aa | dstack vv | dstack aa | split v n | split a n | split s n | array_split v n
    diag v | diag a | tril a | triu b | where m v v | where m v g | where m v x | where m x x | where m i x | clip v x x
    clip g x x | clip v v v | clip i n n | clip a x x | clip b x x
    round v | round x | round b | real y | real v | imag y | imag v | real z | imag z | angle z | angle y | nan_to_num v
    nan_to_num x | nan_to_num g | sinc v | sinc x | isclose v v | isclose x x | isclose a a | allclose v v | array_equal v v
    dot a v | dot v a | dot a a | dot a b | dot h g | dot q q | matmul a a | matmul a v | matmul v a | matmul s a
    vdot v v | vdot y y | outer v v | outer v g | kron a a | convolve v v | correlate v v | cross v v | cross a a
    interp x v v | interp v v v | trapezoid v | trapezoid a | searchsorted v x | searchsorted v v | nonzero a | nonzero v
    unique v | ediff1d v | np_append v v | linalg.inv a | linalg.inv h | linalg.inv b | linalg.pinv a
    linalg.cholesky a | linalg.cholesky b | linalg.solve a v | linalg.solve a a | linalg.det a | linalg.det q | linalg.slogdet a
    linalg.norm v | linalg.norm a | linalg.norm g | linalg.norm y | linalg.cond a | linalg.matrix_rank a
    linalg.eigh a | linalg.eigh q | linalg.eig a | linalg.eigvalsh a | linalg.eigvals a | linalg.svd a | linalg.svd q | linalg.qr a
    random.rand | random.rand n | random.rand n n | random.normal x x | random.normal x x size=3 | random.random
    random.standard_normal | random.uniform x x | random.randint n n | random.exponential x | random.poisson x
"""


def cases(text: str) -> list[str]:
    return [case.strip() for line in text.strip().splitlines() for case in line.split("|")]


def operand(word: str) -> Expr:
    return Lit(int(word)) if word.lstrip("-").isdigit() else Var(word)


def application(case: str, via: str = "np") -> Call:
    prim, *words = case.split()
    args = tuple(operand(word) for word in words if "=" not in word)
    pairs = [word.split("=") for word in words if "=" in word]
    kwargs = tuple((name, Lit(int(text) if text.lstrip("-").isdigit() else text)) for name, text in pairs)
    return Call(prim, args, kwargs, via)


def numba_type(call: Call) -> object:
    """Ask Numba itself, as for the text that the user would write."""
    options = []
    for name, value in call.kwargs:
        assert isinstance(value, Lit)
        dtype = name == "dtype" and types.DType(named_dtype(str(value.value)))
        options.append((name, dtype or types.literal(value.value)))
    args = tuple(types.literal(a.value) if isinstance(a, Lit) else NAMES[a.name] for a in call.args)
    if dict(options).keys() == {"dtype"}:
        args, options = (*args, options[0][1]), []
    return ask_numba(python_callable(call.prim), args, tuple(options))


def typed(case: str, via: str = "np") -> object:
    return expr_type(application(case, via), NAMES)


@pytest.mark.parametrize("case", cases(QUICK))
def test_rule_says_what_numba_infers(case: str) -> None:
    assert typed(case) == numba_type(application(case))


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(SLOW))
def test_every_rule_says_what_numba_infers(case: str) -> None:
    assert typed(case) == numba_type(application(case))
