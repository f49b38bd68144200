"""The parts of the published cells: edges, weights of a part of a kernel, the layer norm."""

import pytest

from space.network.grammar import Initial, Norm, Term, Weights
from space.zoo.parts import LAYER_NORM, add_terms, choose_norm, draw_glorot, split_weights


def test_every_term_is_added_by_an_edge_of_its_own_in_order() -> None:
    terms = [Term(of=("input",)), Term(of=("out",), kernel=3)]
    assert [edge.add for edge in add_terms(*terms)] == terms
    assert add_terms() == ()


def test_one_coefficient_is_the_l2_of_kernels_and_biases() -> None:
    weights = draw_glorot(bias=1.0, decay=1e-4)
    assert (weights.decay, weights.bias_decay, weights.bias_initial) == (1e-4, 1e-4, 1.0)
    assert draw_glorot().decay is None


def test_a_part_of_a_kernel_keeps_all_but_the_number_of_parts() -> None:
    scaled = Weights(initial=Initial(scheme="variance_scaling", scale=0.5), decay=0.1)
    part = split_weights(scaled, 4)
    assert part.initial == Initial(scheme="variance_scaling", scale=0.5, parts=4)
    assert part.model_copy(update={"initial": scaled.initial}) == scaled
    # A kernel without a start of its own begins as Glorot has it for the whole kernel.
    assert split_weights(Weights(), 2).initial == Initial(scheme="glorot_uniform", parts=2)


OWN = Norm(kind="layer", gain=0.5)


@pytest.mark.parametrize(("written", "norm"), [(True, LAYER_NORM), (False, None), (OWN, OWN)])
def test_a_flag_asks_for_the_published_layer_norm(written: bool | Norm, norm: Norm | None) -> None:
    assert choose_norm(written) == norm
