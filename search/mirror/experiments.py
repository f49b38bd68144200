"""How a campaign looks as an MLflow experiment: its name, its tags and the view of its runs table.

Pure values, as in `search.mirror.runs`.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from search.mirror.runs import campaign_tags, cut, milliseconds
from search.store import Campaign
from space.documents.outside import printable

VIEW = "ventral-best-first"
"""The saved view of the runs table in which an experiment opens."""


def experiment_name(campaign: Campaign) -> str:
    """The experiment of a campaign: its name for people, its id for being the only one."""
    return f"{cut(printable(campaign.name), 400)} ({campaign.id})"


def experiment_tags(campaign: Campaign) -> dict[str, str]:
    """Tags that make MLflow show the experiment as model training, with our columns."""
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{VIEW}": _view(campaign),
        **campaign_tags(campaign),
    }


def experiment_note(campaign: Campaign, experiment: str, page: str) -> str:
    """The text above the experiment's pages, in whatever mode they were opened (Markdown); `page`
    is the run that stands for the campaign.
    """
    return (
        f"One run a trial of campaign {campaign.id}, parameters are the choices that made a "
        f"difference. [Table of runs, best first]({view_url('', experiment)[1:]}). "
        f"[The campaign: space, budget, environment and report]({run_path(experiment, page)})"
    )


def view_url(base: str, experiment_id: str) -> str:
    """The address of an experiment's runs table, best first, on the MLflow server at `base`."""
    query = urlencode({"viewStateShareKey": VIEW})
    return f"{base.rstrip('/')}/{runs_path(experiment_id)}&{query}"


def run_path(experiment_id: str, run: str) -> str:
    """A run on MLflow's page."""
    return f"#/experiments/{experiment_id}/runs/{run}"


def runs_path(experiment_id: str) -> str:
    """An experiment's runs table on MLflow's page; as `ventral ui` serves it, with our columns.

    The workflow has to be in the address: without it, MLflow opens a browser that was never
    there before in its mode for language models, whatever the experiment's tags say.
    """
    return f"#/experiments/{experiment_id}/runs?{urlencode({'workflowType': 'machine_learning'})}"


_COLUMNS = {
    "metrics.`top1`": 90,
    "metrics.`test_top1`": 90,
    "tags.`ventral.cell`": 150,
    "tags.`ventral.recurrent`": 120,
    "tags.`ventral.vs_matched`": 160,
    "tags.`ventral.motifs`": 200,
    "tags.`ventral.status`": 100,
    "metrics.`parameters`": 100,
    "metrics.`macs`": 100,
    "metrics.`epochs`": 80,
}
"""The columns that matter, in MLflow's names, with their widths on the screen in pixels."""


def _view(campaign: Campaign) -> str:
    """The saved view in the form in which MLflow's page keeps it."""
    at, state = milliseconds(campaign.created), json.dumps(table_state())
    return json.dumps({"name": "Best first", "createdAt": at, "updatedAt": at, "state": state})


def table_state() -> dict[str, object]:
    """The runs table, best first, with our columns: the state that MLflow's page keeps of one."""
    return {
        "searchFilter": "",
        "orderByKey": "metrics.`top1`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": list(_COLUMNS),
        "columnOrder": list(_COLUMNS),
        "columnWidths": _COLUMNS,
    }
