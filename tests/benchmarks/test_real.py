"""The benchmark of campaigns that really train: its space, and all of it at a small size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.search_quality import real
from space.space import Space
from space.unroll.cost import cost

ROOT = Path(__file__).parents[2]


def test_the_space_is_the_published_one_but_for_its_width() -> None:
    narrow, wide = Space.parse(real.space()), Space.load("motifs-2018")
    choices = {p.path: p.domain for p in wide.parameters}
    depths = {path for path in choices if path.endswith("hidden.depth")}
    assert depths
    for parameter in narrow.parameters:
        same = parameter.domain == choices[parameter.path]
        assert same == (parameter.path not in depths)
    assert len(narrow.parameters) == len(choices)
    widths = [s.convolution.width for s in narrow.control("feedforward").genome.stages]
    assert widths == [s.convolution.width // 8 for s in wide.control("feedforward").genome.stages]


def test_the_published_cells_stand_in_its_stages() -> None:
    space = Space.parse(real.space()).with_images(size=16, channels=1, classes=10)
    genomes = {name: space.control(name).genome for name in ("feedforward", "gru", "rgc")}
    assert {edge.sender for edge in genomes["rgc"].edges} == {"conv7", "conv8", "conv9", "conv10"}
    assert not genomes["gru"].edges
    assert len({genome.digest for genome in genomes.values()}) == 3
    assert cost(genomes["feedforward"]).macs < cost(genomes["rgc"]).macs


@pytest.mark.slow
def test_it_searches_certifies_and_goes_on(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "benchmarks.search_quality.real", arguments[0]]
        done = subprocess.run(
            [*command, str(tmp_path), *arguments[1:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=1500,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for _ in range(2):  # the second time nothing is left to do
        run("search", "--minutes", "2", "--seeds", "1", "--method", "ventral", "random")
        run("certify", "--seeds", "2", "--best", "1")
        found = json.loads(run("report", "--json"))
        assert {row["method"] for row in found["searches"]} == {"ventral", "random"}
        assert all(row["trials"] >= 1 for row in found["searches"])
        names = {row["network"] for row in found["certified"]}
        assert {
            f"{name}@{rate}" for name in real.space()["controls"] for rate in real.RATES
        } <= names
        assert all(row["seeds"] == 2 for row in found["certified"])
