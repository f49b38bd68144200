"""No work twice: what a new trial can take over from one that was trained before.

A training's numbers follow from the network, the recipe, the data and the seed, so a trial that
agrees in all four with an earlier one, of whatever campaign of the store, is answered by it. The
number of epochs is kept apart: the first epochs of a longer training are those of a shorter one,
unless the learning rate looks ahead to the end (the cosine schedule does). So a training may be
answered by a longer one, or go on from a shorter one's checkpoint, if its schedule does not look
ahead; and with equal epochs in any case.

What is taken over is the evidence itself (reports, end, checkpoint), by name: nothing is assumed
about trainings that only resemble each other.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from search.campaign import Campaign, Scheduler
from search.store import Donor, Store, Takeover
from space.errors import CheckpointError, StorageError
from workers import checkpoint, files
from workers.job import CHECKPOINT, Recipe
from workers.storage.opening import discard
from workers.storage.places import is_url, join, local_folder

_log = logging.getLogger(__name__)

FIRST_KEYS = frozenset(
    (
        *("batch_size", "evaluation_batch_size", "optimiser", "learning_rate", "momentum"),
        *("nesterov", "betas", "weight_decay", "schedule", "step_epochs", "factor"),
        *("warmup_epochs", "clip", "precision", "augmentation", "label_smoothing", "loss_steps"),
    )
)
"""The keys of a recipe that decide its numbers, as they were when works got their names."""


def work_of(digest: str, recipe: Recipe, checksum: str, seed: int) -> str:
    """The name of a work: equal for trainings that differ in their number of epochs at most.

    `digest` is the network's, `checksum` the packed data's. A key that recipes got later counts
    where it is not at its default, which has to mean what was done before there was the key.
    """
    defaults = Recipe().deciding()
    rest = {
        key: item
        for key, item in recipe.deciding().items()
        if key != "epochs" and (key in FIRST_KEYS or item != defaults.get(key))
    }
    text = json.dumps(
        [digest, _plain(rest), checksum, str(seed)], sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value with 1 and 1.0 as one number."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def find(
    store: Store, campaign_id: str, campaign: Campaign, work: str, recipe: Recipe, place: str
) -> Takeover | None:
    """What a new trial of `work` takes over; None if it has to be trained from the beginning.

    `recipe` is the trial's closed one, `place` its own (a path or URL), which gets the donor's
    checkpoint (from folder to folder in hard links, so that it costs no space) where that is what
    the trial goes on from, or was scored with.
    """
    donors = [
        donor
        for donor in store.results.donors(work, but=campaign_id)
        if _comparable(recipe, _epochs(donor))
    ]
    rules: tuple[Callable[[Donor], Takeover | None], ...] = (
        partial(_take_finished, recipe),
        _take_diverged,
        partial(_take_pruned, campaign, recipe),
    )
    for rule in rules:
        for donor in donors:
            takeover = rule(donor)
            if takeover is not None and _has_reports(store, takeover):
                if takeover.status != "failed":
                    take_checkpoint(donor, place, exactly=takeover.epochs)
                return takeover
    for donor in donors:
        epochs = donor.trial.epochs
        if 0 < epochs < recipe.epochs and take_checkpoint(donor, place, at_most=epochs):
            return Takeover(donor=donor, epochs=epochs)
    return None


def _comparable(recipe: Recipe, epochs: int) -> bool:
    return epochs == recipe.epochs or not recipe.looks_ahead


def _epochs(donor: Donor) -> int:
    """The epochs of the donor's full training."""
    return int(donor.trial.recipe.get("epochs", donor.document["recipe"]["epochs"]))


def _take_finished(recipe: Recipe, donor: Donor) -> Takeover | None:
    """As many epochs as are asked for were trained."""
    if donor.trial.epochs < recipe.epochs:
        return None
    return Takeover(donor=donor, epochs=recipe.epochs, status="finished")


def _take_diverged(donor: Donor) -> Takeover | None:
    """The same training would diverge at the same step."""
    trial = donor.trial
    if trial.status != "failed" or not (trial.reason or "").startswith("diverged"):
        return None
    return Takeover(
        donor=donor,
        epochs=trial.epochs,
        status="failed",
        reason=trial.reason,
        detail=trial.detail,
    )


def _take_pruned(campaign: Campaign, recipe: Recipe, donor: Donor) -> Takeover | None:
    """It was stopped early by the very rule that this campaign has."""
    # Another rule may be one of a package that is gone.
    if donor.document["scheduler"]["name"] != campaign.scheduler.name:
        return None
    # Closed documents of an earlier version lack the keys that came later.
    theirs = Scheduler.model_validate(donor.document["scheduler"])
    objectives = tuple(donor.document.get("objectives", ()))
    rule = (theirs, objectives) == (campaign.scheduler, campaign.objectives)
    same = rule and _epochs(donor) == recipe.epochs
    if donor.trial.status != "pruned" or donor.trial.top1 is None or not same:
        return None
    return Takeover(donor=donor, epochs=donor.trial.epochs, status="pruned")


def _has_reports(store: Store, takeover: Takeover) -> bool:
    """Whether the donor's reports of these epochs are all there."""
    trial = takeover.donor.trial
    epochs = [one.report.epoch for one in store.results.reports(trial.campaign, trial.number)]
    return epochs[: takeover.epochs] == list(range(1, takeover.epochs + 1))


# ------------------------------------------------------------------------------- checkpoints


def take_checkpoint(
    donor: Donor, place: str, *, exactly: int | None = None, at_most: int | None = None
) -> bool:
    """Put the donor's checkpoint at `place`; False if it is gone, or is of other epochs."""
    if donor.trial.folder is None:
        return False
    source = _find_source(donor.trial.folder, place)
    try:
        epoch = checkpoint_epoch(source)
        if epoch is None or epoch != (exactly or epoch) or epoch > (at_most or epoch):
            return False
        discard(place)
        _copy_checkpoint(source, join(place, CHECKPOINT))
    except (OSError, shutil.Error, CheckpointError, StorageError) as error:
        # It is being dropped by its own campaign at this moment, or its storage is away.
        _log.info("trial %s/%s: %s", donor.trial.campaign, donor.trial.number, error)
        discard(place)
        return False
    return True


def _find_source(recorded: str, place: str) -> str:
    """Where the checkpoint of a donor is, whose files were `recorded` to be there."""
    if is_url(recorded):
        return join(recorded, CHECKPOINT)
    folder = local_folder(place)
    if folder is not None:
        # The home may have moved since: its campaigns still lie side by side.
        here = folder.parents[1] / Path(recorded).parent.name / Path(recorded).name
        if here.is_dir():
            return str(here / CHECKPOINT)
    return str(Path(recorded) / CHECKPOINT)


def _copy_checkpoint(source: str, target: str) -> None:
    """From folder to folder in hard links. Raises OSError, CheckpointError, StorageError."""
    first, second = local_folder(source), local_folder(target)
    if first is None or second is None:
        checkpoint.copy(source, target)
        return
    hidden = shutil.ignore_patterns(".*")  # what is hidden there is being written
    with files.partial(second.parent, CHECKPOINT) as made:
        shutil.copytree(first, made, copy_function=_link, ignore=hidden, dirs_exist_ok=True)
        made.rename(second)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def checkpoint_epoch(place: str) -> int | None:
    """The epoch of the newest checkpoint at a place; None if there is none.

    Raises StorageError.
    """
    epoch = (checkpoint.read_meta(place) or {}).get("epoch")
    return epoch if isinstance(epoch, int) else None
