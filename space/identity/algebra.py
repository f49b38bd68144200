"""Expressions over feature maps: sums of products of atoms, in one normal form.

A polynomial is a mapping from products of atoms to coefficients. An atom is whatever does not
multiply out: a convolution, an activation, a norm, a source, the value of the step before. Atoms
without weights of their own are one atom if they are written alike; atoms with weights are told
apart by the place of their weights.

Constants are exact decimals, as they were written: 1 - 0.3 is 0.7 here. This module knows no
genomes.
"""

import decimal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from space.step.activations import ACTIVATIONS
from space.step.constants import EXACT, activate_constant, exact

Number = int | decimal.Decimal
Product = tuple[int, ...]  # atoms by number, in order; repeated for powers
Polynomial = Mapping[Product, Number]

ZERO: Polynomial = {}
ONE: Polynomial = {(): 1}

# Products that would have more terms than this are kept as an atom of their own.
MOST_TERMS = 256

_SHOWN = decimal.Context(prec=12)


@dataclass(frozen=True, slots=True)
class Atom:
    """`label` says what is done to `reads` (in no order); `place` names the weights it has."""

    label: str
    reads: tuple[Polynomial, ...] = ()
    place: str = ""
    never_negative: bool = False
    rectifies: bool = False  # relu, or an activation under which negative stays negative


class Arena:
    """The atoms of one network's part, by number."""

    def __init__(self) -> None:
        self.atoms: list[Atom] = []
        self._numbers: dict[object, int] = {}

    def atom(
        self,
        label: str,
        reads: Iterable[Polynomial] = (),
        *,
        place: str = "",
        never_negative: bool = False,
        rectifies: bool = False,
    ) -> Polynomial:
        """The polynomial that is one atom; the same atom for the same arguments."""
        reads = tuple(reads)
        key = (label, place, *sorted(map(_key, reads)))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.atoms)
            self.atoms.append(Atom(label, reads, place, never_negative, rectifies))
        return {(number,): 1}

    def times(self, *factors: Polynomial) -> Polynomial:
        """The product, multiplied out."""
        result: Polynomial = ONE
        for factor in factors:
            if len(result) * len(factor) > MOST_TERMS:
                result = self.atom("product", (result, factor))
                continue
            terms: dict[Product, Number] = {}
            for left, a in result.items():
                for right, b in factor.items():
                    product = tuple(sorted(left + right)) if left and right else left or right
                    part = b if a == 1 else a if b == 1 else EXACT.multiply(a, b)
                    _put(terms, product, part)
            result = terms
        return result

    def activated(self, name: str, value: Polynomial) -> Polynomial:
        """The activation of that name."""
        if name == "identity":
            return value
        if is_constant(value):
            number = decimal.Decimal(value.get((), 0))
            return _number(activate_constant(name, number))
        known = ACTIVATIONS[name]
        if known.keeps_positive and self._never_negative(value):
            return value
        if name == "relu" and (inner := self._only(value)) is not None and inner.rectifies:
            return self.activated("relu", inner.reads[0])
        return self.atom(
            name,
            (value,),
            never_negative=known.never_negative,
            rectifies=known.rectifies,
        )

    def _only(self, value: Polynomial) -> Atom | None:
        """The atom that a polynomial is, if it is one."""
        if len(value) != 1:
            return None
        ((product, factor),) = value.items()
        return self.atoms[product[0]] if factor == 1 and len(product) == 1 else None

    def _never_negative(self, value: Polynomial) -> bool:
        return all(
            factor >= 0 and all(self.atoms[atom].never_negative for atom in product)
            for product, factor in value.items()
        )


def plus(*terms: Polynomial) -> Polynomial:
    """The sum."""
    total: dict[Product, Number] = {}
    for term in terms:
        for product, factor in term.items():
            _put(total, product, factor)
    return total


def constant(value: float) -> Polynomial:
    """A number as it is written in decimals."""
    return _number(exact(value))


def _number(number: decimal.Decimal) -> Polynomial:
    return {(): number} if number else ZERO


def is_constant(value: Polynomial) -> bool:
    """Whether a polynomial is a number."""
    return not value or (len(value) == 1 and () in value)


def key(value: Polynomial) -> tuple[object, ...]:
    """Equal for equal polynomials of one arena."""
    return _key(value)


def format_number(number: Number) -> str:
    """A number to twelve digits."""
    return "1" if number == 1 else str(_SHOWN.plus(decimal.Decimal(number)).normalize(_SHOWN))


def _key(value: Polynomial) -> tuple[object, ...]:
    return tuple(sorted(value.items()))


def _put(terms: dict[Product, Number], product: Product, factor: Number) -> None:
    present = terms.get(product)
    if present is None:
        terms[product] = factor
    elif total := EXACT.add(present, factor):
        terms[product] = total
    else:
        del terms[product]
