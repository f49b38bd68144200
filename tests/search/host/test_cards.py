"""Graphics cards: what a node says of them, and what its maker's tool does."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host import machine as machines
from search.host.cards import (
    GIB,
    Card,
    card_of_node,
    cards_here,
    format_gib,
    memory_of,
    merge,
    type_of,
)
from search.host.machine import Machine, largest, together


def test_a_node_s_cards_are_read_from_its_resources() -> None:
    assert card_of_node({"CPU": 8.0}) is None
    plain = card_of_node({"CPU": 8.0, "GPU": 4.0, "accelerator_type:H100": 1.0})
    assert plain == Card(name="H100", memory=80 * GIB, count=4)
    assert str(plain) == "H100 (80 GiB)"
    declared = {"GPU": 1.0, "accelerator_type:A100": 1.0, "gpu_memory_mib": 19968.0}
    assert card_of_node(declared) == Card(name="A100", memory=int(19.5 * GIB), count=1)
    unknown = card_of_node({"GPU": 2.0})
    assert unknown == Card(name="", memory=None, count=2)
    assert str(unknown) == "GPU"
    assert memory_of("Abacus") is None


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A100-SXM4-40GB", "A100"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("NVIDIA RTX PRO 6000 Blackwell", "RTX-PRO-6000"),
        ("NVIDIA GeForce RTX 4090", "GeForce-RTX-4090"),
    ],
)
def test_types_have_the_names_that_ray_gives_them(product: str, name: str) -> None:
    nvidia_gpu = pytest.importorskip("ray._private.accelerators.nvidia_gpu")
    manager = nvidia_gpu.NvidiaGPUAcceleratorManager
    assert type_of(product) == name == manager._gpu_name_to_accelerator_type(product)  # noqa: SLF001 - the name is Ray's


def tool(folder: Path, listing: str) -> str:
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\nprintf '{listing}'\n")
    file.chmod(0o755)
    return str(file)


def test_this_machine_s_cards_are_those_of_the_driver_s_tool(tmp_path: Path) -> None:
    two = tool(tmp_path, "NVIDIA H100 80GB HBM3, 81559\\nNVIDIA H100 80GB HBM3, 81000\\n")
    [card] = cards_here(two, 2)
    assert card == Card(name="H100", memory=81000 * 2**20, count=2)
    assert format_gib(card.memory or 0) == "79.1 GiB"
    [first] = cards_here(two, 1)
    assert (first.count, first.memory) == (1, 81559 * 2**20)
    unknown = (Card(name="", memory=None, count=2),)
    assert cards_here(tool(tmp_path, ""), 2) == unknown
    assert cards_here(str(tmp_path / "gone"), 2) == unknown


def test_machines_together_have_every_type() -> None:
    def node(name: str, gib: int, count: int) -> Machine:
        card = Card(name=name, memory=gib * GIB, count=count)
        return Machine(cpus=4, gpus=count, cards=(card,))

    nodes = [node("H100", 80, 1), node("A100", 80, 2), node("A100", 40, 8)]
    expected = (
        Card(name="A100", memory=40 * GIB, count=8),
        Card(name="H100", memory=80 * GIB, count=1),
    )
    assert largest(nodes).cards == together(nodes).cards == expected
    assert largest([*nodes, Machine(cpus=1, gpus=1)]).cards is None, "nobody looked"
    assert merge([]) == ()


def test_a_machine_has_a_type_or_nobody_looked() -> None:
    assert Machine(cpus=1, gpus=1).has("H100")
    bare = Machine(cpus=1, gpus=0, cards=())
    assert bare.has(None)
    assert not bare.has("H100")


def test_without_gpus_the_tool_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(machines, "cards_here", None)
    assert machines.machine().cards == ()
