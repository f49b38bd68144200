"""A campaign on machines without a common disk: they share a store and an object store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.s3_server import S3Server
from tests.ventral.conftest import TINY, Shell
from workers.storage.opening import open_storage


@dataclass(frozen=True)
class Machine(Shell):
    """A command line on a disk of its own, with what the machines have in common."""

    common: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        own = {"VENTRAL_CACHE": str(self.folder / "cache")}
        return {**super().environment(), **own, **self.common}


@pytest.fixture
def enter(tmp_path: Path, bucket: str) -> Callable[[str], Machine]:
    """Makes a machine whose disk is empty."""

    def make(name: str) -> Machine:
        (tmp_path / name).mkdir()
        store = {"VENTRAL_STORE": str(tmp_path / "store.db")}
        return Machine(tmp_path / name, store | {"VENTRAL_STORAGE": f"{bucket}/lab"})

    return make


def contents(folder: Path) -> dict[str, int]:
    """The files below a folder by their names."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*.saf*")}


@pytest.mark.slow
def test_each_machine_goes_on_where_another_was(
    enter: Callable[[str], Machine], bucket: str, s3_server: S3Server, tmp_path: Path
) -> None:
    first = enter("first")
    (first.folder / "tiny.yaml").write_text(TINY)
    ended = first("submit", "tiny.yaml", "--set", "budget.trials=2", "--id-file", "id.txt")
    assert ended.code == 0, ended.err
    name = (first.folder / "id.txt").read_text().strip()
    assert not contents(first.home / "campaigns"), "no checkpoint is on its disk"

    # Its disk is seen by nobody else.
    shutil.move(first.folder, tmp_path / "away")
    second = enter("second")
    ended = second("resume", name, "--set", "budget.trials=4")
    assert ended.code == 0, ended.err
    rows = second("trial", "list", name, "-o", "json").json
    assert sum(row["status"] in ("finished", "pruned") for row in rows) == 4
    assert not (second.home / "data").exists(), "it has packed nothing"
    (pack,) = (second.folder / "cache" / "packs").glob("[!.]*")
    assert (pack / "manifest.json").is_file()

    third = enter("third")
    exported = third("export", name, "--top", "1", "--to", "cells", "-o", "json")
    assert exported.code == 0, exported.err
    assert not list((third.folder / "cache").glob("packs/[!.]*")), "no image is needed for it"
    (row,) = exported.json
    scored = third("evaluate", row["folder"], "--split", "validation", "-o", "json")
    assert scored.code == 0, scored.err
    assert scored.json["top1"] == scored.json["recorded_top1"] == row["top1"]

    sent = third("export", name, "--top", "1", "--to", f"{bucket}/cells", "-o", "json")
    assert sent.code == 0, sent.err
    fourth = enter("fourth")
    (there,) = sent.json
    scored = fourth("evaluate", there["folder"], "--split", "validation", "-o", "json")
    assert scored.json["top1"] == row["top1"], scored.err

    planned = third("gc", "--keep", "0", "--dry-run", "-o", "json").json
    places = [one["path"] for one in planned if one["what"] in ("finished", "pruned")]
    assert places
    assert all(one.startswith(f"{bucket}/lab/campaigns/{name}/trial-") for one in places)
    assert all(one["bytes"] > 0 for one in planned)
    assert third("rm", name).code == 0
    assert open_storage(f"{bucket}/lab").list("campaigns") == []

    secret = s3_server.variables["AWS_SECRET_ACCESS_KEY"].encode()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("storage", "changed", "problem"),
    [
        ("gs://bucket/lab", {}, ": gs:// is not a scheme that is known; write s3://"),
        ("s3://me:word@bucket", {}, ": holds an account"),
        ("s3://no-such-bucket-here/lab", {}, "s3://no-such-bucket-here/lab"),
        ("s3://bucket", {"AWS_SECRET_ACCESS_KEY": ""}, "no credentials for it on this machine"),
        (
            "s3://bucket",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "127.0.0.1:9 cannot be reached",
        ),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_one_error_says_what_is_wrong_before_anything_is_packed(
    shell: Shell,
    campaign_file: Callable[..., Path],
    storage: str,
    changed: dict[str, str],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, text in changed.items():
        monkeypatch.setenv(name, text) if text else monkeypatch.delenv(name)
    file = campaign_file()
    ended = shell.fork("submit", file, "--set", f"storage={storage}")
    assert ended.code == 2
    assert problem in ended.err
    assert "word@" not in ended.err
    assert "Traceback" not in ended.err
    assert not (shell.home / "data").exists()
