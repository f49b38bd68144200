"""The winner is held against the luck of as many equal networks."""

from dataclasses import replace

from tests.support.findings import ask, small_search
from tests.support.simulated import World, search


def test_a_winner_above_the_noise() -> None:
    finding = ask("seed-noise", small_search())
    assert finding.status == "pass"
    assert finding.value is not None
    assert finding.threshold is not None
    assert finding.value > finding.threshold
    assert "more than luck makes" in finding.text


def test_a_winner_within_the_noise() -> None:
    finding = ask("seed-noise", search(World(sampler="random", spread=0.008, noise=0.03), 0))
    assert finding.status == "warning"
    assert "that it is the best is not shown" in finding.text
    assert finding.next == "ventral certify simulate --top 3 --seeds 5"


def test_without_seeds_or_networks_it_is_left_open() -> None:
    alone = ask("seed-noise", replace(small_search(), evidence=None))
    assert (alone.value, alone.next) == (None, "ventral certify simulate --seeds 5")
    few = ask("seed-noise", replace(small_search(), trials=small_search().trials.iloc[:3]))
    assert few.value is None
    assert few.next.startswith("ventral resume")
