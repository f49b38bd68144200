"""A campaign by the command line, from the file to loaded cells."""

import csv
import io
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ventral
from space.genome import Genome
from space.space import Space
from tests.ventral.conftest import Campaign
from workers.data.pack import Pack

STATUSES = {"finished", "pruned", "infeasible", "failed", "running", "waiting"}


def test_submit_ends_in_the_best_cells_and_the_next_commands(campaign: Campaign) -> None:
    assert "best cells" in campaign.ended.out
    assert "control" in campaign.ended.out
    for command in ("ventral ui", "ventral top", "ventral export"):
        assert command in campaign.ended.err
    assert "Traceback" not in campaign.ended.err


def test_no_code_of_the_current_folder_or_of_pythonpath_is_run_for_ours(
    campaign: Campaign,
) -> None:
    """In no process: the driver, the calibration, the mirror, Ray's workers."""
    assert campaign.caught == []


def test_top_is_sorted_and_complete(campaign: Campaign) -> None:
    rows = campaign.shell("top", campaign.id, "-o", "json").json
    wanted = {"trial", "digest", "cell", "top1", "parameters", "macs", "epochs", "status"}
    assert rows
    assert all(wanted <= row.keys() for row in rows)
    scores = [row["top1"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert campaign.shell("top", "tiny", "-n", "1", "-o", "json").json == rows[:1]


def test_the_pareto_front_is_part_of_the_ranking(campaign: Campaign) -> None:
    rows = campaign.shell("top", campaign.id, "-n", "99", "-o", "json").json
    front = campaign.shell("top", campaign.id, "--by", "pareto", "-o", "json").json
    assert front[0] == rows[0]
    for row in rows:
        beaten = any(
            other["top1"] >= row["top1"] and other["parameters"] < row["parameters"]
            for other in rows
        )
        assert (row in front) == (not beaten) or any(
            other["top1"] == row["top1"] and other["parameters"] == row["parameters"]
            for other in front
        )


def test_trial_list_has_every_trial_and_its_choices(campaign: Campaign) -> None:
    rows = campaign.shell("trial", "list", campaign.id, "-o", "json").json
    assert [row["trial"] for row in rows] == list(range(5))
    space = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)
    for row in rows:
        assert row["status"] in STATUSES
        assert row["seed"] == 3
        assert row["seconds"] > 0
        if row["origin"] != "control":
            assert space.close(row["choices"]).digest == row["digest"]
    assert {row["status"] for row in rows} <= {"finished", "pruned"}
    assert sum(row["origin"] == "control" for row in rows) == 1


def test_a_trial_is_shown_whole(campaign: Campaign) -> None:
    shown = campaign.shell("trial", "show", campaign.id, "1", "-o", "json").json
    assert Genome.parse(shown["genome"]).digest == shown["digest"]
    assert len(shown["reports"]) == shown["epochs"]
    assert len(shown["reports"][-1]["accuracy_by_step"]) == 7
    missing = campaign.shell("trial", "show", campaign.id, "77")
    assert missing.code == 2
    assert "77" in missing.err


def test_status_and_list_agree(campaign: Campaign) -> None:
    status = campaign.shell("status", campaign.id, "-o", "json").json
    assert status["id"] == campaign.id
    assert status["state"] == "finished"
    assert sum(status["trials"].values()) == 5
    assert status["seconds"] > 0
    assert status["unmirrored"] == 0
    top = campaign.shell("top", campaign.id, "-o", "json").json
    assert status["best"] == top[0]["top1"]
    listed = campaign.shell("list", "-o", "json").json
    assert [(row["id"], row["name"], row["state"]) for row in listed] == [
        (campaign.id, "tiny", "finished")
    ]
    table = campaign.shell("list", "-o", "csv").out
    assert next(csv.DictReader(io.StringIO(table)))["id"] == campaign.id


def test_the_log_tells_every_end(campaign: Campaign) -> None:
    log = campaign.shell("logs", campaign.id).out
    for number in range(5):
        assert f"started trial {number}" in log


def test_mlflow_has_one_closed_run_a_trial(campaign: Campaign) -> None:
    with sqlite3.connect(campaign.shell.home / "mlflow.db") as database:
        runs = database.execute("select status, name from runs").fetchall()
        parameters = database.execute("select count(*) from params").fetchone()[0]
    assert len(runs) == 5
    assert {status for status, _ in runs} == {"FINISHED"}
    assert parameters > 5
    genomes = list((campaign.shell.home / "artifacts").rglob("genome.json"))
    assert len(genomes) == 5


def test_a_finished_campaign_has_nothing_to_resume(campaign: Campaign) -> None:
    ended = campaign.shell("resume", campaign.id)
    assert ended.code == 0
    assert "finished" in ended.err


@pytest.fixture(scope="session")
def exports(campaign: Campaign) -> list[Path]:
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
            "genome.json",
            "model.safetensors",
        ]
        again = ventral.evaluate(folder, home=campaign.shell.home)
        assert again.top1 == row["top1"]
        assert ventral.card(folder).top1 == row["top1"]
        assert ventral.load(folder).genome.digest == row["digest"]
        shown = campaign.shell("evaluate", folder, "-o", "json").json
        assert shown["top1"] == shown["recorded_top1"] == row["top1"]


def test_a_loaded_network_is_what_its_card_says(campaign: Campaign, exports: list[Path]) -> None:
    network, card = ventral.load(exports[0]), ventral.card(exports[0])
    assert (network.image_size, network.image_channels, network.classes) == (8, 1, 10)
    packed = Pack.load(next((campaign.shell.home / "data").glob("digits-*")))
    assert packed.checksum == card.data_checksum
    images = ventral.normalise(np.array(packed.images("test")), card)
    with torch.no_grad():
        hits = network(images).argmax(1).numpy() == packed.labels("test")
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


def test_a_damaged_export_says_so(campaign: Campaign, exports: list[Path], tmp_path: Path) -> None:
    import shutil

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


def test_trials_come_as_a_frame(campaign: Campaign) -> None:
    frame = ventral.trials("tiny", home=campaign.shell.home)
    assert len(frame) == 5
    assert frame["top1"].notna().all()
