"""The picture of a plan: in the format of its suffix, with the outcomes that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.plans import SHADES, draw
from space import zoo
from space.errors import InputError
from space.unroll.plan import Plan, plan
from space.unroll.reads import parse_reads

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture(scope="module")
def planned() -> Plan:
    """Read once in the middle of the network: much of what follows is dead."""
    genome = zoo.model("ugrnn_shallow").genome
    return plan(genome, parse_reads(genome, "conv3@4"))


@pytest.mark.parametrize("suffix", STARTS)
def test_its_format_is_that_of_the_suffix(planned: Plan, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"plan.{suffix}"
    draw(planned, file)
    assert file.read_bytes().startswith(STARTS[suffix])


def test_it_names_the_outcomes_and_the_stages_that_there_are(
    planned: Plan, tmp_path: Path
) -> None:
    draw(planned, tmp_path / "plan.svg")
    picture = (tmp_path / "plan.svg").read_text()
    used = {occurrence.rule for occurrence in planned.occurrences}
    assert "dead" in used
    assert len(used) < len(SHADES)
    # The letters are drawn as lines; what they spell stands beside them.
    shown = {rule for rule, (_, label) in SHADES.items() if f"<!-- {label} -->" in picture}
    assert shown == used
    colours = {rule for rule, (colour, _) in SHADES.items() if f"fill: {colour}" in picture}
    assert colours >= used
    assert all(f"<!-- {stage} -->" in picture for stage in planned.genome.nodes)


@pytest.mark.parametrize("name", ["plan.xyz", "plan"])
def test_another_suffix_is_refused_with_the_cure(planned: Plan, name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not end in the suffix of a picture format") as told:
        draw(planned, tmp_path / name)
    assert told.value.where == f"--draw: {tmp_path / name}"
    assert told.value.cure == "end it in .png or .svg"
    assert list(tmp_path.iterdir()) == []
