"""Every word has a meaning, and nothing else has."""

from collections.abc import Iterator

from pydantic import BaseModel

from space.choices.nodes import KEYS_BESIDE
from space.controls.control import Control
from space.documents.trees import CHOICE_KINDS
from space.meanings import BESIDE, CHOICES, MEANINGS
from space.network import architecture, grammar
from space.network.grammar import GrammarValue, TermSource
from space.space import Images, Space


def written_values() -> Iterator[type[BaseModel]]:
    """What a genome's or a space's document is made of."""
    for module in (architecture, grammar):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, GrammarValue):
                yield value
    yield from (Space, Images, Control)


def test_every_word_of_every_value_has_one() -> None:
    # The values that are read from a text, and the base of all, are never written.
    unwritten = {"GrammarValue", TermSource.__name__, architecture.FeedbackEdge.__name__}
    fields = {value.__name__: list(value.model_fields) for value in written_values()}
    expected = {name: words for name, words in fields.items() if name not in unwritten}
    assert {name: list(words) for name, words in MEANINGS.items()} == expected


def test_choices_and_what_stands_beside_them_have_one() -> None:
    assert tuple(CHOICES) == CHOICE_KINDS
    assert set(BESIDE) == {key for keys in KEYS_BESIDE.values() for key in keys}


def test_a_meaning_is_one_line() -> None:
    listed = [line for words in MEANINGS.values() for line in words.values()]
    for line in [*listed, *CHOICES.values(), *BESIDE.values()]:
        assert 0 < len(line) <= 80
        assert line == line.strip()
        assert "\n" not in line
        assert not line.endswith(".")
