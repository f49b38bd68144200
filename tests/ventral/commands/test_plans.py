"""`ventral plan`: what is computed, what was saved, and the picture."""

from pathlib import Path

import pytest

from tests.ventral.conftest import Shell


def test_the_plan_as_json(shell: Shell) -> None:
    found = shell("plan", "rgc_intermediate", "--batch", "64", "-o", "json").json
    assert found["batch"] == 64
    assert found["literal_macs"] == 71_546_903_936
    assert found["planned_macs"] < 17.8e9
    saved = found["literal_macs"] - sum(found["saved"].values())
    assert saved == pytest.approx(found["planned_macs"], abs=10)
    memory, half = found["memory"], found["half_memory"]
    assert memory["recomputed"] < memory["planned"] < memory["literal"]
    assert all(0.4 < half[how] / memory[how] < 1 for how in memory)
    weights = {"images": 1, "1": 1 / 64}
    total = sum(op["macs"] * weights[op["batch"]] for op in found["operations"])
    assert total == pytest.approx(found["planned_macs"], rel=1e-9)


def test_the_plan_as_a_table_and_a_picture(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "plan.png"
    ended = shell("plan", "ugrnn_shallow", "--read", "conv3@4,head@15", "--draw", file)
    assert ended.code == 0, ended.err
    assert "times less" in ended.out
    assert "memory to train in: literal " in ended.out
    assert "in bf16 or fp16" in ended.out
    assert "shared" in ended.out or "a value of the same history" in ended.out
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments", [("--read", "conv3"), ("--read", "conv3@99"), ("--draw", "plan.xyz")]
)
def test_bad_input_ends_with_two(shell: Shell, arguments: tuple[str, str]) -> None:
    ended = shell("plan", "ugrnn_shallow", *arguments)
    assert ended.code == 2
    assert arguments[1] in ended.err


def test_whether_it_fits_on_a_part_of_a_card(shell: Shell) -> None:
    """A quarter of a T4 has room for the plan, and not for the literal unroll."""
    options = ("plan", "ugrnn_shallow", "--batch", "64", "--card", "T4", "--gpus", "0.1")
    found = shell(*options, "-o", "json").json
    card, memory = found["card"], found["half_memory"]
    assert card["bytes"] == int(16 * 2**30 * 0.1 * 0.9)
    assert card["fits"] == {how: size <= card["bytes"] for how, size in memory.items()}
    assert "0.1 of a card T4 (16 GiB), 10% of it left to CUDA" in shell(*options).out
    refused = shell("plan", "ugrnn_shallow", "--card", "H10")
    assert refused.code == 2
    assert "--card" in refused.err
    assert "H100" in refused.err
