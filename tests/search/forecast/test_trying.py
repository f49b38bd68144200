"""A space under a campaign's limits: the same samples each time, refusals counted by reason."""

from search.forecast.trying import TRIED, try_space
from tests.support import toys


def test_samples_over_a_limit_are_counted_by_one_reason() -> None:
    space = toys.space()
    assert try_space(toys.campaign(), space).document() == {
        "samples": TRIED,
        "infeasible": 0,
        "reasons": [],
        "recomputed": 0,
    }
    limited = toys.campaign(limits={"parameters": 100})
    tried = try_space(limited, space)
    assert 0 < tried.survey.infeasible < TRIED
    assert tried.survey.reasons == (
        ("parameters exceed limits.parameters: 100", tried.survey.infeasible),
    )
    assert try_space(limited, space) == tried
