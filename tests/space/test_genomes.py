"""Genomes by what a person calls them: one function, wherever they are named."""

import json
from pathlib import Path

import pytest

from space import zoo
from space.errors import GenomeError, InputError
from space.genomes import GENOME, REPLACING, find_genome, read_genome
from space.notation import format_notation
from space.space import Space
from tests.support.exports import genome


def test_a_genome_is_a_zoo_models_a_files_or_an_exports(tmp_path: Path) -> None:
    assert find_genome("rgc_shallow") == zoo.model("rgc_shallow").genome
    export = tmp_path / "rgc_shallow"
    export.mkdir()
    (export / GENOME).write_text(json.dumps(genome(4).document()))
    for called in ("rgc_shallow", "rgc_shallow/genome.json", export):
        assert find_genome(called, tmp_path) == genome(4)
    (export / REPLACING).mkdir()
    (export / REPLACING / GENOME).write_text(json.dumps(genome(6).document()))
    assert find_genome(export) == genome(6), "its replacement was cut off"


def test_a_space_starts_from_what_is_found_beside_it(tmp_path: Path) -> None:
    """The same that a command finds under that name in that folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / GENOME).write_text(json.dumps(genome(6).document()))
    for called in ("mine", "rgc_shallow"):
        space = Space.parse({"name": "around", "genome": {"base": called}}, folder=tmp_path)
        assert space.complete({}).digest == find_genome(called, tmp_path).digest


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ("rgc_shalow", 'is neither a model of the zoo nor a file; did you mean "rgc_shallow"'),
        ("nowhere.json", "there is no such file"),
        (".", "does not exist; name a folder that `ventral export` wrote"),
    ],
)
def test_what_is_no_genome_is_said_alike_everywhere(
    tmp_path: Path, called: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_genome(called, tmp_path)
    with pytest.raises(InputError, match=message):
        Space.parse({"name": "around", "genome": {"base": called}}, folder=tmp_path)


def test_a_file_that_describes_no_network_is_a_genome_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(GenomeError):
        find_genome("a.json", tmp_path)


def test_a_network_in_the_notation_is_one(tmp_path: Path) -> None:
    file = tmp_path / "rgc.yaml"
    published = zoo.model("rgc_shallow").genome
    file.write_text(format_notation(published.document()))
    assert read_genome(file).digest == published.digest
    file.write_text("steps: 3\nstages: [a 8 k 3|5]\n")
    with pytest.raises(GenomeError, match="leaves choices open: it is a space"):
        read_genome(file, GenomeError)
    file.write_text("steps: 1\nstages: [a 8 k 3]\n")
    with pytest.raises(GenomeError, match="line 1, column 8: steps: 1 steps end before"):
        read_genome(file)
