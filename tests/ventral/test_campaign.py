"""A campaign by the command line, from the file to loaded cells."""

import sqlite3

import ventral
from tests.ventral.conftest import Campaign


def test_submit_ends_in_the_best_cells_and_the_next_commands(campaign: Campaign) -> None:
    assert "best cells" in campaign.ended.out
    assert "control" in campaign.ended.out
    for command in ("ventral ui", "ventral top", "ventral export"):
        assert command in campaign.ended.err
    assert "Traceback" not in campaign.ended.err
    rows = campaign.shell("top", campaign.id, "-o", "json").json
    recurrent = any(row["recurrent"] != "none" for row in rows)
    assert ("--matched" in campaign.ended.err) == recurrent
    assert "scores are of the validation split, by which the search chose" in campaign.ended.err
    assert {row["split"] for row in rows} == {"validation"}


def test_no_code_of_the_current_folder_or_of_pythonpath_is_run_for_ours(
    campaign: Campaign,
) -> None:
    """In no process: the driver, the calibration, the mirror, Ray's workers."""
    assert campaign.caught == []


def test_mlflow_has_one_closed_run_a_trial(campaign: Campaign) -> None:
    with sqlite3.connect(campaign.shell.home / "mlflow.db") as database:
        runs = database.execute("select status, name from runs").fetchall()
        parameters = database.execute("select count(*) from params").fetchone()[0]
    assert [name for _, name in runs].count("Campaign tiny") == 1
    assert len(runs) == 5 + 1
    assert {status for status, _ in runs} == {"FINISHED"}
    assert parameters > 5
    genomes = list((campaign.shell.home / "artifacts").rglob("genome.json"))
    assert len(genomes) == 5


def test_trials_come_as_a_frame(campaign: Campaign) -> None:
    frame = ventral.trials("tiny", home=campaign.shell.home)
    assert len(frame) == 5
    assert frame["top1"].notna().all()
