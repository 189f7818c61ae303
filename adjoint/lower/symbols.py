"""The symbols that lengths are written in: what they stand for in the text, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from adjoint.analysis.linear import Linear, symbol, whole
from adjoint.analysis.written import expression
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.dump import expr_text
from adjoint.ir.walk import names_in


@dataclass(eq=False)
class Symbols:
    """All symbols of one program. A name bound several times has a symbol for each binding."""

    writing: dict[str, Expr] = field(default_factory=dict[str, Expr])
    reads: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    # Symbols by a name that they read, as it is bound now.
    readers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    lengths: set[str] = field(default_factory=set[str])
    inside: dict[str, Linear] = field(default_factory=dict[str, Linear])
    version: dict[str, int] = field(default_factory=dict[str, int])
    # What was found on entry not to be negative.
    at_least_zero: list[Linear] = field(default_factory=list[Linear])
    # The least and the greatest value of the index of each loop around what is looked at.
    ranges: dict[str, tuple[Linear, Linear]] = field(default_factory=dict[str, tuple[Linear, Linear]])
    dead: set[str] = field(default_factory=set[str])
    time: int = 0

    def tick(self) -> int:
        """Return a number larger than all before."""
        self.time += 1
        return self.time

    def named(self, name: str) -> Linear:
        """Return the symbol of an integer that a name holds now."""
        return self._made(Var(name))

    def length(self, array: str, axis: int) -> Linear:
        """Return the symbol of the length of an axis of the array that a name holds now."""
        made = self._made(Call("dim", (Var(array), Lit(axis))))
        self.lengths.add(made.symbols[0])
        return made

    def opaque(self, expr: Expr, *, length: bool = False) -> Linear:
        """Return the symbol for the value that an expression has now."""
        made = self._made(expr)
        if length:
            self.lengths.add(made.symbols[0])
        return made

    def clipped(self, form: Linear) -> Linear:
        """Return `max(form, 0)`, as a form without `max` if it needs none."""
        if form.number is not None:
            return whole(max(form.number, 0))
        if self.never_negative(form):
            return form
        if len(form.terms) == 1 and form.terms[0][1] == 1 and form.symbols[0] in self.inside and form.constant < 0:
            return self.clipped(self.inside[form.symbols[0]].plus(form.constant))
        made = self._made(Call("maximum", (self.expr(form), Lit(0)), via="builtin"))
        self.inside[made.symbols[0]] = form
        self.lengths.add(made.symbols[0])
        return made

    def unclipped(self, form: Linear) -> Linear:
        """Return what a length is but for being 0 at least, so that it is never less than that."""
        single = len(form.terms) == 1 and form.terms[0][1] == 1 and form.constant == 0
        return self.inside.get(form.symbols[0], form) if single else form

    def never_negative(self, form: Linear) -> bool:
        """Whether a form is at least 0, for certain."""
        return self._is_never_negative(form) or self._is_never_negative(self.least(form))

    def least(self, form: Linear) -> Linear:
        """Return what a form never is less than in the iterations of the loops around, without their indices."""
        for _ in self.ranges:  # the bounds of a loop may depend on those around it
            ends = {name: self.ranges[name][factor < 0] for name, factor in form.terms if name in self.ranges}
            form = form.replaced(ends)
        return form

    def _is_never_negative(self, form: Linear) -> bool:
        return self._is_positive(form) or any(self._is_positive(form - known) for known in self.at_least_zero)

    def _is_positive(self, form: Linear) -> bool:
        return form.constant >= 0 and all(f > 0 and name in self.lengths for name, f in form.terms)

    def negative(self, form: Linear) -> Expr:
        """Write that a form is less than 0, without subtractions."""
        more, less = form.parts()
        return Call("lt", (self.expr(more), self.expr(less)))

    def expr(self, form: Linear) -> Expr:
        """Write a form as an expression."""
        return expression(form, self.writing)

    def bound(self, form: Linear) -> Expr:
        """Write a length as the end of a range, which may as well be negative."""
        if len(form.terms) == 1 and form.constant == 0 and form.symbols[0] in self.inside:
            return self.expr(self.inside[form.symbols[0]])
        return self.expr(form)

    def rebind(self, name: str) -> frozenset[str]:
        """Say that a name is bound to something else from here on; return the symbols that mean nothing any more."""
        self.version[name] = self.version.get(name, 0) + 1
        gone = frozenset(self.readers.pop(name, ())) - self.dead
        self.dead |= gone
        return gone

    def _made(self, expr: Expr) -> Linear:
        reads = frozenset(names_in(expr))
        versions = "".join(f"#{name}{self.version[name]}" for name in sorted(reads) if self.version.get(name))
        name = expr_text(expr) + versions
        self.writing.setdefault(name, expr)
        if name not in self.reads:
            self.reads[name] = reads
            for each in reads:
                self.readers.setdefault(each, []).append(name)
        return symbol(name)
