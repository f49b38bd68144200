"""`ventral list`, `top` and `logs`: campaigns, their best cells and what happened in them."""

import csv
import io

from search.store import Store
from space.equation.legend import format_legend
from tests.support.campaigns import fill
from tests.ventral.conftest import Campaign, Shell


def test_top_is_sorted_and_complete(campaign: Campaign) -> None:
    rows = campaign.shell("top", campaign.id, "-o", "json").json
    wanted = {"trial", "digest", "cell", "top1", "parameters", "macs", "epochs", "status"}
    assert rows
    assert all(wanted <= row.keys() for row in rows)
    assert all(row["acting"].keys() <= row["choices"].keys() for row in rows)
    scores = [row["top1"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert campaign.shell("top", "tiny", "-n", "1", "-o", "json").json == rows[:1]


def test_the_signs_of_equations_are_explained_below_the_table(shell: Shell, store: Store) -> None:
    record = fill(store)
    shown = shell("top", record.id)
    assert (shown.code, format_legend() in shown.err) == (0, True)
    assert format_legend() not in shell("top", record.id, "-o", "json").err


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
