"""From a file, or the store's document, and `--set` overrides to a campaign that can run."""

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search import samplers
from search.campaign.cards import choose_share
from search.campaign.checks import check
from search.campaign.functions import close_functions
from search.campaign.settings import Campaign, Resources, Sampler
from search.campaign.splits import check_splits, decides
from search.campaign.trainings import control_runs
from search.host.machine import Machine, machine
from space.documents.files import parse_yaml, read_document
from space.documents.outside import path_exists
from space.documents.trees import place
from space.documents.validation import quote
from space.errors import CampaignError
from space.space import Space
from workers.job import Recipe


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A campaign that can run, and its space, which was parsed to check it: `space.document()` is
    the campaign's `space`.
    """

    campaign: Campaign
    space: Space


def load_with_space(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Loaded:
    """The campaign of a YAML or JSON file, or of a document like one, with `overrides`
    ("budget.trials=8") applied; and its space.

    Its space is worked in and the path of its images made absolute (from the folder of the file;
    an override's and a document's from the current one), so that the campaign no longer depends
    on where either lies. Raises CampaignError, SpaceError or GenomeError for whatever would keep
    it from running on `offered`, by default this machine.
    """
    if isinstance(source, Mapping):
        return _loaded(copy.deepcopy(dict(source)), "", overrides, Path("campaign"), offered)
    path = Path(source)
    document = read_document(path, CampaignError)
    _place_files(document, path.parent)
    return _loaded(document, str(path), overrides, path, offered)


def load(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign of `load_with_space` alone."""
    return load_with_space(source, overrides, offered=offered).campaign


def clone_with_space(
    document: Mapping[str, Any],
    where: str,
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Loaded:
    """The campaign of a closed document, as the store keeps it, with `overrides` applied; and its
    space.

    Checked as by `load`; `where` names it in errors. A space that an override names by a path is
    looked for in the current folder. Its sampler is of the latest version.
    """
    opened = copy.deepcopy(dict(document))
    opened.get("sampler", {}).pop("version", None)
    opened.get("resources", {}).pop("card", None)
    opened["recipe"] = _unset(opened["recipe"], Recipe().model_dump(mode="json"))
    return _loaded(opened, where, overrides, Path("campaign"), offered)


def clone(
    document: Mapping[str, Any],
    where: str,
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign of `clone_with_space` alone."""
    return clone_with_space(document, where, overrides, offered=offered).campaign


def _unset(closed: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a closed recipe says beyond the defaults: the rest may stand in a space."""
    kept = {key: item for key, item in closed.items() if item != defaults.get(key)}
    for key, item in kept.items():
        if isinstance(item, Mapping) and isinstance(defaults.get(key), Mapping):
            kept[key] = _unset(item, defaults[key])
    return kept


CHANGEABLE = ("budget", "keep", "retries", "resources", "priority", "reuse")
"""What may change in a campaign that has begun: nothing that a result or a decision rests on.
The card that memory was forecast for is such a thing, and under `limits.memory` whether trials
take GPUs: it decides the precision, and with it what fits.
"""
_LIKE_IT = "start a campaign like it, with `ventral submit --from ID --set ...`"


def amend(document: Mapping[str, Any], where: str, overrides: Sequence[str]) -> Campaign:
    """The campaign of a closed document, changed while it is being carried out.

    Raises CampaignError for a wrong value, for a key that results depend on, and for a budget that
    makes a search on the test split of trainings by which nothing was decided.
    """
    changed = copy.deepcopy(dict(document))
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key.partition(".")[0] not in CHANGEABLE:
            raise CampaignError(
                f"--set {override}",
                f"{key} cannot change in a campaign that has begun; {', '.join(CHANGEABLE)} can",
                _LIKE_IT,
            )
        apply(changed, override)
    try:
        amended = Campaign.parse(changed, where)
    except CampaignError as error:
        raise _blamed(error, overrides, where) from None
    begun = Campaign.parse(document, where)
    if begun.resources.card != amended.resources.card:
        raise CampaignError(
            "resources.card",
            "decides what fits, and cannot change in a campaign that has begun",
            _LIKE_IT,
        )
    if begun.limits.memory is not None and (
        bool(begun.resources.gpus) != bool(amended.resources.gpus)
    ):
        raise CampaignError(
            "resources.gpus",
            "decides what fits into limits.memory, and cannot change in a campaign that has begun",
            _LIKE_IT,
        )
    if amended.budget.trials > begun.budget.trials:
        _refuse_search_on_test(begun, amended)
    return amended


def _refuse_search_on_test(begun: Campaign, amended: Campaign) -> None:
    """Refuse a budget beyond the controls of a campaign that decides nothing, if a search would
    not have been allowed in its place. Raises CampaignError.
    """
    space = _space(amended.space, Path("campaign"))
    if decides(begun, space) or not decides(amended, space):
        return
    try:
        check_splits(amended, space)
    except CampaignError as error:
        raise CampaignError(
            "budget.trials",
            f"{amended.budget.trials} trials are more than the controls that the campaign trains: "
            f"the others would be searched for by the test split ({error.where}: {error.problem})",
            f"write at most {len(control_runs(amended, space))}",
        ) from None


def _loaded(
    document: Any, where: str, overrides: Sequence[str], file: Path, offered: Machine | None
) -> Loaded:
    """A document with overrides as a campaign that can run; spaces lie beside `file`."""
    for override in overrides:
        apply(document, override)
    _place_files(document, Path())
    try:
        campaign = Campaign.parse(document, where)
    except CampaignError as error:
        raise _blamed(error, overrides, where) from None
    space = _space(campaign.space, file)
    offered = offered or machine()
    check(campaign, space, offered)
    share = choose_share(campaign.resources, offered)
    closed = {
        "space": space.document(),
        "recipe": close_functions(_threaded(campaign.recipe, campaign.resources)),
        "sampler": _versioned(campaign.sampler),
        "resources": campaign.resources.model_copy(update={"card": share}),
    }
    return Loaded(campaign=campaign.model_copy(update=closed), space=space)


def _place_files(document: Any, folder: Path) -> None:
    """Make the paths of images and of networks absolute, in place: `folder` is where they start.

    A network may also be named otherwise: what is there is a path.
    """
    enqueued = document.get("enqueue") if isinstance(document, Mapping) else None
    if isinstance(document, dict) and isinstance(enqueued, list | tuple):
        document["enqueue"] = [place_network(one, folder) for one in enqueued]
    _place_data(document, folder)


def place_network(written: Any, folder: Path) -> Any:
    """A network that a campaign names, with an absolute path if that is how it is named; a path
    starts at `folder`.
    """
    if not isinstance(written, str) or not path_exists(folder / written):
        return written
    return str((folder / written).absolute())


def _place_data(document: Any, folder: Path) -> None:
    """Make the path of the images absolute, in place: `folder` is where it starts."""
    data = document.get("data") if isinstance(document, Mapping) else None
    path = data.get("path") if isinstance(data, Mapping) else None
    if isinstance(data, dict) and isinstance(path, str) and path:
        # pathlib would follow links, and refuse the home of an unknown user: any text is a path.
        written = os.path.join(folder, os.path.expanduser(path))  # noqa: PTH111, PTH118 - as above
        data["path"] = os.path.abspath(written)  # noqa: PTH100 - as above


def _threaded(recipe: Recipe, resources: Resources) -> Recipe:
    """The recipe with as many threads as a trial has whole cores, unless it says how many.

    It is written down, because sums are taken in another order by another number of threads.
    """
    if "threads" in recipe.model_fields_set:
        return recipe
    return recipe.model_copy(update={"threads": max(1, int(resources.cpus))})


def _versioned(sampler: Sampler) -> Sampler:
    """The sampler with its version, the latest one unless it says which."""
    version = sampler.version or samplers.latest_version(sampler.name)
    return sampler.model_copy(update={"version": version})


def apply(document: Any, override: str) -> None:
    """Write one override, `a.b[2]=value`, into a document; mappings on the way are made.

    The value is read as YAML. Raises CampaignError if the path leads through something that is
    neither a mapping nor a list with that place; names are checked when the document is parsed.
    """
    written, equals, text = override.partition("=")
    where = f"--set {override}"
    if not equals or not written.strip():
        raise CampaignError(where, "is not of the form PATH=VALUE", "write budget.trials=8, say")
    value = parse_yaml(text, where, CampaignError)
    try:
        # Emptied first: a mapping replaces the one that is there, it is not merged into it.
        place(document, written.strip(), None, CampaignError)
        place(document, written.strip(), value, CampaignError)
    except CampaignError as error:
        raise CampaignError(where, f"{error.where} {error.problem}".strip(), error.cure) from None


def _blamed(error: CampaignError, overrides: Sequence[str], file: str) -> CampaignError:
    """The error with the override in place of the file where the override is to blame."""
    field = error.where.removeprefix(file).removeprefix(": ")
    for override in overrides:
        written = override.partition("=")[0].strip()
        parent, _, key = written.rpartition(".")
        inside = field == written or field.startswith((f"{written}.", f"{written}["))
        unknown = field == parent and error.problem == f"unknown key {quote(key)}"
        # A misspelt mapping on the way is an unknown key further up.
        above = written.startswith(f"{field}." if field else "") and any(
            error.problem == f"unknown key {quote(step)}" for step in written.split(".")
        )
        if inside or unknown or above:
            cure = error.cure
            if field == written and error.problem.endswith("is not text"):
                cure = f"""write {written}='"{override.partition("=")[2].strip()}"'"""
            return CampaignError(f"--set {override}", error.problem, cure)
    return error


def _space(written: str | dict[str, Any], file: Path) -> Space:
    """The space that a campaign file names or holds. Raises SpaceError or GenomeError."""
    if isinstance(written, str):
        return Space.load(written, file.parent, where=f"{file}: space")
    return Space.parse(written, f"{file}: space", folder=file.parent)
