"""What the user may ask for: which arguments, which options, which types. Every refusal says what to do instead."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast, get_args

from numba.core import types as nb

from adjoint.api.containers import Untypable
from adjoint.backends.request import DEFAULT_FASTMATH, NumbaType, Options, Request, Target
from adjoint.rules.containers import Container, has_floats

Argnum: TypeAlias = int | str
Argnums: TypeAlias = Argnum | Sequence[Argnum]
Fastmath: TypeAlias = bool | Iterable[str]

FASTMATH_FLAGS = ("afn", "arcp", "contract", "fast", "ninf", "nnan", "nsz", "reassoc")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def resolve_argnums(
    fun_name: str, signature: inspect.Signature, argnums: Argnums | None, wrt: Argnums | None
) -> tuple[tuple[int, ...], bool]:
    """Return the positions asked for, and whether the user named one argument rather than a tuple of them."""
    if argnums is not None and wrt is not None:
        raise TypeError("give either argnums or wrt: they mean the same")
    option = "argnums" if wrt is None else "wrt"
    chosen = wrt if argnums is None else argnums
    chosen = 0 if chosen is None else chosen
    single = isinstance(chosen, int | str)
    items: Sequence[Any] = (chosen,) if isinstance(chosen, int | str) else _items(option, chosen)
    positions = tuple(_position(fun_name, signature, option, item) for item in items)
    for position in positions:
        if positions.count(position) > 1:
            name = list(signature.parameters)[position]
            raise ValueError(f"{option} names the argument '{name}' of {fun_name} more than once")
    return positions, single


def _items(option: str, chosen: Any) -> Sequence[Any]:
    if not isinstance(chosen, tuple | list):
        raise TypeError(f"{option} is an int, a name or a tuple of those, not {type(chosen).__name__}")
    if not chosen:
        raise ValueError(f"{option} is empty: name at least one argument")
    return cast("Sequence[Any]", chosen)


def _position(fun_name: str, signature: inspect.Signature, option: str, item: Any) -> int:
    parameters = [p.name for p in signature.parameters.values() if p.kind not in _VARIADIC]
    known = f"its parameters are {_listed(parameters)}" if parameters else "it has no parameters"
    if isinstance(item, str):
        if item not in parameters:
            raise ValueError(f"{option}={item!r}: {fun_name} has no parameter of that name; {known}")
        return parameters.index(item)
    if isinstance(item, bool) or not hasattr(item, "__index__"):
        raise TypeError(f"{option} is an int, a name or a tuple of those; {item!r} is {_a(type(item).__name__)}")
    position = item.__index__()
    if not -len(parameters) <= position < len(parameters):
        raise ValueError(f"{option}={position}: {fun_name} has {len(parameters)} parameters; {known}")
    return position % len(parameters)


def make_options(
    target: str = "cpu",
    parallel: bool = False,
    fastmath: Fastmath | None = None,
    cache: bool = True,
    memory_limit: int | None = None,
    nan_check: bool = False,
    deterministic: bool = False,
) -> Options:
    """Return the options, checked."""
    given = {"parallel": parallel, "cache": cache, "nan_check": nan_check, "deterministic": deterministic}
    for name, value in given.items():
        check_flag(name, value)
    flags = _fastmath(fastmath)
    if nan_check:  # a compiler that takes all numbers to be finite would drop the checks
        flags = DEFAULT_FASTMATH if "fast" in flags else tuple(f for f in flags if f not in ("nnan", "ninf"))
    return Options(_target(target), parallel, flags, cache, _memory_limit(memory_limit), nan_check, deterministic)


def check_flag(name: str, value: Any) -> None:
    """Raise TypeError unless an option that is on or off is given as a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r}")


def _target(target: Any) -> Target:
    known = get_args(Target)
    if target not in known:
        raise ValueError(f"target={target!r} is not known; choose from {_listed([repr(name) for name in known])}")
    return target


def _fastmath(fastmath: Any) -> tuple[str, ...]:
    if fastmath is None:
        return DEFAULT_FASTMATH
    if isinstance(fastmath, bool):
        return ("fast",) if fastmath else ()
    if isinstance(fastmath, str) or not isinstance(fastmath, Iterable):
        raise TypeError(f"fastmath is True, False or a set of LLVM's flags, not {fastmath!r}")
    flags = list(cast("Iterable[Any]", fastmath))
    for flag in flags:
        if flag not in FASTMATH_FLAGS:
            raise ValueError(f"fastmath: {flag!r} is no flag of LLVM's; they are {_listed(FASTMATH_FLAGS)}")
    return tuple(sorted(set(flags)))


def _memory_limit(limit: Any) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not hasattr(limit, "__index__"):
        raise TypeError(f"memory_limit is a number of bytes or None, not {limit!r}")
    if limit.__index__() <= 0:
        raise ValueError(f"memory_limit is a number of bytes and at least 1, not {limit}")
    return limit.__index__()


def check_types(request: Request, names: Sequence[str], arg_types: Sequence[NumbaType]) -> None:
    """Raise TypeError if a derivative is asked for with respect to something that has none."""
    for position in request.argnums:
        problem = _no_derivative(names[position], arg_types[position])
        if problem is not None:
            raise TypeError(f"{request.mode} of {request.fun.__name__}: {problem}")


def _no_derivative(name: str, kind: NumbaType) -> str | None:
    text = str(kind)
    match kind:
        case nb.Integer() | nb.Boolean():
            return f"argument '{name}' is {_a(text)} scalar, which has no derivative; pass float({name})"
        case nb.Array(dtype=(nb.Integer() | nb.Boolean()) as dtype):
            return (
                f"argument '{name}' is an array of {dtype!s}, which has no derivative; pass {name}.astype(np.float64)"
            )
        case nb.List() | nb.ListType():
            return f"argument '{name}' is a list; pass np.array({name})"
        case Container() if not has_floats(kind):
            return f"argument '{name}' is {kind.form.described} without a float or complex number or array in it"
        case nb.UnicodeType() | nb.NoneType() | nb.Dispatcher() | nb.Set():
            return f"argument '{name}' is {_a(_plain_name(kind))}, which has no derivative"
        case _:
            return None


def wrong_count(fun_name: str, names: Sequence[str], given: int) -> TypeError:
    """Return the error for a call with too many or too few arguments."""
    return TypeError(f"{fun_name} takes {len(names)} arguments, {', '.join(names)}; {given} were given")


def unsupported_value(fun_name: str, value: object, error: Untypable) -> TypeError:
    """Return the error for an argument that compiled code can't take, for the reason that `error` has."""
    given = f"{_a(type(value).__name__)}, whose item {error.where} is {error.what}" if error.where else error.what
    return TypeError(f"{fun_name} was given {given}, which compiled code can't take; {error.remedy or _TAKEN}")


_TAKEN = "pass numbers, NumPy arrays, or tuples, lists, dictionaries, named tuples and dataclasses of them"


def _plain_name(kind: NumbaType) -> str:
    return {"unicode_type": "string", "none": "None"}.get(str(kind), type(kind).__name__.lower())


def _a(noun: str) -> str:
    if noun == "None":
        return noun
    return ("an " if noun[:1].lower() in "aeiou" and not noun.startswith("uint") else "a ") + noun


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
