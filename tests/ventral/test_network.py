"""`ventral.network`: an untrained network of what a person calls it."""

import json
from pathlib import Path

import pytest
import torch

import ventral
from space import zoo
from space.errors import InputError


def test_a_network_of_a_zoo_models_name(tmp_path: Path) -> None:
    network = ventral.network("simplernn_shallow", image_size=96, classes=3, seed=4)
    assert (network.image_size, network.classes) == (96, 3)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(zoo.model("simplernn_shallow").genome.document()))
    same = ventral.network(file, image_size=96, classes=3, seed=4)
    other = ventral.network("simplernn_shallow", image_size=96, classes=3, seed=5)
    kernels = [n.state_dict()["head.kernel"] for n in (network, same, other)]
    assert torch.equal(kernels[0], kernels[1])
    assert not torch.equal(kernels[0], kernels[2])
    document = zoo.model("simplernn_shallow").genome.document()
    assert ventral.network(document, image_size=96).classes == 1000
    with pytest.raises(InputError, match="simplernn_shallow"):
        ventral.network("simplernn_shalow")
