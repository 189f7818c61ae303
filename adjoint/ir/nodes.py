"""The intermediate representation: the whole grammar on one screen.

A program is a `Func`. It comes in two dialects that share every node:

*SSA* (made by `frontend`, read by `analysis` and `transform`). Every name is bound once. Loops and branches
say explicitly which values they merge: `For.carried`, `While.carried`, `If.merges`. After a loop the phi of a
`Carry` holds the final value. Arrays are references: a name is bound once, its contents change only through
`Store` and `Accum`. `break`, `continue` and early `return` are gone (see `For.until`).

*Imperative* (made by `transform`, read by `lower` and `codegen`). `carried` and `merges` are empty, names may be
bound again, and statements mean what the Python text they print as means.

`Expr` may be a tree in both; the frontend puts one primitive into each `Let`, `renest` makes trees again.
Locations and spellings take no part in equality, so programs can be compared structurally.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeAlias

from adjoint.errors import Loc
from adjoint.ir.immutable import immutable


@immutable
class Var:
    name: str


@immutable
class Lit:
    """A constant: int, float, complex, bool, str, None or Ellipsis. `Lit(1)`, `Lit(1.0)` and `Lit(True)` differ."""

    value: object
    kind: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", f"{type(self.value).__name__}:{self.value!r}")


@immutable
class Call:
    """A primitive applied to operands; `prim` is a canonical name of `adjoint.rules.spelling`.

    `getitem(x, i, j)` is `x[i, j]`; its indices may be `slice(a, b, c)` calls, `Lit(None)` and `Lit(...)`.
    `via` remembers how the user wrote it ("math", "np", "method", "operator"); only the printer looks at it.
    """

    prim: str
    args: tuple[Expr, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()
    via: str = field(default="", compare=False)
    # Found once, since every analysis asks for them: the names read, left to right, and the primitives inside.
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)
    prims: frozenset[str] = field(init=False, compare=False, repr=False)
    number: int = field(init=False, compare=False, repr=False)
    # The types of the names when `rules.typing` was last asked, and the type of the call with these.
    typed: tuple[tuple[object, ...], Any] | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        names: list[str] = []
        prims = {self.prim}
        for arg in (*self.args, *(value for _, value in self.kwargs)):
            if isinstance(arg, Var):
                names.append(arg.name)
            elif isinstance(arg, Call):
                names.extend(arg.names)
                prims |= arg.prims
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "prims", frozenset(prims))
        object.__setattr__(self, "number", hash((self.prim, self.args, self.kwargs)))

    def __hash__(self) -> int:
        return self.number


Expr: TypeAlias = Var | Lit | Call


class Remembering:
    """What has been found out about a statement or a function, see `walk.remembered`; they never change."""

    __slots__ = ("found",)
    found: dict[object, Any]


@immutable
class Let(Remembering):
    """`target = value`."""

    target: Var
    value: Expr
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class Store(Remembering):
    """`array[index] = value`; `index` has the form of the trailing arguments of `getitem`."""

    array: Var
    index: tuple[Expr, ...]
    value: Expr
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class Accum(Remembering):
    """`target[index] += value`, in place; with an empty index `target += value` (a scalar, or the whole array)."""

    target: Var
    index: tuple[Expr, ...]
    value: Expr
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class Carry:
    """A loop-carried value: `phi` is `init` in the first iteration, then what `next` was in the one before.

    `init` is None where the name is not bound before the loop.
    """

    phi: Var
    init: Expr | None
    next: Expr


@immutable
class Merge:
    """After an `If`, `target` is `then` or `orelse`; None where that branch leaves the name unbound."""

    target: Var
    then: Expr | None
    orelse: Expr | None


@immutable
class For(Remembering):
    """`for index in range(start, stop, step): body`, left after the iteration in which `until` becomes true.

    The bounds are evaluated once, before the first iteration. `step` is not zero.
    """

    index: Var
    start: Expr
    stop: Expr
    step: Expr
    body: Block
    carried: tuple[Carry, ...] = ()
    until: Var | None = None
    parallel: bool = False
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class While(Remembering):
    """`while cond: body`, left also after the iteration in which `until` becomes true.

    `cond` is a pure scalar expression over the phis and outer names; anything else has been moved into the body.
    """

    cond: Expr
    body: Block
    carried: tuple[Carry, ...] = ()
    until: Var | None = None
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class If(Remembering):
    cond: Expr
    then: Block
    orelse: Block = ()
    merges: tuple[Merge, ...] = ()
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class Effect(Remembering):
    """A call made for what it does: `print(...)`, `tape.append(x)`, `raise`, `assert`."""

    value: Call
    loc: Loc | None = field(default=None, compare=False, repr=False)


@immutable
class Comment(Remembering):
    """A line of text for the reader of the generated source."""

    text: str


@immutable
class Return(Remembering):
    """The one exit of a function, last in its body."""

    value: Expr
    loc: Loc | None = field(default=None, compare=False, repr=False)


Stmt: TypeAlias = Let | Store | Accum | For | While | If | Effect | Comment | Return
Block: TypeAlias = tuple[Stmt, ...]


@immutable
class Param:
    name: str
    default: Expr | None = None


@immutable
class Func(Remembering):
    """A function.

    `hints` maps an SSA name to the name the user gave the value (absent for temporaries);
    `types` maps names to Numba types once `analysis.types` has run;
    `refs` maps a primitive of the form "ref:NAME" to the Python object it calls;
    `inputs` lists the user's parameters, each with the names of its leaves nested as the argument is (just its own name
    if it is no container): `params` are the leaves. Empty where parameters are what they seem;
    `layout` says how the tuples in the result are put together, see `rules.containers`;
    `ones` are axes of parameters that are taken to have length 1.
    """

    name: str
    params: tuple[Param, ...]
    body: Block
    hints: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)
    types: Mapping[str, object] = field(default_factory=dict[str, object], compare=False, repr=False)
    refs: Mapping[str, object] = field(default_factory=dict[str, object], compare=False, repr=False)
    loc: Loc | None = field(default=None, compare=False, repr=False)
    inputs: tuple[tuple[str, object], ...] = field(default=(), compare=False, repr=False)
    layout: object = field(default=None, compare=False, repr=False)
    ones: frozenset[tuple[str, int]] = field(default=frozenset(), compare=False, repr=False)
    # The body in which `transform.dce` has found nothing to remove; another one is not known to be so.
    lean: Block | None = field(default=None, compare=False, repr=False)
