"""`ventral export` and `evaluate`: a cell that scores elsewhere what it scored here."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ventral
from search.host.home import Home
from search.store import Store
from tests.ventral.conftest import Campaign, Shell
from workers.data.pack import Pack


@pytest.fixture(scope="module")
def exports(campaign: Campaign) -> list[Path]:
    """The folders of the two best cells, best first."""
    ended = campaign.shell("export", campaign.id, "--top", "2", "--to", "cells", "-o", "json")
    assert ended.code == 0, ended.err
    return [Path(row["folder"]) for row in ended.json]


def test_an_export_scores_exactly_what_was_recorded(
    campaign: Campaign, exports: list[Path]
) -> None:
    top = campaign.shell("top", campaign.id, "-o", "json").json
    for folder, row in zip(exports, top, strict=False):
        assert sorted(file.name for file in folder.iterdir()) == [
            "README.md",
            "cell.svg",
            "genome.json",
            "model.safetensors",
        ]
        again = ventral.evaluate(folder, split="validation", home=campaign.shell.home)
        assert again.top1 == row["top1"]
        facts = ventral.card(folder)
        assert (facts.split, facts.top1) == ("validation", row["top1"])
        assert ventral.load(folder).genome.digest == row["digest"]
        shown = campaign.shell("evaluate", folder, "--split", "validation", "-o", "json").json
        assert shown["top1"] == shown["recorded_top1"] == row["top1"]
        assert ventral.card(folder) == facts


def test_the_test_split_is_opened_by_an_evaluation_and_the_card_says_so(
    campaign: Campaign, copied: Shell, exports: list[Path], tmp_path: Path
) -> None:
    """Only scores of one split are compared; what was scored there first is on the card."""
    folder = tmp_path / "cell"
    shutil.copytree(exports[0], folder)
    assert "was not opened for this network" in (folder / "README.md").read_text()
    assert copied("status", campaign.id, "-o", "json").json["test_openings"] == 0
    first = copied("evaluate", folder)
    assert first.code == 0, first.err
    assert f"the opening is on record: ventral status {campaign.id}" in first.err
    assert copied("status", campaign.id, "-o", "json").json["test_openings"] == 1
    shown = copied("status", campaign.id).out
    assert "the test split was opened once, at last on " in shown
    assert f": ventral evaluate {folder}" in shown
    assert "on test, of which none is recorded to compare with (validation " in first.out
    facts = ventral.card(folder)
    assert facts.test_top1 == ventral.evaluate(folder, home=copied.home).top1
    assert (
        f"| top-1 | {facts.top1:.4f} | {facts.test_top1:.4f} |"
        in (folder / "README.md").read_text()
    )
    assert facts.top1 == ventral.card(exports[0]).top1
    again = copied("evaluate", folder, "-o", "json").json
    assert (again["split"], again["recorded_top1"]) == ("test", facts.test_top1)
    assert again["top1"] == facts.test_top1
    assert "the same as recorded" in copied("evaluate", folder).out
    assert ventral.card(folder) == facts
    # Another export of that network does not have these scores, but counts the openings.
    more = ("--trial", str(facts.trial), "--to", str(tmp_path / "more"), "-o", "json")
    [row] = copied("export", campaign.id, *more).json
    assert (ventral.card(row["folder"]).test_top1, facts.test_openings) == (None, 1)
    assert ventral.card(row["folder"]).test_openings == 4
    assert "split was opened 4 times for" in (Path(row["folder"]) / "README.md").read_text()


def test_a_loaded_network_is_what_its_card_says(campaign: Campaign, exports: list[Path]) -> None:
    network, card = ventral.load(exports[0]), ventral.card(exports[0])
    assert (network.image_size, network.image_channels, network.classes) == (8, 1, 10)
    packed = Pack.load(next((campaign.shell.home / "data").glob("digits-*")))
    assert packed.checksum == card.data_checksum
    images = ventral.normalise(np.array(packed.images("validation")), card)
    with torch.no_grad():
        hits = network(images).argmax(1).numpy() == packed.labels("validation")
    assert hits.mean() == card.top1
    assert not network.training
    text = (exports[0] / "README.md").read_text()
    for fact in (card.digest, "first informed step", "ventral.load", str(card.seed), campaign.id):
        assert fact in text


def test_loading_needs_no_ray_no_mlflow_and_no_database(exports: list[Path]) -> None:
    program = (
        "import sys, ventral; ventral.load(sys.argv[1]); "
        "print([n for n in ('ray', 'mlflow', 'sqlalchemy', 'optuna') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, exports[0]], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_genome_alone_builds_a_network_and_bases_a_space(
    campaign: Campaign, exports: list[Path]
) -> None:
    genome = exports[0] / "genome.json"
    untrained = ventral.network(genome, classes=4, seed=1)
    assert untrained.classes == 4
    space = campaign.shell.folder / "around.yaml"
    space.write_text(
        f"name: around\ngenome:\n  base: {genome}\n  choices:\n"
        "    stages[1].convolution.width: {choice: [8, 12]}\n"
    )
    drawn = campaign.shell("space", "sample", space, "-n", "4", "--seed", "2", "-o", "json").json
    widths = {row["genome"]["stages"][1]["convolution"]["width"] for row in drawn}
    assert widths <= {8, 12}
    assert (
        drawn
        == campaign.shell("space", "sample", space, "-n", "4", "--seed", "2", "-o", "json").json
    )


def test_a_card_says_that_its_network_was_recomputed(
    campaign: Campaign, copied: Shell, exports: list[Path]
) -> None:
    """The trial's own recipe does not: `limits.over_memory` decided it."""
    assert ventral.card(exports[0]).recipe["recompute"] is False
    store = Store.open(Home.at(copied.home).store_url)
    document = store.campaigns.get(campaign.id).document
    limits = document["limits"] | {"memory": 1, "over_memory": "recompute"}
    store.campaigns.set_document(campaign.id, document | {"limits": limits}, "a limit")
    store.close()
    ended = copied("export", campaign.id, "--top", "1", "--to", "cells", "-o", "json")
    assert ended.code == 0, ended.err
    [row] = ended.json
    card = ventral.card(copied.folder / row["folder"])
    assert card.recipe["recompute"] is True
    assert card.recipe | {"recompute": False} == ventral.card(exports[0]).recipe


def test_a_damaged_export_says_so(campaign: Campaign, exports: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    shutil.copytree(exports[0], folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors: is damaged"):
        ventral.load(folder)
    ended = campaign.shell("evaluate", folder)
    assert ended.code == 2
    assert "damaged" in ended.err
    assert "Traceback" not in ended.err
    weights.unlink()
    assert campaign.shell("evaluate", folder).code == 2


def test_export_refuses_what_it_cannot_do(campaign: Campaign, tmp_path: Path) -> None:
    neither = campaign.shell("export", campaign.id, "--to", tmp_path / "out")
    assert neither.code == 2
    assert "--top" in neither.err
    busy = tmp_path / "busy"
    name = campaign.shell("top", campaign.id, "-n", "1", "-o", "json").json[0]
    (busy / f"1-trial-{name['trial']}-{name['digest'][:8]}" / "mine").mkdir(parents=True)
    refused = campaign.shell("export", campaign.id, "--top", "1", "--to", busy)
    assert refused.code == 2
    assert "not an export" in refused.err
