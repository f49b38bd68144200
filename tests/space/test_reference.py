"""docs/grammar.md is what the code says, with every word, type, default and bound."""

import re

import pytest
import yaml

from space.meanings import BESIDE, CHOICES, MEANINGS
from space.network import grammar
from space.reference import PAGE, write_reference

TEXT = write_reference()


def test_the_page_is_the_code_s() -> None:
    """Written by: python -c "from space.reference import publish; publish()"."""
    assert PAGE.read_text(encoding="utf-8") == TEXT


def test_every_word_is_in_the_table_of_its_value() -> None:
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))
    for name, words in MEANINGS.items():
        assert re.findall(r"^\| `([$\w]+)` \|", sections[name], re.MULTILINE) == list(words)
    for key in (*CHOICES, *BESIDE):
        assert f"| `{key}` |" in TEXT


@pytest.mark.parametrize(
    "row",
    [
        "| `size` | whole number | `224` | 1 to 4,096 | side in pixels; images are square |",
        "| `stages` | list of [Stage](#stage) | required | 1 to 256 items |",
        "| `edges` | list of [Edge](#edge) | `[]` | at most 64 items |",
        "| `of` | list of texts or text | required | 1 to 64 items |",
        "| `norm` | [Norm](#norm) or `layer`, `group`, `batch` | `null` |  |",
        "| `momentum` | number | `0.1` | above 0, at most 1 |",
        "| `weights` | [Weights](#weights) | `{initial: {scale: 0.01, scheme: normal}}` |",
        "| `cells` | mapping to [Cell](#cell) |  | at most 256 items |",
        "| `gate` | [Gate](#gate) or text | `null` | not empty |",
        "| `images` | [Images](#images) |  |  |",
    ],
)
def test_types_defaults_and_bounds_are_written(row: str) -> None:
    assert row in TEXT


def test_it_states_the_equations_that_the_grammar_does() -> None:
    equations = [line for line in (grammar.__doc__ or "").splitlines() if line[:4] == "    "]
    assert len(equations) == 3
    for line in equations:
        assert f"\n{line.strip()}\n" in TEXT


def test_its_links_lead_somewhere_and_its_yaml_is_yaml() -> None:
    titles = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {title.lower().replace(" ", "-").replace("'", "") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= anchors
    for file in re.findall(r"\]\((\.\./[^)]*)\)", TEXT):
        assert (PAGE.parent / file).is_file()
    blocks = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert {"choice": [1, 3, 5, 9], "up_to": "map"} in [
        (yaml.safe_load(block) or {}).get("kernel") for block in blocks
    ]
