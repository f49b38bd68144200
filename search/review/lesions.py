"""What each part of a trial's network is needed for: differences of validation top-1, on record.

Two ways to find out give two answers. Without training, the rest of the network is as it was
trained to be with the part: a large loss says that it relies on it. Trained again without the
part, from the same seeds, the rest may do what the part did: a loss that stays says that it is
needed.

A difference is the lesioned network's top-1 less the whole one's. Without training both answer
the same images, and its 95 % interval is over these: the score interval for paired proportions
(Tango 1998, Stat. Med. 17:891), which holds its level for few images and for few that differ, and
has a width also where all answers are alike. It says nothing of other trainings. With trainings,
the interval is Student's over paired seeds, at Holm's level over all lesions that differ
(search/review/verdicts.py).

Nothing is trained or scored here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from search.review.verdicts import Comparison, judge
from search.store import Store
from space.parts import Kind, Part
from workers.job import ScoredSplit
from workers.shares import compare_counts

EVENT = "lesioned"
"""The kind of an entry in a campaign's history that holds the lesions of one trial."""

SPLIT: ScoredSplit = "validation"
"""What lesions are scored on: they are part of a search, and the test split is none of theirs."""


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """The effect of a part of a trial's network: how top-1 (0..1) differs without it.

    `low` to `high` is the difference's interval; None where there is none (one seed, or all seeds
    differ by the same). `difference` is None where no seed trained both networks. `retrained`:
    both were trained again; otherwise the rest kept its weights.
    """

    trial: int
    part: str
    kind: Kind
    difference: float | None
    low: float | None
    high: float | None
    retrained: bool

    def document(self) -> dict[str, Any]:
        """As JSON has it, without the trial."""
        return {key: item for key, item in asdict(self).items() if key != "trial"}


def compare_answers(gained: int, lost: int, images: int) -> tuple[float, float, float]:
    """(difference, low, high) of the shares of right answers to the same images.

    `gained` are the images that only the second network answers rightly, `lost` those that only
    the first does.
    """
    difference = compare_counts(gained, lost, images)
    return difference.value, difference.low, difference.high


def compare_trainings(
    trial: int, names: Mapping[Part, str], scores: Mapping[str, Mapping[int, float]], whole: str
) -> list[Lesion]:
    """The effects of parts by the `scores`, by name and seed, of a trial's network, which is
    called `whole`, and of what each part leaves of it. Parts that leave one network are one test;
    a part without which it is the same network has no effect.
    """
    lesioned = [name for name in dict.fromkeys(names.values()) if name != whole]
    verdicts = judge(
        [
            Comparison(winner=name, against="winner", scores=scores[name], others=scores[whole])
            for name in lesioned
        ]
    )
    effects: dict[str, tuple[float | None, float | None, float | None]] = {whole: (0.0, 0.0, 0.0)}
    effects |= {one.winner: (one.difference, one.low, one.high) for one in verdicts}
    return [
        make_lesion(trial, part, effects[name], retrained=True) for part, name in names.items()
    ]


def make_lesion(
    trial: int,
    part: Part,
    effect: tuple[float | None, float | None, float | None],
    *,
    retrained: bool,
) -> Lesion:
    """The lesion of a part whose effect is (difference, low, high)."""
    difference, low, high = effect
    return Lesion(
        trial=trial,
        part=part.name,
        kind=part.kind,
        difference=difference,
        low=low,
        high=high,
        retrained=retrained,
    )


def rank_lesions(lesions: Sequence[Lesion]) -> list[Lesion]:
    """The parts by what is lost without them, the most first; unknown differences last."""
    return sorted(lesions, key=lambda one: math.inf if one.difference is None else one.difference)


def record_lesions(
    store: Store, campaign_id: str, lesions: Sequence[Lesion], **facts: str | int
) -> None:
    """Put the lesions of one trial, all retrained or none, into the campaign's history.

    `facts` say how they were found (how many images or seeds, in which campaign).
    """
    trial, retrained = lesions[0].trial, lesions[0].retrained
    parts = [one.document() for one in lesions]
    detail = {"trial": trial, "retrained": retrained, "split": SPLIT, **facts, "lesions": parts}
    store.campaigns.add_event(campaign_id, EVENT, detail)


def read_lesions(store: Store, campaign_id: str) -> list[Lesion]:
    """The lesions on record, by trial; of one trial those without training first.

    Of two runs of one kind on one trial the later one counts.
    """
    newest: dict[tuple[int, bool], list[Lesion]] = {}
    for event in store.campaigns.events(campaign_id):
        if event.kind == EVENT:
            detail = event.detail
            newest[detail["trial"], detail["retrained"]] = [
                Lesion(trial=detail["trial"], **one) for one in detail["lesions"]
            ]
    return [one for key in sorted(newest) for one in newest[key]]
