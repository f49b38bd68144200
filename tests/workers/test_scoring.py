"""Scoring an export again, on the pack that its card names."""

import shutil
from pathlib import Path

import pytest

from models.build import build
from space.errors import DataError
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
    expected = evaluate(network, digits, batch_size=256, threads=1)
    assert evaluate_export(folder, packs) == expected
    with pytest.raises(DataError, match="gone"):
        evaluate_export(folder, tmp_path / "no packs")
    images = next(packs.glob("digits*/test.images.npy"))
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test\.images\.npy: has \d+ bytes"):
        evaluate_export(folder, packs)
