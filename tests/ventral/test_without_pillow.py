"""Without Pillow: an export is loaded, its images are normalised, and it is scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.build import build
from tests.support.exports import card, genome
from tests.support.processes import run_python
from workers.data.packing import pack
from workers.data.specs import Npz
from workers.evaluation import evaluate
from workers.export import write

PROGRAM = """
import json
import numpy as np
import ventral
from workers.scoring import evaluate_export

folder, packs = sys.argv[1:]
network, facts = ventral.load(folder), ventral.card(folder)
logits = network(ventral.normalise(np.zeros((8, 8), np.uint8), facts))
print(json.dumps([list(logits.shape), evaluate_export(folder, packs).top1]))
"""


@pytest.mark.long
def test_an_export_is_loaded_and_scored(tmp_path: Path) -> None:
    """Also where its data, labelled arrays, has to be packed anew."""
    random, labels = np.random.default_rng(0), np.arange(60) % 10
    images = random.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    arrays: dict[str, Any] = {
        f"{split}_images": images for split in ("train", "validation", "test")
    }
    arrays |= {f"{split}_labels": labels for split in ("train", "validation", "test")}
    np.savez(tmp_path / "noise.npz", **arrays)
    spec = Npz(path=str(tmp_path / "noise.npz"), size=8)
    packed, network = pack(spec, tmp_path / "packs"), build(genome(), seed=1)
    facts = card(packed, data=spec.model_dump(mode="json"), image_size=8)
    write(tmp_path / "cell", genome(), network.state_dict(), facts)
    arguments = str(tmp_path / "cell"), str(tmp_path / "anew")
    done = run_python(PROGRAM, *arguments, blocked="PIL sklearn ray mlflow")
    assert done.returncode == 0, done.stderr
    shape, top1 = json.loads(done.stdout)
    assert shape == [1, 10]
    assert top1 == evaluate(network.eval(), packed, split="test").top1
