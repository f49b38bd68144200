"""A campaign in which all that others may write is hostile, in every medium that shows it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from dashboards.figures import FIGURES
from dashboards.figures.files import draw_svg, write_spec
from dashboards.searched import Searched
from search.mirror import landing
from search.mirror.campaign_page import write_note
from search.mirror.experiments import experiment_note, experiment_tags
from search.mirror.runs import label_tags, run_of
from search.store import Label, Store
from tests.support.campaigns import add, new_small_campaign, train
from tests.support.pages import Tags
from tests.support.searched import make_searched
from tests.ventral.conftest import Shell

SHORT = "\x1b[2J<script>\u202e"
HOSTILE = (
    f"{SHORT}alert(1)</script>\r\nfinished 99.9 %\x9b31m\u2066\x07"
    "![](http://evil.example/a)<img src=http://evil.example/b onerror=x>|`&quot;"
)
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A home with a campaign that ran on another machine, whose store may hold anything."""
    shell = Shell(tmp_path)
    shell.home.mkdir()
    store = Store.open(f"sqlite:///{shell.home}/store.db")
    campaign, _ = new_small_campaign(store)
    choices = {HOSTILE: SHORT, "recipe.learning_rate": 0.01}
    add(store, campaign.id, 0, cell=HOSTILE, choices=choices, origin=HOSTILE)
    train(store, campaign.id, 0, 0.5, 0.6)
    add(store, campaign.id, 1, cell=HOSTILE)
    store.trials.start(campaign.id, 1)
    store.trials.finish(campaign.id, 1, "failed", f"crashed: {HOSTILE}", f"Traceback {HOSTILE}")
    add(store, campaign.id, 2, status="infeasible", reason=HOSTILE)
    add(store, campaign.id, 3, cell=HOSTILE, origin="control", control=HOSTILE)
    train(store, campaign.id, 3, 0.4)
    for number in (None, 0, 1):
        store.labels.write_note(campaign.id, HOSTILE, number)
        store.labels.change_tags(campaign.id, [HOSTILE], number=number)
    store.campaigns.add_opening(campaign.id, who=HOSTILE, command=HOSTILE, networks=[HOSTILE])
    store.campaigns.set_state(campaign.id, "stopped", HOSTILE)
    store.labels.rename(campaign.id, HOSTILE)
    store.close()
    folder = shell.home / "campaigns" / campaign.id
    folder.mkdir(parents=True)
    (folder / "driver.log").write_text(f"2026-01-01 ERROR {HOSTILE}\n")
    (shell.folder / "id").write_text(campaign.id)
    return shell


FEW = (
    "list",
    "status ID",
    "top ID -o csv",
    "trial show ID 0",
    "trial show ID 1",
    "logs ID",
    "note ID",
)
COMMANDS = (
    *FEW,
    "list -o csv",
    "list -o json",
    "status ID -o csv",
    "top ID",
    "trial list ID",
    "trial list ID --tag nothing",
    "trial show ID 2",
    "trial show ID 0 -o csv",
    "note ID/0",
    "tag ID",
    "tag ID/1",
    "rm ID --dry-run",
    "gc --dry-run",
    "replay ID",
    "stop ID",
    "report ID",
    "export ID --trial 0 --to cells",
    "certify ID --dry-run",
)


@pytest.mark.parametrize("commands", [FEW, pytest.param(COMMANDS, marks=pytest.mark.slow)])
def test_no_command_prints_what_steers_a_terminal(shell: Shell, commands: tuple[str, ...]) -> None:
    campaign = (shell.folder / "id").read_text()
    showing = 0
    for command in commands:
        ended = shell.fork(*command.replace("ID", campaign).split())
        assert not STEERING.search(ended.out.replace("\r\n", "\n") + ended.err), command
        assert "unforeseen" not in ended.err, (command, ended.err)
        showing += r"\x1b[2J" in ended.out + ended.err
        if command.endswith("csv"):
            assert len({len(row) for row in csv.reader(io.StringIO(ended.out))}) == 1, command
    assert showing >= len(commands) / 2
    ended = shell.fork("status", campaign)
    assert not [line for line in ended.out.splitlines() if line.startswith("finished 99.9")]
    for page in shell.home.glob("reports/*.html"):
        assert_harmless_page(page.read_text())
    assert any(shell.home.glob("reports/*.html")) == ("report ID" in commands)


def assert_harmless_page(text: str) -> None:
    """No element, address or handler of what others wrote, and nothing that steers."""
    elements = Tags(text).elements
    assert "img" not in [tag for tag, _ in elements]
    assert not {key for _, given in elements for key in given if key.startswith("on")}
    ours = re.sub(r"<script>.*?</script>", "", text, flags=re.S)  # Vega's code, not its data
    assert not STEERING.search(ours)


def test_the_pages_of_mlflow_show_texts_as_texts(shell: Shell) -> None:
    """As MLflow's page renders them: Markdown, whose HTML it cleans, but not its pictures."""
    store = Store.open(f"sqlite:///{shell.home}/store.db")
    [campaign] = store.campaigns.all()
    [trial] = store.results.find(campaign.id, statuses=["finished"], limit=1)
    label = Label(tags=(HOSTILE,), note=HOSTILE)
    environment = {HOSTILE: HOSTILE}
    notes = [
        write_note(campaign, environment, "7", "b" * 32, label=label),
        experiment_note(campaign, "7", "b" * 32),
        label_tags(label)["mlflow.note.content"],
    ]
    for note in notes:
        assert not STEERING.search(note)
        elements = Tags(MarkdownIt("commonmark").enable("table").render(note)).elements
        assert not {"img", "script"} & {tag for tag, _ in elements}
        links = [given["href"] or "" for tag, given in elements if tag == "a"]
        assert all(link.startswith("#/experiments/") for link in links), links
    texts = [*run_of(campaign, trial, []).tags.values(), *experiment_tags(campaign).values()]
    assert not [text for text in texts if STEERING.search(text)]
    assert_harmless_page(landing.page(landing.read_lines(store, ""), HOSTILE))
    store.close()


@pytest.fixture(scope="module")
def searched() -> list[Searched]:
    """Searches whose own words, where a campaign may choose them, are hostile."""
    choices: list[dict[str, str | int]] = [
        {HOSTILE: option, "other": 3} for option in (SHORT, "b", HOSTILE)
    ]
    return [
        make_searched(trials=40, name=name, choices=choices) for name in (HOSTILE, f"b {HOSTILE}")
    ]


@pytest.mark.parametrize(
    "names", [("compare", "progress"), pytest.param(tuple(FIGURES), marks=pytest.mark.slow)]
)
def test_figures_are_whole_xml_in_which_texts_are_texts(
    searched: list[Searched], names: tuple[str, ...]
) -> None:
    drawn = (FIGURES[name](searched) for name in names)
    figures = [figure for figure in drawn if figure is not None]
    assert len(figures) >= len(names) / 2
    shown = 0
    for figure in figures:
        svg = draw_svg(figure)
        assert not STEERING.search(svg), figure.name
        root = ElementTree.fromstring(svg)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not {"script", "img", "foreignObject"} & tags, figure.name
        spec = json.dumps(write_spec(figure), ensure_ascii=False)
        assert not STEERING.search(spec), figure.name
        shown += "x1b[2J<script>" in spec
    assert shown, "no figure shows a name of the campaign's own"
