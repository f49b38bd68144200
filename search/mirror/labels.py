"""Names, notes and tags go to MLflow when they are written, and runs of a removed campaign go.

What cannot be sent now is sent by the campaign's next mirror: it writes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from search.host.home import Home
from search.mirror.campaign_page import write_page
from search.mirror.client import Client, open_client
from search.mirror.database import no_strays
from search.mirror.landing import has_runs_in, is_missing
from search.mirror.runs import NAME_TAG, campaign_tags, label_tags
from search.review.lesions import read_lesions
from search.store import Campaign, Store


def has_runs(home: Home, campaign: Campaign) -> bool:
    """Whether the home's MLflow has runs of the campaign."""
    return has_runs_in(campaign, home.tracking_uri) and not is_missing(home.tracking_uri)


def publish_campaign(home: Home, store: Store, campaign_id: str, *, renamed: bool = False) -> None:
    """Write a campaign's page anew, and the name and the tags of its experiment; if it was
    `renamed`, also its name into every run of it.

    Nothing is done if the home's MLflow has no runs of it. Raises what MLflow raises.
    """
    campaign = store.campaigns.get(campaign_id)
    if not has_runs(home, campaign):
        return
    with _connect(home, campaign.id) as client:
        label, lesions = store.labels.find(campaign.id), read_lesions(store, campaign.id)
        write_page(client, campaign, str(campaign.experiment), label, lesions)
        if renamed:
            tag = {NAME_TAG: campaign_tags(campaign)[NAME_TAG]}
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
