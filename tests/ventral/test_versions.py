"""`ventral --version` in any installation."""

from __future__ import annotations

import json

import pytest

from tests.support.processes import COMMAND, run_python
from tests.ventral.conftest import Shell
from ventral import versions


def test_it_answers_without_any_dependency() -> None:
    done = run_python(COMMAND, "--version", blocked="typer pydantic torch ray numpy yaml")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert list(lines)[:2] == ["ventral", "python"]
    assert lines["torch"] == versions.read_versions()["torch"]


def test_what_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(versions, "BESIDE", ("torch", "surely-not-installed"))
    assert list(versions.read_versions()) == ["ventral", "python", "torch"]
    assert versions.answer(["--version", "-o", "json"])
    assert json.loads(capsys.readouterr().out) == versions.read_versions()
    assert versions.answer(["--version", "--output", "csv"])
    assert capsys.readouterr().out.startswith("ventral,")


def test_other_command_lines_are_left_to_the_commands() -> None:
    for arguments in ([], ["list"], ["--version", "-o", "xml"], ["list", "--version"]):
        assert not versions.answer(arguments)


def test_the_command_line_knows_the_option_in_any_order(shell: Shell) -> None:
    assert shell("-o", "json", "--version").json == versions.read_versions()
    assert shell("--version").out == versions.format_versions(versions.read_versions()) + "\n"
    alone = shell("-o", "json")
    assert alone.code == 2
    assert "ventral --help" in alone.err
    assert "--version" in shell("--help").out
