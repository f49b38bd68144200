"""A campaign's space tried under its limits: which samples may be trained, and why others not."""

import random
from dataclasses import dataclass
from typing import Any

from search.assign.suggesting import find_refusal
from search.campaign import Campaign
from search.campaign.limits import recomputes
from search.samplers.protocol import derive_seed
from space.documents.validation import quote
from space.errors import SpaceError
from space.space import Sample, Space
from space.survey import Survey, survey
from space.unroll.cost import cost

TRIED, TRIED_FOR_MEMORY = 200, 50
"""Samples that are drawn, and how many if the memory of each has to be forecast."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of samples; `recomputed` of them train with recompute to stay in memory."""

    survey: Survey
    recomputed: int

    def document(self) -> dict[str, Any]:
        """The counts as JSON, with the reasons of samples that may not be trained."""
        return self.survey.document() | {"recomputed": self.recomputed}

    def refuse_untrainable(self, space: Space) -> None:
        """Raise SpaceError if nothing may be trained, or if an option of a choice makes no network
        at the images of the space.
        """
        size = space.images.size
        if self.survey.samples and self.survey.infeasible == self.survey.samples:
            reason = self.survey.reasons[0][0]
            raise SpaceError(
                "space",
                f"none of {self.survey.samples} samples may be trained at {size}x{size} pixels, "
                f"most of them because {reason}",
                "narrow the space, raise the limits, or take larger images",
            )
        if not self.survey.untrainable:
            return
        first, *others = self.survey.untrainable
        more = f" ({len(others)} more options are like it)" if others else ""
        exceeds = "exceeds the" in first.reason and "map" in first.reason
        up_to = "write `up_to: map` beside the choice, " if exceeds else ""
        raise SpaceError(
            f"space: {first.path}",
            f"{quote(first.option)} can never be trained at {size}x{size} pixels: in none of "
            f"{first.tries} samples with it is there a network, since {first.reason}{more}",
            f"{up_to}take the option out of the choice (`ventral space validate` lists all), or "
            "take larger images",
        )


def try_space(campaign: Campaign, space: Space) -> Tried:
    """Draw samples of the campaign's space, which is for its images, under its limits.

    The same campaign draws the same samples.
    """
    recomputed = list[bool]()

    def refuse(sample: Sample) -> str | None:
        return find_refusal(campaign, sample, cost(sample.genome))

    def accept(sample: Sample) -> None:
        recomputed.append(recomputes(campaign, sample))

    rng = random.Random(derive_seed(campaign.seed, "dry run"))
    forecasts = campaign.limits.memory is not None or campaign.resources.card is not None
    samples = TRIED_FOR_MEMORY if forecasts else TRIED
    surveyed = survey(space, samples, rng, refuse=refuse, accept=accept)
    return Tried(survey=surveyed, recomputed=sum(recomputed))
