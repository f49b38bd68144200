"""What travels with a campaign: its document, the networks in it, and the code."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.campaign import load_with_space
from search.remote.clusters import Cluster
from search.remote.packages import CAMPAIGN, make_package, read_campaign
from space import zoo
from space.errors import CampaignError
from space.space import Space

DOCUMENT: dict[str, Any] = {
    "name": "tiny",
    "space": "motifs-small",
    "data": {"name": "digits", "size": 8},
    "controls": [],
    "budget": {"trials": 2},
}
LAB = Cluster.model_validate(
    {"address": "http://lab:8265", "resources": {"cpus": 3, "gpus": 0.5, "concurrent": 7}}
)


def write(folder: Path, **changes: Any) -> Path:
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT | changes))
    return file


def unpack(package: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(package))


def test_what_is_sent_is_the_campaign_of_the_file(tmp_path: Path) -> None:
    """Its space is in it: a file of the submitting machine is not there."""
    space = Space.load("motifs-small").document() | {"name": "mine"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(space, sort_keys=False))
    file = write(tmp_path, space="mine.yaml")
    document, loaded = read_campaign(file, Cluster(address="http://lab:8265"), ["seed=5"])
    there = tmp_path / "there"
    there.mkdir()
    unpack(make_package(document, code=False)).extractall(there)
    arrived = load_with_space(there / CAMPAIGN)
    assert arrived.campaign.document() == loaded.campaign.document()
    assert arrived.campaign.seed == 5
    assert sorted(path.name for path in there.iterdir()) == [CAMPAIGN]


def test_the_cluster_s_defaults_stand_under_what_the_campaign_says(tmp_path: Path) -> None:
    file = write(tmp_path, resources={"cpus": 1})
    document, loaded = read_campaign(file, LAB, ["resources.concurrent=2"])
    assert document["resources"] == {"cpus": 1, "gpus": 0.5, "concurrent": 2}
    assert loaded.campaign.resources.gpus == 0.5


def test_networks_in_files_travel_too(tmp_path: Path) -> None:
    genome = zoo.model("basenet_shallow").genome
    (tmp_path / "mine.json").write_text(json.dumps(genome.document()))
    file = write(tmp_path, enqueue=["mine.json", "basenet_shallow"])
    document, _ = read_campaign(file, LAB, enqueue=["abcdefgh/3"])
    package = unpack(make_package(document, code=False))
    sent = json.loads(package.read(CAMPAIGN))
    assert sent["enqueue"] == ["networks/0-mine.json", "basenet_shallow", "abcdefgh/3"]
    assert json.loads(package.read("networks/0-mine.json")) == genome.document()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"data": {"name": "imagefolder", "path": "images", "size": 8}},
            "relative to this machine",
        ),
        ({"resources": [1]}, "not a mapping"),
        ({"budgt": {}}, "did you mean"),
    ],
)
def test_a_mistake_is_found_before_anything_is_sent(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(CampaignError, match=words):
        read_campaign(write(tmp_path, **changes), LAB)


def test_the_code_that_is_sent_runs_where_it_is_unpacked(tmp_path: Path) -> None:
    package = make_package({"name": "x"}, code=True)
    assert package == make_package({"name": "x"}, code=True)
    names = unpack(package).namelist()
    assert {"search/driver.py", "ventral/__main__.py", "search/campaign.schema.json"} <= {*names}
    assert not [name for name in names if name.endswith(".pyc")]
    unpack(package).extractall(tmp_path)
    show = "import ventral, search.remote; print(ventral.__file__); print(search.remote.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", show],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        str(tmp_path / "ventral" / "__init__.py"),
        str(tmp_path / "search" / "remote" / "__init__.py"),
    ]
