"""Types agree with Numba's: the rules of array functions say what Numba infers by compiling them."""

import pytest
from numba import types

from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.numba_types import ask_numba, named_dtype
from adjoint.rules.spelling import canonical_call, python_callable
from adjoint.rules.typing import expr_type, literal_type, register_helper, unify

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
    sum v | sum j | mean i | prod g | zeros n | zeros nn | full n n | ones n dtype=float32 | zeros_like b
    zeros_like s | copy b | concatenate vg | stack vv | dot v v | arange n | expand_dims v 0 | asarray v | take v n
    transpose c
"""
SLOW = """
    sum a | sum h | sum u | sum m | sum y | sum a axis=0 | sum h axis=1 | sum b axis=0 | prod a | prod j | prod u
    mean a | mean g | mean m | mean y | var v | var g | var i | var y | std v | std g | max a | max g | max i
    min v | argmax v | argmin g | argmax a axis=1 | any v | all m | cumsum v | cumsum a | cumsum j | cumsum g
    cumprod v | median v | median g | ptp v | count_nonzero v | nansum v | nanmean v | nanmax v | trace a | empty nn
    ones nn | full nn x | full nn f | eye n | identity n | zeros_like v | full_like v x | arange n n | arange x x x
    arange n n n | linspace x x n | array l | asarray l | ascontiguousarray s | ascontiguousarray v
    asfortranarray a | asfortranarray v | transpose a | transpose b | transpose s | transpose v | reshape v nn
    reshape a n | reshape b nn | ravel a | ravel b | ravel s | flip v | flip a | fliplr a | flipud a | rot90 a
    swapaxes a 0 1 | expand_dims a 1 | expand_dims b 0 | expand_dims v 1 | broadcast_to v nn | atleast_1d v
    atleast_2d v | atleast_2d a | atleast_3d a | copy a | copy s | sort v | argsort v | partition v n | roll v n
    roll a n | diff v | diff a | diff i | repeat v n | repeat a n | take v i | take a n | concatenate vv
    concatenate aa | concatenate bb | concatenate aa axis=1 | stack aa | stack bb | hstack vv | hstack aa
    hstack bb | vstack vv | vstack aa | vstack bb | column_stack vv | column_stack aa | dstack vv | dstack aa
    split v n | split a n | split s n | array_split v n | diag v | diag a | tril a | triu b | where m v v
    where m v g | where m v x | where m x x | where m i x | clip v x x | clip g x x | clip v v v | clip i n n
    clip a x x | clip b x x | round v | round x | round b | real y | real v | imag y | imag v | real z | imag z
    angle z | angle y | nan_to_num v | nan_to_num x | nan_to_num g | sinc v | sinc x | isclose v v | isclose x x
    isclose a a | allclose v v | array_equal v v | dot a v | dot v a | dot a a | dot a b | dot h g | dot q q
    matmul a a | matmul a v | matmul v a | matmul s a | vdot v v | vdot y y | outer v v | outer v g | kron a a
    convolve v v | correlate v v | cross v v | cross a a | interp x v v | interp v v v | trapezoid v | trapezoid a
    searchsorted v x | searchsorted v v | nonzero a | nonzero v | unique v | ediff1d v | np_append v v
    linalg.inv a | linalg.inv h | linalg.inv b | linalg.pinv a | linalg.cholesky a | linalg.cholesky b
    linalg.solve a v | linalg.solve a a | linalg.det a | linalg.det q | linalg.slogdet a | linalg.norm v
    linalg.norm a | linalg.norm g | linalg.norm y | linalg.cond a | linalg.matrix_rank a | linalg.eigh a
    linalg.eigh q | linalg.eig a | linalg.eigvalsh a | linalg.eigvals a | linalg.svd a | linalg.svd q | linalg.qr a
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


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("sin x", types.float64),
        ("sin f", types.float32),
        ("sin n", types.float64),
        ("sin z", types.complex128),
        ("sin g", NAMES["g"]),
        ("asin h", NAMES["h"]),
        ("erf x", types.float64),
        ("mul f x", types.float64),
        ("mul g x", NAMES["v"]),
        ("mul b b", NAMES["b"]),
        ("add a v", NAMES["a"]),
        ("div n n", types.float64),
        ("floordiv n n", types.int64),
        ("pow n 2", types.int64),
        ("pow f 2", types.float32),
        ("abs z", types.float64),
        ("abs v", NAMES["v"]),
        ("lt v x", NAMES["m"]),
        ("lt x n", types.boolean),
        ("not n", types.boolean),
        ("is x n", types.boolean),
        ("maximum x n", types.float64),
        ("floor x", types.float64),
        ("int_floor x", types.int64),
        ("int_round x", types.int64),
        ("cast.float32 x", types.float32),
        ("cast.int64 x", types.int64),
        ("astype.float32 b", types.Array(types.float32, 2, "F")),
        ("select p x n", types.float64),
        ("select m v x", NAMES["v"]),
        ("where p x f", types.float64),
        ("complex x x", types.complex128),
        ("zeros_like f", types.float32),
        ("max a axis=0", NAMES["v"]),
        ("mean h axis=1", NAMES["g"]),
        ("shape c", types.UniTuple(types.int64, 3)),
        ("dim a 0", types.int64),
        ("size a", types.int64),
        ("len l", types.int64),
        ("item t 0", types.float64),
        ("item t -1", types.int64),
        ("getitem t 1", types.int64),
        ("getitem nn n", types.int64),
        ("getitem l n", types.float64),
        ("getitem a n", NAMES["v"]),
        ("getitem a n n", types.float64),
        ("getitem v m", NAMES["v"]),
        ("getitem a i", NAMES["a"]),
        ("tuple x n", types.Tuple((types.float64, types.int64))),
        ("list x n", types.List(types.float64)),
        ("pop l", types.float64),
        ("append l x", types.none),
        ("and p p", types.boolean),
        ("fft.fft v", NAMES["y"]),
        ("stop_gradient v", NAMES["v"]),
    ],
)
def test_type_of_application(case: str, expected: object) -> None:
    assert typed(case, via="") == expected


FULL = Call("slice", (Lit(None), Lit(None), Lit(None)))


@pytest.mark.parametrize(
    ("name", "index", "expected"),
    [
        ("a", (FULL, Lit(0)), NAMES["w"]),
        ("a", (Lit(0), FULL), NAMES["v"]),
        ("a", (Lit(...), Lit(0)), NAMES["w"]),
        ("v", (Lit(None), FULL), NAMES["a"]),
        ("v", (FULL, Lit(None)), NAMES["a"]),
        ("v", (Call("slice", (Lit(1), Lit(None), Lit(None))),), NAMES["v"]),
        ("v", (Call("slice", (Lit(None), Lit(None), Lit(-1))),), NAMES["w"]),
        ("v", (Lit(...),), NAMES["v"]),
        ("c", (Call("tuple", (Lit(0), Lit(1))),), NAMES["v"]),
    ],
)
def test_type_of_indexing(name: str, index: tuple[Expr, ...], expected: object) -> None:
    assert expr_type(Call("getitem", (Var(name), *index)), NAMES) == expected


@pytest.mark.parametrize(
    "case",
    [
        "erf v", "sum a axis=2", "frobnicate x", "dot v g", "dot i i", "cast.float64 z", "item t 5", "item t n",
        "len x", "reshape s nn", "math.tau x", "add l x", "linalg.inv v", "where m", "zeros x",
        "helper.none x", "ref:f x",
    ],
)  # fmt: skip
def test_refuses(case: str) -> None:
    with pytest.raises(TypingError):
        typed(case, via="")


def test_math_pow_of_integers_is_float() -> None:
    assert typed("pow n n", via="math") == types.float64
    assert typed("pow n n", via="operator") == types.int64


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, types.boolean),
        (1, types.int64),
        (2**63, types.uint64),
        (1.0, types.float64),
        (1j, types.complex128),
        ("s", types.unicode_type),
        (None, types.none),
        (..., types.ellipsis),
    ],
)
def test_type_of_constant(value: object, expected: object) -> None:
    assert literal_type(value) == expected


def test_type_of_tree() -> None:
    tree = Call("add", (Call("mul", (Var("f"), Lit(2))), Call("sin", (Call("dim", (Var("a"), Lit(0))),))))
    assert expr_type(tree, NAMES) == types.float64


def test_type_of_method_call_with_variadic_shape() -> None:
    call = canonical_call("reshape", "method", (Var("v"), Var("n"), Lit(-1)))
    assert expr_type(call, NAMES) == NAMES["a"]


def test_type_of_arrays_joined_in_place() -> None:
    assert expr_type(Call("stack", (Call("tuple", (Var("v"), Var("g"))),)), NAMES) == NAMES["a"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (types.int64, types.float64, types.float64),
        (types.literal(1), types.int64, types.int64),
        (types.boolean, types.int64, types.int64),
        (types.float32, types.float64, types.float64),
        (types.float64, types.complex128, types.complex128),
        (NAMES["a"], NAMES["b"], NAMES["s"]),
        (NAMES["a"].copy(readonly=True), NAMES["a"], NAMES["a"]),
        (NAMES["a"], NAMES["v"], None),
        (NAMES["v"], NAMES["g"], None),
        (NAMES["v"], types.float64, None),
        (types.none, types.float64, None),
        (types.UniTuple(types.int64, 2), NAMES["t"], types.Tuple((types.float64, types.int64))),
        (types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3), None),
        (types.List(types.undefined), types.List(types.float64), types.List(types.float64)),
        (types.List(types.int64), types.List(types.float64), None),
    ],
)
def test_unify(first: object, second: object, expected: object) -> None:
    assert unify(first, second) == unify(second, first) == expected


def test_helpers_are_typed_by_whoever_registers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adjoint.rules.typing.HELPER_TYPES", {})
    register_helper("twice", lambda kinds: kinds[0])
    assert typed("helper.twice v") == NAMES["v"]


def test_reference_to_a_compiled_function() -> None:
    import numba

    half = numba.njit(lambda x: x / 2)
    assert expr_type(Call("ref:half", (Var("n"),)), NAMES, {"half": half}) == types.float64
    with pytest.raises(TypingError, match="cannot call `half`"):
        expr_type(Call("ref:half", (Var("t"),)), NAMES, {"half": half})


def test_a_deep_tree_is_typed_once() -> None:
    tree: Expr = Lit(0)
    for _ in range(200):  # typed twice at each level it would take for ever
        tree = Call("getitem", (Var("k"), tree))
    assert expr_type(tree, {"k": types.Array(types.int64, 1, "C")}) == types.int64
