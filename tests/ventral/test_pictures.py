"""Pictures of networks as files: in the format of the suffix, and the one in docs/ as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from space import zoo
from space.circuits import draw_circuit
from space.errors import InputError
from tests.support.shrinking import ROOT
from ventral.pictures import check_suffix, write_picture

NAME = "median_2018_t17_feedback"
COMMAND = f"ventral zoo show {NAME} --draw docs/circuit-median.svg"


def test_the_picture_in_the_documents_is_the_one_that_its_command_draws() -> None:
    shown = (ROOT / "docs" / "circuit-median.svg").read_text(encoding="utf-8")
    assert shown == draw_circuit(zoo.model(NAME).genome, title=NAME), f"renew it: {COMMAND}"


def test_the_format_is_that_of_the_suffix(tmp_path: Path) -> None:
    svg = draw_circuit(zoo.model("timedecay_shallow").genome)
    write_picture(tmp_path / "cell.svg", svg)
    assert (tmp_path / "cell.svg").read_text(encoding="utf-8") == svg
    write_picture(tmp_path / "cell.PNG", svg)
    assert (tmp_path / "cell.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["cell.pdf", "cell", "svg", "cell.svg.txt"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    check_suffix(tmp_path / "cell.svg")
    with pytest.raises(InputError, match=r"end it in \.svg or \.png"):
        write_picture(tmp_path / name, "<svg/>")
    assert not (tmp_path / name).exists()
