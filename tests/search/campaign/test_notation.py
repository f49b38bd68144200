"""A campaign whose space is in the notation: a file beside it, or a mapping inside of it."""

from pathlib import Path

import pytest
import yaml

from search.campaign import load
from space.documents.yaml_reading import load_yaml
from space.errors import InputError
from space.space import Space
from tests.support.shrinking import ROOT

CAMPAIGN = {
    "name": "own",
    "data": {"name": "digits", "size": 16},
    "recipe": {"epochs": 2},
    "budget": {"trials": 3},
}
TEXT = (ROOT / "examples" / "own-space.yaml").read_text()


def test_a_file_and_a_mapping_are_one_space(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(TEXT)
    spaces = []
    for written in ("own.yaml", load_yaml(TEXT)):
        file = tmp_path / "campaign.yaml"
        file.write_text(yaml.safe_dump(CAMPAIGN | {"space": written}))
        spaces.append(Space.parse(load(file).space))
    assert spaces[0] == spaces[1]
    assert "input->hidden.kernel" in {one.path for one in spaces[0].parameters}


def test_an_error_names_the_line_of_the_file_or_the_path(tmp_path: Path) -> None:
    wrong = TEXT.replace("residual -> hidden", "residul -> hidden")
    (tmp_path / "own.yaml").write_text(wrong)
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(CAMPAIGN | {"space": "own.yaml"}))
    (line,) = [n for n, text in enumerate(wrong.splitlines(), 1) if "- residul -> hidden" in text]
    where = rf"own\.yaml: line {line}, column 7: residul is not a source"
    with pytest.raises(InputError, match=where):
        load(file)
    file.write_text(yaml.safe_dump(CAMPAIGN | {"space": load_yaml(wrong)}))
    with pytest.raises(InputError, match=r"space: cell\.edges\[4\], column 1 of \"residul"):
        load(file)
