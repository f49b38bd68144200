"""An export's card: its facts are checked, and its page shows them and nothing of its own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from models.build import build
from space.errors import InputError
from space.network.sizes import first_informed_step
from space.unroll.cost import cost
from tests.support.exports import card, genome
from workers import export
from workers.card import Card, format_card


def page(**changes: Any) -> str:
    return format_card(genome(), card(**changes))


def test_a_page_begins_with_a_head_that_model_hubs_read() -> None:
    nothing, head, body = page(name='a "name": x', top1=0.25).split("---\n", 2)
    assert nothing == ""
    facts = yaml.safe_load(head)
    (model,) = facts["model-index"]
    assert model["name"] == 'a "name": x'
    (result,) = model["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": 0.25}]
    assert result["dataset"]["name"] == "digits-occluded"
    assert body.startswith("# a")


def test_a_page_says_what_the_network_is_and_what_it_scored() -> None:
    text = page(top5=0.875, accuracy_by_step=(0.1, 0.5), split="validation")
    price = cost(genome())
    assert f"{price.parameters:,} parameters, {price.macs:,} multiply-adds an image" in text
    assert "| top-1 | 0.5000 |\n| top-5 | 0.8750 |\n| loss, nats |  |" in text
    assert "Accuracy of the read-out at each step (validation): 0.100 0.500\n" in text
    for node in ("conv1", "head"):
        assert f"| {node} | {first_informed_step(genome(), node)} |" in text


def test_a_page_says_of_which_split_its_scores_are_and_what_they_may_be_taken_for() -> None:
    closed = page(split="validation")
    assert "| score | validation |" in closed
    assert "| test |" not in closed
    assert "the test split was not opened for this network" in closed
    opened = format_card(genome(), card(split="validation").with_test(0.25, 0.75, 2.0))
    assert "| score | validation | test |\n|---|---|---|\n| top-1 | 0.5000 | 0.2500 |" in opened
    assert "the test split was opened once for this network" in opened
    results = yaml.safe_load(opened.split("---\n", 2)[1])["model-index"][0]["results"]
    splits = [result["dataset"]["split"] for result in results]
    values = [result["metrics"][0]["value"] for result in results]
    assert dict(zip(splits, values, strict=True)) == {"validation": 0.5, "test": 0.25}
    assert "Selected on test: the campaign had no validation split." in page()
    certified = page(recipe={"score_on": "test", "train_on": "train+validation"})
    assert "Nothing was selected by these scores." in certified
    assert ", the training and the validation images together." in certified
    assert "together" not in closed


def test_a_page_counts_openings_of_the_test_split_by_other_copies_too() -> None:
    elsewhere = card(split="validation", test_openings=1)
    text = format_card(genome(), elsewhere)
    assert "the test split was opened once for this network" in text
    assert "| test |" not in text, "its own scores there are not known"
    assert elsewhere.with_test(0.25, 0.75, 2.0).test_openings == 2
    assert "opened 2 times" in format_card(genome(), elsewhere.with_test(0.25, 0.75, 2.0))
    before = page(split="validation", test_top1=0.25)
    assert "the test split was opened once for this network" in before


def test_a_card_of_before_is_of_data_without_a_validation_split() -> None:
    assert card().split == "test"
    assert card().data_spec["validation"] == 0
    assert card(data={"name": "digits", "validation": 0.2}).data_spec["validation"] == 0.2
    assert card().with_test(0.25, 0.75, 2.0) == card(), "its score is of that split already"


def test_where_it_comes_from_is_there_only_if_it_is_known() -> None:
    assert "Campaign" not in page()
    known = {"campaign": "c1", "campaign_name": "mine", "trial": 7}
    assert "Campaign mine (c1), trial 7, suggested by tpe. " in page(**known, origin="tpe")
    assert "Campaign mine (c1), trial 7, a control. " in page(**known, origin="control")


def test_names_that_others_gave_are_no_markup() -> None:
    link = "[x](http://x) <b>"
    text = page(name=link, campaign="c", campaign_name=link, classes=(link, "two"))
    *_, body = text.split("---\n", 2)
    assert "[x](" not in body
    assert "<b>" not in body


def test_twenty_classes_are_named_at_most() -> None:
    many = tuple(f"class{number}" for number in range(25))
    assert "class19 ...." in page(classes=many)
    assert "class20" not in page(classes=many)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"top1": 1.5}, "top1"),
        ({"accuracy_by_step": (0.5, -0.1)}, "accuracy_by_step"),
        ({"mean": ()}, "mean"),
        ({"std": (-1.0,)}, "std"),
        ({"image_size": 0}, "image_size"),
        ({"threads": 0}, "threads"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_wrong_fact_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        card(**change)


def test_every_channel_has_a_mean_and_a_deviation() -> None:
    with pytest.raises((InputError, ValueError), match="2 of them for 1 means"):
        card(std=(0.5, 0.5))


def test_facts_come_back_from_json() -> None:
    made = card(top5=0.75, versions={"torch": "2"}, image_size=8)
    assert Card.model_validate_json(made.model_dump_json()) == made


def test_a_deviation_of_zero_counts_as_one_on_the_card(tmp_path: Path) -> None:
    network = build(genome())
    facts = card(std=(0.0,))
    folder = export.write(tmp_path / "cell", network.genome, network.state_dict(), facts)
    assert export.read_card(folder).std == (1.0,)
    assert "and std [1.0]" in (folder / "README.md").read_text()
