"""Every command of the README and of the pages that go on from it, run as it stands there; their
Python and YAML too.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from search.campaign import Campaign, check, control_runs, count_searched_controls, load
from search.host.machine import Machine
from space.equation.legend import format_legend
from space.space import Space
from tests.support.waiting import GUARD
from ventral.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NAMES = (
    "first-campaign",
    "campaign-files",
    "images",
    "reading-a-report",
    "certifying",
    "published-models",
    "lab-server",
    "python",
    "glossary",
)
"""The pages whose commands are run behind those of the README, in this order."""
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in NAMES}
TEXTS = [README, *PAGES.values()]
BIN = Path(sys.executable).parent
CAMPAIGN = "tour"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str = README) -> list[str]:
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.strip()]


TOUR = [
    command
    for text in TEXTS
    for command in commands(text)
    if command.startswith("ventral ") and command != "ventral ui"
]
DRILLS = [command for command in TOUR if command.startswith("ventral drill ")]
"""They take minutes, and need nothing of the tour."""
TOUR = [command for command in TOUR if command not in DRILLS]


@dataclass
class Tour:
    """Commands that are run in their order in one folder, each once."""

    folder: Path
    commands: list[str] = field(default_factory=lambda: list(TOUR))
    taken: int = 0
    failed: str | None = None

    def take(self, number: int) -> None:
        """Run all commands up to this one that did not run yet; after a failure none is run."""
        while self.taken <= number:
            if self.failed is not None:
                pytest.skip(f"`{self.failed}` failed before it")
            self.failed = self.commands[self.taken]
            _run(self.failed, self.folder)
            self.taken, self.failed = self.taken + 1, None


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    """The tour, in a folder like a clone, but that its example has a third of the images."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copytree(ROOT / "examples", folder / "examples")
    example = folder / "examples" / "quickstart.yaml"
    document = yaml.safe_load(example.read_text())
    document["data"] |= {"train_images": 400, "test_images": 200}
    example.write_text(yaml.safe_dump(document))
    return Tour(folder)


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def _run(command: str, folder: Path) -> None:
    done = subprocess.run(
        command, shell=True, cwd=folder, env=_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_the_two_commands_are_targets_that_do_what_is_said() -> None:
    made = {command: None for command in commands() if command.startswith("make ")}
    assert list(made) == ["make quickstart", "make test"]
    quickstart, test = (
        subprocess.run(
            [*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for command in made
    )
    assert "ventral submit examples/quickstart.yaml" in quickstart
    for tool in ("ruff check", "mypy", "lint-imports", "pytest"):
        assert tool in test


def test_make_help_lists_every_target() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"setup", "quickstart", "test"} <= set(targets)
    for target in targets:
        assert f"make {target}" in told.stdout


README_TOUR = len([command for command in commands() if command in TOUR])
"""So many commands of the tour are the README's; those of the pages behind them take as long."""


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=command, marks=[pytest.mark.slow] * (number >= README_TOUR))
        for number, command in enumerate(TOUR)
    ],
)
def test_the_tour(tour: Tour, number: int) -> None:
    tour.take(number)


@pytest.mark.slow
@pytest.mark.parametrize("command", DRILLS)
def test_the_drills(tour: Tour, command: str) -> None:
    _run(command, tour.folder)


def test_the_tour_is_long() -> None:
    assert DRILLS
    assert len(TOUR) > 10


def test_a_tour_ends_with_the_command_that_fails(tmp_path: Path) -> None:
    tour = Tour(tmp_path, ["touch first", "cat second", "touch third"])
    with pytest.raises(AssertionError, match="cat second"):
        tour.take(1)
    with pytest.raises(pytest.skip.Exception, match="`cat second` failed before it"):
        tour.take(2)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_the_python_runs_on_what_the_tour_exported(tour: Tour) -> None:
    """The block as it is printed, in the folder where the tour was taken."""
    tour.take(README_TOUR - 1)
    exported = sorted((tour.folder / "cells").iterdir())
    assert len(exported) == 2
    (block,) = blocks("python")
    check = "\nassert logits.shape == (2, 10) and by_step.shape[2] == 10 and responses\n"
    done = subprocess.run(
        [sys.executable, "-c", block + check], cwd=tour.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_other_python_runs_when_it_is_pasted() -> None:
    _, example = blocks("python", PAGES["python"])
    (network,) = blocks("python", PAGES["published-models"])
    check = (
        "\nassert len(best) == 3 and best.motifs.map(len).min() > 0\n"
        "assert network.image_size == 128\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", example + network + check],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_notebook_searches_exports_and_certifies(tour: Tour) -> None:
    """The block as it is printed, in a folder like a clone, whether or not the tour was taken.

    tests/ventral/test_notebook.py runs its functions over what was trained before.
    """
    block, _ = blocks("python", PAGES["python"])
    check = (
        "\nassert run.state == certified.run.state == 'finished' and len(frame) == 2\n"
        "searched = frame[frame.origin != 'control'].iloc[0]\n"
        "assert ventral.card(folder).top1 == searched.top1\n"
        "assert set(scores) == {'feedforward', f'trial-{searched.trial}'}\n"
        "assert ventral.load(folder).genome.digest == searched.digest\n"
    )
    environment = _environment() | {"VENTRAL_HOME": str(tour.folder / "notebook")}
    done = subprocess.run(
        [sys.executable, "-c", block + check],
        cwd=tour.folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_ventral_ui_answers_at_the_address_that_it_prints(tour: Tour) -> None:
    """And leaves nothing behind."""
    tour.take(README_TOUR - 1)
    assert "ventral ui" in commands()
    server = subprocess.Popen(
        ["ventral", "ui", "--port", "0", "--no-browser"],
        cwd=tour.folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    try:
        assert "/experiments/" in address
        with urllib.request.urlopen(address, timeout=GUARD) as page:
            assert page.status == 200
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(GUARD) == 0
    base = address.split("/#")[0]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(base, timeout=5)


def test_every_command_that_is_mentioned_exists() -> None:
    """By the command line itself, in this process: a process for each would take long."""
    root: Any = typer.main.get_command(app)
    mentioned = [
        name.split()
        for text in TEXTS
        for name in re.findall(r"`ventral ((?:space |data |trial |zoo )?[a-z]+)", text)
    ]
    assert len(mentioned) > 30
    for name in mentioned:
        command = root
        for word in name:
            assert word in command.commands, f"ventral {' '.join(name)}"
            command = command.commands[word]


def test_every_command_has_a_page() -> None:
    """Each is run, or mentioned, in the README or on a page that goes on from it."""
    root: Any = typer.main.get_command(app)
    written = "\n".join(TEXTS)
    assert [name for name in root.commands if f"ventral {name}" not in written] == []


def test_the_yaml_is_the_syntax_of_spaces() -> None:
    nodes = yaml.safe_load(blocks("yaml", PAGES["campaign-files"])[0])
    space = Space.parse(
        {
            "name": "readme",
            "genome": {
                "image": {"size": 8, "channels": 1},
                "clock": {"steps": 4},
                "stages": [{"name": "a", "convolution": {"width": 4}, "cell": "c"}],
                "cells": {
                    "c": {
                        "output": "out",
                        "states": {
                            "out": {
                                "carry": {
                                    "gate": {"offset": nodes["offset"], "scale": nodes["scale"]}
                                },
                                "drive": {
                                    "edges": [
                                        {"add": {"of": "input", "kernel": nodes["kernel"]}},
                                        nodes["edge"],
                                    ]
                                },
                            }
                        },
                    }
                },
            },
        }
    )
    assert len(space.parameters) == 3


def test_every_link_leads_somewhere() -> None:
    for folder, texts in ((ROOT, [README]), (ROOT / "docs", PAGES.values())):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", "\n".join(texts)):
            assert (folder / target).exists(), target


def test_every_link_to_a_heading_has_one() -> None:
    texts = {f"{name}.md": text for name, text in PAGES.items()}
    links = re.findall(r"\]\(([a-z-]+\.md)#([^)]+)\)", "\n".join(TEXTS))
    assert links
    for page, anchor in links:
        heads = re.findall(r"^#+ (.+)$", texts[page], re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_readme_is_short_and_explains_its_words() -> None:
    assert len(README.splitlines()) <= 200


def test_the_signs_of_equations_are_explained() -> None:
    assert format_legend() in blocks("text")[1]
    glossary = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGES["glossary"], re.MULTILINE)
    words = {word for entry in glossary for word in entry.lower().split(", ")}
    assert len(words) > 50
    bold = {word.lower() for word in re.findall(r"\*\*(\w[\w ]*\w)\*\*", README)}
    assert {"genome", "motif", "control", "residual", "pruned", "export", "card"} <= bold
    alone = {word.rstrip("s").removeprefix("searched ") for word in bold}
    assert {"genome", "cell", "space", "campaign", "sampler", "trial", "gate"} <= alone & words


def test_the_quickstart_trains_feedforward_networks_that_were_searched_for() -> None:
    campaign = load(ROOT / "examples" / "quickstart.yaml", offered=Machine(cpus=2, gpus=0))
    suggestions = campaign.budget.trials - len(control_runs(campaign, Space.parse(campaign.space)))
    assert count_searched_controls(campaign, suggestions) >= 5


def test_the_other_yaml_is_a_part_of_a_campaign() -> None:
    """It fits the quickstart, whose trainings have fewer epochs."""
    (block,) = blocks("yaml", PAGES["campaign-files"])[1:]
    recipe = yaml.safe_load(block)["recipe"]
    document = yaml.safe_load((ROOT / "examples" / "quickstart.yaml").read_text())
    campaign = Campaign.parse(document | {"recipe": document["recipe"] | recipe})
    check(campaign, Space.load(str(campaign.space)), Machine(cpus=2, gpus=0))
    assert [part.until for part in campaign.recipe.fidelity] == [3, 6]
