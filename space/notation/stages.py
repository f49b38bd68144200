"""Stages and feedback: `conv2 24 k 3 elu cell pool`, `conv3 -> conv2 ?`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from space.network.architecture import Join, Pool, Residual
from space.notation.attributes import Attributes
from space.notation.phrases import Phrase
from space.notation.values import (
    Node,
    Presence,
    join_name,
    read_kernels,
    read_numbers,
    read_presence,
    read_words,
)
from space.notation.words import ACTIVATIONS

JOINS: tuple[str, ...] = get_args(Join.model_fields["kind"].annotation)
POOLS: tuple[str, ...] = get_args(Pool.model_fields["kind"].annotation)
ROUTES: tuple[str, ...] = get_args(Residual.model_fields["by"].annotation)
_NEXT = ("cell", "then", "residual", "after", "pool")
ALL = "all"


@dataclass
class StageReader:
    """Reads the line of a stage. `cells` are the names of the cells; one alone needs no name."""

    phrase: Phrase
    cells: Sequence[str]

    def read(self) -> dict[str, Node]:
        """The stage, its parts in the order in which they are written."""
        phrase = self.phrase
        name = phrase.name("stage").text
        stage: dict[str, Node] = {"name": name}
        if phrase.accept("join"):
            stage["join"] = self._join(name)
        stage["convolution"] = self._convolution(name)
        if phrase.accept("cell"):
            stage["cell"] = self._cell()
        if phrase.accept("then"):
            stage["second"] = self._convolution(f"{name}.second")
        if phrase.accept("residual"):
            stage["residual"] = self._residual(name)
        if phrase.accept("after") or phrase.peek() in ACTIVATIONS:
            read = read_words(phrase, "an activation", ACTIVATIONS)
            at = "after" if "activation" in stage["convolution"] else "activation"
            stage["activation"] = read.node(join_name(name, at))
        if phrase.accept("pool"):
            stage["pool"] = self._pool(name)
        phrase.finish(_NEXT)
        return stage

    def _convolution(self, base: str) -> dict[str, Node]:
        phrase = self.phrase
        reader = Attributes(phrase, base, ("convolution",), number="width", loose=True)
        if not phrase.next.is_number and phrase.peek() not in ("log", "int", "same", "("):
            phrase.refuse("the width of a convolution is missing", "write NAME WIDTH k 3 ...")
        slots = reader.read(*_NEXT)
        if "learned" in slots:
            slots["bias"] = slots.pop("learned")
        order = ("width", "kernel", "stride", "bias", "norm", "activation", "reads_feedback")
        return {slot: slots[slot] for slot in (*order, "weights") if slot in slots}

    def _cell(self) -> str:
        phrase = self.phrase
        if not self.cells:
            phrase.place -= 1
            phrase.refuse("a stage has a cell, and there is none", "add cell: {states: ...}")
        if phrase.peek() in self.cells:
            return phrase.take().text
        if len(self.cells) > 1:
            phrase.refuse_word("a cell", self.cells)
        return self.cells[0]

    def _join(self, base: str) -> Node:
        phrase = self.phrase
        read = read_words(phrase, "a way to join", JOINS)
        join = {"kind": read.node(f"{base}.join")}
        if phrase.accept("channels"):
            join["channels"] = read_numbers(phrase, whole=True).node(f"{base}.join.channels")
        return join

    def _residual(self, base: str) -> Node:
        phrase = self.phrase
        residual: dict[str, Node] = {}
        if phrase.peek() in ROUTES:
            residual["by"] = phrase.take().text
        if phrase.peek() == "norm":
            inner = Attributes(phrase, f"{base}.residual", ("state",), loose=True)
            inner.read(*ACTIVATIONS, *_NEXT)
            residual |= {slot: value for slot, value in inner.slots.items() if slot == "norm"}
        return self._optional(residual or True, f"{base}.residual")

    def _pool(self, base: str) -> Node:
        phrase = self.phrase
        pool: dict[str, Node] = {}
        name = f"{base}.pool"
        while not phrase.ended and phrase.peek() not in ("?", *_NEXT):
            if phrase.accept("k"):
                pool["kernel"] = read_kernels(phrase).node(f"{name}.kernel")
            elif phrase.accept("stride"):
                pool["stride"] = read_numbers(phrase, whole=True).node(f"{name}.stride")
            else:
                read = read_words(phrase, "a word of a pool", POOLS)
                pool["kind"] = read.node(f"{name}.kind")
        return self._optional(pool, name)

    def _optional(self, node: Node, name: str) -> Node:
        return read_presence(self.phrase).around(node, name)


@dataclass
class FeedbackReader:
    """Reads one line of feedback edges: their keys, and whether each is there."""

    phrase: Phrase
    stages: Sequence[str]

    def read(self) -> dict[str, Node]:
        """By `SENDER->RECEIVER`, whether the edge is there, or that choice."""
        phrase, stages = self.phrase, self.stages
        start = phrase.next
        senders = self._ends("sender")
        receivers = senders
        if phrase.accept("->"):
            receivers = self._ends("receiver")
        elif senders is not stages:
            phrase.refuse("an edge has no arrow", "write LATER -> EARLIER")
        presence = read_presence(phrase, weighted=True)
        phrase.finish(["?", "?*"])
        pairs = [
            (sender, receiver)
            for receiver in receivers
            for sender in senders
            if stages.index(sender) > stages.index(receiver)
        ]
        if not pairs:
            phrase.refuse(
                "feedback leads from a later stage to an earlier one",
                "turn the arrow round" if senders != receivers else "name another stage",
                start,
            )
        return {f"{s}->{r}": _there(presence, f"{s}->{r}") for s, r in pairs}

    def _ends(self, what: str) -> Sequence[str]:
        phrase, stages = self.phrase, self.stages
        if phrase.accept(ALL):
            return stages
        if phrase.peek() not in stages:
            phrase.refuse_word(f"a stage ({what} of feedback)", [*stages, ALL])
        return [phrase.take().text]


def _there(presence: Presence, name: str) -> Any:
    if not presence.optional:
        return True
    options = [True, False] if presence.default else [False, True]
    node: dict[str, Node] = {"choice": options, "name": presence.name or name}
    if presence.percent is not None:
        share = {True: presence.percent / 100, False: (100 - presence.percent) / 100}
        node["weights"] = [share[option] for option in options]
    return node
