"""A campaign's space tried under its limits: which samples may be trained, and why others not."""

import random
import re
from dataclasses import dataclass
from typing import Any

from search.assign.suggesting import find_refusal
from search.campaign import Campaign
from search.campaign.limits import recomputes
from search.samplers.protocol import derive_seed
from space.space import Sample, Space
from space.survey import Survey, survey
from space.unroll.cost import cost

TRIED, TRIED_FOR_MEMORY = 200, 50
"""Samples that are drawn, and how many if the memory of each has to be forecast."""
_AMOUNT = re.compile(r"^[\d,]+ ")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of samples; `recomputed` of them train with recompute to stay in memory."""

    survey: Survey
    recomputed: int

    def document(self) -> dict[str, Any]:
        """The counts as JSON, with the reasons of samples that may not be trained."""
        return {
            "samples": self.survey.samples,
            "infeasible": self.survey.infeasible,
            "reasons": self.survey.documents(),
            "recomputed": self.recomputed,
        }


def try_space(campaign: Campaign, space: Space) -> Tried:
    """Draw samples of the campaign's space, which is for its images, under its limits.

    The same campaign draws the same samples.
    """
    recomputed = 0

    def refuse(sample: Sample) -> str | None:
        nonlocal recomputed
        reason = find_refusal(campaign, sample, cost(sample.genome))
        if reason is None:
            recomputed += recomputes(campaign, sample)
            return None
        # "71,306 parameters exceed ...": one reason, however many parameters there are.
        return _AMOUNT.sub("", reason)

    rng = random.Random(derive_seed(campaign.seed, "dry run"))
    samples = TRIED if campaign.limits.memory is None else TRIED_FOR_MEMORY
    surveyed = survey(space, samples, rng, refuse=refuse, options=False)
    return Tried(survey=surveyed, recomputed=recomputed)
