"""Scoring an export again, on the pack that its card names."""

import shutil
from pathlib import Path

import pytest
import torch

from models.build import build
from space.errors import DataError, InputError
from tests.support.exports import card, genome
from workers import export
from workers.data import manifest
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.scoring import evaluate_export


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
    for split in ("test", "validation"):
        expected = evaluate(network, digits, batch_size=256, split=split, threads=1)
        assert evaluate_export(folder, packs, split) == expected
    assert evaluate_export(folder, packs) == evaluate_export(folder, packs, "test")
    with pytest.raises(DataError, match="gone"):
        evaluate_export(folder, tmp_path / "no packs")
    images = next(packs.glob("digits*/test.images.npy"))
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test\.images\.npy: has \d+ bytes"):
        evaluate_export(folder, packs)


def test_an_export_of_before_is_scored_on_the_pack_of_two_splits_that_it_was_scored_on(
    tmp_path: Path,
) -> None:
    """Its card names data that is packed again with the checksum of then."""
    network = build(genome(), seed=1)
    data = {"seed": 0, "train_images": 64, "test_images": 64, "name": "digits", "size": 8}
    facts = card(data=data, data_checksum=OF_BEFORE)
    folder = export.write(tmp_path / "cell", network.genome, network.state_dict(), facts)
    scores = evaluate_export(folder, tmp_path / "packs")
    [made] = (tmp_path / "packs").glob("digits-8-*")
    assert Pack.load(made).checksum == OF_BEFORE
    assert scores == evaluate(network, Pack.load(made), split="test", threads=1)
    with pytest.raises(InputError, match="has no validation split: it was selected on test"):
        evaluate_export(folder, tmp_path / "packs", "validation")


OF_BEFORE = "18ee422ba955d7e57b0ac8efedddfaa7f33307ec1fc88e12813c8a918337db0a"


def test_a_network_is_not_scored_on_images_that_it_was_trained_on(
    digits: Pack, tmp_path: Path
) -> None:
    network = build(genome(), seed=1)
    facts = card(digits, recipe={"train_on": "train+validation", "score_on": "test"})
    folder = export.write(tmp_path / "cell", network.genome, network.state_dict(), facts)
    with pytest.raises(InputError, match="was trained on the validation images; score it on test"):
        evaluate_export(folder, digits.path.parent, "validation")
    assert evaluate_export(folder, digits.path.parent).top1 >= 0


def test_an_export_gets_another_card_and_keeps_its_weights(digits: Pack, tmp_path: Path) -> None:
    network = build(genome(), seed=1)
    facts = card(digits, split="validation")
    folder = export.write(tmp_path / "cell", network.genome, network.state_dict(), facts)
    export.rewrite_card(folder, facts.with_test(0.25, 0.5, 2.0))
    assert export.read_card(folder) == facts.with_test(0.25, 0.5, 2.0)
    loaded = export.load(folder).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())
    assert "| top-1 | 0.5000 | 0.2500 |" in (folder / "README.md").read_text()
