"""The way to a running cluster: what is refused before Ray is asked to join it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.host.ports import addresses_of_machine, listen
from search.host.tokens import TOKEN
from search.tune import access, joining
from search.tune.joining import _check_admission, _check_closed, survey
from search.tune.remains import PRIVATE
from space.errors import InputError
from tests.support.effort import refuse_ray


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "nothing answers there"),
        ("somewhere", "is not the address of a Ray cluster"),
        ("ray://somewhere:10001", "Ray's client cannot carry a search"),
    ],
)
def test_an_address_with_no_cluster_is_refused_at_once(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ray(monkeypatch)
    with pytest.raises(InputError, match=words):
        survey(address)


def test_a_token_that_a_variable_keeps_from_being_used_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(access.MODE, "disabled")
    monkeypatch.setenv(TOKEN, "0" * 64)
    monkeypatch.setattr(access, "probe", lambda _address, _settings: "refused")
    with pytest.raises(InputError, match="RAY_AUTH_MODE=disabled leaves the one here") as error:
        _check_admission("127.0.0.1:1")
    assert error.value.cure == "unset RAY_AUTH_MODE"


def test_what_listens_on_loopback_alone_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that listens on all interfaces is no more closed for being called by loopback's name."""
    monkeypatch.delenv(access.INSECURE, raising=False)
    monkeypatch.setattr(access, "probe", lambda _address, _settings: "open")
    with listen("127.0.0.1", 0) as near:
        _check_closed(f"127.0.0.1:{near.getsockname()[1]}")
    if addresses_of_machine():
        with listen("0.0.0.0", 0) as wide, pytest.raises(InputError, match="requires no token"):
            _check_closed(f"localhost:{wide.getsockname()[1]}")
    with pytest.raises(InputError, match="requires no token"):
        _check_closed("head.lab:6379")
    monkeypatch.setattr(access, "probe", lambda _address, _settings: "refused")
    _check_closed("head.lab:6379")
    monkeypatch.setattr(access, "probe", lambda _address, _settings: pytest.fail("asked"))
    monkeypatch.setenv(access.INSECURE, "1")
    _check_closed("head.lab:6379")


def test_a_cluster_of_somebody_s_own_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a raylet is asked for its address, unless it is a driver's own."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    code = "import time; print(1, flush=True); time.sleep(60)"
    command = ["/somewhere/raylet", "-c", code, "--gcs-address=127.0.0.1:1"]

    def found(environment: dict[str, str]) -> bool:
        process = subprocess.Popen(
            command,
            executable=sys.executable,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(InputError) as error:
                survey("auto")
            return "127.0.0.1:1" in str(error.value)
        finally:
            process.kill()
            process.wait()

    assert found({})
    assert not found({PRIVATE: "1"})


def test_every_node_has_to_write_where_trials_will(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a folder that all see, or to a storage, of which none needs a folder."""
    monkeypatch.setattr(
        joining, "_ask_nodes", lambda look, where: [("b (10.0.0.2)", look(where, "b"))]
    )
    (tmp_path / "scratch").mkdir()
    joining.check_written(tmp_path / "scratch", "10.0.0.1:6379")
    assert (tmp_path / "scratch" / "b").is_file()
    joining.check_written(f"file://{tmp_path}/shared", "10.0.0.1:6379")
    assert not [path for path in (tmp_path / "shared").rglob("*") if path.is_file()]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"node b \(10.0.0.2\) cannot use the storage") as caught:
        joining.check_written(f"file://{tmp_path}/file", "10.0.0.1:6379")
    assert "credentials" in caught.value.cure


def test_a_node_that_sees_another_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_ask_nodes", lambda _look, _where: [("vm", "0"), ("vm", "1")])
    with pytest.raises(InputError, match=r"node vm has another folder at .*, and 1 more nodes"):
        joining.check_written(tmp_path, "10.0.0.1:6379")
