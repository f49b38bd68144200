"""What a reader has to know of a campaign: facts, caveats and commands."""

import shlex
from dataclasses import replace

import pytest
import yaml

from dashboards.report import facts
from search.campaign import Campaign
from search.store import Label, Opening
from tests.support.searched import make_searched


def text_of(name: str, **changes: object) -> str:
    made = facts.list_facts(make_searched(trials=30, **changes))  # type: ignore[arg-type]
    return {fact.name: fact.text for fact in made}[name]


def test_the_facts_name_space_data_splits_budget_sampler_and_scheduler() -> None:
    assert text_of("Space").startswith("motifs-small (")
    assert "choices" in text_of("Space")
    assert text_of("Data") == "digits, 10 classes, guessing scores 10.0 %"
    assert text_of("Splits").startswith("1,000 train, 200 validation, 597 test; ")
    assert text_of("Sampler") == "random"
    assert text_of("Scheduler") == "asha: the first rung after 1 epoch, 1 of 3 goes on at each"
    by_default = {"scheduler": {"name": "asha"}}
    assert "after 3 epochs, 1 of 2 goes on" in text_of("Scheduler", document=by_default)
    assert text_of("Scheduler", early_stopping=False) == "fifo"
    assert text_of("Budget", document={"budget": {"trials": 30, "seconds": 4000}}) == (
        "30 trials, 1 h 06 min"
    )
    assert text_of("Controls", document={"control_seeds": 5}) == "feedforward, with 5 seeds each"
    assert "2023-11-14 22:13 UTC" in text_of("When")


def test_the_state_says_how_far_the_campaign_is_and_its_best_score() -> None:
    ended = make_searched(trials=30)
    best = ended.suggested["top1"].max()
    assert facts.describe_state(ended) == (
        f"33 trials, the best at {100 * best:.1f} % top-1 on validation."
    )
    runs = make_searched(trials=30, running=4, state="running")
    assert facts.describe_state(runs).startswith("29 trials of 30 ended, the best at ")
    assert facts.describe_state(runs).endswith("; the campaign is running.")
    stopped = replace(runs, state="stopped", reason="as asked")
    assert facts.describe_state(stopped).endswith("; the campaign is stopped (as asked).")


def test_the_caveats_say_what_the_numbers_do_not_show() -> None:
    healthy = " ".join(facts.list_caveats(make_searched(trials=60, failed=0, infeasible=0)))
    assert "the best of 60 networks, chosen by 200 images, is partly luck" in healthy
    assert "were stopped early" in healthy
    assert "Without a score" not in healthy
    assert "The test split was not opened" in healthy
    sick = make_searched(trials=200, failed=0.3, infeasible=0.2, running=3, state="running")
    texts = " ".join(facts.list_caveats(sick))
    counts = sick.suggested["status"].value_counts()
    assert f"Without a score: {counts['failed']} failed; {counts['infeasible']} were" in texts
    assert "The campaign is running" in texts


def test_the_caveats_say_how_often_test_was_opened_and_by_whom() -> None:
    values = {"who": "ada@lab", "networks": ("trial-3",), "split": "test"}
    opened = [
        Opening(at=1_700_000_000.0 + day, command=command, **values)  # type: ignore[arg-type]
        for day, command in ((0, "ventral evaluate a"), (86_400, "ventral certify b"))
    ]
    once = facts.list_caveats(make_searched(trials=20, openings=opened[:1]))[-1]
    assert once.startswith("The test split was opened once, ")
    twice = facts.list_caveats(make_searched(trials=20, openings=opened))[-1]
    assert "2 times, at last on 2023-11-15 22:13 UTC by ada@lab: ventral certify b" in twice


def test_commands_can_be_pasted_into_a_shell_whatever_the_names() -> None:
    odd = make_searched(trials=20, name="a b; rm -rf $HOME '`")
    commands = [shlex.split(command.text) for command in facts.list_commands([odd])]
    assert all(words[0] == "ventral" for words in commands)
    (submit,) = [words for words in commands if words[1] == "submit"]
    assert "name=a b; rm -rf $HOME '`-again" in submit


def test_the_campaign_file_is_the_one_that_was_run() -> None:
    searched = make_searched(trials=20)
    written = yaml.safe_load(facts.write_campaign_file(searched))
    assert Campaign.parse(written) == searched.settings


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_joined_as_in_a_sentence(names: list[str], text: str) -> None:
    assert facts.join_names([make_searched(trials=20, name=name) for name in names]) == text


def test_what_people_wrote_of_the_campaign_comes_first() -> None:
    searched = make_searched(trials=4)
    labelled = replace(searched, label=Label(note="<look>", tags=("poster", "v2")))
    first, second, *_ = facts.list_facts(labelled)
    assert (first.name, first.text, second.name, second.text) == (
        "Tags",
        "poster, v2",
        "Note",
        "<look>",
    )
    assert facts.list_facts(searched)[0].name == "Space"
