"""The space of the samplers' suite has every kind of choice that a space may have."""

from __future__ import annotations

from space.choices.domains import Categorical, Integer, Uniform
from ventral.testing.spaces import make_space


def test_every_kind_of_choice_is_open_somewhere() -> None:
    parameters = {p.path.rpartition(".")[2]: p for p in make_space().parameters}
    domains = [p.domain for p in parameters.values()]
    assert {type(domain) for domain in domains} == {Categorical, Integer, Uniform}
    assert {domain.log for domain in domains if isinstance(domain, Uniform)} == {True, False}
    assert any(len(domain.options) == 1 for domain in domains if isinstance(domain, Categorical))
    assert any(not p.is_open({}) for p in parameters.values() if p.path != "edge")
