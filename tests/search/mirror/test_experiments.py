"""How a campaign's experiment opens in MLflow."""

from __future__ import annotations

import json

from search.mirror.experiments import (
    VIEW,
    experiment_name,
    experiment_note,
    experiment_tags,
    view_url,
)
from search.store import Store
from tests.support.campaigns import new_campaign


def test_it_opens_as_a_table_best_first_and_links_to_the_campaigns_page(store: Store) -> None:
    campaign = new_campaign(store)
    assert experiment_name(campaign) == f"motifs ({campaign.id})"
    tags = experiment_tags(campaign)
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(tags[f"mlflow.sharedViewState.{VIEW}"])
    state = json.loads(view["state"])
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`top1`", False)
    assert set(state["selectedColumns"]) >= {
        "metrics.`top1`",
        "metrics.`parameters`",
        "tags.`ventral.cell`",
        "tags.`ventral.recurrent`",
    }
    url = view_url("http://localhost:5000/", "7")
    assert url == (
        "http://localhost:5000/#/experiments/7/runs"
        f"?workflowType=machine_learning&viewStateShareKey={VIEW}"
    )
    note = experiment_note(campaign, "7", "a" * 32)
    assert url.removeprefix("http://localhost:5000/") in note
    assert f"(#/experiments/7/runs/{'a' * 32})" in note
