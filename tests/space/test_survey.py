"""A space is tried for the images that it will be used with."""

import random
from typing import Any

import pytest

import space.survey as survey_module
from space.space import Space
from space.survey import BLAMED, TRIES, draw_networks, survey
from tests.support.kernels import document


def tried(written: dict[str, Any], size: int, **how: Any) -> Any:
    space = Space.parse(written).with_images(size=size, channels=1, classes=10)
    return survey(space, 40, random.Random(1), **how)


def test_samples_are_infeasible_at_some_images_only() -> None:
    assert tried(document(), 32).infeasible == 0
    result = tried(document(), 8)
    assert 10 < result.infeasible < 30
    assert (result.samples, result.combinations, result.networks) == (40, 2, 1)
    ((reason, times),) = result.reasons
    assert "5 exceeds the 4x4 map" in reason
    assert times == result.infeasible
    assert "(chosen: kernel = 5)" in result.lines()[0][1], "the choice at fault alone"
    written = result.document()
    assert written["reasons"] == [{"reason": reason, "count": times}]
    assert written["chosen"] == {reason: {"kernel": 5}}


def test_numbers_that_vary_do_not_split_a_reason() -> None:
    written = document()
    term = written["genome"]["cells"]["c"]["states"]["out"]["drive"]["edges"][0]["add"]
    term["kernel"]["choice"] = [3, 5, 7, 9]
    ((reason, _),) = tried(written, 8).reasons
    assert "kernel: 5..9 exceeds the 4x4 map of stage b" in reason


def test_further_reasons_are_counted() -> None:
    result = tried(document(), 32, refuse=lambda _: "too large", study=False)
    assert (result.samples, result.infeasible, result.share) == (40, 40, 1.0)
    assert result.reasons == (("too large", 40),)
    assert result.warnings == ()
    result = tried(document(), 32, refuse=lambda _: "too large")
    assert result.warnings == ("the default network may not be trained: too large",)
    assert result.untrainable == (), "a limit is no fault of an option"


def test_samples_that_may_be_trained_are_passed_on_and_all_are_counted() -> None:
    accepted: list[Any] = []
    counted: list[int] = []
    result = tried(document(), 8, accept=accepted.append, advance=counted.append)
    assert len(accepted) == result.samples - result.infeasible
    assert counted == list(range(1, 41))


def test_an_option_that_makes_no_network_is_untrainable() -> None:
    result = tried(document(), 8)
    (only,) = result.untrainable
    assert (only.path, only.option, only.tries) == ("kernel", 5, TRIES)
    assert "5 exceeds the 4x4 map of stage b" in only.reason
    assert result.warnings == (str(only),)
    assert tried(document(), 32).untrainable == ()


def test_of_untrainable_options_inside_one_another_the_outermost_is_named() -> None:
    wide = {"of": "input", "kernel": {"choice": [7, 9], "name": "wide"}}
    edge = {"optional": {"add": wide}, "name": "edge"}
    written = document()
    written["genome"]["cells"]["c"]["states"]["out"]["drive"]["edges"].append(edge)
    result = tried(written, 12)
    assert [(one.path, one.option) for one in result.untrainable] == [("edge", True)]


def test_an_option_that_some_other_choice_makes_possible_is_not_untrainable() -> None:
    """A kernel that fits with one stride of four, and is drawn once in a thousand samples."""
    written = document()
    term = written["genome"]["cells"]["c"]["states"]["out"]["drive"]["edges"][0]["add"]
    term["kernel"] |= {"choice": [3, 11], "weights": [99, 1]}
    strides = {"choice": [4, 3, 2, 1], "name": "stride", "weights": [9, 9, 9, 3]}
    written["genome"]["stages"][0]["convolution"]["stride"] = strides
    result = tried(written, 24)
    assert result.untrainable == ()


def test_a_default_and_a_control_that_are_no_networks_are_warned_of() -> None:
    written = document()
    written["genome"]["cells"]["c"]["states"]["out"]["drive"]["edges"][0]["add"]["kernel"] |= {
        "default": 5
    }
    written["controls"] = {"wide": {"choices": {"kernel": 5}}}
    space = Space.parse(written).with_images(size=8, channels=1, classes=10, check=False)
    first, second, _ = survey(space, 20, random.Random(1)).warnings
    assert first.startswith("the default network may not be trained: genome.cells.c.states.out")
    assert second.startswith("the control wide is no network: ")


def test_networks_are_drawn_in_place_of_samples_that_are_none() -> None:
    space = Space.parse(document()).with_images(size=8, channels=1, classes=10)
    drawn = draw_networks(space, 10, random.Random(2))
    assert len(drawn.networks) == 10
    assert drawn.infeasible > 0
    ((reason, count),) = drawn.reasons
    assert count == drawn.infeasible
    assert "exceeds the 4x4 map" in reason
    whole = Space.parse(document())
    rng = random.Random(2)
    assert draw_networks(whole, 5, random.Random(2)).networks == tuple(
        whole.sample(rng) for _ in range(5)
    )


def test_the_drawing_of_networks_ends_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey_module, "PATIENCE", 5)
    space = Space.parse(document()).with_images(size=2, channels=1, classes=10, check=False)
    drawn = draw_networks(space, 3, random.Random(0))
    assert (drawn.networks, drawn.samples) == ((), 5)


def test_a_recipe_that_is_not_always_there_is_tried_as_well() -> None:
    written = document() | {"recipe": {"optional": {"epochs": 3}, "name": "recipe"}}
    assert tried(written, 32).infeasible == 0


def test_the_choices_at_fault_are_named_for_the_most_frequent_reasons_only() -> None:
    names = {"choice": [f"s{letter}" for letter in "abcdefghijklmnopqrst"], "name": "name"}
    written = document()
    written["genome"]["stages"][1]["name"] = names
    result = tried(written, 8, study=False)
    assert len(result.reasons) > BLAMED
    assert len(result.chosen) == BLAMED
