"""What a notebook does without the command line: campaigns, exports, certifications.

A campaign that trains by itself is the README's (tests/test_readme.py); here it is answered by
what was trained before.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import ventral
from search.review.ranking import Kind
from space.errors import InputError, VentralError
from tests.ventral.conftest import TINY, Campaign, Shell


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ("torch", "pandas", "ray", "mlflow", "sqlalchemy", "numpy")
    program = f"import sys, ventral; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_campaign_of_a_document_is_put_on_record(tmp_path: Path) -> None:
    document, home = yaml.safe_load(TINY), tmp_path / "home"
    with pytest.raises(InputError, match=r"budget\.trials"):
        ventral.submit(document, overrides=["budget.trials=0"], home=home, run=False)
    assert not home.exists(), "nothing is written of what cannot run"
    first = ventral.submit(document, overrides=["name=mine"], home=home, run=False)
    assert (first.state, sum(first.trials.values())) == ("waiting", 0)
    assert len(ventral.trials("mine", home=home)) == 0
    assert document == yaml.safe_load(TINY)
    with pytest.raises(InputError, match=f"ventral resume {first.campaign_id}"):
        ventral.submit(document, overrides=["name=mine"], home=home, run=False)
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    second = ventral.submit(file, overrides=["name=mine"], home=home, run=False, new=True)
    assert second.campaign_id != first.campaign_id


def test_the_importance_of_few_trials_is_a_frame_without_rows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ventral.submit(yaml.safe_load(TINY), home=home, run=False)
    name = yaml.safe_load(TINY)["name"]
    frame = ventral.importance(name, home=home)
    assert (list(frame), len(frame)) == (["choice", "value", "low", "high"], 0)
    motifs = ventral.importance(name, by="motif", home=home)
    assert list(motifs)[:3] == ["motif", "share_best", "share_all"]


def test_a_campaign_is_run_to_its_end(campaign: Campaign, copied: Shell) -> None:
    """Of the same trainings: nothing is trained, and all is decided and recorded again."""
    changes = ["name=again", "resources.concurrent=1"]
    result = ventral.submit(yaml.safe_load(TINY), overrides=changes, home=copied.home)
    assert (result.state, result.reason, result.unsent) == ("finished", None, 0)
    frames = [ventral.trials(name, home=copied.home) for name in (campaign.id, "again")]
    assert frames[1].top1.tolist() == frames[0].top1.tolist()
    assert frames[1].attempts.sum() == 0
    status = copied("status", result.campaign_id, "-o", "json").json
    assert status["state"] == "finished"
    assert status["trials"] == result.trials


def test_a_finished_campaign_has_nothing_to_go_on_with(campaign: Campaign) -> None:
    result = ventral.resume(campaign.id, home=campaign.shell.home)
    assert (result.campaign_id, result.state) == (campaign.id, "finished")
    assert sum(result.trials.values()) == 5


def test_exports_are_those_of_the_command_line(campaign: Campaign, tmp_path: Path) -> None:
    home = campaign.shell.home
    folders = ventral.export(campaign.id, tmp_path / "cells", top=2, home=home)
    top = campaign.shell("top", campaign.id, "-o", "json").json
    assert [ventral.card(folder).trial for folder in folders] == [row["trial"] for row in top[:2]]
    ended = campaign.shell("export", campaign.id, "--top", "2", "--to", tmp_path / "same")
    assert ended.code == 0, ended.err
    for folder in folders:
        same = tmp_path / "same" / folder.name
        assert ventral.card(folder) == ventral.card(same)
        assert (folder / "genome.json").read_bytes() == (same / "genome.json").read_bytes()
        weights = (ventral.load(one).state_dict() for one in (folder, same))
        assert all(map(torch.equal, *(one.values() for one in weights)))
    [control] = ventral.export(campaign.id, tmp_path / "control", trial=0, home=home)
    assert ventral.card(control).origin == "control"
    kinds: tuple[Kind, ...] = ("recurrent", "feedforward")
    for kind in kinds:
        numbers = [row["trial"] for row in top if (row["recurrent"] == "none") == (kind[0] == "f")]
        if numbers:
            [best] = ventral.export(campaign.id, tmp_path / kind, top=1, kind=kind, home=home)
            facts = ventral.card(best)
            assert facts.trial == numbers[0]
            assert (facts.recurrence == "none") == (kind == "feedforward")
            assert f"recurrence: {facts.recurrence}" in (best / "README.md").read_text()
        else:
            with pytest.raises(VentralError, match=f"no {kind} cell .* has a score yet"):
                ventral.export(campaign.id, tmp_path / kind, top=1, kind=kind, home=home)


def test_what_is_not_said_or_not_there_is_an_error(campaign: Campaign, tmp_path: Path) -> None:
    home = campaign.shell.home
    for top, trial in ((None, None), (1, 1), (0, None), (None, 99)):
        with pytest.raises(InputError):
            ventral.export(campaign.id, tmp_path / "cells", top=top, trial=trial, home=home)
    with pytest.raises(InputError, match="no campaign 'nobody'"):
        ventral.certify("nobody", home=home)
    with pytest.raises(InputError, match="no store"):
        ventral.export("tiny", tmp_path / "cells", top=1, home=tmp_path / "nowhere")
    assert not (tmp_path / "cells").exists()
    assert not (tmp_path / "nowhere").exists()


def test_a_certification_is_a_campaign_of_its_own(campaign: Campaign, copied: Shell) -> None:
    made = ventral.certify(campaign.id, top=1, seeds=2, home=copied.home, run=False)
    assert (made.run.state, made.networks) == ("waiting", ())
    status = copied("status", made.run.campaign_id, "-o", "json").json
    assert status["name"] == "tiny-certified"
    assert status["budget"]["trials"] == 2 * 2
    assert status["test_openings"] == 0, "nothing is scored on test yet"
    assert "the test split was opened" not in copied("status", campaign.id).out
