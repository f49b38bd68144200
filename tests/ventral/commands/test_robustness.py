"""`ventral score robustness` and `decoders`: tables, files, and what is refused."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from tests.support.campaigns import new_campaign
from tests.support.exports import write_trained
from tests.support.shrinking import ROOT
from tests.ventral.conftest import Shell
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.readouts import PLAIN, RATES
from workers.robustness.attacks import ATTACKS
from workers.robustness.corruptions import CORRUPTIONS

PAGE = (ROOT / "docs" / "robustness.md").read_text()
FEW = ("--images", "20", "--attacked", "5", "--pgd-steps", "2", "--restarts", "1")


@pytest.fixture
def exports(shell: Shell, store: Store) -> list[Path]:
    """Two exports, the first of a campaign in the home."""
    home = Home.at(shell.home)
    digits = pack(DigitsOccluded(size=8, train_images=60, test_images=50), home.ensure(home.data))
    record = new_campaign(store)
    one = write_trained(shell.folder / "one", digits, campaign=record.id, trial=3)
    return [one, write_trained(shell.folder / "two", digits, seed=1)]


def test_networks_are_compared_under_every_condition(
    shell: Shell, store: Store, exports: list[Path]
) -> None:
    words = ["score", "robustness", *map(str, exports), *FEW, "--kinds", "noise,pgd-linf"]
    ended = shell(
        *words, "--severities", "1,5", "--csv", "all.csv", "--figures", "drawn", "-o", "json"
    )
    assert ended.code == 0, ended.err
    scores = ended.json
    kinds = {(row["kind"], row["severity"]) for row in scores["conditions"]}
    assert len(kinds) == 1 + 2 * 2
    assert (len(scores["conditions"]), len(scores["comparisons"])) == (10, 5)
    assert scores["split"] == "test"
    for row in scores["conditions"]:
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert row["images"] == (5 if row["kind"].startswith("pgd") else 20)
        assert row["late"] == pytest.approx(row["last"] - row["early"])
    (record,) = store.campaigns.all()
    (opening,) = store.campaigns.openings(record.id)
    assert opening.command.startswith(f"ventral score robustness {exports[0]}")
    assert f"the opening is on record: ventral status {record.id}" in ended.err
    assert "two is not on record (the export is of no campaign)" in ended.err
    with (shell.folder / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["step"] for row in rows} == {"", "1", "2", "3"}
    assert len(rows) == 10 * 4
    drawn = sorted(file.name for file in (shell.folder / "drawn").iterdir())
    names = ("robustness", "robustness-steps-1", "robustness-steps-2")
    assert drawn == sorted(f"{name}.{end}" for name in names for end in ("csv", "svg", "vl.json"))


def test_a_table_shows_intervals(shell: Shell, exports: list[Path]) -> None:
    words = ["score", "robustness", *map(str, exports), "--kinds", "blur", "--severities", "2"]
    words += ["--split", "validation"]
    shown = shell(*words).out
    assert re.search(r"one +blur +2 +\d+ +[\d.]+ \([\d.]+ to [\d.]+\) ", shown)
    assert re.search(r"one +two +blur +2 +\S+ \([+-][\d.]+ to [+-][\d.]+\) ", shown)
    assert shell(*words, "-o", "csv").out.count("\n") == 5


def test_decoders_are_compared(shell: Shell, exports: list[Path]) -> None:
    words = ("score", "decoders", str(exports[0]), "--epochs", "1", "--train-images", "30")
    ended = shell(*words, "--split", "validation")
    assert ended.code == 0, ended.err
    assert re.search(r"own: last +0 +[\d.]+ % +[\d.]+ \([\d.]+ to [\d.]+\) ", ended.out)
    assert re.search(r"mlp +yes +\d+ +[\d.]+ % +[\d.]+ \([\d.]+ to [\d.]+\) +[+-]", ended.out)
    assert ended.out.count("chosen") == 2
    assert "decoders were chosen by these images" in ended.err


def test_wrong_options_are_one_error(shell: Shell, exports: list[Path]) -> None:
    for words, message in {
        ("--kinds", "fog"): "--kinds: fog is none; there are occlusion",
        ("--severities", "1,6"): "--severities: there is no 6; give some of 1 to 5",
        ("--severities", "high"): "--severities: high: is no number",
        ("--pgd-step", "0"): "step: 0.0 is no distance",
        ("--csv", "."): "--csv: . is a folder",
        ("--device", "tpu"): "--device: tpu: is no place of networks",
        ("--data", "nowhere"): "nowhere",
    }.items():
        ended = shell("score", "robustness", str(exports[0]), *words)
        assert ended.code == 2, ended.err
        assert message in ended.err
        assert "Traceback" not in ended.err


def test_the_page_has_the_table_of_strengths() -> None:
    for kind, corruption in CORRUPTIONS.items():
        levels = " | ".join(f"{one:g}" for one in corruption.levels)
        assert f"| `{kind}` | {corruption.strength} | {levels} |" in PAGE
    for kind, (_, radii) in ATTACKS.items():
        levels = " | ".join(f"{one:.3g}" for one in radii)
        assert re.search(rf"\| `{kind}` \| [^|]+ \| {re.escape(levels)} \|", PAGE)
    assert ", ".join(f"`{form}`" for form in PLAIN) in PAGE
    assert f"two learning rates, {RATES[0]:g} and {RATES[1]:g}" in PAGE


def test_the_page_s_example_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(block, {})
