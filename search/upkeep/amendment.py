"""A campaign on record that is changed before it goes on: more budget, other resources."""

from collections.abc import Sequence

from search.campaign import amend, check_resources
from search.host.machine import Machine
from search.store import Campaign, Store
from space.errors import CampaignError


def amend_campaign(
    store: Store, record: Campaign, overrides: Sequence[str], offered: Machine
) -> None:
    """Change a campaign's file on record, by overrides such as "budget.trials=80".

    Raises CampaignError for what may not change, for what `offered` has not, and for a budget of
    fewer trials than there are; then nothing is changed. Raises StoreError while it runs.
    """
    amended = amend(record.document, f"campaign {record.id}", overrides)
    check_resources(amended.resources, offered)
    trials = store.campaigns.ledger(record.id).trials
    if amended.budget.trials < trials:
        cure = f"write at least {trials}"
        problem = f"is {amended.budget.trials}, but {trials} trials are on record already"
        raise CampaignError("budget.trials", problem, cure)
    store.campaigns.set_document(record.id, amended.document(), "its budget was changed")
    store.campaigns.add_event(record.id, "changed", {"set": list(overrides)})
