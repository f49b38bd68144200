"""docs/spaces.md and docs/notation.md: what stands in them runs, and is what they say."""

import random
import re
import shutil
from pathlib import Path

import pytest

from space.documents.yaml_reading import load_yaml
from space.notation import format_notation, is_notation
from space.space import Space
from space.survey import survey
from tests.support.shrinking import ROOT
from tests.ventral.conftest import Shell

PAGE = (ROOT / "docs" / "spaces.md").read_text()
REFERENCE = (ROOT / "docs" / "notation.md").read_text()
EXAMPLE = ROOT / "examples" / "own-space.yaml"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_a_space_of_twenty_lines_is_one() -> None:
    (text,) = blocks(PAGE, "yaml")
    assert len(text.splitlines()) <= 20
    written = load_yaml(text)
    assert is_notation(written)
    assert Space.parse(written) == Space.load(EXAMPLE)


def test_its_networks_are_vanilla_and_gated_with_feedback_or_not() -> None:
    space = Space.load(EXAMPLE).with_images(size=16, channels=1, classes=10)
    tried = survey(space, 30, random.Random(0))
    assert not tried.infeasible
    assert not tried.warnings
    paths = {one.path for one in space.parameters}
    assert {"conv4->conv2", "input->hidden.kernel", "residual->hidden times.kernel"} <= paths


def test_its_kernels_are_those_that_fit_the_map_of_the_images() -> None:
    whole = Space.load(EXAMPLE)
    assert Space.parse(load_yaml(format_notation(whole.document()))) == whole
    for size, kernels in ((64, (1, 3, 5)), (16, (1, 3)), (8, (1,))):
        fitted = whole.with_images(size=size, channels=1, classes=10)
        (kernel,) = [one for one in fitted.parameters if one.path == "input->hidden.kernel"]
        assert getattr(kernel.domain, "options", None) == kernels, size


@pytest.mark.parametrize(
    "command", [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
)
def test_its_commands_run(shell: Shell, command: str) -> None:
    (shell.folder / "examples").mkdir()
    shutil.copy(EXAMPLE, shell.folder / "examples")
    done = shell(*command.split()[1:])
    assert done.code == 0, done.err


def test_its_python_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (text,) = blocks(PAGE, "python")
    exec(compile(text, "docs/spaces.md", "exec"), {})
    assert "conv4->conv2 Categorical" in capsys.readouterr().out


def test_the_space_of_the_reference_is_one(tmp_path: Path) -> None:
    file = tmp_path / "page.yaml"
    file.write_text(blocks(REFERENCE, "yaml")[0])
    space = Space.load(file)
    assert {"hidden->out by", "input->hidden.op", "out->out keep"} <= {
        one.path for one in space.parameters
    }


@pytest.mark.parametrize(
    "name", re.findall(r"`([a-z0-9]+->[a-z0-9]+[^`]*)`", REFERENCE.split("## Keys")[0])
)
def test_names_of_choices_on_the_reference_are_those_of_its_space(name: str) -> None:
    space = Space.parse(load_yaml(blocks(REFERENCE, "yaml")[0]))
    paths = {one.path for one in space.parameters}
    assert name in paths or name == "input->out via"  # the one edge that only passes on
