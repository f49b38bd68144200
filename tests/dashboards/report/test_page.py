"""The page: whole without a network, in a browser, for whoever reads it and however."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dashboards.findings import Finding
from dashboards.report import contents, networks, page
from dashboards.searched import Searched
from search.store import Opening
from space.parts import list_parts
from tests.support.browser import ENTER, TAB, Browser, browser, why_not
from tests.support.pages import Tags
from tests.support.searched import make_searched
from tests.support.small_figures import draw_bars, draw_points
from tests.support.waiting import wait_until

ODD = "</script><script>alert(1)</script>\"'><img src=http://evil.com/a>\u202e"
in_browser = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND"
"""An option of Chromium: no name leads to an address."""


def judge(searched: Searched) -> contents.Judged:
    """A campaign with a finding of every status."""
    findings = [
        Finding(
            name=f"{status}_question",
            status=status,
            value=0.25,
            threshold=None if status == "pass" else 0.5,
            text=f"It is a {status}: {searched.name}",
            next=f"ventral top {searched.id}",
        )
        for status in ("pass", "warning", "fail")
    ]
    return contents.Judged(searched=searched, findings=tuple(findings))


def report_of(*campaigns: Searched) -> contents.Contents:
    figures = [figure for draw in (draw_points, draw_bars) if (figure := draw(campaigns))]
    return contents.Contents(
        judged=tuple(map(judge, campaigns)), figures=tuple(figures), undrawn=(), warnings=()
    )


@pytest.fixture(scope="module")
def report() -> contents.Contents:
    opening = Opening(at=0.0, who=ODD, command=ODD, networks=(ODD,), split="test")
    return report_of(make_searched(trials=60, name=ODD, openings=[opening]))


@pytest.fixture(scope="module")
def text(report: contents.Contents) -> str:
    return page.render_page(report, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


def test_names_stay_text_whatever_is_in_them(text: str) -> None:
    elements = Tags(text).elements
    assert not re.search("[\x1b\u202e]", text)
    scripts = [given for tag, given in elements if tag == "script"]
    charts = {"application/json"}
    assert [one.get("type") in charts for one in scripts] == [True] * 3 + [False] * 2
    assert "img" not in [tag for tag, _ in elements]
    addresses = [
        given[key] for _, given in elements for key in ("src", "href", "action") if key in given
    ]
    assert all(address and address.startswith(("data:", "#")) for address in addresses)
    assert not {key for _, given in elements for key in given if key.startswith("on")}


def test_the_page_says_what_the_report_says(report: contents.Contents, text: str) -> None:
    assert "2026-01-02 03:04 UTC" in text
    for finding in report.judged[0].findings:
        assert f"{finding.name.replace('_', ' ')}</span>" in text
        assert escape(finding.next) in text
    for status in ("pass", "warning", "fail"):
        assert f"{page.MARKS[status]} 1 {status}" in text
    places = [text.index(f'<li class="finding {status}">') for status in page.ORDER]
    assert places == sorted(places), "what asks for something to be done comes first"
    best = report.campaigns[0].suggested["top1"].max()
    assert f"{100 * best:.1f} %" in text
    for section in ("findings", "facts", "networks", "caveats", "reproduce"):
        assert f'<section id="{section}"' in text
        assert f'href="#{section}"' in text


def test_headings_go_down_one_level_at_a_time(text: str) -> None:
    levels = [int(tag[1]) for tag, _ in Tags(text).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    tags = [tag for tag, _ in Tags(text).elements]
    assert [tags.count(one) for one in ("main", "header", "footer", "nav")] == [1, 1, 1, 1]


def test_every_identity_is_one_element_s_and_every_label_leads_to_one(text: str) -> None:
    elements = Tags(text).elements
    ids = [given["id"] for _, given in elements if "id" in given]
    assert len(set(ids)) == len(ids)
    named = [given["aria-labelledby"] or "" for _, given in elements if "aria-labelledby" in given]
    assert {name for names in named for name in names.split()} <= set(ids)


def test_several_campaigns_are_side_by_side() -> None:
    one, two = make_searched(trials=30, name="one"), make_searched(trials=30, name="two")
    made = page.render_page(report_of(one, two))
    assert "What one and two found" in made
    for searched in (one, two):
        assert f"It is a fail: {searched.name}" in made
        assert f"Best networks of {searched.name}" in made


def test_a_lesioned_network_is_drawn_with_its_effects() -> None:
    searched = make_searched(trials=60)
    best, _ = networks.find_best_kinds(searched)
    assert best is not None
    genome = networks.read_genome(searched, best)
    assert genome is not None
    part = list_parts(genome)[0].name
    row = {"trial": best.trial, "kind": "edge", "low": None, "high": None, "retrained": False}
    row |= {"part": part, "difference": -0.125}
    made = page.render_page(report_of(replace(searched, lesions=pd.DataFrame([row]))))
    assert "\N{MINUS SIGN}0.125" in made
    assert "as thick as top-1 differs without the part (removed" in made
    other = row | {"part": "no part of it"}
    made = page.render_page(report_of(replace(searched, lesions=pd.DataFrame([other]))))
    assert "as thick as" not in made
    assert f"Best recurrent network, trial {best.trial}" in made


def test_a_full_disk_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")

    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("workers.files.write", fill)
    with pytest.raises(OSError, match="No space left"):
        page.write_report([make_searched(trials=20)], file)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert file.read_text() == "old"


@pytest.fixture(scope="module")
def opened(text: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """A browser without a network, and the page's address on its disk."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(text, encoding="utf-8")
    with browser(tmp_path_factory.mktemp("profile"), NOWHERE) as window:
        yield window, f"file://{file}"


def show(opened: tuple[Browser, str], scheme: str = "light", width: int = 1280) -> Browser:
    """The page, with all of its charts drawn."""
    window, address = opened
    window.show_as(scheme, width)
    window.open(address)
    drawn = "return document.documentElement.dataset.drawn === 'all'"
    wait_until(lambda: window.run(drawn), "all charts are drawn")
    return window


@in_browser
def test_every_figure_is_drawn_from_disk_without_a_request(opened: tuple[Browser, str]) -> None:
    window = show(opened)
    charts = window.run(
        "return [...document.querySelectorAll('.chart')].map(one => [one.dataset.state,"
        " one.querySelectorAll('svg').length, one.querySelectorAll('svg path').length > 20,"
        " one.getAttribute('role'), one.getAttribute('aria-label'), one.tabIndex])"
    )
    assert charts == [
        ["drawn", 1, True, "img", "Points & <b>trials</b>. A point a trial.", 0],
        ["drawn", 1, True, "img", "Bars. A bar a status.", 0],
    ]
    requests = window.run("return performance.getEntriesByType('resource').map(one => one.name)")
    assert [one for one in requests if not one.startswith(("data:", "blob:"))] == []
    assert window.complaints() == []


@in_browser
def test_a_table_in_a_chart_is_read_as_it_was_written(
    report: contents.Contents, opened: tuple[Browser, str]
) -> None:
    window = show(opened)
    rows = window.run("return readCsv(arguments[0])", 'a,b\n1,"x ""y"", z\nw"\n,\n')
    assert rows == [{"a": "1", "b": 'x "y", z\nw'}, {"a": "", "b": ""}]
    (frame,) = [figure.frame for figure in report.figures if figure.name == "points"]
    points = window.run("return document.querySelectorAll('#points .mark-symbol path').length")
    assert points >= len(frame)


@in_browser
def test_a_keyboard_reaches_the_findings_and_the_figures(opened: tuple[Browser, str]) -> None:
    window = show(opened)
    window.press(TAB)
    assert window.run("return document.activeElement.className") == "skip"
    window.press(ENTER)
    wait_until(lambda: window.address.endswith("#findings"), "the link is followed")
    reached = set()
    for _ in range(80):
        window.press(TAB)
        reached.add(window.run("return document.activeElement.dataset.chart || ''"))
        if {"points", "bars"} <= reached:
            break
    assert {"points", "bars"} <= reached


@in_browser
def test_light_and_dark_pages_differ_and_narrow_ones_do_not_run_over(
    opened: tuple[Browser, str], tmp_path: Path
) -> None:
    pictures = {}
    for scheme in ("light", "dark"):
        window = show(opened, scheme)
        window.run("document.querySelector('#points').scrollIntoView({behavior: 'instant'})")
        window.save(tmp_path / scheme)
        pictures[scheme] = (tmp_path / scheme).read_bytes()
        paper = window.run("return getComputedStyle(document.body).backgroundColor")
        ink = window.run(
            "return getComputedStyle(document.querySelector('.role-axis-label text')).fill"
        )
        assert (brightness(paper) > brightness(ink)) == (scheme == "light")
    assert pictures["light"] != pictures["dark"]
    window = show(opened, "light", 400)
    assert window.run("return document.documentElement.scrollWidth") <= 400


def brightness(color: str) -> int:
    """Of rgb(...)."""
    return sum(int(part) for part in re.findall(r"\d+", color)[:3])


@in_browser
def test_the_numbers_of_a_chart_are_those_of_its_table(
    report: contents.Contents, opened: tuple[Browser, str]
) -> None:
    window = show(opened)
    cells = window.run(
        "return [...document.querySelectorAll('#bars tbody tr')]"
        ".map(row => [...row.cells].map(one => one.textContent))"
    )
    (frame,) = [figure.frame for figure in report.figures if figure.name == "bars"]
    assert cells == [[status, str(count)] for status, count in frame.itertuples(index=False)]
    spec = json.loads(window.run("return document.getElementById('chart-bars').textContent"))
    (rows,) = spec["datasets"].values()
    assert [[row["status"], str(row["count"])] for row in rows] == cells
