"""The locked set is that of constraints.txt, whole, hashed, and what the image installs."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from building.lock import BILL, COMMON, CUDA, read_entries, read_version, split_entries, write_bill
from tests.support.shrinking import ROOT

ENTRIES = {
    name: {entry.name: entry for entry in read_entries((ROOT / name).read_text())}
    for name in (COMMON, CUDA)
}
ALL = ENTRIES[COMMON] | ENTRIES[CUDA]
PINNED = {
    re.sub(r"[-_.]+", "-", name).lower(): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}


LINE = r"#|\s+--hash=sha256:[0-9a-f]{64}( \\)?$|[\w.-]+(\[\w+\])?=="
"""Of a lock."""


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_versions_are_those_of_constraints() -> None:
    assert {n: e.version for n, e in ALL.items() if n in PINNED and PINNED[n] != e.version} == {}
    assert ENTRIES[COMMON].keys() <= PINNED.keys()
    assert [name for name in ENTRIES[CUDA] if name in PINNED] == ["torch"], "the rest is torch's"


def test_every_file_has_a_hash() -> None:
    assert len(ENTRIES[COMMON]) > 100
    for name in (COMMON, CUDA):
        for line in (ROOT / name).read_text().splitlines():
            assert re.match(LINE, line), line
    assert all(entry.hashes for entry in ALL.values())


def test_what_the_extra_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras, waiting, asked = project["optional-dependencies"], ["cluster"], project["dependencies"]
    while waiting:
        for line in extras[waiting.pop()]:
            requirement = Requirement(line)
            if requirement.name == project["name"]:
                waiting += requirement.extras
            else:
                asked = [*asked, line]
    for requirement in map(Requirement, asked):
        version = ALL[normalise(requirement.name)].version
        assert requirement.specifier.contains(version), requirement


def test_what_each_of_them_needs_is_locked() -> None:
    looked_at = 0
    for name, entry in ENTRIES[COMMON].items():
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if metadata.version(name) != entry.version:
            continue
        looked_at += 1
        for requirement in map(Requirement, needs):
            marker = requirement.marker
            here = {"extra": "", "python_version": "3.12", "python_full_version": "3.12.12"}
            if marker is None or marker.evaluate(here):
                assert normalise(requirement.name) in ALL, (name, requirement)
    assert looked_at > 80


def test_the_bill_lists_the_locked_set() -> None:
    entries = sorted(ALL.values(), key=lambda entry: entry.name)
    text = (ROOT / BILL).read_text()
    assert text == write_bill(entries, read_version())
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert len({one["bom-ref"] for one in bill["components"]}) == len(ALL)


def test_the_image_installs_nothing_without_a_hash() -> None:
    """But for PyTorch's build without CUDA, which its own index alone has, and Ventral itself."""
    lines = re.findall(r"pip install [^;&\n]*", (ROOT / "docker" / "Dockerfile").read_text())
    open_lines = [line for line in lines if "--require-hashes" not in line]
    assert len(lines) == len(open_lines) + 2
    assert ["--index-url" in line or ".[cluster]" in line for line in open_lines] == [True, True]
    assert all("--no-deps" in line for line in lines)


def test_entries_are_split_by_what_cuda_alone_needs() -> None:
    first, second = (f"    --hash=sha256:{letter * 64}\n" for letter in "ab")
    text = f"# a\ntorch==1 \\\n{first}A_b==2 ; x \\\n{second}"
    entries = read_entries(text)
    found = [(entry.name, entry.version, len(entry.hashes)) for entry in entries]
    assert found == [("a-b", "2", 1), ("torch", "1", 1)]
    common, cuda = split_entries(entries)
    assert [entry.name for entry in (*common, *cuda)] == ["a-b", "torch"]
    with pytest.raises(ValueError, match="no pinned distribution"):
        read_entries("torch>=1")
