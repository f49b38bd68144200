"""What a new user starts from is a campaign that can run, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from search.campaign import load_with_space
from search.forecast.trying import try_space
from search.host.machine import Machine
from search.upkeep.starter import CAMPAIGN_FILE, SPACE_FILE, write_starter
from space.errors import InputError
from space.recurrence import recurrence


def test_every_sample_may_be_trained_and_no_choice_is_idle(tmp_path: Path) -> None:
    campaign_file, space_file = write_starter(tmp_path / "new" / "folder")
    assert [campaign_file.name, space_file.name] == [CAMPAIGN_FILE, SPACE_FILE]
    loaded = load_with_space(campaign_file, offered=Machine(cpus=2, gpus=0))
    space = loaded.space.with_images(size=loaded.campaign.data.size, channels=1, classes=10)
    tried = try_space(loaded.campaign, space).survey
    assert tried.infeasible == 0
    assert not tried.warnings
    assert recurrence(space.control("feedforward").genome) == "none"
    for file in (campaign_file, space_file):  # an editor finds the schema of this installation
        first = file.read_text().splitlines()[0]
        schema = Path(url2pathname(urlsplit(first.partition("$schema=")[2]).path))
        assert json.loads(schema.read_text())["title"] == f"Ventral {file.stem}"


@pytest.mark.parametrize("present", [CAMPAIGN_FILE, SPACE_FILE])
def test_nothing_is_overwritten_unless_it_is_asked_for(tmp_path: Path, present: str) -> None:
    mine = tmp_path / present
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"is there already; .*--force"):
        write_starter(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [present]
    assert mine.read_text() == "mine"
    write_starter(tmp_path, force=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == [CAMPAIGN_FILE, SPACE_FILE]
    assert mine.read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_starter(tmp_path / "file" / "folder")
