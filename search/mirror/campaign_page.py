"""The page of a campaign in MLflow: one run of its experiment that stands for the campaign.

It says what was searched, by what, within which budget and where, links to the trials and to the
report, and holds the report and the documents that others read the campaign from
(`dashboards.from_mlflow`). The text above the table of runs links to it. It is not the trials'
parent by MLflow's nesting: a table that nests hides them behind an arrow.

Pure values but for `publish_report` and `read_environment`.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from search.host.home import Home, same_tracking
from search.mirror.client import Client, open_client
from search.mirror.database import no_strays
from search.mirror.experiments import experiment_note, run_path, runs_path
from search.mirror.runs import (
    KEY_TAG,
    NOTE_TAG,
    TAG_LENGTH,
    WORDS_TAG,
    MlflowRun,
    campaign_tags,
    cut,
    label_tags,
    milliseconds,
)
from search.review.lesions import Lesion
from search.store import Campaign, Label
from space.documents.outside import markdown, printable
from space.errors import InputError
from space.space import Space

PAGE_TAG = "ventral.page"
"""Only a campaign's page has it."""

CAMPAIGN_FILE, REPORT_FILE = "campaign.json", "report.html"
COMPARISON_FILE = "comparison.html"
"""The latest report in which the campaign stands beside others."""
LESIONS_FILE = "lesions.json"
"""What `ventral lesion` found of trials of the campaign, where it was asked."""
_FOUND = {
    REPORT_FILE: "Report",
    COMPARISON_FILE: "Beside other campaigns",
    LESIONS_FILE: "Lesions",
}

_PACKAGES = ("ventral-search", "torch", "ray", "mlflow")


def page_key(campaign_id: str) -> str:
    """The value of KEY_TAG by which the page is found again."""
    return f"{campaign_id}/page"


def page_of(
    campaign: Campaign, environment: Mapping[str, str], lesions: Sequence[Lesion] = ()
) -> MlflowRun:
    """The page as MLflow gets it, without its text, which links to the page itself."""
    at = milliseconds(campaign.created)
    document = {
        key: getattr(campaign, key)
        for key in ("id", "name", "document", "space", "data", "created")
    }
    return MlflowRun(
        name=cut(f"Campaign {printable(campaign.name)}", 200),
        status="FINISHED",
        started=at,
        ended=at,
        parameters={},
        metrics=(),
        tags={
            KEY_TAG: page_key(campaign.id),
            PAGE_TAG: "campaign",
            **campaign_tags(campaign),
        },
        files={
            CAMPAIGN_FILE: json.dumps(document, indent=2) + "\n",
            "environment.json": json.dumps(dict(environment), indent=2) + "\n",
        }
        | ({LESIONS_FILE: json.dumps([asdict(one) for one in lesions])} if lesions else {}),
    )


def write_note(
    campaign: Campaign,
    environment: Mapping[str, str],
    experiment: str,
    page: str,
    *,
    reports: Collection[str] = (),
    label: Label | None = None,
) -> str:
    """The text of the page (Markdown); `page` is its run, `reports` the names of its reports and
    of what else was found, and `label` what people wrote of it.
    """
    links = [
        f"[{title}]({file_path(experiment, page, name)})"
        for name, title in _FOUND.items()
        if name in reports
    ]
    links.append(f"[Trials, best first]({runs_path(experiment)})")
    links.append(f"[Campaign file, space and data]({file_path(experiment, page, CAMPAIGN_FILE)})")
    label = label or Label()
    facts = {
        "Campaign": campaign.id,
        "Tags": ", ".join(label.tags),
        "Space": _describe_space(campaign),
        "Data": _describe_data(campaign),
        "Sampler": _name_of(campaign.document.get("sampler")),
        "Scheduler": _name_of(campaign.document.get("scheduler")),
        "Budget": _list_fields(campaign.document.get("budget")),
        "Limits": _list_fields(campaign.document.get("limits")),
        "Environment": _list_fields(environment),
    }
    rows = [f"| {name} | {markdown(fact)} |" for name, fact in facts.items() if fact]
    noted = [markdown(label.note, lines=True), ""] if label.note else []
    text = "\n".join([*noted, " · ".join(links), "", "| | |", "|---|---|", *rows])
    return cut(text, TAG_LENGTH)


def file_path(experiment: str, run: str, name: str) -> str:
    """The address of a run's file on MLflow's page."""
    return f"{run_path(experiment, run)}/artifacts/{name}"


def read_environment() -> dict[str, str]:
    """What this process runs on: versions of packages, Python, the system and its cores."""
    known = {}
    for name in _PACKAGES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known | {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
    }


def write_page(
    client: Client,
    campaign: Campaign,
    experiment: str,
    label: Label | None = None,
    lesions: Sequence[Lesion] = (),
) -> str:
    """Write a campaign's page with its `label` and its `lesions`, and give its run; one that is
    there is brought up to date.
    """
    environment = read_environment()
    run_id = client.find(experiment, page_key(campaign.id))
    run_id = client.write(experiment, page_of(campaign, environment, lesions), run_id)
    reports = [name for name in _FOUND if client.has_file(run_id, name)]
    note = write_note(campaign, environment, experiment, run_id, reports=reports, label=label)
    tags = label_tags(label)
    client.tag(run_id, tags | {NOTE_TAG: note})
    client.name_experiment(experiment, campaign)
    if label is not None:
        client.tag_experiment(experiment, {WORDS_TAG: tags[WORDS_TAG]})
    client.complete(experiment, {NOTE_TAG: experiment_note(campaign, experiment, run_id)})
    return run_id


def publish_report(
    home: Home,
    campaign: Campaign,
    report: str,
    label: Label | None = None,
    *,
    file: str = REPORT_FILE,
) -> str | None:
    """Put a report (HTML) on the campaign's page in MLflow; the page's run. `label` is what people
    wrote of the campaign.

    `file` is REPORT_FILE, or COMPARISON_FILE for a report of several campaigns.
    None if the home's MLflow has no runs of the campaign. Raises what MLflow raises if it cannot
    be reached.
    """
    if campaign.experiment is None or not same_tracking(campaign.tracking, home.tracking_uri):
        return None
    with no_strays(home.tracking_uri):
        client = open_client(home, campaign.id)
        run_id = client.find(campaign.experiment, page_key(campaign.id))
    try:
        run_id = run_id or write_page(client, campaign, campaign.experiment, label)
        client.upload(run_id, {file: report})
        return write_page(client, campaign, campaign.experiment, label)
    finally:
        client.close()


def _describe_space(campaign: Campaign) -> str:
    name = campaign.space.get("name")
    try:
        choices = f"{len(Space.parse(campaign.space, 'space').parameters)} choices"
    except InputError:
        choices = ""
    return ", ".join(str(part) for part in (name, choices) if part)


def _describe_data(campaign: Campaign) -> str:
    counts = campaign.data.get("counts")
    images = [f"{count} {split}" for split, count in counts.items()] if counts else []
    size = campaign.data.get("size")
    pixels = [f"{size} pixels"] if size else []
    return ", ".join([str(campaign.data.get("name", "")), *pixels, *images])


def _name_of(part: object) -> str:
    return str(part.get("name", "")) if isinstance(part, Mapping) else str(part or "")


def _list_fields(fields: object) -> str:
    if not isinstance(fields, Mapping):
        return ""
    return ", ".join(f"{key} {value}" for key, value in fields.items() if value is not None)
