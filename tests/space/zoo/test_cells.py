"""Published cells: where their biases start."""

from space.network.grammar import as_document
from space.zoo.cells import conv_gru
from space.zoo.reference_cells import from_options


def test_biases_start_as_in_the_reference() -> None:
    """GRU: the gates' at 1, unless an initialiser is given."""
    gru = from_options("GRU", {"weight_decay": 1e-4})
    assert as_document(gru) == as_document(conv_gru())
    given = from_options("GRU", {"bias_initializer": "zeros"})
    assert given.gates["reset"].terms[0].weights.bias_initial == given.weights.bias_initial
