"""The tables of words: complete, without doubles, and shown on their page."""

from pathlib import Path

from space.network.grammar import Gate, Norm, Term, Weights
from space.notation.words import ACTIVATIONS, OPS, SCHEMES, WORDS, list_words, write_word_table

PAGE = Path(__file__).parents[3] / "docs" / "notation.md"


def test_the_page_shows_the_table_of_the_code() -> None:
    assert write_word_table() in PAGE.read_text()


def test_every_field_of_a_term_and_a_gate_has_a_word() -> None:
    sets = " ".join(word.sets for word in WORDS)
    for model, others in ((Term, {"of", "op", "activation", "weights"}), (Weights, set())):
        for name in set(model.model_fields) - others:
            assert name in sets, name
    for name in set(Gate.model_fields) - {"shared", "complement", "nonlinearity", "terms"}:
        assert name in sets or name == "bias_acts"
    texts = " ".join(word.meaning for word in WORDS)
    assert all(name in texts for name in Norm.model_fields if name != "kind")
    assert all(scheme in texts for scheme in SCHEMES)


def test_words_of_a_place() -> None:
    assert {"k", "conv", "elu", "unbiased"} <= set(list_words("term"))
    assert "falling" not in list_words("term")
    assert "conv" not in list_words("gate")
    assert {"init", "biases", "decay", "bias"} == set(list_words("weights"))
    assert not set(ACTIVATIONS) & set(OPS)
