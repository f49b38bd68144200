"""What notebooks show is small, static and escaped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from dashboards.saved import load_example
from models.build import build
from search.store import Store
from space.circuits import draw_circuit
from space.documents.html import format_facts, format_lines, format_percent
from space.equation.network import format_cells
from space.zoo import cells as published
from tests.support.campaigns import fill
from tests.support.drawing import small_genome
from tests.support.exports import card

EVIL = "<script>alert(1)</script>\x1b[31m"


def check(html: str) -> str:
    """All texts of a piece of HTML, which is well formed and has no script in it."""
    assert len(html) < 4000
    tree = ElementTree.fromstring(html)
    assert {one.tag for one in tree.iter()} <= {
        "table",
        "caption",
        "strong",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "\x1b" not in html
    return "\n".join(tree.itertext())


def test_texts_are_escaped_and_empty_ones_left_out() -> None:
    html = format_facts(
        EVIL, {"a": EVIL, EVIL: 3, "empty": "", "none": None, "no": (), "long": "x" * 999}
    )
    text = check(html)
    assert text.count("<script>alert(1)</script>") == 3
    assert "empty" not in text
    assert "x" * 299 + "…" in text
    assert format_percent(0.5) == "50.0 %"


def test_campaigns_trials_and_cards(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    assert EVIL[:8] in check(replace(campaign, name=EVIL)._repr_html_())
    trial = store.results.get(campaign.id, 1)
    text = check(replace(trial, cell=EVIL, motifs=(EVIL, "b"))._repr_html_())
    assert "80.0 %" in text
    assert "top-1 on validation" in text
    shown = check(card().model_copy(update={"name": EVIL})._repr_html_())
    assert EVIL[:8] in shown
    assert "top-1 on" in shown
    example = load_example("random")
    assert "motifs-small" in check(replace(example, name=EVIL)._repr_html_())


def test_a_network_shows_its_equations_and_its_circuit() -> None:
    network = build(small_genome(published.conv_gru()))
    facts, end, rest = network._repr_html_().partition("</table>")
    assert "conv1" in check(facts + end)
    circuit = draw_circuit(network.genome)
    assert rest.endswith(circuit)
    ElementTree.fromstring(f"<div>{rest}</div>")
    text = "".join(ElementTree.fromstring(rest.removesuffix(circuit)).itertext())
    assert format_cells(network.genome)
    assert all(line in text for line in format_cells(network.genome))
    assert EVIL not in format_lines(EVIL)
