"""Linear forms over whole numbers, and whether a system of inequalities between them can have a solution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from math import gcd

from adjoint.ir.immutable import immutable

# A system that grows beyond this is taken to have a solution.
MOST = 400


@immutable
class Linear:
    """The sum of `factor * symbol` over `terms`, in the order of the symbols and without zeros, and `constant`.

    >>> n = symbol("n")
    >>> n.plus(1) - n
    Linear(terms=(), constant=1)
    """

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0
    symbols: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", tuple([name for name, _ in self.terms]))

    @staticmethod
    def of(terms: Mapping[str, int], constant: int = 0) -> Linear:
        return Linear(tuple(sorted([term for term in terms.items() if term[1]])), constant)

    def __add__(self, other: Linear) -> Linear:
        if not self.terms or not other.terms:
            return Linear(self.terms or other.terms, self.constant + other.constant)
        terms = dict(self.terms)
        for name, factor in other.terms:
            terms[name] = terms.get(name, 0) + factor
        return Linear.of(terms, self.constant + other.constant)

    def __sub__(self, other: Linear) -> Linear:
        return self + other.times(-1)

    def plus(self, number: int) -> Linear:
        return Linear(self.terms, self.constant + number)

    def times(self, number: int) -> Linear:
        if not number:
            return Linear()
        return Linear(tuple([(name, factor * number) for name, factor in self.terms]), self.constant * number)

    @property
    def number(self) -> int | None:
        """The value, if it is known."""
        return None if self.terms else self.constant

    def factor(self, name: str) -> int:
        for other, factor in self.terms:
            if other == name:
                return factor
        return 0

    def parts(self) -> tuple[Linear, Linear]:
        """Return two forms without negative factors whose difference this one is.

        >>> (symbol("n") - symbol("m")).plus(-2).parts()[1]
        Linear(terms=(('m', 1),), constant=2)
        """
        more = Linear(tuple((name, factor) for name, factor in self.terms if factor > 0), max(self.constant, 0))
        return more, more - self

    def replaced(self, values: Mapping[str, Linear]) -> Linear:
        """Put linear forms in the place of symbols."""
        if values.keys().isdisjoint(self.symbols):
            return self
        result = whole(self.constant)
        for name, factor in self.terms:
            result += values.get(name, symbol(name)).times(factor)
        return result

    def renamed(self, names: Mapping[str, str]) -> Linear:
        if names.keys().isdisjoint(self.symbols):
            return self
        return Linear.of({names.get(name, name): factor for name, factor in self.terms}, self.constant)


def whole(value: int) -> Linear:
    return Linear((), value)


def symbol(name: str) -> Linear:
    return Linear(((name, 1),), 0)


def may_hold(zero: Iterable[Linear], at_least_zero: Iterable[Linear]) -> bool:
    """Whether whole numbers may exist that make all of `zero` zero and none of `at_least_zero` negative.

    False is certain: there are none. True may be wrong: the method (Fourier and Motzkin's) looks for fractions, with
    bounds rounded where all factors have a common divisor, and gives up on large systems.

    >>> i, n = symbol("i"), symbol("n")
    >>> may_hold([i - n], [i, n - i])
    True
    >>> may_hold([i - n], [n - i.plus(1)])
    False
    >>> may_hold([i.times(2) - n.times(2).plus(1)], [])
    False
    """
    return _may_hold(tuple(zero), tuple(at_least_zero))


@lru_cache(1024)  # the same is asked of a program before and after a pass
def _may_hold(zero: tuple[Linear, ...], at_least_zero: tuple[Linear, ...]) -> bool:
    equalities, bounds = list(zero), _Bounds()
    for form in at_least_zero:
        bounds.add(form)
    while equalities and not bounds.contradiction:
        form = equalities.pop()
        divisor = gcd(*(factor for _, factor in form.terms)) if form.terms else 0
        if not divisor or form.constant % divisor:
            if form.constant:
                return False
            continue
        factor, name = min(((factor, name) for name, factor in form.terms), key=_size)
        if abs(factor) == divisor:
            # The factor divides the whole form: the name can be put in terms of the others.
            value = Linear.of({n: -f // factor for n, f in form.terms if n != name}, -form.constant // factor)
            equalities = [_with(other, name, value) for other in equalities]
            bounds.put(name, value)
        else:
            bounds.add(form)
            bounds.add(form.times(-1))
    return bounds.may_hold()


def _size(term: tuple[int, str]) -> int:
    return abs(term[0])


def _with(form: Linear, name: str, value: Linear) -> Linear:
    factor = form.factor(name)
    return form + value.times(factor) - Linear.of({name: factor}) if factor else form


class _Bounds:
    """Forms that are not negative: for each sum of terms, the smallest constant."""

    def __init__(self) -> None:
        self.constants: dict[tuple[tuple[str, int], ...], int] = {}
        self.contradiction = False

    def put(self, name: str, value: Linear) -> None:
        """Put a form in the place of a name."""
        for terms in [terms for terms in self.constants if any(other == name for other, _ in terms)]:
            self.add(_with(Linear(terms, self.constants.pop(terms)), name, value))

    def add(self, form: Linear) -> None:
        if not form.terms:
            self.contradiction |= form.constant < 0
            return
        divisor = gcd(*[factor for _, factor in form.terms])
        terms = form.terms if divisor == 1 else tuple((name, factor // divisor) for name, factor in form.terms)
        constant = form.constant // divisor  # rounded down: the rest is a whole number
        self.constants[terms] = min(constant, self.constants.get(terms, constant))

    def may_hold(self) -> bool:
        bounds = self
        while not bounds.contradiction and bounds.constants:
            if len(bounds.constants) > MOST:
                return True
            bounds = bounds.without(bounds.cheapest())
        return not bounds.contradiction

    def cheapest(self) -> str:
        """Return the name whose elimination makes the fewest new forms."""
        ups: dict[str, int] = {}
        downs: dict[str, int] = {}
        for terms in self.constants:
            for name, factor in terms:
                ups[name] = ups.get(name, 0) + (factor > 0)
                downs[name] = downs.get(name, 0) + (factor < 0)
        return min(sorted(ups), key=lambda name: ups[name] * downs[name] - ups[name] - downs[name])

    def without(self, name: str) -> _Bounds:
        rest = _Bounds()
        ups: list[tuple[int, Linear]] = []
        downs: list[tuple[int, Linear]] = []
        for terms, constant in self.constants.items():
            factor = next((factor for other, factor in terms if other == name), 0)
            if not factor:
                rest.constants[terms] = constant
            else:
                (ups if factor > 0 else downs).append((abs(factor), Linear(terms, constant)))
        for up, low in ups:
            for down, high in downs:
                rest.add(low.times(down) + high.times(up))
        return rest


def arithmetic(prim: str, parts: list[Linear]) -> Linear | None:
    """Return what a primitive makes of whole numbers, if that is linear."""
    match prim, parts:
        case "add", [a, b]:
            return a + b
        case "sub", [a, b]:
            return a - b
        case "neg", [a]:
            return a.times(-1)
        case "pos", [a]:
            return a
        case "mul", [Linear((), number), a] | [a, Linear((), number)]:
            return a.times(number)
        case _:
            return None
