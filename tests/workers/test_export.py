"""Exports: whole or as before, the user's own files kept, and no memory for what does not fit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.build import Network, build
from space.circuits import draw_circuit
from space.equation.legend import format_legend
from space.equation.network import describe_network
from space.errors import InputError
from tests.support.exports import card, genome
from workers import export


def names(folder: Path) -> list[str]:
    """What lies in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, network: Network, **changes: Any) -> Path:
    return export.write(folder, network.genome, network.state_dict(), card(**changes))


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    return write(tmp_path / "cell", build(genome(), seed=1))


def test_what_was_written_comes_back(cell: Path) -> None:
    expected, images = build(genome(), seed=1).eval(), torch.rand(2, 1, 8, 8)
    assert torch.equal(export.load(cell)(images), expected(images))
    assert export.read_card(cell) == card()


def test_the_circuit_lies_beside_the_card(cell: Path) -> None:
    assert (cell / "cell.svg").read_text() == draw_circuit(genome(), title=card().name)
    text = (cell / "README.md").read_text()
    assert "](cell.svg)" in text
    assert f"```text\n{describe_network(genome())}\n```" in text
    assert format_legend(whole=True) in text


# Writing over an export


def test_a_second_export_replaces_its_own_files_and_no_others(cell: Path) -> None:
    (cell / "notes.txt").write_text("mine")
    (cell / "figures").mkdir()
    (cell / "figures" / "1.svg").write_text("mine")
    write(cell, build(genome(), seed=2), name="two")
    assert export.read_card(cell).name == "two"
    assert (cell / "README.md").read_text().count("# two") == 1
    assert (cell / "notes.txt").read_text() == (cell / "figures" / "1.svg").read_text() == "mine"
    assert names(cell) == sorted([*export.OURS, "figures", "notes.txt"])


def test_an_empty_folder_is_filled_and_anything_else_is_refused(tmp_path: Path) -> None:
    network = build(genome())
    (tmp_path / "empty").mkdir()
    assert export.load(write(tmp_path / "empty", network))
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(InputError, match=rf"link: is a link; name the folder itself: {tmp_path}"):
        write(tmp_path / "link", network)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a link"):
        write(tmp_path / "dangling", network)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write(tmp_path / "file", network)
    (tmp_path / "other" / "data").mkdir(parents=True)
    with pytest.raises(InputError, match="holds something that is not an export"):
        write(tmp_path / "other", network)
    assert names(tmp_path) == ["dangling", "empty", "file", "link", "other"]


CHILD = """
import json, os, shutil, signal, sys
from pathlib import Path
from models.build import build
from tests.workers.test_export import genome, write
from workers import files
cell, network, calls, codes = Path(sys.argv[1]), build(genome(6), seed=2), 0, []
def mortal(function):
    def call(*arguments):
        global calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call
while 0 not in codes and len(codes) < 50:
    fatal = len(codes) + 1
    folder = shutil.copytree(cell, cell.with_name(f"cell-{fatal}"))
    process = os.fork()
    if not process:
        files.write, files.settle = mortal(files.write), mortal(files.settle)
        os.rename, os.replace = mortal(os.rename), mortal(os.replace)
        Path.rmdir = mortal(Path.rmdir)
        write(folder, network, name="two")
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
print(json.dumps(codes))
"""


def test_killed_at_any_moment_there_is_the_old_export_or_the_new_one(cell: Path) -> None:
    (cell / "notes.txt").write_text("mine")
    child = [sys.executable, "-c", CHILD, str(cell)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    done = subprocess.run(child, cwd=root, env=environment, check=True, stdout=subprocess.PIPE)
    *killed, last = json.loads(done.stdout)
    assert last == 0
    assert set(killed) == {-signal.SIGKILL}
    assert len(killed) > 10
    seen = []
    for fatal in range(1, len(killed) + 1):
        folder = cell.with_name(f"cell-{fatal}")
        seen.append(export.read_card(folder).name)
        kernel = export.load(folder).state_dict()["stages.conv1.convolution.kernel"]
        assert (seen[-1], len(kernel)) in (("one", 4), ("two", 6))
        assert (folder / "notes.txt").read_text() == "mine"
        # The next export is whole, and leaves nothing of the killed one's.
        write(folder, build(genome(), seed=3), name="three")
        assert export.read_card(folder).name == "three"
        assert export.load(folder).genome == genome()
        assert names(folder) == sorted([*export.OURS, "notes.txt"])
    assert seen == sorted(seen)  # first always the old one, then always the new one


# Weights that do not fit


def altered(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Write the weights again with other tensors."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    tensors = load_file(file)
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    change(tensors)
    save_file(tensors, file, metadata)


KERNEL = "stages.conv1.convolution.kernel"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.pop(KERNEL), rf"it lacks {KERNEL}"),
        (lambda t: t.update({KERNEL: torch.zeros(1)}), r"shape \[1\], not \[4, 1, 3, 3\]"),
        (lambda t: t.update({KERNEL: t[KERNEL].long()}), r"is of type I64, not one of F16"),
        (lambda t: t.update(more=torch.zeros(1)), r"it has no place for more"),
    ],
)
def test_weights_of_another_genome_are_refused_by_name(
    cell: Path, change: Callable[[dict[str, torch.Tensor]], object], problem: str
) -> None:
    altered(cell, change)
    with pytest.raises(InputError, match=rf"does not hold the weights of genome\.json.*{problem}"):
        export.load(cell)


def test_shapes_are_compared_before_any_memory_is_taken(
    cell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((cell / "genome.json").read_text())
    document["stages"][0]["convolution"]["width"] = 60_000
    (cell / "genome.json").write_text(json.dumps(document))
    monkeypatch.setattr("models.build.build", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(InputError, match=r"not \[60000, 1, 3, 3\]"):
        export.load(cell)


# Scored again
