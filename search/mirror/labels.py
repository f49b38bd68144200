"""Names, notes and tags go to MLflow when they are written, and runs of a removed campaign go.

What cannot be sent now is sent by the campaign's next mirror: it writes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from search.host.home import Home, same_tracking, sqlite_file
from search.mirror.campaign_page import write_page
from search.mirror.client import Client, open_client
from search.mirror.database import no_strays
from search.mirror.experiments import NAME_TAG, experiment_tags
from search.mirror.runs import label_tags
from search.store import Campaign, Store


def has_runs(home: Home, campaign: Campaign) -> bool:
    """Whether the home's MLflow has runs of the campaign."""
    file = sqlite_file(home.tracking_uri)
    if campaign.experiment is None or (file is not None and not file.exists()):
        return False
    return same_tracking(campaign.tracking, home.tracking_uri)


def publish_campaign(home: Home, store: Store, campaign_id: str) -> None:
    """Write a campaign's page anew, and the name and the tags of its experiment.

    Nothing is done if the home's MLflow has no runs of it. Raises what MLflow raises.
    """
    campaign = store.campaigns.get(campaign_id)
    if not has_runs(home, campaign):
        return
    with _connect(home, campaign.id) as client:
        write_page(client, campaign, str(campaign.experiment), store.labels.find(campaign.id))


def publish_name(home: Home, store: Store, campaign_id: str) -> None:
    """As `publish_campaign`, after a new name, which every run of the campaign has as a tag."""
    publish_campaign(home, store, campaign_id)
    campaign = store.campaigns.get(campaign_id)
    if not has_runs(home, campaign):
        return
    tag = {NAME_TAG: experiment_tags(campaign)[NAME_TAG]}
    with _connect(home, campaign.id) as client:
        for run in store.outbox.runs(campaign.id).values():
            client.tag(run, tag)


def publish_trial(home: Home, store: Store, campaign_id: str, number: int) -> None:
    """Write what people said of a trial into its run, if it has one. Raises what MLflow raises;
    then the run is sent again with the next that ends.
    """
    campaign = store.campaigns.get(campaign_id)
    run = store.outbox.runs(campaign.id).get(number)
    if run is None or not has_runs(home, campaign):
        return
    try:
        with _connect(home, campaign.id) as client:
            client.tag(run, label_tags(store.labels.find(campaign.id, number)))
    except Exception:
        store.outbox.resend(campaign.id, number)
        raise


def delete_runs(home: Home, campaign: Campaign) -> None:
    """Delete a campaign's experiment with all its runs, as MLflow deletes: `mlflow gc` frees what
    its database keeps of them. Nothing is done twice. Raises what MLflow raises.
    """
    if has_runs(home, campaign):
        with _connect(home, campaign.id) as client:
            client.delete_experiment(str(campaign.experiment), campaign.id)


@contextmanager
def _connect(home: Home, campaign_id: str) -> Iterator[Client]:
    with no_strays(home.tracking_uri):
        client = open_client(home, campaign_id)
    try:
        yield client
    finally:
        client.close()
