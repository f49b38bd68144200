"""Sums of products, written with as few repetitions as a reader would write them.

`factor` takes a polynomial (space/identity/algebra.py) to an expression that multiplies out to it:
`in - 0.75 in T + res - 0.75 res T` becomes `(in + res) x [1 - 0.75 T]`. What it chooses follows
from the polynomial and from an order of its atoms, never from how the cell was spelled.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from space.identity.algebra import Number, Polynomial, Product
from space.step.constants import EXACT

_COMPARED = Context(prec=30)
_SMALL = Decimal("1e-30")
"""What is left of a number that should be none."""


@dataclass(frozen=True)
class Power:
    """An atom, multiplied by itself `times` - 1 times."""

    atom: int
    times: int = 1


@dataclass(frozen=True)
class Named:
    """A polynomial that is written elsewhere: what a state is at this step."""

    name: str


@dataclass(frozen=True)
class Scaled:
    """A number times a product; the number alone without factors."""

    number: Decimal
    factors: tuple["Expression", ...] = ()


@dataclass(frozen=True)
class Total:
    """A sum of two products or more."""

    parts: tuple[Scaled, ...]


Expression = Power | Named | Total
Parts = Mapping[tuple[object, ...], tuple[str, Polynomial]]
"""Polynomials that have a name, by their keys."""


def factor(
    value: Polynomial, rank: Callable[[int], tuple[int, int]], parts: Parts
) -> Scaled | Total:
    """An expression of a polynomial. `rank` puts atoms in order: (how much like a gate it is,
    its place), and a polynomial of `parts` is written by its name.
    """
    return _Factoring(rank, parts).write({p: Decimal(n) for p, n in value.items()})


def list_atoms(expression: "Scaled | Expression") -> Iterator[int]:
    """The atoms that are written in an expression, as often as they are."""
    match expression:
        case Power(atom):
            yield atom
        case Scaled(_, factors):
            for one in factors:
                yield from list_atoms(one)
        case Total(parts):
            for part in parts:
                yield from list_atoms(part)
        case _:
            pass


Exact = dict[Product, Decimal]


@dataclass(frozen=True)
class _Factoring:
    rank: Callable[[int], tuple[int, int]]
    parts: Parts

    def write(self, value: Exact) -> Scaled | Total:
        """A number times factors where there are such, else a sum."""
        if not value:
            return Scaled(Decimal(0))
        number, factors = self._split(value)
        if len(factors) == 1 and isinstance(factors[0], Total) and number == 1:
            return factors[0]
        return Scaled(number, factors)

    def _split(self, value: Exact) -> tuple[Decimal, tuple[Expression, ...]]:
        """(a number, factors) whose product a polynomial is."""
        named = self.parts.get(_scaled_key(value))
        if named is not None:
            return _ratio(value, named[1]), (Named(named[0]),)
        content, rest = self._take_content(value)
        powers = tuple(Power(atom, times) for atom, times in self._in_order(content))
        if powers:
            number, factors = self._split(rest)
            return number, (*powers, *factors)
        if len(rest) == 1:
            return next(iter(rest.values())), ()
        number, rest = _take_number(rest)
        for divisor in self._divisors(rest):
            quotient = divide(rest, divisor)
            if quotient is not None:
                return self._join(number, divisor, quotient)
        return number, (self._add(rest),)

    def _join(
        self, number: Decimal, one: Exact, other: Exact
    ) -> tuple[Decimal, tuple[Expression, ...]]:
        """The factors of a product of two sums. Where both have a constant, or none has, numbers
        stand before the product; else in the one that has it: as the gate that it is.
        """
        scale, values = self._split(one)
        more, gates = self._split(other)
        number = EXACT.multiply(number, EXACT.multiply(scale, more))
        factors = [*values, *gates]
        open_gates = [f for f in factors if isinstance(f, Total) and _has_constant(f)]
        if len(open_gates) == 1 and number != 1:
            place = factors.index(open_gates[0])
            factors[place] = _scale(open_gates[0], number)
            number = Decimal(1)
        elif len(open_gates) > 1:
            for gate in open_gates:
                first = next(part.number for part in gate.parts if not part.factors)
                if first != 1:
                    number = EXACT.multiply(number, first)
                    factors[factors.index(gate)] = _scale(gate, EXACT.divide(Decimal(1), first))
        return number, tuple(factors)

    def _take_content(self, value: Exact) -> tuple[Counter[int], Exact]:
        """The atoms that are in every product, and what is left."""
        products = iter(value)
        content = Counter(next(products))
        for product in products:
            content &= Counter(product)
        if not content:
            return content, value
        return content, {_without(product, content): number for product, number in value.items()}

    def _divisors(self, value: Exact) -> Iterable[Exact]:
        """Sums that may divide a polynomial: what an atom multiplies, gates first."""
        counts = Counter(atom for product in value for atom in set(product))
        for atom in sorted(counts, key=self.rank, reverse=True):
            if 1 < counts[atom] < len(value):
                one = Counter({atom: 1})
                divisor = {
                    _without(product, one): number
                    for product, number in value.items()
                    if atom in product
                }
                yield _make_monic(self._take_content(divisor)[1])

    def _add(self, value: Exact) -> Total:
        """A sum that is no product: what multiplies alike stands together."""
        rest, parts = self._take_part(value)
        groups: dict[int | None, Exact] = {}
        alone = {product[0] for product in rest if len(product) == 1}
        for product in self._sorted(rest):
            chosen = min(
                set(product), key=lambda atom: (atom not in alone, self.rank(atom)), default=None
            )
            left = product if chosen is None else _without(product, Counter({chosen: 1}))
            groups.setdefault(chosen, {})[left] = rest[product]
        alike: dict[tuple[object, ...], list[tuple[int | None, Exact]]] = {}
        for atom, value_of in groups.items():
            alike.setdefault(_scaled_key(value_of), []).append((atom, value_of))
        for members in alike.values():
            parts += self._multiply(members)
        return Total(tuple(_gather(parts)))

    def _multiply(self, members: Sequence[tuple[int | None, Exact]]) -> list[Scaled]:
        """The products of atoms with one polynomial, up to numbers."""
        first = members[0][1]
        plain = len(first) == 1 and () in first
        if plain or len(members) == 1:
            products = []
            for atom, value in members:
                number, factors = self._split(value)
                own = () if atom is None else (Power(atom),)
                products.append(Scaled(number, _merge((*own, *factors))))
            return products
        number, factors = self._split(first)
        summed = Total(
            tuple(
                Scaled(_ratio(value, first), () if atom is None else (Power(atom),))
                for atom, value in members
            )
        )
        return [Scaled(number, (summed, *factors))]

    def _take_part(self, value: Exact) -> tuple[Exact, list[Scaled]]:
        """A sum without what has a name in it, and that by its name."""
        parts = list[Scaled]()
        for name, polynomial in self.parts.values():
            if 1 < len(polynomial) < len(value) and polynomial.keys() <= value.keys():
                chosen = {product: value[product] for product in polynomial}
                if _scaled_key(chosen) == _scaled_key(polynomial):
                    parts.append(Scaled(_ratio(chosen, polynomial), (Named(name),)))
                    value = {p: n for p, n in value.items() if p not in polynomial}
        return value, parts

    def _in_order(self, content: Counter[int]) -> list[tuple[int, int]]:
        return sorted(content.items(), key=lambda pair: self.rank(pair[0]))

    def _sorted(self, value: Exact) -> list[Product]:
        return sorted(value, key=lambda product: (len(product), sorted(map(self.rank, product))))


def divide(value: Exact, divisor: Exact) -> Exact | None:
    """The polynomial that times `divisor` is `value`, of two products or more; None if there is
    none.
    """
    if len(divisor) < 2 or len(divisor) >= len(value) or len(value) % len(divisor):
        return None
    variables = sorted({atom for product in value for atom in product})

    def order(product: Product) -> tuple[int, tuple[int, ...]]:
        counts = Counter(product)
        return len(product), tuple(counts[variable] for variable in variables)

    lead = max(divisor, key=order)
    lead_counts, rest, quotient = Counter(lead), dict(value), Exact()
    while rest:
        top = max(rest, key=order)
        if lead_counts - Counter(top):
            return None
        part = _without(top, lead_counts)
        number = EXACT.divide(rest[top], divisor[lead])
        quotient[part] = number
        for product, factor_of in divisor.items():
            less = EXACT.multiply(number, factor_of).copy_negate()
            _put(rest, tuple(sorted((*part, *product))), less)
        if top in rest:
            return None
    return quotient if len(quotient) > 1 else None


def _put(value: Exact, product: Product, number: Decimal) -> None:
    present = value.get(product, Decimal(0))
    total = EXACT.add(present, number)
    if abs(total) > _SMALL * max(abs(present), abs(number)):
        value[product] = total
    else:
        value.pop(product, None)


def _without(product: Product, content: Mapping[int, int]) -> Product:
    return tuple(sorted((Counter(product) - Counter(content)).elements()))


def _has_constant(total: Total) -> bool:
    return any(not part.factors for part in total.parts)


def _scale(total: Total, number: Decimal) -> Total:
    return Total(
        tuple(Scaled(EXACT.multiply(part.number, number), part.factors) for part in total.parts)
    )


def _take_number(value: Exact) -> tuple[Decimal, Exact]:
    """A number that all products have up to the sign, and what is left; 1 where a constant is
    among them, which says what a gate is.
    """
    number = next(iter(value.values())).copy_abs()
    if () in value or any(other.copy_abs() != number for other in value.values()):
        return Decimal(1), value
    if all(other < 0 for other in value.values()):
        number = number.copy_negate()
    return number, _divide_number(value, number)


def _make_monic(value: Exact) -> Exact:
    """The polynomial divided by the number of its first product."""
    return _divide_number(value, value[min(value, key=lambda product: (len(product), product))])


def _divide_number(value: Exact, number: Decimal) -> Exact:
    if number == 1:
        return value
    return {product: EXACT.divide(other, number) for product, other in value.items()}


def _scaled_key(value: Mapping[Product, Number]) -> tuple[object, ...]:
    """Equal for polynomials that are equal up to a number."""
    items = sorted(value.items())
    first = Decimal(items[0][1])
    return tuple(
        (product, EXACT.divide(Decimal(number), first).normalize(_COMPARED))
        for product, number in items
    )


def _ratio(value: Mapping[Product, Number], other: Mapping[Product, Number]) -> Decimal:
    product = min(value)
    return EXACT.divide(Decimal(value[product]), Decimal(other[product])).normalize(_COMPARED)


def _gather(parts: Iterable[Scaled]) -> list[Scaled]:
    """Single factors with one number stand in brackets behind it."""
    numbers: dict[Decimal, list[Scaled]] = {}
    for part in parts:
        plain = len(part.factors) == 1 and isinstance(part.factors[0], Power)
        number = part.number.copy_abs() if plain else Decimal(0)
        numbers.setdefault(number, []).append(part)
    gathered = list[Scaled]()
    for number, alike in numbers.items():
        if len(alike) < 2 or number in (0, 1) or len(numbers) == 1:
            gathered += alike
            continue
        ones = tuple(Scaled(EXACT.divide(part.number, number), part.factors) for part in alike)
        gathered.append(Scaled(number, (Total(ones),)))
    return gathered


def _merge(factors: Iterable[Expression]) -> tuple[Expression, ...]:
    """Factors with the powers of one atom joined."""
    counts, others = Counter[int](), list[Expression]()
    for one in factors:
        if isinstance(one, Power):
            counts[one.atom] += one.times
        else:
            others.append(one)
    return (*(Power(atom, times) for atom, times in counts.items()), *others)
