"""Texts that are held to a pattern: what passes, what an error says, what a schema says."""

from typing import Annotated

import pytest

from space.documents.patterns import Pattern
from space.documents.validation import Value, parse
from space.errors import InputError

Word = Annotated[str, Pattern(r"^[a-z]+$", "write small letters")]
Colour = Annotated[str, Pattern(r"^#[0-9a-f]{6}$", "write #ff0000, say", problem="is no colour")]


class Mark(Value):
    word: Word
    colour: Colour = "#000000"


def test_a_text_that_matches_is_kept() -> None:
    assert parse(Mark, {"word": "red", "colour": "#ff0000"}).colour == "#ff0000"


@pytest.mark.parametrize(
    ("document", "where", "text"),
    [
        ({"word": "Red"}, "word", '"Red" cannot be used here'),
        ({"word": "red\n"}, "word", r'"red\n" cannot be used here'),
        ({"word": "red", "colour": "red"}, "colour", '"red" is no colour'),
    ],
)
def test_another_is_one_error_with_its_field(
    document: dict[str, str], where: str, text: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse(Mark, document)
    assert (caught.value.where, caught.value.problem) == (where, text)
    assert caught.value.cure.startswith("write")


def test_the_schema_has_the_pattern() -> None:
    fields = Mark.model_json_schema()["properties"]
    assert fields["word"] == {"pattern": "^[a-z]+$", "title": "Word", "type": "string"}
