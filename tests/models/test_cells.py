"""The operations of one cell against the grammar's equations, written out term by term.

`Literal` evaluates a cell as its document reads, one convolution a term, nothing grouped, nothing
folded, in the order of the page; parameters are looked up by the path of the term.
"""

from collections.abc import Callable, Mapping
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from torch import Tensor

from models.literal import CellModule, States
from space.network.grammar import Cell, Gate, Norm, State, Term
from space.network.maps import Map
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal

SIZE = 5
DEPTH = 4
SOURCES = {
    "input": Map(size=SIZE, channels=DEPTH),
    "residual": Map(size=7, channels=3),
    "feedback": Map(size=3, channels=2),
}

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "relu": lambda x: x.clamp(min=0),
    "tanh": torch.tanh,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "softplus": lambda x: torch.log1p(torch.exp(x)),
}


class Literal:
    """One step of a cell by the equations at the top of space/network/grammar.py."""

    def __init__(
        self,
        cell: Cell,
        weights: Mapping[str, Tensor],
        sources: Mapping[str, Tensor],
        states: Mapping[str, Tensor],
        *,
        training: bool = False,
    ) -> None:
        self.cell, self.weights, self.training = cell, weights, training
        self.old = {**sources, **states}
        self.new: dict[str, Tensor] = {}
        self.depths = {name: value.shape[1] for name, value in states.items()}

    def step(self) -> dict[str, Tensor]:
        for name, state in self.cell.states.items():
            self.new[name] = self.state(name, state)
        return self.new

    def state(self, name: str, state: State) -> Tensor:
        kept = self.zero(self.depths[name])
        if state.carry is not None and self.there(state.carry.of or name):
            kept = self.source(state.carry.of or name)
            if state.carry.gate is not None:
                kept = kept * self.gate(
                    state.carry.gate, f"states.{name}.carry", self.depths[name]
                )
        drive = state.drive
        terms = [
            (f"states.{name}.drive.{i}", edge.add)
            for i, edge in enumerate(drive.edges)
            if edge.add is not None
        ]
        total = self.total(terms, drive.norm, f"states.{name}.drive", self.depths[name])
        value = FUNCTIONS[drive.activation](total + drive.acting_bias)
        for i, edge in enumerate(drive.edges):
            if edge.multiply is not None:
                value = value * self.gate(
                    edge.multiply, f"states.{name}.drive.{i}", self.depths[name]
                )
        whole = self.normed(kept + value, state.norm, f"states.{name}")
        return FUNCTIONS[state.activation](whole)

    def gate(self, gate: Gate, path: str, depth: int) -> Tensor:
        if gate.complement is not None:
            return 1 - self.gate(Gate(shared=gate.complement), "", depth)
        if gate.shared is not None:
            path, gate = f"gates.{gate.shared}", self.cell.gates[gate.shared]
        terms = [(f"{path}.terms.{i}", term) for i, term in enumerate(gate.terms)]
        argument = self.total(terms, gate.norm, path, depth) + gate.acting_bias
        return gate.offset + gate.scale * FUNCTIONS[gate.nonlinearity](argument)

    def total(
        self, terms: list[tuple[str, Term]], norm: Norm | None, path: str, depth: int
    ) -> Tensor:
        early = late = self.zero(depth)
        for at, term in terms:
            if any(self.there(text) for text in term.of):
                value = self.term(at, term, depth)
                if f"{at}.norm.gain" in self.weights:
                    value = self.normed(value, term.norm, at)
                if term.skip:
                    value = value + self.read(term)
                value = FUNCTIONS[term.activation](value)
                value = value * value if term.squared else value
                early, late = (early, late + value) if term.after_norm else (early + value, late)
        return self.normed(early, norm, path) + late

    def normed(self, x: Tensor, norm: Norm | None, path: str) -> Tensor:
        if norm is None:
            return x
        gain, shift = self.weights[f"{path}.norm.gain"], self.weights[f"{path}.norm.shift"]
        groups = self.grouped(x.shape[1], norm)
        plain = torch.empty_like(x)
        for group in groups:
            part = x[:, group]
            axes = (0, 2, 3) if norm.kind == "batch" else (1, 2, 3)
            mean = part.mean(axes, keepdim=True)
            variance = (part - mean).square().mean(axes, keepdim=True)
            if norm.kind == "batch" and not self.training:
                mean = self.weights[f"{path}.norm.running_mean"][group][:, None, None]
                variance = self.weights[f"{path}.norm.running_variance"][group][:, None, None]
            plain[:, group] = (part - mean) / (variance + norm.added_epsilon).sqrt()
        return plain * gain[:, None, None] + shift[:, None, None]

    @staticmethod
    def grouped(channels: int, norm: Norm) -> list[list[int]]:
        """The channels that are normed together."""
        if norm.kind == "batch":
            return [[channel] for channel in range(channels)]
        groups = norm.groups or 1
        if norm.interleaved:
            return [list(range(group, channels, groups)) for group in range(groups)]
        size = channels // groups
        return [list(range(group * size, (group + 1) * size)) for group in range(groups)]

    def term(self, path: str, term: Term, depth: int) -> Tensor:
        x = self.read(term)
        operation = term.op or ("convolution" if term.kernel else "identity")
        if operation == "identity":
            return x
        if operation == "scalar":
            return x * self.weights[f"{path}.scalar"]
        if operation == "position":
            return x * self.weights[f"{path}.position"]
        if operation == "match":
            name = term.of[0].partition("*")[0].strip().removeprefix("new.")
            same = name in self.depths or self.old[name].shape[-1] == SIZE
            if x.shape[1] == depth and same:
                return x
            return torch.einsum("oi,bihw->bohw", self.weights[f"{path}.kernel"][:, :, 0, 0], x)
        if term.repeat:
            x = self.same(x, self.weights[f"{path}.depthwise_first"], groups=x.shape[1])
            x = FUNCTIONS["elu"](x)
        if operation == "separable":
            wide = self.same(x, self.weights[f"{path}.depthwise"], groups=x.shape[1])
            out = functional.conv2d(wide, self.weights[f"{path}.pointwise"])
        else:
            out = self.same(x, self.weights[f"{path}.kernel"])
        if term.bias is not False:
            out = out + self.weights[f"{path}.bias"][:, None, None]
        return out

    def read(self, term: Term) -> Tensor:
        return torch.cat([self.source(text) for text in term.of if self.there(text)], 1)

    @staticmethod
    def same(x: Tensor, kernel: Tensor, groups: int = 1) -> Tensor:
        before = (kernel.shape[-1] - 1) // 2
        after = kernel.shape[-1] - 1 - before
        return functional.conv2d(
            functional.pad(x, (before, after, before, after)), kernel, groups=groups
        )

    def there(self, text: str) -> bool:
        return text.partition("*")[0].strip().removeprefix("new.") in self.old

    def source(self, text: str) -> Tensor:
        name, _, mask = (part.strip() for part in text.partition("*"))
        value = self.new[name.removeprefix("new.")] if name.startswith("new.") else self.old[name]
        if value.shape[-1] != SIZE:
            value = functional.interpolate(
                value, size=(SIZE, SIZE), mode="bilinear", align_corners=True
            )
        return value * self.gate(Gate(shared=mask), "", value.shape[1]) if mask else value

    def zero(self, depth: int) -> Tensor:
        return torch.zeros_like(self.old["input"][:, :1]).repeat(1, depth, 1, 1)


def randomised(module: CellModule, seed: int = 0) -> CellModule:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
        for buffer in module.buffers():
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return module


def made(cell: Cell, sources: Mapping[str, Map] = SOURCES, seed: int = 0) -> CellModule:
    return randomised(CellModule(cell, sources, dtype=torch.float64), seed)


def drawn_inputs(module: CellModule, seed: int = 1) -> tuple[dict[str, Tensor], States]:
    generator = torch.Generator().manual_seed(seed)

    def values(channels: int, size: int) -> Tensor:
        return torch.randn((2, channels, size, size), generator=generator, dtype=torch.float64)

    sources = {name: values(m.channels, m.size) for name, m in module.sources.items()}
    return sources, {name: values(depth, SIZE) for name, depth in module.shape.depths.items()}


def check(
    cell: Cell,
    sources: Mapping[str, Map] = SOURCES,
    seed: int = 0,
    *,
    training: bool = False,
) -> None:
    module = made(cell, sources, seed).train(training)
    inputs, states = drawn_inputs(module, seed + 1)
    weights = dict(module.named_parameters()) | dict(module.named_buffers())
    with torch.no_grad():
        theirs = Literal(cell, weights, inputs, states, training=training).step()
        ours = module.step(inputs, states)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, rtol=1e-9, atol=1e-9), name


ACTIVATIONS = st.sampled_from(["identity", "elu", "relu", "tanh", "sigmoid", "softplus"])
NORMS = st.sampled_from(
    [
        None,
        None,
        None,
        {"kind": "layer", "epsilon": 1e-3},
        {"kind": "group", "groups": 2, "epsilon": 1e-3},
        {"kind": "group", "groups": 2, "interleaved": True},
        {"kind": "batch"},
    ]
)
CONSTANTS = st.sampled_from([0.0, 0.0, 0.5, -1.25])
DEPTHS = {"a": 2, "b": DEPTH, "c": DEPTH}
CHANNELS = {"input": DEPTH, "residual": 3, "feedback": 2, **DEPTHS}


def of_depth(names: list[str], depth: int) -> list[str]:
    return [n for n in names if CHANNELS[n.partition(" ")[0].removeprefix("new.")] == depth]


@st.composite
def drawn_terms(draw: st.DrawFn, depth: int, names: list[str]) -> dict[str, Any]:
    """A term for `depth` channels that reads some of `names` (`new.` and masks included)."""
    equal = of_depth(names, depth)
    kinds = ["convolution", "convolution", "separable", "match"]
    kinds += ["identity", "scalar", "position"] if equal else []
    kind = draw(st.sampled_from(kinds))
    term: dict[str, Any] = {
        "op": kind,
        "activation": draw(st.sampled_from(["identity"] * 3 + ["elu"])),
        "squared": draw(st.sampled_from([False] * 3 + [True])),
    }
    if kind in ("identity", "scalar", "position"):
        return term | {"of": draw(st.sampled_from(equal))}
    if kind == "match":
        return term | {"of": draw(st.sampled_from(names)), "norm": draw(NORMS)}
    skip = bool(equal) and draw(st.integers(0, 3)) == 0
    count = 1 if skip else draw(st.integers(1, 2))
    known = st.sampled_from(equal if skip else names)
    return term | {
        "of": draw(st.lists(known, min_size=count, max_size=count, unique=True)),
        "kernel": draw(st.integers(1, 7)),
        "bias": draw(st.booleans()),
        "repeat": kind == "separable" and draw(st.booleans()),
        "norm": draw(NORMS),
        "skip": skip,
        "clip": draw(st.sampled_from([None, None, False])),
    }


@st.composite
def drawn_gates(draw: st.DrawFn, depth: int, names: list[str]) -> dict[str, Any]:
    terms = draw(st.lists(drawn_terms(depth, names), max_size=3))
    norm = draw(NORMS)
    for term in terms:
        term["after_norm"] = norm is not None and draw(st.booleans())
    return {
        "offset": draw(st.sampled_from([0.0, 0.9])),
        "scale": draw(st.sampled_from([1.0, -0.9])),
        "nonlinearity": draw(ACTIVATIONS),
        "terms": terms,
        "norm": norm,
        "bias": draw(CONSTANTS),
        "bias_acts": draw(st.sampled_from(["always", "full"])),
    }


@st.composite
def drawn_cells(draw: st.DrawFn) -> Cell:
    names = ["input", "residual", "feedback", *DEPTHS]
    # One gate a depth; a gate of 4 channels may stand in masks of the one of 2.
    shared = {"wide": draw(drawn_gates(DEPTH, names))}
    masked = [*names, "b * wide", "input * wide"]
    shared["narrow"] = draw(drawn_gates(2, masked))
    masked += ["a * narrow", "feedback * narrow"]

    def acting(depth: int, known: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        name = "narrow" if depth == 2 else "wide"
        return drawn_gates(depth, known) | st.sampled_from(
            [{"shared": name}, {"complement": name}]
        )

    states: dict[str, Any] = {}
    for name, depth in DEPTHS.items():
        known = masked + [f"new.{earlier}" for earlier in states]
        known += ["new.b * wide"] if "b" in states else []
        terms = draw(st.lists(drawn_terms(depth, known), max_size=4))
        norm = draw(NORMS)
        for term in terms:
            term["after_norm"] = norm is not None and draw(st.booleans())
        edges = [{"add": term} for term in terms]
        edges += [{"multiply": g} for g in draw(st.lists(acting(depth, known), max_size=2))]
        carry: dict[str, Any] | None = None
        if draw(st.booleans()):
            carry = {"gate": draw(st.none() | acting(depth, known))}
            options = [
                n for n in known if CHANNELS[n.partition(" ")[0].removeprefix("new.")] == depth
            ]
            carry["of"] = draw(st.none() | st.sampled_from(options))
        states[name] = {
            "depth": depth,
            "carry": carry,
            "drive": {
                "edges": draw(st.permutations(edges)),
                "activation": draw(ACTIVATIONS),
                "norm": norm,
                "bias": draw(CONSTANTS),
            },
            "norm": draw(NORMS),
            "activation": draw(ACTIVATIONS),
        }
    return Cell.model_validate(
        {"states": states, "gates": shared, "output": "b", "clip_kernels": True}
    )


@settings(max_examples=150, deadline=None)
@given(
    cell=drawn_cells(),
    absent=st.sampled_from([(), ("feedback",)]),
    seed=st.integers(0, 99),
    training=st.booleans(),
)
def test_a_drawn_cell_is_its_equations(
    cell: Cell, absent: tuple[str, ...], seed: int, training: bool
) -> None:
    there = {k: v for k, v in SOURCES.items() if k not in absent}
    check(cell, there, seed, training=training)


PUBLISHED = {
    "feedforward": published.feedforward(),
    "time_decay": published.time_decay(),
    "simple_rnn": published.simple_rnn(layer_norm=True, depth=3),
    "conv_lstm": published.conv_lstm(peepholes=True, layer_norm=True, depth=3),
    "conv_gru": published.conv_gru(depth=3),
    "ugrnn": published.ugrnn(),
    "intersection_rnn": published.intersection_rnn(),
    "rgc_median": reciprocal.rgc_median(cell_depth=3),
    "rgc_shallow": reciprocal.rgc_shallow(),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_cell_is_its_equations(name: str) -> None:
    check(PUBLISHED[name])


def test_the_four_gates_of_an_lstm_are_one_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    module = made(published.conv_lstm())
    inputs, states = drawn_inputs(module)
    calls: list[tuple[int, ...]] = []
    convolution = functional.conv2d

    def counted(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        calls.append(tuple(weight.shape))
        return convolution(x, weight, *rest)

    monkeypatch.setattr(functional, "conv2d", counted)
    module.step(inputs, states)
    assert calls == [(4 * DEPTH, 2 * DEPTH, 3, 3)]


def test_names_of_parameters_follow_the_document() -> None:
    names = set(dict(made(published.conv_gru()).named_parameters()))
    assert names == {
        f"{path}.{part}"
        for path in ("gates.reset.terms.0", "gates.update.terms.0", "states.hidden.drive.0")
        for part in ("kernel", "bias")
    }
    names = set(dict(made(reciprocal.rgc_median(cell_depth=3)).named_parameters()))
    assert "states.cell.carry.terms.0.depthwise" in names  # retention
    assert "states.cell.drive.1.terms.0.pointwise" in names  # the edge that multiplies
    assert "states.out.drive.0.kernel" in names  # the edge that adds


def test_names_may_be_those_of_a_modules_methods() -> None:
    """A state called `half`, gates called `forward` and `type`."""
    document = {
        "gates": {"forward": {"terms": [{"of": "half", "kernel": 3}]},
                  "type": {"terms": [{"of": "input", "kernel": 3}]}},
        "states": {"half": {"carry": {"gate": "forward"},
                            "drive": {"edges": [{"add": {"of": "input"}}, {"multiply": "type"}]}}},
        "output": "half",
    }  # fmt: skip
    cell = Cell.model_validate(document)
    check(cell)
    module = made(cell)
    again = CellModule(cell, SOURCES, dtype=torch.float64)
    again.load_state_dict(module.state_dict())
    inputs, states = drawn_inputs(module)
    assert torch.equal(again.step(inputs, states)["half"], module.step(inputs, states)["half"])


def test_absent_feedback_leaves_no_parameters() -> None:
    with_feedback = made(reciprocal.rgc_median(cell_depth=3))
    without = made(
        reciprocal.rgc_median(cell_depth=3),
        {name: m for name, m in SOURCES.items() if name != "feedback"},
    )
    lost = set(dict(with_feedback.named_parameters())) - set(dict(without.named_parameters()))
    assert lost == {"states.out.drive.2.kernel", "states.out.drive.2.bias"}


def test_two_states_of_one_value_are_read_apart() -> None:
    """`b` passes `a` on, and is another value to who reads the step before."""

    def adds(*sources: str) -> dict[str, Any]:
        return {"drive": {"edges": [{"add": {"of": source}} for source in sources]}}

    states = {"a": adds("input", "a"), "b": adds("new.a"), "c": adds("a", "b")}
    cell = Cell.model_validate({"states": states, "output": "c"})
    module = CellModule(cell, {"input": Map(size=2, channels=1)}, dtype=torch.float64)
    one = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    new = module.step({"input": 0 * one}, {"a": one, "b": 10 * one, "c": 0 * one})
    assert {name: value.unique().item() for name, value in new.items()} == {
        "a": 1,
        "b": 1,
        "c": 11,
    }
