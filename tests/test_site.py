"""The documentation site: it builds strictly, asks no network, and no link of it is broken."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.shrinking import ROOT

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}


class Page(HTMLParser):
    """What a page links to and loads, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values["id"]} if "id" in values else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if LOADED.get(tag, "") in values:
            self.loaded.append(values[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the built site by file."""
    folder = tmp_path_factory.mktemp("site")
    words = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {file: Page(file.read_text()) for file in (folder / "html").rglob("*.html")}


def test_every_page_of_the_folder_is_in_it(site: dict[Path, Page]) -> None:
    names = {file.name for file in site}
    assert names >= {f"{page.stem}.html" for page in (ROOT / "docs").rglob("*.md")}


def test_nothing_is_loaded_from_a_network(site: dict[Path, Page]) -> None:
    loaded = [address for page in site.values() for address in page.loaded]
    assert loaded
    assert [one for one in loaded if urlsplit(one).scheme or one.startswith("//")] == []


def test_no_link_inside_it_is_broken(site: dict[Path, Page]) -> None:
    broken, followed = [], 0
    for file, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            there = target.exists() and (
                not parts.fragment
                or target not in site
                or unquote(parts.fragment) in site[target].anchors
            )
            followed += 1
            broken += [] if there else [f"{file.name}: {link}"]
    assert broken == []
    assert followed > len(site)
