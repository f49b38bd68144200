"""`ventral trial`: trials listed, shown whole, and tried again."""

from __future__ import annotations

import pytest

from search.host.home import Home
from search.store import Store
from space.equation.network import format_cells
from space.genome import Genome
from space.space import Space
from space.zoo import cells as published
from tests.support.campaigns import add, fill
from tests.support.drawing import small_genome
from tests.support.tables import change_rows
from tests.ventral.conftest import Campaign, Shell

STATUSES = {"finished", "pruned", "infeasible", "failed", "running", "waiting"}


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
    assert shown["equations"][0].startswith("Cell ")
    text = campaign.shell("trial", "show", campaign.id, "1").out
    assert all(line in text for line in shown["equations"])
    listed = [line.partition(" = ")[0].strip() for line in text.splitlines()]
    assert set(shown["acting"]) <= set(listed)
    assert (shown["choices"].keys() - shown["acting"].keys()).isdisjoint(listed)
    missing = campaign.shell("trial", "show", campaign.id, "77")
    assert missing.code == 2
    assert "77" in missing.err


def test_a_trial_is_drawn(campaign: Campaign) -> None:
    file = campaign.shell.folder / "trial.svg"
    shown = campaign.shell("trial", "show", campaign.id, "1", "--draw", file)
    assert shown.code == 0
    assert f"the picture is {file}" in shown.err.replace("\n", "")
    assert ", trial 1</text>" in file.read_text(encoding="utf-8")
    refused = campaign.shell("trial", "show", campaign.id, "1", "--draw", "trial.doc")
    assert (refused.code, refused.out) == (2, "")


def test_trials_are_filtered_and_ordered(shell: Shell, store: Store) -> None:
    record = fill(store)
    rows = shell("trial", "list", record.id, "--status", "failed,pruned", "-o", "json").json
    assert [row["trial"] for row in rows] == [2, 4]
    rows = shell("trial", "list", record.id, "--by", "top1", "--limit", "2", "-o", "json").json
    assert [row["top1"] for row in rows] == [0.8, 0.6]
    rows = shell("trial", "list", record.id, "--cell", "cell-3", "-o", "json").json
    assert [row["trial"] for row in rows] == [3]
    wrong = shell("trial", "list", record.id, "--status", "faild")
    assert wrong.code == 2
    assert 'did you mean "failed"?' in wrong.err
    assert shell("trial", "list", record.id, "--by", "colour").code == 2


def test_a_trial_is_shown_with_its_equations(shell: Shell, store: Store) -> None:
    record, genome = fill(store), small_genome(published.ugrnn())
    add(store, record.id, 9, genome=genome, digest=genome.digest)
    shown = shell("trial", "show", record.id, "9")
    assert shown.code == 0
    assert "out = gate x out + tanh((input, out)3) x [1 - gate]" in shown.out
    document = shell("trial", "show", record.id, "9", "-o", "json").json
    assert tuple(document["equations"]) == format_cells(genome)


@pytest.mark.slow
def test_a_diverged_trial_is_retried_changed_only(campaign: Campaign, copied: Shell) -> None:
    """In a real campaign, one of whose trials is made to have diverged."""
    shell = copied
    store = Store.open(Home.at(shell.home).store_url)
    with change_rows(store) as connection:
        connection.exec_driver_sql(
            "UPDATE trials SET status = 'failed', reason = 'diverged: loss is nan' "
            f"WHERE number = 2 AND campaign = '{campaign.id}'"
        )
    refused = shell("trial", "retry", campaign.id, "2")
    assert refused.code == 2
    assert "failed by itself (diverged: loss is nan)" in refused.err
    assert "Traceback" not in refused.err
    assert shell("trial", "retry", campaign.id, "1").code == 2
    assert shell("trial", "retry", campaign.id).code == 2
    changed = shell("trial", "retry", campaign.id, "2", "--set", "recipe.batch_size=25")
    assert changed.code == 0, changed.err
    assert "trial 2 is tried again as trial 5" in changed.err
    assert f"ventral resume {campaign.id}" in changed.err
    ended = shell("resume", campaign.id, "--set", "budget.trials=7")
    assert ended.code == 0, ended.err
    rows = shell("trial", "list", campaign.id, "-o", "json").json
    assert len(rows) == 7
    assert rows[5]["origin"] == "retry"
    assert rows[5]["status"] in ("finished", "pruned")
    assert rows[5]["digest"] == rows[2]["digest"]
    assert rows[2]["status"] == "failed", "what happened stays on record"
    low = shell.fork("resume", campaign.id, "--set", "budget.trials=3")
    assert low.code == 2
    assert "write at least 7" in low.err
    other = shell.fork("resume", campaign.id, "--set", "sampler.name=random")
    assert other.code == 2
    assert "cannot change in a campaign that has begun" in other.err
