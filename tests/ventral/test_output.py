"""Nothing that comes from outside steers the terminal, ends a line or a cell, or is mark-up."""

import csv
import io
import json
from pathlib import Path

import pytest

from search.mirror.experiments import experiment_name, experiment_tags
from search.mirror.runs import run_name, run_of
from search.store import Store
from space.documents.outside import markdown
from tests.support.campaigns import add, train
from tests.ventral.conftest import Shell
from tests.ventral.prepared import run_command
from ventral.output import LONG, Column, Format, note, show, signed_percent, table, value
from workers.logs import LOG_VARIABLE

EVIL = "a\x1b[31mred\r\nb\u202ec\x07<script>../x\udce4"
SAFE = r"a\x1b[31mred\r\nb\u202ec\x07<script>../x\udce4"
COLUMNS = [Column(key="name"), Column(key="n", right=True)]


@pytest.mark.parametrize("rows", [1, LONG])
def test_tables_show_names_on_one_line(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    table([{"name": EVIL, "n": 1}] * rows, COLUMNS, Format.table, title=EVIL)
    printed = capsys.readouterr().out
    assert printed.count(SAFE) == rows + 1
    assert not set(printed) & set("\x1b\r\x07\u202e\udce4")


def test_csv_and_json_hold_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    table([{"name": EVIL, "n": 1}], COLUMNS, Format.csv)
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == [SAFE, "1"]
    value({"name": EVIL}, Format.csv, "")
    assert SAFE in capsys.readouterr().out
    table([{"name": EVIL}], COLUMNS, Format.json)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == [{"name": EVIL}]


def test_notes_are_one_line_and_texts_keep_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    note(f"error: {EVIL}")
    assert capsys.readouterr().err == f"error: {SAFE}\n"
    note("one\ntwo\x1b", lines=True)
    assert capsys.readouterr().err == "one\ntwo\\x1b\n"
    show("one\ntwo\x1b")
    assert capsys.readouterr().out == "one\ntwo\\x1b\n"


def test_mark_up_in_a_card_is_text() -> None:
    assert markdown("<script>[x](y)\n# `code` | *b*") == (
        r"\<script\>\[x\](y)\\n# \`code\` \| \*b\*"
    )


def test_campaigns_of_any_name_are_listed_and_named_in_errors(shell: Shell) -> None:
    shell.home.mkdir()
    name = EVIL[:-1]  # no database holds half a character
    with_store = Store.open(f"sqlite:///{shell.home}/store.db")
    campaigns = [
        with_store.campaigns.create(name, {"name": name}, {"name": "s"}, {}) for _ in "ab"
    ]
    add(with_store, campaigns[0].id, 0, cell=name)
    train(with_store, campaigns[0].id, 0, 0.5)
    with_store.close()
    for command in (
        ("list",),
        ("list", "-o", "csv"),
        ("status", campaigns[0].id),
        ("top", campaigns[0].id),
        ("trial", "list", campaigns[0].id),
        ("trial", "show", campaigns[0].id, "0"),
    ):
        ended = shell(*command)
        assert ended.code == 0, ended.err
        assert SAFE[:10] in ended.out, command
        assert not set(ended.out + ended.err) & set("\x1b\r\x07\u202e"), command
    # The name means two campaigns: an error that says so.
    ended = shell("stop", name)
    assert SAFE[:10] in ended.err
    assert not set(ended.err) & set("\x1b\r\x07\u202e")


def test_mlflow_gets_printable_names_and_tags(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    name = EVIL[:-1]
    campaign = store.campaigns.create(name, {"name": name}, {"name": "s"}, {})
    add(store, campaign.id, 0, cell=name)
    train(store, campaign.id, 0, 0.5)
    trial = store.results.get(campaign.id, 0)
    texts = [experiment_name(campaign), run_name(trial)]
    texts += run_of(campaign, trial, []).tags.values()
    texts.append(experiment_tags(campaign)["ventral.campaign.name"])
    assert all(text.isprintable() for text in texts)
    store.close()


@pytest.mark.parametrize(
    ("difference", "text"), [(0.012, "+1.2"), (-0.012, "-1.2"), (-0.0001, "+0.0"), (0.0, "+0.0")]
)
def test_a_difference_that_rounds_to_nothing_has_no_minus(difference: float, text: str) -> None:
    assert signed_percent(difference) == text


def test_for_programs_a_note_is_an_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOG_VARIABLE, "json")
    note(EVIL, level="error")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    known = json.loads(line)
    assert (known["event"], known["level"], known["part"]) == (EVIL, "error", "command")


def test_a_format_of_logs_that_is_none_ends_every_command(shell: Shell) -> None:
    """Before it does anything."""
    environment = shell.environment() | {LOG_VARIABLE: "yaml"}
    code, out, err = run_command(["space", "list"], shell.folder, environment, 60)
    assert (code, out) == (2, "")
    assert err == "error: VENTRAL_LOG: yaml is no format of logs; write one of: text, json\n"
