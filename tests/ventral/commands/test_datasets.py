"""`ventral data`: data sets listed and packed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from search.campaign import load
from search.host.home import Home
from tests.ventral.conftest import Shell
from ventral.cli import app
from workers.data.packing import pack
from workers.data.specs import GENERATED


def test_data_is_listed_and_packed_once(shell: Shell) -> None:
    names = {row["name"] for row in shell("data", "list", "-o", "json").json}
    assert names == {
        "digits",
        "digits-occluded",
        "fashion-mnist",
        "imagefolder",
        "npz",
        *GENERATED,
    }
    first = shell("data", "pack", "digits", "-o", "json").json
    again = shell("data", "pack", "digits", "-o", "json").json
    assert first == again
    assert Path(first["path"]).is_dir()
    assert (first["train"], first["test"]) == (1080, 597)
    assert first["splits"] == {"train": 1080, "validation": 120, "test": 597}
    before = shell("data", "pack", "digits", "--set", "validation=0", "-o", "json").json
    assert before["splits"] == {"train": 1200, "test": 597}
    assert before["checksum"] == OF_BEFORE
    told = shell("data", "pack", "digits").out
    assert "1,080 training, 120 validation and 597 test images of 8x8x1 in 10 classes" in told
    assert "   train validation     test  class\n     107         12       59  0\n" in told
    assert "by which a search decides: 120 of the training images, every class in pro" in told
    refused = shell("data", "pack", "digits", "--set", "validation=0.001")
    assert refused.code == 2
    assert "validation: 0.001 leaves no image to validate on of the class '0'" in refused.err


def test_it_is_put_at_a_storage_too(shell: Shell, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared"
    packed = shell(
        "data", "pack", "digits", "--set", "train_images=100", "--to", url, "-o", "json"
    )
    assert packed.json["url"] == f"{url}/packs/{packed.json['checksum']}"
    there = tmp_path / "shared" / "packs" / packed.json["checksum"]
    assert (there / "manifest.json").is_file()
    refused = shell("data", "pack", "digits", "--to", "ftp://a/b")
    assert refused.code == 2
    assert "--to: ftp:// is not a scheme that is known" in refused.err


OF_BEFORE = "66c6a5ef3d66d41ac4eb2dadfabef8c94c59d1d345c7d425f4edf3d9c8dfc9f7"
"""The checksum of the digits before there were validation splits."""


def test_a_pack_is_the_one_that_a_campaign_of_the_same_words_uses(
    campaign_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))

    def packed(*arguments: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["data", "pack", *arguments, "-o", "json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    file = campaign_file("name: digits, size: 8", "name: digits-occluded, copies: 1, size: 8")
    file.write_text(file.read_text() + "resources: {gpus: 1}\n")  # packing takes none
    by_file = packed(str(file))
    words = ("--set", "copies=1", "--set", "train_images=300", "--set", "test_images=100")
    assert packed("digits-occluded", "--size", "8", *words) == by_file
    used = pack(load(file, ["resources.gpus=0"]).data, Home.at().data)
    assert (by_file["path"], by_file["checksum"]) == (str(used.path), used.checksum)
    assert packed(str(file), "--set", "copies=2")["checksum"] != used.checksum


def test_a_folder_of_images_may_have_any_name_that_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    for name in ("\u2603 \U0001f600: {x}", os.fsdecode(b"b\xe4r")):
        for label in ("cats", "dogs"):
            (tmp_path / name / label).mkdir(parents=True)
            for number in range(10):
                image = Image.new("RGB", (8, 8), (25 * number, 0, 99))
                image.save(tmp_path / name / label / f"{number}.png")
        command = ["data", "pack", "imagefolder", "--size", "8", "--path", str(tmp_path / name)]
        done = CliRunner().invoke(app, command)
        if name.isprintable():
            assert done.exit_code == 0, done.output
        else:
            assert "is not UTF-8 text; rename the folder" in str(done.exception)


def test_a_tree_of_images_is_packed_from_the_command_line(shell: Shell) -> None:
    from PIL import Image

    for label in ("cats", "dogs"):
        folder = shell.folder / "images" / label
        folder.mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (20, 14), (25 * number, 0, 99)).save(folder / f"{number}.png")
    (shell.folder / "images" / "dogs" / "notes.txt").write_text("no picture")
    packed = shell("data", "pack", "imagefolder", "--path", "images", "--size", "8", "-o", "json")
    assert packed.code == 0, packed.err
    assert packed.json["classes"] == 2
    assert packed.json["channels"] == 3
    assert packed.json["splits"] == {"train": 16, "validation": 2, "test": 2}
    assert packed.json["images"] == [
        {"class": "cats", "train": 8, "validation": 1, "test": 1},
        {"class": "dogs", "train": 8, "validation": 1, "test": 1},
    ]
    assert packed.json["passed_over"] == [
        {"reason": "not an image (.txt)", "count": 1, "first": "dogs/notes.txt"}
    ]
    told = shell("data", "pack", "imagefolder", "--path", "images", "--size", "8").out
    assert "8          1        1  cats" in told
    assert "1  not an image (.txt): dogs/notes.txt" in told
    assert "a tenth of the images, every class in proportion" in told
    for name in ("cats/3.png", "dogs/4.png"):
        (shell.folder / "images" / name).write_bytes(b"no picture")
    broken = shell("data", "pack", "imagefolder", "--path", "images", "--size", "16")
    assert broken.code == 2
    assert "cats/3.png" in broken.err
    assert "dogs/4.png" in broken.err
    assert "Traceback" not in broken.err
