"""Choices at the border of their range are told from those of a good family."""

from dataclasses import replace

import pytest

from dashboards.findings.borders import compare_ends
from dashboards.findings.samples import select_ended
from tests.support.findings import ask, small_search
from tests.support.simulated import World, search


def test_a_learning_rate_at_its_border() -> None:
    world = World(sampler="random", rate=3e-2, rate_matters=6.0)
    finding = ask("borders", search(world, 0))
    assert finding.status == "warning"
    assert "learning_rate at its upper end" in finding.text
    assert finding.next == "ventral space show motifs-small"


def test_a_learning_rate_in_the_middle() -> None:
    finding = ask("borders", small_search())
    assert (finding.status, finding.value) == ("pass", 0.0)


def test_a_kernel_of_one_pixel_is_no_border_but_a_depth_is() -> None:
    searched = small_search()
    ranked = select_ended(searched).sort_values("top1", ascending=False)
    ends = {(one.choice, one.end): one for one in compare_ends(searched, ranked, 60)}
    kernels = [end for choice, end in ends if choice.endswith("kernel")]
    assert set(kernels) == {"upper"}
    assert ("hidden.depth", "lower") in ends
    assert ends["hidden.depth", "upper"].drawn == pytest.approx(1 / 3)
    assert ends["learning_rate", "upper"].drawn == 0.2


def test_few_networks_leave_it_open() -> None:
    assert ask("borders", replace(small_search(), trials=small_search().trials[:20])).value is None
