"""The operations of a step, divided: a convolution a source, and small maps before large ones.

`divide_step(genome)` has the values of `space/step/stages.py`'s operations and costs less by a
plan:

- A convolution of joined sources is one convolution a source, added up, since sources change at
  different steps. Sources are joined only for what reads them whole.
- A 1x1 convolution of a map that is enlarged is computed before it is enlarged: the two commute,
  and the smaller map costs less.
"""

from dataclasses import dataclass, replace

from space.genome import Genome
from space.network.maps import Map
from space.step.operations import (
    Concatenate,
    Convolve,
    Operations,
    Ref,
    Resize,
    Separate,
    Writer,
)
from space.step.stages import write_step


def divide_step(genome: Genome) -> Operations:
    """The operations of one step of `genome`, divided. The genome must be valid."""
    return _Divider(write_step(genome)).divide()


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One of the values that are joined in another: it, its own map, and the sizes that it is
    resized to, one after the other.
    """

    value: Ref
    map: Map
    resized: tuple[Resize, ...] = ()

    @property
    def size(self) -> int:
        return self.resized[-1].size if self.resized else self.map.size


class _Divider:
    def __init__(self, literal: Operations) -> None:
        self.literal, self.writer = literal, Writer()
        # By the number of a literal operation.
        self.names: dict[int, list[str]] = {}
        for name, number in literal.named.items():
            self.names.setdefault(number, []).append(name)
        self.written: dict[int, Ref] = {}
        self.pieces: dict[int, tuple[_Piece, ...]] = {}

    def divide(self) -> Operations:
        for places in self.literal.stages:
            for number in places:
                self._divide(number)
            self.writer.end_stage()
        return self.writer.operations()

    def _divide(self, number: int) -> None:
        op = self.literal.ops[number]
        match op.what:
            case Concatenate():
                self.pieces[number] = tuple(p for ref in op.operands for p in self._pieces(ref))
            case Resize():
                self.pieces[number] = tuple(
                    replace(piece, resized=(*piece.resized, op.what))
                    for ref in op.operands
                    for piece in self._pieces(ref)
                )
            case Convolve() | Separate() as what:
                self.written[number] = self._convolve(number, what)
            case _:
                operands = [self._whole(ref) for ref in op.operands]
                self.written[number] = self.writer.write(
                    op.what, operands, op.map, op.part, macs=op.macs
                )
        if number in self.names:
            whole = self.writer.write_own(self._whole(number), op.map, op.part)
            self.written[number] = whole
            self.writer.named |= dict.fromkeys(self.names[number], whole)

    def _pieces(self, ref: int) -> tuple[_Piece, ...]:
        """The values that are joined in an operand."""
        if ref in self.pieces:
            return self.pieces[ref]
        number = ref if ref >= 0 else ~ref
        return (_Piece(value=self._value(ref), map=self.literal.ops[number].map),)

    def _value(self, ref: int) -> Ref:
        """An operand that is one value."""
        return self.written[ref] if ref >= 0 else self.names[~ref][0]

    def _whole(self, ref: int) -> Ref:
        """An operand as one value, its pieces joined."""
        if ref < 0 or ref not in self.pieces or ref in self.written:
            return self._value(ref)
        op = self.literal.ops[ref]
        values = [self._resized(piece) for piece in self.pieces[ref]]
        self.written[ref] = self.writer.write_join(values, op.map, op.part)
        return self.written[ref]

    def _resized(self, piece: _Piece) -> Ref:
        value = piece.value
        for how in piece.resized:
            outs = Map(size=how.size, channels=piece.map.channels)
            value = self.writer.write(how, [value], outs, "resize")
        return value

    def _convolve(self, number: int, what: Convolve | Separate) -> Ref:
        """A convolution, as the sum of those of its operand's pieces."""
        op = self.literal.ops[number]
        values: list[Ref] = []
        first = 0
        for piece in self._pieces(op.operands[0]):
            channels = piece.map.channels
            part = replace(what, first=first, channels=channels)
            if first:
                part = replace(part, bias=False, added=0.0)
            values.append(self._convolve_piece(part, piece, op.map, op.part))
            first += channels
        return self.writer.write_sum(values, 0.0, op.map, op.part)

    def _convolve_piece(
        self, what: Convolve | Separate, piece: _Piece, outs: Map, part: str
    ) -> Ref:
        macs = what.macs(outs)
        if not (isinstance(what, Convolve) and _grows_after(what, piece)):
            return self.writer.write(what, [self._resized(piece)], outs, part, macs=macs)
        small = Map(size=piece.map.size, channels=outs.channels)
        value = self.writer.write(
            what, [piece.value], small, part, macs=what.macs(small), literal_macs=macs
        )
        return self._resized(replace(piece, value=value, map=small))


def _grows_after(what: Convolve, piece: _Piece) -> bool:
    """Whether a convolution of one position each may be computed on the smaller map."""
    plain = what.kernel == 1 and what.stride == 1 and piece.resized != ()
    return plain and piece.map.size < min(how.size for how in piece.resized)
