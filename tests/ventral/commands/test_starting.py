"""`ventral init`: its files validate, and a dry run of them passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ventral.conftest import Campaign, Shell


def test_what_init_writes_validates_and_is_written_once(shell: Shell, tmp_path: Path) -> None:
    ended = shell("init", "mine")
    assert ended.code == 0, ended.err
    assert ended.out.split() == ["mine/campaign.yaml", "mine/space.yaml"]
    validated = shell("space", "validate", "mine/space.yaml", "--size", "16", "-o", "json")
    assert validated.code == 0, validated.err
    assert validated.json["infeasible"] == 0
    assert not validated.json["warnings"]
    again = shell("init", "mine")
    assert again.code == 2
    assert "is there already" in again.err
    assert shell("init", "mine", "--force").code == 0
    assert not (tmp_path / ".ventral").exists()


@pytest.mark.slow
def test_a_dry_run_of_what_init_writes_passes(campaign: Campaign, shell: Shell) -> None:
    """tests/search/upkeep/test_starter.py counts the samples, and measures no networks."""
    shell.home.mkdir()
    measured = campaign.shell.home / "calibrations.json"
    (shell.home / "calibrations.json").write_bytes(measured.read_bytes())
    assert shell("init").code == 0
    fewer = ("--set", "data.train_images=200", "--set", "data.test_images=50")
    ended = shell("submit", "campaign.yaml", "--dry-run", "-o", "json", *fewer)
    assert ended.code == 0, ended.err
    assert ended.json["infeasible"] == 0
    assert ended.json["trials"]["likely"] == 12
    assert ended.json["searched_controls"] > 0
