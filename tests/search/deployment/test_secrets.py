"""Secrets are made once, together, and read by nobody else."""

from __future__ import annotations

import configparser
import json
import os
import stat
from pathlib import Path

import pytest

from search.deployment import make_secrets
from search.deployment.compose import FOLDERS, SECRETS
from search.deployment.secrets import draw_secrets
from space.errors import InputError


def test_all_are_made_for_their_user_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        written = make_secrets(tmp_path)
    finally:
        os.umask(mask)
    assert {file.name for file in written} == {*SECRETS, ".env"}
    for file in written:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert file.stat().st_size > 0
    for name in ("secrets", "data", *(f"data/{part}" for part in FOLDERS)):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700, name
    lines = dict(line.split("=") for line in (tmp_path / ".env").read_text().split())
    user = (tmp_path / "secrets" / "ray_token").stat().st_uid
    assert int(lines["VENTRAL_UID"]) == user != 0


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = {file.name: file.read_bytes() for file in (tmp_path / "secrets").iterdir()}
    assert make_secrets(tmp_path) == []
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "secrets").iterdir()}


def test_a_part_of_them_is_never_made_anew(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    (tmp_path / "secrets" / "mlflow_store").unlink()
    with pytest.raises(InputError, match="lacks mlflow_store"):
        make_secrets(tmp_path)
    assert not (tmp_path / "secrets" / "mlflow_store").exists()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ventral deploy render"):
        make_secrets(tmp_path / "none")


def test_what_stands_in_several_files_is_the_same_in_all() -> None:
    drawn = draw_secrets()
    assert set(drawn) == set(SECRETS)
    assert f":{drawn['ventral_password']}@" in drawn["ventral_store"]
    assert f":{drawn['mlflow_password']}@" in drawn["mlflow_store"]
    accounts = configparser.ConfigParser()
    accounts.read_string(drawn["mlflow_accounts"])
    assert f":{drawn['mlflow_password']}@" in accounts["mlflow"]["database_uri"]
    assert accounts["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert "admin_password" not in accounts["mlflow"]
    (identity,) = json.loads(drawn["s3_identities"])["identities"]
    assert identity["credentials"] == [
        {"accessKey": drawn["s3_access_key"], "secretKey": drawn["s3_secret_key"]}
    ]


def test_no_two_sets_share_a_secret() -> None:
    one, other = draw_secrets(), draw_secrets()
    assert [name for name in SECRETS if one[name] == other[name]] == []
    passwords = [one[name] for name in SECRETS if name.endswith(("password", "token", "_key"))]
    assert len(set(passwords)) == len(passwords)
