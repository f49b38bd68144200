"""Ventral: architecture search for convolutional recurrent models of the visual system.

The few names that a notebook needs. Each loads what it needs when it is called: `import ventral`
loads neither torch nor pandas, and `load` neither Ray nor MLflow nor a database. Each raises
ImportError where a file or folder of the user's hides one of Ventral's packages.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ventral import figures
from ventral.extras import guard_imports
from ventral.packages import offer_long_names
from ventral.reading import (
    example,
    importance,
    lesions,
    open_home,
    read_campaign,
    reports,
    steps,
    trials,
)

if TYPE_CHECKING:
    from torch import Tensor

    from models.build import Network, Trace
    from search.driver import RunResult
    from search.review.evidence import Evidence
    from search.review.ranking import Kind
    from search.upkeep.certification import Certified
    from workers.card import Card
    from workers.evaluation import Evaluation
    from workers.job import ScoredSplit

offer_long_names()

__all__ = [
    "card",
    "certify",
    "evaluate",
    "example",
    "export",
    "figures",
    "importance",
    "lesions",
    "load",
    "network",
    "normalise",
    "read_campaign",
    "record_activations",
    "reports",
    "resume",
    "steps",
    "submit",
    "trials",
]


@guard_imports()
def submit(
    campaign: "str | Path | Mapping[str, Any]",
    *,
    overrides: Sequence[str] = (),
    enqueue: "Sequence[str | Path]" = (),
    home: str | Path | None = None,
    run: bool = True,
    new: bool = False,
    address: str | None = None,
) -> "RunResult":
    """Put a campaign on record and run it to its end; with `run=False`, only put it on record.

    `campaign` is a campaign file, or its document as a mapping; `overrides` change fields
    ("budget.trials=8"). Networks to `enqueue` are trained first and searched around: genomes'
    files, exports, models of the zoo, or "CAMPAIGN/TRIAL". `home` is a folder (default:
    VENTRAL_HOME), made if it is not there; trials run on this machine, or on the Ray cluster at
    `address`. Ctrl-C stops the run, keeps everything, and returns. The result has the
    `campaign_id`, the `state` ("finished", "stopped", "failed", or "waiting" if it was not run),
    its `reason` and the number of `trials` by status.

    Raises InputError for a campaign that cannot run here and, unless `new`, for one like it that
    is to be resumed; DataError for missing data, VentralError if Ray breaks down.
    """
    from search.campaign import load_with_space
    from search.upkeep.enqueueing import with_enqueued
    from search.upkeep.submission import launch, read_offered

    loaded = load_with_space(campaign, overrides, offered=read_offered(address))
    made = with_enqueued(loaded.campaign, enqueue)
    with open_home(home, create=True) as (place, store):
        return launch(made, place, store, space=loaded.space, run=run, new=new, address=address)


@guard_imports()
def resume(
    campaign: str,
    *,
    overrides: Sequence[str] = (),
    home: str | Path | None = None,
    address: str | None = None,
) -> "RunResult":
    """Go on with a campaign (an id, or a name) that has not ended; the result is `submit`'s.

    `overrides` change what may change ("budget.trials=80"): then a finished one goes on, too.
    Raises InputError for an unknown campaign, a name of several, a change that is not possible,
    or a campaign that is running.
    """
    from search.upkeep.submission import resume_campaign

    with open_home(home) as (place, store):
        return resume_campaign(campaign, place, store, overrides, address=address)


@overload
def certify(
    campaign: str,
    *,
    matched: Literal[False] = False,
    top: int = 3,
    seeds: int = 5,
    trials: Sequence[int] = (),
    all_data: bool = False,
    overrides: Sequence[str] = (),
    home: str | Path | None = None,
    run: bool = True,
    new: bool = False,
    address: str | None = None,
) -> "Certified": ...
@overload
def certify(
    campaign: str,
    *,
    matched: Literal[True],
    top: int = 3,
    seeds: int = 5,
    trials: Sequence[int] = (),
    all_data: bool = False,
    overrides: Sequence[str] = (),
    home: str | Path | None = None,
    run: Literal[True] = True,
    new: bool = False,
    address: str | None = None,
) -> "Evidence": ...
@guard_imports()
def certify(  # noqa: PLR0913  (each is an option of the command)
    campaign: str,
    *,
    matched: bool = False,
    top: int = 3,
    seeds: int = 5,
    trials: Sequence[int] = (),
    all_data: bool = False,
    overrides: Sequence[str] = (),
    home: str | Path | None = None,
    run: bool = True,
    new: bool = False,
    address: str | None = None,
) -> "Certified | Evidence":
    """Train the `top` best cells of a campaign, or some `trials`, and its controls again, from
    `seeds` other seeds each, and score them on the test split.

    With `all_data` they are trained on the validation images as well. That is a campaign of its
    own, which is put on record and run as by `submit`: `run` in the result is how that ended,
    `networks` has the mean and the deviation of each network over its seeds, the best first.

    With `matched` the best recurrent cells are trained beside feedforward controls of their
    parameters, multiply-adds and depth, all tuned alike: several campaigns, one after the other.
    The result is what they show: `networks` with their scores, `verdicts` with the interval of
    each difference, `leads` with the luck of each winner; `document()` is all of it as JSON. What
    was trained before is not trained again.

    Raises InputError for an unknown campaign or trial, VentralError if no cell has a score yet
    or, with `matched`, if a campaign was stopped (the same call goes on), and what `submit` does.
    """
    from search.upkeep.certification import certify_campaign, choose_winners
    from search.upkeep.submission import Driving

    with open_home(home) as (place, store):
        record = store.campaigns.get(campaign)
        if matched:
            from search.upkeep.matched_certification import Matching, certify_matched
            from space.errors import InputError

            if not run:
                problem = "is for one campaign, and matched=True has several, one after the other"
                raise InputError("run=False", problem, "leave one of the two out")
            matching = Matching(
                top=top,
                numbers=trials,
                seeds=seeds,
                overrides=overrides,
                all_data=all_data,
                new=new,
                address=address,
            )
            return certify_matched(store, place, record, matching)
        winners = choose_winners(store, record, top=top, trials=trials)
        driving = Driving(run=run, new=new, address=address)
        return certify_campaign(
            store, place, record, winners, seeds, overrides, all_data=all_data, **driving
        )


@guard_imports()
def export(
    campaign: str,
    to: str | Path,
    *,
    top: int | None = None,
    trial: int | None = None,
    kind: "Kind | None" = None,
    home: str | Path | None = None,
) -> list[Path]:
    """Write the `top` best cells of a campaign, or one `trial`, as folders in `to`; these folders,
    the best first.

    Each holds a genome, weights and a card, and is what `load` reads. `kind` keeps "recurrent" or
    "feedforward" networks. Raises InputError unless one of `top` and `trial` is given, for an
    unknown campaign or trial and for a URL (`ventral export --to` takes one), VentralError if
    there is no score yet or weights were not kept.
    """
    from search.upkeep.exports import choose_trials, export_trials
    from space.errors import InputError

    if "://" in str(to):
        raise InputError("to", f"{to} is a URL", "name a folder, or use `ventral export --to`")
    with open_home(home) as (place, store):
        record = store.campaigns.get(campaign)
        chosen = choose_trials(store, record, top=top, trial=trial, kind=kind)
        exported = export_trials(store, place, record, chosen, Path(to))
        return [Path(one.place) for one in exported]


@guard_imports()
def load(export: str | Path) -> "Network":
    """The trained network of what `ventral export` wrote (a folder, or the URL of one), in
    evaluation mode.

    Raises InputError if that is not an export or is damaged.
    """
    from workers.export import load as load_export
    from workers.published_export import bring_export

    return load_export(bring_export(export))


@guard_imports()
def card(export: str | Path) -> "Card":
    """The facts of an export: data, seed, recipe, scores. Raises InputError."""
    from workers.export import read_card
    from workers.published_export import bring_export

    return read_card(bring_export(export))


@guard_imports()
def normalise(pixels: Any, facts: "Card", *, value_range: float | None = None) -> "Tensor":
    """Images as the network of `facts` takes them: float32 [N,C,H,W].

    `pixels` is an array or a tensor, a batch [N,H,W,C] or one image [H,W,C] (a batch of one
    then), channels last or first, of uint8 from 0 to 255; or an image of Pillow, or a list of
    some. For any other type `value_range` is the value of white: 1.0 for pixels in 0..1, say.
    Raises InputError for another type, shape, range or size.
    """
    from space.errors import InputError
    from workers.card import Card
    from workers.data.preprocessing import normalise_pixels

    if not isinstance(facts, Card):
        raise InputError("facts", f"a {type(facts).__name__}", "give what ventral.card() returned")
    return normalise_pixels(pixels, facts, size=facts.image_size, value_range=value_range)


@guard_imports()
def evaluate(
    export: str | Path, *, split: "ScoredSplit" = "test", home: str | Path | None = None
) -> "Evaluation":
    """Score an export on a split of its data: test, or the validation that its search decided by.

    An opening of the test split is put on record in the store of `home` (default: VENTRAL_HOME) if
    that has the export's campaign, and the first in the export's card. The data is packed anew if
    `home` does not hold the pack. Raises
    InputError for a damaged export, DataError if the data is missing or is not the one recorded.
    """
    from search.host.home import Home
    from search.upkeep.evaluation import evaluate_on_record

    command = f"ventral.evaluate({str(export)!r})"
    return evaluate_on_record(export, Home.at(home), split, command=command).scores


@guard_imports()
def network(
    genome: "str | Path | dict[str, Any]",
    *,
    image_size: int | None = None,
    classes: int | None = None,
    seed: int = 0,
) -> "Network":
    """An untrained network: of a zoo model's name, a genome's file or document, or an export.

    `image_size` and `classes` replace the genome's own; the names are those of `ventral zoo list`.
    Raises InputError for an unknown name, GenomeError for a genome that describes no network.
    """
    from models.build import build
    from space.errors import InputError
    from space.genome import Genome
    from space.genomes import find_genome

    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError("seed", f"{seed!r} is not a seed", "give a whole number from 0")
    parsed = Genome.parse(genome) if isinstance(genome, dict) else find_genome(genome)
    return build(
        parsed.with_images(
            size=parsed.image.size if image_size is None else image_size,
            channels=parsed.image.channels,
            classes=parsed.classes if classes is None else classes,
        ),
        seed=seed,
    )


@guard_imports()
def record_activations(network: "Network", images: "Tensor", names: Sequence[str]) -> "Trace":
    """What modules of a network put out, by their names and the step (0-based), [B,...] each.

    `names` are those of `network.named_modules()`, such as `stages.conv3`,
    `stages.conv3.cell.states.out`, a gate or a term within a cell, or `head`. `images` [B,C,S,S]
    are normalised already. Raises InputError for a name that no module has, or whose module only
    holds others.
    """
    from models.recording import record_activations as record

    return record(network, images, names)
