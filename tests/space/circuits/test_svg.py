"""The SVG text of a picture: well-formed, for itself, and the same wherever it is written."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from space import zoo
from space.circuits import draw_circuit, draw_difference
from space.circuits.shapes import Box, Picture
from space.circuits.svg import write_svg
from space.equation.network import describe_network
from space.genome import Genome
from space.parts import list_parts
from tests.support.shrinking import ROOT

SVG = "{http://www.w3.org/2000/svg}"
MEDIAN = zoo.model("rgc_intermediate").genome
HASHES = """
import hashlib
from space import zoo
from space.circuits import draw_circuit
for name in zoo.names():
    print(name, hashlib.sha256(draw_circuit(zoo.model(name).genome).encode()).hexdigest())
"""


def test_the_zoo_is_drawn_alike_in_every_process() -> None:
    texts = [
        subprocess.run(
            [sys.executable, "-c", HASHES],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
            cwd=ROOT,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    ]
    here = "".join(
        f"{name} {hashlib.sha256(draw_circuit(zoo.model(name).genome).encode()).hexdigest()}\n"
        for name in zoo.names()
    )
    assert texts == [here, here]


def test_a_picture_names_itself_for_those_who_do_not_see_it() -> None:
    root = ElementTree.fromstring(draw_circuit(MEDIAN, title="the median"))
    texts = {child.get("id"): child.text for child in root if child.tag[len(SVG) :] in TOLD}
    assert root.get("role") == "img"
    assert [texts[name] for name in str(root.get("aria-labelledby")).split()] == [
        "the median",
        describe_network(MEDIAN),
    ]


TOLD = ("title", "desc")


@pytest.mark.parametrize("name", ["lstm_shallow", "resnet18", "gru_shallow"])
def test_a_picture_is_well_formed_and_in_bounds(name: str) -> None:
    genome = zoo.model(name).genome
    effects = dict.fromkeys([part.name for part in list_parts(genome)], -0.25)
    root = ElementTree.fromstring(draw_circuit(genome, effects=effects))
    left, top, width, height = map(float, str(root.get("viewBox")).split())
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", "")), float(rect.get("y", ""))
        assert left <= x <= x + float(rect.get("width", "")) <= left + width
        assert top <= y <= y + float(rect.get("height", "")) <= top + height


def test_pictures_in_one_page_have_no_name_in_common() -> None:
    pictures = [
        draw_circuit(MEDIAN),
        draw_circuit(MEDIAN, title="other"),
        draw_circuit(MEDIAN, effects={"out": 0.1}),
        draw_difference(MEDIAN, MEDIAN, titles=("a", "b")),
    ]
    ids = [name for text in pictures for name in re.findall(r' id="([^"]+)"', text)]
    assert len(ids) == len(set(ids)) == 3 * len(pictures)
    for text in pictures:
        root = str(ElementTree.fromstring(text).get("id"))
        (style,) = re.findall(r"<style>(.*)</style>", text)
        rules = re.findall(r"([^{}]+)\{[^{}]*\}", style.replace("}}", "}"))
        selectors = [rule.removeprefix("@media (prefers-color-scheme:dark){") for rule in rules]
        assert len(selectors) > 20
        assert all(selector.startswith(f"#{root} ") for selector in selectors)


def test_every_class_has_its_colours_for_light_and_for_dark() -> None:
    text = draw_circuit(
        zoo.model("gru_shallow").genome, effects={"update": 0.1}
    ) + draw_difference(MEDIAN, zoo.model("rgc_shallow").genome, titles=("a", "b"))
    (light, dark), *_ = re.findall(
        r"<style>(.*?)@media \(prefers-color-scheme:dark\)(.*?)</style>", text
    )
    for used in set(re.findall(r' class="([^"]+)"', text)):
        assert f".{used}{{" in light, used
        assert f".{used}{{" in dark, used
    assert "<" not in light + dark


def test_names_that_people_choose_are_text_and_no_markup() -> None:
    document = MEDIAN.document()
    wild = "<b>&\"'"
    document["cells"][wild] = document["cells"].pop("rgc")
    for stage in document["stages"]:
        if stage.get("cell") == "rgc":
            stage["cell"] = wild
    text = draw_circuit(Genome.parse(document), title="</title><script>alert(1)</script>")
    root = ElementTree.fromstring(text)
    assert "<script" not in text
    assert any(label.text == f"cell {wild}" for label in root.iter(f"{SVG}text"))


def test_numbers_have_one_decimal_at_most() -> None:
    picture = Picture(10, 10, (Box(1 / 3, 2.04, 7, 6.96, ("a",), "state"),))
    text = write_svg(picture, "title", "description")
    assert 'x="0.3" y="2" width="7" height="7"' in text
