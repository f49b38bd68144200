"""How a campaign's experiment opens in MLflow."""

from __future__ import annotations

import json

from search.mirror.experiments import (
    NOTE_TAG,
    VIEW,
    experiment_name,
    experiment_tags,
    page_tags,
    table_state,
    view_url,
)
from search.store import Store
from tests.support.campaigns import new_campaign


def test_it_opens_as_a_table_best_first_with_the_campaigns_page_above(store: Store) -> None:
    campaign = new_campaign(store)
    assert experiment_name(campaign) == f"motifs ({campaign.id})"
    tags = experiment_tags(campaign) | page_tags(campaign, "7", "a" * 32)
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(tags[f"mlflow.sharedViewState.{VIEW}"])
    state = json.loads(view["state"])
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`top1`", False)
    assert state["runsPinned"] == ["a" * 32]
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
    assert url.removeprefix("http://localhost:5000/") in tags[NOTE_TAG]
    assert f"#/experiments/7/runs/{'a' * 32}" in tags[NOTE_TAG]


def test_without_a_page_nothing_is_pinned() -> None:
    assert table_state()["runsPinned"] == []
