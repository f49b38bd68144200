"""A campaign whose trainings begin with smaller images and fewer steps, by the command line."""

from pathlib import Path

import pytest

import ventral
from tests.ventral.conftest import Shell

CAMPAIGN = """
name: growing
space: motifs-small
data: {name: digits, size: 16, train_images: 200, test_images: 100}
recipe: {epochs: 3, batch_size: 50, fidelity: [{until: 1, size: 8, steps: 5, images: 0.5}]}
sampler: {name: guided}
scheduler: {name: asha, grace_epochs: 1, reduction_factor: 2}
resources: {concurrent: 1}
budget: {trials: 6}
seed: 4
"""


@pytest.mark.slow
def test_it_is_searched_exported_and_scored_again(shell: Shell) -> None:
    (shell.folder / "growing.yaml").write_text(CAMPAIGN)
    estimate = shell("submit", "growing.yaml", "--dry-run", "-o", "json")
    assert estimate.json["epochs"]["high"] <= 18
    ended = shell("submit", "growing.yaml", "--no-estimate")
    assert ended.code == 0, ended.err
    trials = shell("trial", "list", "growing", "-o", "json").json
    by_epochs = {trial["epochs"]: trial for trial in trials}
    assert {1, 3} <= by_epochs.keys(), "some stopped where images are small, some did not"
    for epochs, size in ((1, 8), (3, 16)):
        number = str(by_epochs[epochs]["trial"])
        shown = shell("trial", "show", "growing", number, "-o", "json").json
        steps = [len(report["accuracy_by_step"]) for report in shown["reports"]]
        assert steps == [5, 7, 7][:epochs]
        made = shell("export", "growing", "--trial", number, "--to", f"cell{epochs}", "-o", "json")
        folder = shell.folder / Path(made.json[0]["folder"])
        assert ventral.load(folder).image_size == size, "it is exported as it was scored"
        again = shell("evaluate", folder, "--split", "validation", "-o", "json").json
        assert again["top1"] == again["recorded_top1"]
    replayed = shell("replay", "growing")
    assert replayed.code == 0, replayed.out + replayed.err
