"""CONTRIBUTING.md and docs/decisions are true of the tree: its folders, files and commands."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.shrinking import PACKAGES, ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = sorted((ROOT / "docs" / "decisions").glob("*.md"))
TOP = {"benchmarks", "building", "docs", "examples", "tests"}
"""Folders beside the packages of which the map speaks, with those directly in them."""

NO_FOLDERS = {"__pycache__"}


def read_map(text: str) -> dict[str, str]:
    """The captions of the map by folder: lines `name/  caption`, two spaces deeper a level."""
    captions: dict[str, str] = {}
    above: list[str] = []
    for line in text.splitlines():
        match = re.fullmatch(r"( *)(\S+)/ +(\S.*)", line)
        assert match, f"no folder with its caption: {line!r}"
        depth, odd = divmod(len(match[1]), 2)
        assert not odd, f"not two spaces a level: {line!r}"
        assert depth <= len(above), f"no folder above it: {line!r}"
        above = [*above[:depth], match[2]]
        name = "/".join(above)
        assert name not in captions, f"twice in the map: {name}"
        captions[name] = match[3]
    return captions


def list_folders(root: Path) -> Iterator[str]:
    """The folders that a map has to name: the packages' with all that is in them, and of the
    others what has no package's name.
    """
    for package in PACKAGES:
        yield package
        for folder in sorted((root / package).rglob("*/")):
            if folder.is_dir() and NO_FOLDERS.isdisjoint(folder.parts):
                yield folder.relative_to(root).as_posix()
    for top in sorted(TOP):
        yield top
        for folder in sorted((root / top).iterdir()):
            if folder.is_dir() and folder.name not in {*NO_FOLDERS, *PACKAGES, *TOP}:
                yield folder.relative_to(root).as_posix()


def _map() -> dict[str, str]:
    (block,) = re.findall(r"^```text\n(.*?)^```", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    return read_map(block)


def test_the_map_names_every_folder_and_only_what_exists() -> None:
    assert set(_map()) == set(list_folders(ROOT))


def test_the_map_stands_in_the_order_of_the_imports() -> None:
    packages = [name for name in _map() if name in PACKAGES]
    assert packages == list(PACKAGES)


def test_a_map_is_read_by_its_indentation() -> None:
    text = "a/      one\n  b/    two words\n    c/  three\n  d/    four\ne/      five\n"
    assert read_map(text) == {
        "a": "one",
        "a/b": "two words",
        "a/b/c": "three",
        "a/d": "four",
        "e": "five",
    }


@pytest.mark.parametrize(
    "text", ["a/\n", "a  no folder\n", " a/  odd\n", "a/  one\n    b/  too deep\n", "a/ x\na/ y\n"]
)
def test_a_line_that_is_no_folder_with_a_caption_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        read_map(text)


def test_folders_are_those_of_the_packages_and_of_what_has_no_counterpart(tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    for name in ("space/a/b", "space/__pycache__", "tests/space/a", "tests/own", "docs", "other"):
        (tmp_path / name).mkdir(parents=True)
    for name in TOP:
        (tmp_path / name).mkdir(exist_ok=True)
    found = set(list_folders(tmp_path))
    assert found == {*PACKAGES, *TOP, "space/a", "space/a/b", "tests/own"}


def _texts() -> list[tuple[str, str]]:
    return [("CONTRIBUTING.md", CONTRIBUTING), *((page.name, page.read_text()) for page in PAGES)]


def test_every_path_and_link_leads_somewhere() -> None:
    missing = []
    for name, text in _texts():
        folder = ROOT if name == "CONTRIBUTING.md" else ROOT / "docs" / "decisions"
        paths = re.findall(r"`([\w.]+/[\w./-]*)`", text) + re.findall(
            r"\b((?:tests|search|space|models|workers)/[\w./]+\.(?:py|json))\b", text
        )
        missing += [f"{name}: {path}" for path in paths if not (ROOT / path).exists()]
        links = re.findall(r"\]\(([^)#:]+)\)", text)
        missing += [f"{name}: {link}" for link in links if not (folder / link).exists()]
    assert missing == []


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = {
        target for _, text in _texts() for target in re.findall(r"\bmake\s+([a-z-]+)`", text)
    }
    assert {"check", "test", "test-fast", "test-newest"} <= mentioned
    assert mentioned <= targets


def test_the_hooks_before_a_commit_are_the_commands_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"].split() for repo in hooks for hook in repo["hooks"]]
    assert [repo["repo"] for repo in hooks] == ["local"], "others need a network"
    # A command reads the changed files that pre-commit gives it, or all as make does.
    run = sorted(
        [Path(entry[0]).name, *(word for word in entry[1:] if word != "--force-exclude")]
        for entry in entries
    )
    made = subprocess.run(
        ["make", "-n", "-o", "setup", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = [line.split() for line in made.splitlines() if "/bin/" in line]
    assert run == sorted(
        [Path(line[0]).name, *(word for word in line[1:] if word != ".")] for line in wanted
    )


def test_decisions_have_one_form() -> None:
    """A title, a status, and what was decided, why, and what follows: a page each."""
    assert len(PAGES) >= 5
    for page in PAGES:
        text = page.read_text()
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert re.match(r"# \S", text), page.name
        assert headings == ["Decision", "Reasons", "Consequences"], page.name
        assert len(text.splitlines()) <= 70, page.name
        assert re.fullmatch(r"\d{4}-[a-z-]+\.md", page.name)
