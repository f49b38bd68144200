"""`ventral doctor`: findings as a table and as JSON, and what the exit code says."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from search.doctor import examining
from search.doctor.protocol import Finding, Place
from space.errors import InputError
from ventral.cli import app

WELL = Finding(check="disk", status="pass", text="90 GB free")
ODD = Finding(check="limits", status="warning", text="few files", cure="raise it")
BAD = Finding(check="store", status="fail", text="a migration is due", cure="keep a copy")


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words])


@pytest.mark.parametrize(
    ("findings", "code", "end"),
    [
        ([WELL], 0, "all is well"),
        ([WELL, ODD], 0, "works; to be looked at: limits"),
        ([WELL, ODD, BAD, BAD], 1, "to be mended: store"),
    ],
)
def test_a_failure_ends_with_1_and_a_warning_with_0(
    findings: list[Finding], code: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses: list[str | None] = []

    def examine(_place: Place, address: str | None) -> list[Finding]:
        addresses.append(address)
        return findings

    monkeypatch.setattr(examining, "examine", examine)
    done = _run("--address", "h:6379", "-o", "json")
    assert (done.exit_code, addresses) == (code, ["h:6379"])
    rows = json.loads(done.stdout)
    assert [set(row) for row in rows] == [{"check", "status", "text", "cure"}] * len(findings)
    assert [row["status"] for row in rows] == [finding.status for finding in findings]
    assert done.stderr.splitlines()[-1] == end
    shown = _run()
    assert shown.exit_code == code
    for finding in findings:
        assert finding.text in shown.stdout


def test_an_unknown_cluster_is_wrong_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("clusters: {lab: {address: 'http://lab:8265'}}\n")
    monkeypatch.setenv("VENTRAL_CLUSTERS", str(file))
    for words, problem in (
        (("--cluster", "lap"), "has no cluster of that name"),
        (("--cluster", "lab", "--address", "auto"), "another place than --cluster"),
    ):
        done = _run(*words)
        assert isinstance(done.exception, InputError)
        assert done.exception.exit_code == 2
        assert problem in str(done.exception)
