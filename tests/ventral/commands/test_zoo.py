"""`ventral zoo`: models listed, shown and compared."""

import pytest
import yaml

from space import zoo
from tests.ventral.conftest import Shell


def test_the_zoo_is_listed(shell: Shell) -> None:
    rows = {row["name"]: row for row in shell("zoo", "list", "-o", "json").json}
    assert set(rows) == set(zoo.names())
    row = rows["rgc_intermediate"]
    assert {"name", "parameters", "macs", "steps", "top1", "source"} <= row.keys()
    assert (row["parameters"], row["steps"], row["top1"]) == (15_445_800, 17, 73.0)
    assert row["macs"] == pytest.approx(71.5e9, rel=0.001)
    assert rows["basenet_intermediate"]["top1"] is None
    table = shell("zoo", "list").out
    assert "ugrnn_intermediate_t30_tmaxconf" in table


def test_a_model_is_shown_and_read_again(shell: Shell) -> None:
    shown = shell("zoo", "show", "lstm_shallow")
    assert shown.out.startswith("# lstm_shallow: ")
    assert "63.43 %" in shown.out
    assert " in conv3:\n#   out{128 channels} = tanh(new.hidden) x " in shown.out
    (shell.folder / "mine.yaml").write_text(shown.out)
    document = shell("zoo", "show", "lstm_shallow", "-o", "json").json
    assert document == yaml.safe_load(shown.out) == zoo.model("lstm_shallow").genome.document()
    same = shell("zoo", "diff", "lstm_shallow", "mine.yaml")
    assert (same.code, same.out) == (0, "lstm_shallow and mine.yaml are one genome\n")
    assert "no top-1 is published" in shell("zoo", "show", "basenet_shallow").out


def test_two_models_are_compared(shell: Shell) -> None:
    ended = shell("zoo", "diff", "rgc_intermediate", "rgc_shallow")
    assert ended.code == 0
    for line in (
        "- rgc_intermediate",
        "    Cell rgc in conv5, conv6, conv7, conv9, median reciprocal gated cell:",
        "+ rgc_shallow",
        "      out = elu([1 - sigmoid(out3)] x out + input x [1 - sigmoid(residual3 + hidden3)])",
        "  steps: 17 -> 16",
        "  form: mean_linear -> convolution_mean",
        "  conv8->conv5: - true",
        "  states.out.carry.gate.terms.out.kernel: 7 -> 3",
        "  states.cell.depth: - 64",
    ):
        assert line in ended.out.splitlines(), line
    rows = shell("zoo", "diff", "rgc_intermediate", "rgc_shallow", "-o", "json").json
    assert {"path": "clock.steps", "a": 17, "b": 16} in rows
    assert all(row.keys() == {"path", "a", "b"} for row in rows)
    assert shell("zoo", "diff", "rgc_shallow", "rgc_shallow", "-o", "json").json == []


def test_an_unknown_model_ends_with_2(shell: Shell) -> None:
    ended = shell("zoo", "diff", "rgc_intermediate", "rgc_shalow")
    assert ended.code == 2
    assert 'did you mean "rgc_shallow"' in ended.err
    assert shell("zoo", "show", "nowhere.yaml").code == 2


def test_models_are_drawn(shell: Shell) -> None:
    shown = shell("zoo", "show", "gru_shallow", "--draw", "gru.svg")
    assert (shown.code, shown.err) == (0, "the picture is gru.svg\n")
    assert shown.out.startswith("# gru_shallow: ")
    picture = (shell.folder / "gru.svg").read_text(encoding="utf-8")
    assert "out = gate x out + tanh((input, " in picture
    assert ">gru_shallow</text>" in picture
    compared = shell("zoo", "diff", "gru_shallow", "ugrnn_shallow", "--draw", "both.svg")
    assert compared.code == 0
    assert "cells.gru|ugrnn" in compared.out
    both = (shell.folder / "both.svg").read_text(encoding="utf-8")
    assert both.count(">only here<") == 4


@pytest.mark.parametrize(
    "what", [("show", "gru_shallow"), ("diff", "gru_shallow", "lstm_shallow")]
)
def test_a_picture_in_no_picture_format_is_refused(shell: Shell, what: tuple[str, ...]) -> None:
    ended = shell("zoo", *what, "--draw", "cell.docx")
    assert ended.code == 2
    assert "--draw: cell.docx" in ended.err
    assert "end it in .svg or .png" in ended.err
