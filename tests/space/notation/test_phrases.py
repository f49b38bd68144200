"""Tokens know where they stand, also those of a word of `let`."""

import pytest

from space.notation.phrases import NotationError, Phrase, read_phrase, split_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("k3 k 3", ["k", "3", "k", "3"]),
        ("new.cell & residual->out", ["new.cell", "&", "residual", "->", "out"]),
        ("0.5..1.0*1.0 -1e-3", ["0.5", "..", "1.0", "*", "1.0", "-1e-3"]),
        ("1 - update -> hidden", ["1", "-", "update", "->", "hidden"]),
        ('as "out->out keep" ?*', ["as", '"out->out keep"', "?", "*"]),
        ("", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    read = split_tokens(text, ())
    assert [token.text for token in read] == tokens
    assert all(text[token.at :].startswith(token.text) for token in read)


def test_a_sign_that_is_none_is_refused_where_it_stands() -> None:
    with pytest.raises(NotationError, match=r'"," is no sign.*join sources with &') as caught:
        split_tokens("input, hidden -> out", ("edges", 2))
    assert (caught.value.path, caught.value.at) == (("edges", 2), 5)


def test_a_word_of_let_stands_in_brackets_at_its_own_place() -> None:
    let = {"W": ("conv K", ("let", "W")), "K": ("k 3", ("let", "K"))}
    phrase = Phrase("a -> b W", (), let)
    texts = [token.text for token in phrase.tokens]
    assert texts == ["a", "->", "b", "(", "conv", "(", "k", "3", ")", ")"]
    assert phrase.tokens[4].path == ("let", "W")
    assert phrase.tokens[3].word == "W"


def test_a_word_of_let_that_holds_itself_is_refused() -> None:
    let = {"A": ("B", ("let", "A")), "B": ("A", ("let", "B"))}
    with pytest.raises(NotationError, match="A stands for itself"):
        Phrase("A", (), let)


def test_a_line_has_bounds() -> None:
    let = {word: (f"{inner} " * 50, ("let", word)) for word, inner in ("AB", "BC", "CD")}
    with pytest.raises(NotationError, match="B stands for more than 10,000 words"):
        Phrase("A", (), let)
    with pytest.raises(NotationError, match="more than 100 brackets deep") as caught:
        Phrase("(" * 2000, ())
    assert caught.value.at == 100


def test_a_number_alone_is_a_phrase_and_a_list_is_none() -> None:
    assert read_phrase(3, ("steps",), {}).peek() == "3"
    with pytest.raises(NotationError, match="is no line of words; write words"):
        read_phrase(["elu"], ("steps",), {})


def test_a_misspelt_word_has_its_cure() -> None:
    phrase = Phrase("relo", ("cell",))
    with pytest.raises(NotationError, match=r'"relo" is not an activation; did you mean "relu"\?'):
        phrase.word("an activation", ["elu", "relu"])
    with pytest.raises(NotationError, match="an activation is missing"):
        Phrase("", ()).word("an activation", ["elu", "relu"])
