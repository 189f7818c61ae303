"""Final names: what the user called things, and for the rest a name that says what they are."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from adjoint.ir import Call, Expr, For, Func, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import bound, names_in, operands, statements_of
from adjoint.transform.hints import hint_of
from adjoint.transform.renaming import rename_block

_MODULES = frozenset(("cmath", "math", "np", "numba"))
# The builtins that generated text may call; a user's variable of that name is renamed, one called `id` is not.
_NEEDED = frozenset("abs bool complex float int len list max min pow print range round slice sum tuple".split())
_TEMPORARY = re.compile(r"_+\d+(?P<role>(_[a-z]+)*)(_\d+)?")
_LONGEST = 14

# How the result of a primitive is called: in terms of its operands if their names are short, and otherwise.
_NAMES: Mapping[str, tuple[str, str]] = {
    name: (pattern, noun)
    for name, pattern, noun in (
        line.split()
        for line in """
        add       -             total
        sub       -             difference
        mul       -             product
        matmul    -             product
        dot       -             product
        div       -             ratio
        floordiv  -             quotient
        mod       -             remainder
        pow       -             power
        neg       minus_{0}     negative
        square    {0}_squared   squared
        getitem   {0}_{1}       element
        item      {0}_{1}       element
        pop       {0}_top       top
        dim       {0}_dim{1}    dim
        len       {0}_len       length
        size      {0}_size      size
        shape     {0}_shape     shape
        sum       {0}_sum       total
        mean      {0}_mean      mean
        prod      {0}_prod      product
        max       {0}_max       largest
        min       {0}_min       smallest
        maximum   -             larger
        minimum   -             smaller
        copy      {0}_copy      copied
        transpose {0}_t         transposed
        select    -             chosen
        where     -             chosen
        lt        -             test
        le        -             test
        gt        -             test
        ge        -             test
        eq        -             test
        ne        -             test
        and       -             test
        or        -             test
        not       -             test
        tuple     -             items
        list      -             items
        """.strip().split("\n")
    )
}

_Fact = TypeVar("_Fact")


def rename(func: Func, reserved: Collection[str] = ()) -> Func:
    """Give every name of an imperative program the one it is printed with.

    Parameters keep their names. A name with a hint gets the hint, one that is no temporary keeps itself; where two
    want the same name the later gets a number. Temporaries are named by the operation that makes them, and a
    temporary's cotangent, `_3_bar`, after the temporary. No name hides a module, a function that the program calls,
    a keyword or a builtin that generated text needs. Distinct names stay distinct. `hints` and `types` follow.

    >>> from adjoint.codegen.emit import text
    >>> body = (
    ...     Let(Var("_1"), Call("sin", (Var("x"),))),
    ...     Let(Var("y_3"), Call("mul", (Var("_1"), Var("_1")))),
    ... )
    >>> print(text(rename(Func("f", (), body, hints={"y_3": "y"}))), end="")
    def f():
        sin_x = np.sin(x)
        y = sin_x * sin_x
    """
    final = _Names(func, reserved).final
    return replace(
        func,
        body=rename_block(func.body, final),
        hints=_renamed(func.hints, final),
        types=_renamed(func.types, final),
    )


def _renamed(facts: Mapping[str, _Fact], final: Mapping[str, str]) -> dict[str, _Fact]:
    """Return facts under the final names. A name that is no longer used may have become that of another value."""
    taken = set(final.values())
    kept = {old: fact for old, fact in facts.items() if old not in final and old not in taken}
    return kept | {new: facts[old] for old, new in final.items() if old in facts}


class _Names:
    """Chooses the names; `final` maps old to new."""

    def __init__(self, func: Func, reserved: Collection[str]) -> None:
        self.hints = func.hints
        params = [p.name for p in func.params]
        self.final: dict[str, str] = {name: name for name in params}
        self.taken = {*params, *reserved, *_MODULES, *keyword.kwlist, *_NEEDED, *_called(func), func.name}
        everything = [(stmt, _names(stmt)) for stmt in statements_of(func)]
        for _, names in everything:
            for name in names:
                if (wish := self._wish(name)) is not None:
                    self._take(name, wish)
        self.taken |= set(dir(builtins))
        for stmt, names in everything:
            for name in names:
                self._take(name, self._invented(name, stmt))

    def _wish(self, name: str) -> str | None:
        """Return the readable name somebody gave the value already."""
        return hint_of(name, self.hints) or (None if _TEMPORARY.fullmatch(name) else name)

    def _take(self, name: str, wish: str) -> None:
        if name in self.final:
            return
        chosen, number = wish, 0
        while chosen in self.taken:
            number += 1
            chosen = f"{wish}_{number}"
        self.taken.add(chosen)
        self.final[name] = chosen

    def _invented(self, name: str, stmt: Stmt) -> str:
        match = _TEMPORARY.fullmatch(name)
        if match is not None and match["role"]:
            owner = name[: match.start("role")]
            return self.final.get(owner, "t") + match["role"]
        if isinstance(stmt, Let) and isinstance(stmt.value, Call) and stmt.target.name == name:
            return self._from_operation(stmt.value)
        return "k" if isinstance(stmt, For) and stmt.index.name == name else "t"

    def _from_operation(self, call: Call) -> str:
        prim = call.prim.rpartition(".")[2].rpartition(":")[2]
        if call.prim == "pow" and call.args[1:] == (Lit(2),):
            prim = "square"
        pattern, noun = _NAMES.get(prim, (f"{prim}_{{0}}" if len(call.args) == 1 else "-", prim))
        parts = [self._part(arg) for arg in call.args]
        if pattern != "-" and parts and all(parts) and pattern.count("{") <= len(parts):
            name = pattern.format(*parts) if len(parts) <= 2 else "_".join(map(str, parts))
            if name.isidentifier() and len(name) <= _LONGEST:
                return name
        return noun

    def _part(self, expr: Expr) -> str | None:
        match expr:
            case Var(name):
                # `sin_x_bar` would read as the cotangent of `sin_x`.
                short = self.final.get(name, name)
                return None if short.endswith(("_bar", "_dot")) else short
            case Lit(int() as value) if value >= 0:
                return str(int(value))
            case _:
                return None


def _called(func: Func) -> set[str]:
    """Return the names of the module that the program calls or reads."""
    exprs = (operand for stmt in statements_of(func) for operand in operands(stmt))
    prims = {prim for expr in exprs if isinstance(expr, Call) for prim in expr.prims}
    prefixes = ("ref:", "const:", "helper.")
    return {prim.removeprefix(prefix) for prim in prims for prefix in prefixes if prim.startswith(prefix)}


def _names(stmt: Stmt) -> list[str]:
    """Return the names in a statement, in the order in which they are met; those it binds come last."""
    until = [stmt.until.name] if isinstance(stmt, For | While) and stmt.until is not None else []
    reads = [name for operand in operands(stmt) for name in names_in(operand) if name not in until]
    return [*reads, *(target.name for target in bound(stmt)), *until]
