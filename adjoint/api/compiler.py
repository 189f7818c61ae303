"""From a function and the types of its arguments to the text of its gradient: the floors, put together."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from numba import types as nb

from adjoint.analysis.draws import draws_anew
from adjoint.analysis.memory import is_memory, memory
from adjoint.backends.fingerprint import has_blas
from adjoint.backends.request import FORWARD, REVERSE, Generated, NumbaType, Request
from adjoint.codegen.module import module_text
from adjoint.codegen.names import rename
from adjoint.errors import TypingError, UnsupportedError
from adjoint.frontend.lowering import lower
from adjoint.ir import Block, Call, Effect, Expr, Func, If, Lit, Return, Var
from adjoint.ir.walk import operands, statements
from adjoint.lower import helper_text
from adjoint.lower import lower as fuse_loops
from adjoint.lower.branches import join_branches
from adjoint.lower.guards import ONES, refuse_if
from adjoint.lower.subset import to_numba
from adjoint.lower.tapes import drop_unread
from adjoint.rules.typing import expr_type
from adjoint.transform.checks import check_finite
from adjoint.transform.coalesce import coalesce
from adjoint.transform.containers import (
    Argument,
    active_leaves,
    arguments,
    passed_form,
    restored,
    result_function,
    with_classes,
    with_gradients,
    with_tangents,
)
from adjoint.transform.copies import borrow, drop_copies
from adjoint.transform.copyprop import propagate
from adjoint.transform.dce import eliminate
from adjoint.transform.dependences import with_dependences
from adjoint.transform.directions import with_directions
from adjoint.transform.fits import drop_checks
from adjoint.transform.forward import forward
from adjoint.transform.into_branches import into_branches
from adjoint.transform.overwrite import overwrite
from adjoint.transform.parallel import parallelise
from adjoint.transform.renest import renest
from adjoint.transform.reverse import Reverse, Wanted, prepare
from adjoint.transform.routines import Module, primal, settle
from adjoint.transform.rows import Lanes, Rows
from adjoint.transform.simplify import simplify
from adjoint.transform.sink import sink
from adjoint.transform.skip import skip


def polished(func: Func) -> Func:
    """Return a program whose arithmetic is as one would write it, and copies that are only looked at gone."""
    func = simplify(propagate(overwrite(func)))
    shown = borrow(func)
    return eliminate(func if shown is func else simplify(propagate(shown)))


# What tidies a generated program, in order; `.inspect` shows the program after each.
TIDY: tuple[tuple[str, Callable[[Func], Func]], ...] = (
    ("dce", lambda func: drop_checks(eliminate(drop_unread(eliminate(func))))),
    ("copyprop", propagate),
    ("simplify", simplify),
    ("join", join_branches),
    ("coalesce", lambda func: coalesce(eliminate(func))),
    ("renest", lambda func: drop_copies(renest(borrow(func)))),
    ("sink", sink),
    ("polish", polished),
    ("branches", into_branches),
    ("skip", skip),
    ("names", rename),
)
# Passes that let one array hold a value and then a tangent, which has another shape where it has many directions, or
# write numbers where tangents stand.
_SHARING = ("reuse", "conditions", "recycle", "gather", "spread", "relay", "strips", "scan", "multiply", "columns")
# Passes after which sums are added up in another order than NumPy's and BLAS's, which vectorise them in any mode.
# `scan`, `additions` and `jam` add the terms of one sum in another order than the text says.
_REORDERING = ("products", "scan", "multiply", "additions", "jam")
# Passes that make loops products of matrices, for which Numba needs SciPy.
_MULTIPLYING = ("multiply",)
# Where functions come from that text calls which isn't for people.
_OWN = {"lanes.": "adjoint.backends.lanes", "sets.": "adjoint.backends.dependence"}


@dataclass(eq=False)
class Trace:
    """The program after every stage of the pipeline."""

    stages: dict[str, object]

    def add(self, stage: str, func: Func) -> Func:
        self.stages[stage] = func
        return func


@contextmanager
def _uncollected() -> Generator[None, None, None]:
    """Leave the garbage collector out for a while: it would look through all of Numba again and again, for nothing."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@_uncollected()
def generate(request: Request, arg_types: tuple[NumbaType, ...]) -> Generated:
    """Return the gradient of `request.fun` for arguments of these types, as text.

    Raises:
        AdjointError: the function can't be differentiated; the error points at the user's line.
        TypeError: an argument to differentiate by, or the result, is not of a differentiable type.
    """
    trace = Trace({})
    func = trace.add("ssa", _with_ones(lower_primal(request.fun, arg_types), request))
    entry, transformed = _entry(func, request.mode), differentiated(func, request)
    transformed = starting_with(length_checks(func), transformed)
    trace.add("forward" if request.mode in (*FORWARD, "primal") else "reverse", transformed)
    checks = default_checks(func, constants_of(request.fun, arg_types))
    spread = parallelise if request.options.parallel else unchanged
    final = starting_with(checks, spread(tidy(transformed, trace, nan_check=request.options.nan_check)))
    fastmath = frozenset(request.options.fastmath)
    fuse = _fuses(request)
    apart = _left_out(request)
    fused = starting_with(checks, spread(tidy(fuse_loops(transformed, apart)))) if fuse else final
    lowered = trace.add("numba", passed_form(to_numba(fused)))
    if width := request.options.directions:
        final = trace.add("directions", with_directions(final, _seeds(final, request), Rows(width)))
        lowered = trace.add("lanes", with_directions(lowered, _seeds(lowered, request), Lanes(width)))
    if request.options.dependences:
        final = trace.add("dependences", with_dependences(final, _seeds(final, request)))
    jit = {"cache": request.options.cache, "error_model": "numpy", "fastmath": fastmath or False}
    module = Module(fuse)
    readable = module.functions(final, lambda func: tidy(func, nan_check=request.options.nan_check))
    compiled = module.functions(lowered, lambda func: to_numba(tidy(fuse_loops(func, apart)) if fuse else tidy(func)))
    assembling = result_function(final, f"{entry}_result")
    source, compiled_text = text_of(readable), text_of(compiled, jit, [] if assembling is None else [assembling])
    return Generated(source, compiled_text, entry, trace.stages, {**module.refs, **_unimportable(final)})


def _left_out(request: Request) -> tuple[str, ...]:
    """Return passes that may not run: the way tangents are kept, strict order or a missing BLAS forbids them."""
    shared = _SHARING if request.options.directions else ()
    reordering = () if "reassoc" in request.options.fastmath else _REORDERING
    return (*shared, *reordering, *(() if has_blas() else _MULTIPLYING))


def _seeds(func: Func, request: Request) -> list[str]:
    """Return the parameters of a sweep that are tangents."""
    return [p.name for p in func.params[-len(request.argnums) :]]


def unchanged(func: Func) -> Func:
    return func


def differentiated(func: Func, request: Request) -> Func:
    """Return what a request asks for as a program with the arguments and results of the user."""
    entry, inputs = _entry(func, request.mode), arguments(func)
    wrt = [inputs[k] for k in request.argnums]
    check_arguments(func, wrt)
    if request.mode in REVERSE:
        _refuse_other_draws(func)
    names = [name for argument in wrt for name in active_leaves(func, argument)]
    if request.mode in FORWARD:
        made = forward(func, names, name=entry)
        dots = dict(zip(names, (p.name for p in made.params[len(func.params) :]), strict=True))
        return with_classes(restored(with_tangents(made, wrt, dots, value=request.mode == "jvp")))
    if request.mode == "primal":
        return with_classes(restored(primal(func, entry)))
    made = adjoint_of(func, names, request).built
    positions = {name: k for k, name in enumerate(names)}
    single = request.single and request.mode not in REVERSE
    grouped = with_gradients(made, wrt, request.mode, single=single, has_aux=request.has_aux, gradients=positions)
    return with_classes(restored(grouped))


def adjoint_of(func: Func, wrt: Sequence[str], request: Request) -> Reverse:
    """Return reverse mode, with respect to leaves, at its start."""
    options, has_aux = request.options, request.has_aux and request.mode not in REVERSE
    if request.mode not in REVERSE:
        check_result(func, has_aux)
    wanted = Wanted(
        _entry(func, request.mode),
        tuple(wrt),
        seed="y_bar" if request.mode in REVERSE else None,
        result="vjp" if request.mode == "pullback" else request.mode,
        has_aux=has_aux,
        parallel=options.parallel,
    )
    return prepare(func, wanted, assume=options.fuse, segments=options.memory_limit is not None)


def _unimportable(func: Func) -> dict[str, object]:
    """Return the classes that a result is made of and that no import statement can name."""
    classes = {prim.removeprefix("class:"): obj for prim, obj in func.refs.items() if _is_class(prim)}
    return {name: cls for name, cls in classes.items() if place_of(cls) is None}


def place_of(cls: Any) -> str | None:
    """Return where a class can be imported from, "module:name"."""
    module = sys.modules.get(cls.__module__)
    found = cls.__module__ != "__main__" and getattr(module, cls.__qualname__, None) is cls
    return f"{cls.__module__}:{cls.__qualname__}" if found else None


def _refuse_other_draws(func: Func) -> None:
    """A pullback runs the function again, for the derivative of a value that an earlier run has returned."""
    found = draws_anew(func)
    if found is not None:
        raise UnsupportedError(
            "a random draw in a function that its pullback runs again",
            found[0],
            help="call `np.random.seed` in it, draw before the call, or use `grad`, `value_and_grad` or `jvp`",
        )


def _fuses(request: Request) -> bool:
    """Say whether the compiled text has fused loops: checks need one statement at a time, the interpreter no loops."""
    options = request.options
    return options.fuse and not options.nan_check and options.target != "python"


def lower_primal(fun: Any, arg_types: tuple[NumbaType, ...]) -> Func:
    """Return the SSA program of a function; arguments left at their defaults are constants."""
    constants = constants_of(fun, arg_types)
    named = zip(inspect.signature(fun).parameters, arg_types, strict=True)
    types = {name: type_ for name, type_ in named if name not in constants}
    return settle(lower(fun, types, constants=constants))


def constants_of(fun: Any, arg_types: tuple[NumbaType, ...]) -> dict[str, object]:
    """Return the values of the arguments left at their defaults."""
    named = zip(inspect.signature(fun).parameters, arg_types, strict=True)
    return {name: type_.value for name, type_ in named if isinstance(type_, nb.Omitted)}


def starting_with(stmts: Block, func: Func) -> Func:
    return replace(func, body=(*stmts, *func.body))


def _with_ones(func: Func, request: Request) -> Func:
    """Note which axes of parameters have length 1; a cotangent or a tangent, which may too, isn't a parameter."""
    own = {param.name for param in func.params}
    return replace(func, ones=frozenset((name, axis) for name, axis in request.options.ones if name in own))


def length_checks(func: Func) -> Block:
    """Return the statement that leaves a function where axes of its arguments don't have the length 1 they should."""
    sizes = [Call("dim", (Var(name), Lit(axis))) for name, axis in sorted(func.ones)]
    tests = [Call("ne", (size, Lit(1)), via="operator") for size in sizes]
    return (refuse_if(reduce(lambda a, b: Call("or", (a, b)), tests), ONES),) if tests else ()


def default_checks(func: Func, constants: Mapping[str, object]) -> Block:
    """Return the statement that refuses other values than the defaults for parameters that were made constants.

    Whoever calls the gradient through us gets one for the types of the call. Its text, on its own, would ignore them.
    """
    made = [(p.name, p.default) for p in func.params if p.name in constants and isinstance(p.default, Lit)]
    tests = [_differs(Var(name), default) for name, default in made]
    if not tests:
        return ()
    text = f"ValueError({'this gradient was made for ' + ', '.join(f'{n}={d.value!r}' for n, d in made)!r})"
    return (If(reduce(lambda a, b: Call("or", (a, b)), tests), (Effect(Call("raise", (Lit(text),))),)),)


def _differs(name: Var, default: Lit) -> Call:
    if default.value is None:
        return Call("is_not", (name, default))
    if default.value != default.value:  # not a number, which equals nothing
        return Call("eq", (name, name))
    return Call("ne", (name, default))


def written_arguments(fun: Any, arg_types: tuple[NumbaType, ...]) -> list[str]:
    """Return the names of the array arguments that a function writes into."""
    func = lower_primal(fun, arg_types)
    facts = memory(func)
    return [p.name for p in func.params if is_memory(func.types.get(p.name)) and facts.is_written(p.name)]


def tidy(func: Func, trace: Trace | None = None, *, nan_check: bool = False) -> Func:
    """Return a generated program in the form a person would have written."""
    for stage, change in TIDY:
        func = check_finite(change(func)) if nan_check and stage == "coalesce" else change(func)
        if trace is not None:
            trace.add(stage, func)
    return func


def text_of(funcs: Sequence[Func], jit: Mapping[str, object] | None = None, plain: Sequence[Func] = ()) -> str:
    """Return the text of the module that holds generated functions, the entry last, and what they call.

    With `jit`, all but the entry are compiled with these options of `numba.njit`, so that compiled code can call them.
    """
    exprs = [expr for func in funcs for s in statements(func.body) for expr in operands(s)]
    prims = sorted({prim for expr in exprs if isinstance(expr, Call) for prim in expr.prims})
    called = [prim.removeprefix("helper.") for prim in prims if prim.startswith("helper.")]
    needed = helper_text.sources(called)
    known = {prim: value for func in funcs for prim, value in func.refs.items() if prim.startswith("const:")}
    constants = {prim.removeprefix("const:"): known[prim] for prim in prims if prim.startswith("const:")}
    places = {prim.removeprefix("class:"): place_of(obj) for prim, obj in funcs[-1].refs.items() if _is_class(prim)}
    imports = {name: place for name, place in places.items() if place is not None}
    for floor, module in _OWN.items():
        imports |= {p.removeprefix(floor): f"{module}:{p.removeprefix(floor)}" for p in prims if p.startswith(floor)}
    return module_text(funcs, helpers=needed, constants=constants, jit=jit, imports=imports, plain=plain)


def _is_class(prim: str) -> bool:
    return prim.startswith("class:")


def _entry(func: Func, mode: str) -> str:
    """Return the name of the generated function: none that it calls itself."""
    name = f"{'fun' if func.name == '<lambda>' else func.name}_{mode}"
    while any(known.partition(":")[2] == name for known in func.refs):
        name += "_"
    return name


def check_arguments(func: Func, wrt: Sequence[Argument]) -> None:
    """Raise TypeError if an argument to differentiate by has no derivative."""
    for argument in wrt:
        if not active_leaves(func, argument):
            raise TypeError(argument_message(func, argument.name, argument.type_))


def argument_message(func: Func, name: str, type_: object) -> str:
    what = f"an argument of type {type_}"
    cast = f"`{name}.astype(np.float64)`" if isinstance(type_, nb.Array) else f"`float({name})`"
    return f"{func.name}: `{name}` is {what}, which has no derivative; pass {cast}, or leave it out of argnums"


def check_result(func: Func, has_aux: bool) -> None:
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    value: Expr = exit_.value
    if has_aux:
        if not (isinstance(value, Call) and value.prim == "tuple" and len(value.args) == 2):
            raise TypeError(f"{func.name}: with has_aux=True the function must return a pair (value, aux)")
        value = value.args[0]
    type_ = _type(func, value)
    if type_ == nb.none:
        raise TypeError(
            f"{func.name}: the gradient is defined for a function that returns one float, and this one returns "
            "nothing; if it writes its results into arguments, name them: `adjoint.vjp(fun, *args, outputs=(...))`"
        )
    if not isinstance(type_, nb.Float):
        raise TypeError(
            f"{func.name}: the gradient is defined for a function that returns one float, and this one returns "
            f"{type_}; use `adjoint.jacobian` for all derivatives of an array result, or `adjoint.vjp` with a cotangent"
        )


def _type(func: Func, value: Expr) -> object:
    try:
        return expr_type(value, func.types, func.refs)
    except TypingError:
        return f"a value of unknown type ({value.name if isinstance(value, Var) else 'expression'})"
