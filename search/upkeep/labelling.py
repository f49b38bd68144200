"""What people write of a campaign or of a trial: into the store, and from there into MLflow."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from search.host.home import Home
from search.mirror.labels import publish_campaign, publish_trial
from search.store import Campaign, Label, State, Store
from search.upkeep.naming import choose_campaign
from space.documents.bounds import NAME
from space.errors import InputError, StoreError

LONGEST_NOTE = 4000
"""Letters."""
MOST_TAGS = 50

RENAMABLE: tuple[State, ...] = ("waiting", "finished", "stopped", "failed", "interrupted")

_TAG = re.compile(r"\w[\w.:+-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a label is of: a campaign, or its trial `number`."""

    campaign: Campaign
    number: int | None = None

    @property
    def name(self) -> str:
        """As it can be written again: ID or ID/NUMBER."""
        return self.campaign.id if self.number is None else f"{self.campaign.id}/{self.number}"


def find_target(store: Store, called: str) -> Target:
    """The campaign that is called so, by its id or its name, or the trial CAMPAIGN/NUMBER.

    Raises StoreError for what is not there, InputError for a name of several campaigns.
    """
    path, slash, number = called.rpartition("/")
    if slash and number.isdecimal() and not store.campaigns.named(called):
        campaign = _choose(store, path)
        trial = store.results.get(campaign.id, int(number))
        return Target(campaign=campaign, number=trial.number)
    return Target(campaign=_choose(store, called))


def _choose(store: Store, called: str) -> Campaign:
    """The one campaign that is called so: which of several is meant nobody can guess."""
    choice = choose_campaign(store, called)
    if choice.others:
        ids = ", ".join(one.id for one in (choice.record, *choice.others))
        raise InputError(called, f"names several campaigns: {ids}", "give an id")
    return choice.record


def write_note(store: Store, target: Target, text: str) -> Label:
    """Put a note in the place of the one before; an empty one takes it away.

    Raises InputError for a text that is too long.
    """
    if len(text) > LONGEST_NOTE:
        cure = f"write at most {LONGEST_NOTE:,}, and a link to the rest"
        raise InputError("note", f"has {len(text):,} letters", cure)
    return store.labels.write_note(target.campaign.id, text.strip(), target.number)


def change_tags(
    store: Store, target: Target, add: Sequence[str], remove: Sequence[str] = ()
) -> Label:
    """Add tags and take tags away. Raises InputError for what is no tag, and for too many."""
    for word in add:
        check_tag(word)
    before = store.labels.find(target.campaign.id, target.number) or Label()
    if len({*before.tags, *add} - set(remove)) > MOST_TAGS:
        problem = f"would have more than {MOST_TAGS} tags"
        raise InputError(target.name, problem, "write a note, or remove some")
    return store.labels.change_tags(target.campaign.id, add, remove, target.number)


def check_tag(word: str) -> None:
    """Raises InputError for a text that cannot be a tag."""
    if not _TAG.fullmatch(word):
        cure = "write one word of letters, digits and _ . : + -, of at most 40 signs"
        raise InputError("tag", f"{word!r} is not a tag", cure)


def rename_campaign(store: Store, campaign: Campaign, name: str) -> Campaign:
    """Give a campaign another name. Raises InputError for a text that cannot be a name,
    StoreError while a driver is at work on it.
    """
    if not 0 < len(name.strip()) <= NAME:
        raise InputError("name", f"{name!r} is not a name", f"write 1 to {NAME} letters")
    try:
        is_id = store.campaigns.get(name).id == name
    except StoreError:
        is_id = False
    if is_id:
        problem = f"{name!r} is the id of a campaign"
        raise InputError("name", problem, "write another: an id always means its own campaign")
    return store.labels.rename(campaign.id, name)


def publish(store: Store, home: Home, target: Target, *, renamed: bool = False) -> str | None:
    """Send what was written to MLflow, or the name of a campaign that was `renamed`; why it could
    not be sent, if so: then the campaign's next mirror sends it.
    """
    try:
        if target.number is None:
            publish_campaign(home, store, target.campaign.id, renamed=renamed)
        else:
            publish_trial(home, store, target.campaign.id, target.number)
    except Exception as error:  # noqa: BLE001 - MLflow raises whatever its transport does
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return None
