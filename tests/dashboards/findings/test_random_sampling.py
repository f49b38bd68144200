"""A sampler is held against random networks: its own, or those of another campaign."""

from dataclasses import replace

from dashboards.findings import random_sampling
from dashboards.findings.random_sampling import STARTUP
from dashboards.relatives import Baseline
from search import samplers
from tests.support.findings import ask, small_search
from tests.support.simulated import World, search


def test_a_sampler_that_learns_is_better_than_chance() -> None:
    finding = ask("random-sampling", search(World(), 0))
    assert finding.status == "pass"
    assert finding.value is not None
    assert finding.value > 0.6


def test_random_networks_of_another_campaign_are_better_known() -> None:
    other = small_search()
    baseline = Baseline(
        id="other",
        name="other",
        scheduler=other.settings.scheduler,
        trials=other.trials,
        reports=other.reports,
    )
    blind = replace(search(World(blind=True), 0), baseline=baseline)
    finding = ask("random-sampling", blind)
    assert finding.status != "pass"
    assert "the 80 random ones of campaign other" in finding.text
    assert "random ones 0." in finding.text


def test_it_does_not_arise_of_a_random_search_and_is_left_open_of_a_short_one() -> None:
    assert random_sampling.judge(small_search()) is None
    finding = ask("random-sampling", search(World(trials=30), 0))
    assert finding.value is None


def test_samplers_draw_as_many_at_first_as_is_written_here() -> None:
    for name in ("guided", "evolution", "nsga2"):
        options = samplers.check(name, {})
        drawn = getattr(options, "startup", None) or options.population
        assert STARTUP[name] == drawn, name
    assert set(STARTUP) == set(samplers.NAMES) - {"random"}
