"""The legend explains every sign, and its page is true."""

import re
from pathlib import Path

import pytest

from space import zoo
from space.equation.legend import LEGEND, MORE, format_legend
from space.equation.network import write_cells
from space.network.grammar import Cell
from tests.support.drawing import small_genome

PAGE = (Path(__file__).parents[3] / "docs" / "reading-equations.md").read_text()


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_has_the_legend() -> None:
    assert f"{format_legend(whole=True)}\n" in read_blocks("text")


def test_the_legend_of_tables_is_short() -> None:
    lines = format_legend().splitlines()
    assert len(lines) == len(LEGEND) <= 8
    assert all(len(line) <= 100 for line in (*lines, *format_legend(whole=True).splitlines()))
    assert all(sign and meaning for sign, meaning in (*LEGEND, *MORE))


def test_the_cells_of_the_page_are_written_as_they_are_printed() -> None:
    *_, cells = read_blocks("text")
    printed = re.split(r"^(?=\w)", cells, flags=re.MULTILINE)[1:]
    assert len(printed) == 10
    for block in printed:
        head, *lines = block.splitlines()
        name, _, published = head.partition(", ")
        first = write_cells(zoo.model(name).genome)[0]
        assert published == first.published
        assert [line.strip() for line in lines] == list(first.written.format())


def test_the_first_equation_of_the_page_is_one() -> None:
    gate = {"offset": 1.0, "scale": -0.75, "nonlinearity": "tanh"}
    kept = {"offset": 1.0, "scale": -0.9}
    edges = [
        {"add": {"of": "input", "kernel": 5}},
        {"add": {"of": "residual", "op": "match"}},
        {"multiply": gate | {"terms": [{"of": "residual", "kernel": 5}]}},
    ]
    terms = [{"of": "out", "op": "separable", "kernel": 1}]
    out = {
        "carry": {"gate": kept | {"terms": terms}},
        "drive": {"edges": edges},
        "activation": "elu",
    }
    cell = Cell.model_validate({"states": {"out": out}, "output": "out"})
    (line,) = write_cells(small_genome(cell, feedback=False))[0].written.format()
    assert read_blocks("text")[0].strip() == line


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = read_blocks("python")
    exec(code, {})
    assert capsys.readouterr().out.startswith("ConvGRU\n5 stages, 16 steps:")
