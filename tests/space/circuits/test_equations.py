"""The equations of a cell in words: as the published ones are written."""

from space import zoo
from space.circuits import describe_circuit


def test_the_published_gru_is_written_in_full() -> None:
    text = describe_circuit(zoo.model("gru_shallow").genome)
    assert "Cell gru in conv3, conv4, conv5 puts out hidden:" in text
    assert "  reset = sigmoid(conv3x3(input, hidden[t-1]) + 1)\n" in text
    assert (
        "  hidden[t] = update * hidden[t-1] "
        "+ (1 - update) * tanh(conv3x3(input, hidden[t-1] * reset))" in text
    )
