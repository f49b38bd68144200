"""Exports: whole or as before, the user's own files kept, and no memory for what does not fit."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.build import Network, build
from space.errors import DataError, InputError
from space.genome import Genome
from workers import export
from workers.card import Card
from workers.data import manifest
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.scoring import evaluate_export


def genome(width: int = 4) -> Genome:
    return Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": 4},
            "stages": [{"name": "conv1", "convolution": {"width": width}}],
        }
    )


def card(pack: Pack | None = None, **changes: Any) -> Card:
    facts: dict[str, Any] = {
        "name": "one",
        "digest": "d" * 64,
        "data": {"name": "digits-occluded", "size": 8, "train_images": 320, "test_images": 200},
        "data_checksum": "0" * 64 if pack is None else pack.checksum,
        "classes": tuple(map(str, range(10))),
        "mean": (0.5,) if pack is None else tuple(pack.mean),
        "std": (0.25,) if pack is None else tuple(pack.std),
        "seed": 1,
        "recipe": {},
        "epochs": 1,
        "top1": 0.5,
    }
    return Card(**(facts | changes))


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


def test_a_deviation_of_zero_counts_as_one_on_the_card(tmp_path: Path) -> None:
    folder = write(tmp_path / "cell", build(genome()), std=(0.0,))
    assert export.read_card(folder).std == (1.0,)
    assert "and std [1.0]" in (folder / "README.md").read_text()


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


def test_the_pack_of_the_home_is_used_where_the_source_is_gone(
    digits: Pack, tmp_path: Path
) -> None:
    network = build(genome(), seed=1)
    gone = {"name": "imagefolder", "path": str(tmp_path / "gone"), "size": 8}
    folder = tmp_path / "cell"
    export.write(folder, network.genome, network.state_dict(), card(digits, data=gone))
    packs = tmp_path / "packs"
    shutil.copytree(digits.path.parent, packs)
    (packs / "broken").mkdir()
    (packs / "broken" / manifest.MANIFEST).write_text("{")
    expected = evaluate(network, digits, batch_size=256, threads=1)
    assert evaluate_export(folder, packs) == expected
    with pytest.raises(DataError, match="gone"):
        evaluate_export(folder, tmp_path / "no packs")
    images = next(packs.glob("digits*/test.images.npy"))
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test\.images\.npy: has \d+ bytes"):
        evaluate_export(folder, packs)
