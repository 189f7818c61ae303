"""Linear forms over whole numbers, and whether a system of inequalities between them can have a solution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd

# A system that grows beyond this is taken to have a solution.
MOST = 400


@dataclass(frozen=True, slots=True)
class Affine:
    """A constant plus multiples of named whole numbers; `terms` is sorted by name and has no zeros."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    @staticmethod
    def of(terms: Mapping[str, int], constant: int = 0) -> Affine:
        return Affine(tuple(sorted((name, factor) for name, factor in terms.items() if factor)), constant)

    @staticmethod
    def atom(name: str) -> Affine:
        return Affine(((name, 1),))

    def __add__(self, other: Affine) -> Affine:
        if not self.terms or not other.terms:
            return Affine(self.terms or other.terms, self.constant + other.constant)
        terms = dict(self.terms)
        for name, factor in other.terms:
            terms[name] = terms.get(name, 0) + factor
        return Affine.of(terms, self.constant + other.constant)

    def __sub__(self, other: Affine) -> Affine:
        return self + other.times(-1)

    def plus(self, number: int) -> Affine:
        return Affine(self.terms, self.constant + number)

    def times(self, number: int) -> Affine:
        if not number:
            return Affine()
        return Affine(tuple((name, factor * number) for name, factor in self.terms), self.constant * number)

    def factor(self, name: str) -> int:
        return next((factor for other, factor in self.terms if other == name), 0)

    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms)

    def renamed(self, names: Mapping[str, str]) -> Affine:
        return Affine.of({names.get(name, name): factor for name, factor in self.terms}, self.constant)


def may_hold(zero: Iterable[Affine], at_least_zero: Iterable[Affine]) -> bool:
    """Whether whole numbers may exist that make all of `zero` zero and none of `at_least_zero` negative.

    False is certain: there are none. True may be wrong: the method (Fourier and Motzkin's) looks for fractions, with
    bounds rounded where all factors have a common divisor, and gives up on large systems.

    >>> i, n = Affine.atom("i"), Affine.atom("n")
    >>> may_hold([i - n], [i, n - i])
    True
    >>> may_hold([i - n], [n - i.plus(1)])
    False
    >>> may_hold([i.times(2) - n.times(2).plus(1)], [])
    False
    """
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
            value = Affine.of({n: -f // factor for n, f in form.terms if n != name}, -form.constant // factor)
            equalities = [_with(other, name, value) for other in equalities]
            bounds.put(name, value)
        else:
            bounds.add(form)
            bounds.add(form.times(-1))
    return bounds.may_hold()


def _size(term: tuple[int, str]) -> int:
    return abs(term[0])


def _with(form: Affine, name: str, value: Affine) -> Affine:
    factor = form.factor(name)
    return form + value.times(factor) - Affine.of({name: factor}) if factor else form


class _Bounds:
    """Forms that are not negative: for each sum of terms, the smallest constant."""

    def __init__(self) -> None:
        self.constants: dict[tuple[tuple[str, int], ...], int] = {}
        self.contradiction = False

    def forms(self) -> list[Affine]:
        return [Affine(terms, constant) for terms, constant in self.constants.items()]

    def put(self, name: str, value: Affine) -> None:
        """Put a form in the place of a name."""
        for form in [form for form in self.forms() if form.factor(name)]:
            del self.constants[form.terms]
            self.add(_with(form, name, value))

    def add(self, form: Affine) -> None:
        if not form.terms:
            self.contradiction |= form.constant < 0
            return
        divisor = gcd(*(factor for _, factor in form.terms))
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
        ups: list[tuple[int, Affine]] = []
        downs: list[tuple[int, Affine]] = []
        for form in self.forms():
            factor = form.factor(name)
            if not factor:
                rest.add(form)
            else:
                (ups if factor > 0 else downs).append((abs(factor), form))
        for up, low in ups:
            for down, high in downs:
                rest.add(low.times(down) + high.times(up))
        return rest
