"""What variables of the environment point to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.doctor.protocol import Place
from search.doctor.variables import (
    VariablesCheck,
    find_hiding,
    find_libraries,
    find_proxied,
)
from search.host.home import Home
from tests.support.shrinking import ROOT


def test_modules_that_are_needed_are_hidden_by_folders_and_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first / "models", second):
        folder.mkdir(parents=True)
    (second / "torch.py").touch()
    (second / "mine.py").touch()
    path = os.pathsep.join([str(first), "", str(second), "/gone"])
    assert list(find_hiding(path)) == [f"{first}/models", f"{second}/torch.py"]
    assert list(find_hiding(str(ROOT))) == []


def test_libraries_of_cuda_are_seen(tmp_path: Path) -> None:
    (tmp_path / "libcudnn.so.8").touch()
    other = tmp_path / "other"
    other.mkdir()
    (other / "libcurl.so").touch()
    path = os.pathsep.join([str(tmp_path), str(other), "/gone"])
    assert list(find_libraries(path)) == [str(tmp_path)]


@pytest.mark.parametrize(
    ("excepted", "hosts"),
    [
        ("", ["mlflow.lab", "objects"]),
        ("lab", ["objects"]),
        (".lab, objects", []),
        ("*", []),
        ("flow.lab", ["mlflow.lab", "objects"]),
    ],
)
def test_hosts_behind_a_proxy(excepted: str, hosts: list[str]) -> None:
    environ = {"https_proxy": "http://p:1", "AWS_ENDPOINT_URL": "http://objects:8333"}
    environ["no_proxy"] = excepted
    assert list(find_proxied(environ, "http://mlflow.lab:5000")) == hosts
    del environ["https_proxy"]
    assert list(find_proxied(environ, "http://mlflow.lab:5000")) == []


def test_the_facts_are_those_of_the_place(tmp_path: Path) -> None:
    environ = {"SSL_CERT_FILE": "/gone.pem", "REQUESTS_CA_BUNDLE": str(tmp_path)}
    place = Place(home=Home.at(tmp_path, {}), environ=environ)
    facts = VariablesCheck().gather(place)
    assert facts.missing == {"SSL_CERT_FILE": "/gone.pem"}
    assert facts.cores >= 1
    assert not facts.node
