"""Libraries whose private interfaces are used: other versions than the tested ones are refused."""

from __future__ import annotations

import importlib
import tomllib

import pytest
from packaging.requirements import Requirement

import search.tune
from search.host import libraries
from search.host.libraries import SUPPORTED, UNTESTED, check_library
from search.samplers import find_class
from space.errors import VentralError
from tests.support.shrinking import ROOT


def install(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """What a newer release looks like."""
    monkeypatch.delenv(UNTESTED, raising=False)
    monkeypatch.setattr(libraries, "version", lambda _name: number)


@pytest.mark.parametrize("name", SUPPORTED)
def test_what_is_installed_here_is_supported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(UNTESTED, raising=False)
    check_library(name)


@pytest.mark.parametrize("number", ["2.6", "2.61.0", "2.600.0", "3.60.0", "nightly"])
def test_another_version_is_named_with_the_cure(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, number)
    with pytest.raises(VentralError) as caught:
        check_library("ray")
    text = str(caught.value)
    for part in (f"ray {number} ", "ray 2.60.x", "pip install 'ray==2.60.*'", UNTESTED):
        assert part in text
    monkeypatch.setenv(UNTESTED, "1")
    check_library("ray")


def test_nothing_of_a_library_is_used_before_it_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "9.9.0")
    with pytest.raises(VentralError, match=r"ray 9\.9\.0"):
        importlib.reload(search.tune)
    for sampler, library in (("optuna", "optuna"), ("nsga2", "optuna"), ("hyperopt", "hyperopt")):
        with pytest.raises(VentralError, match=rf"{library} 9\.9\.0"):
            find_class(sampler)
    assert find_class("guided").__name__ == "GuidedSampler"


@pytest.mark.parametrize("name", SUPPORTED)
def test_pyproject_lets_in_what_is_supported_and_nothing_else(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["optional-dependencies"]["search"]
    [allowed] = [one.specifier for one in map(Requirement, listed) if one.name == name]
    for minor in SUPPORTED[name]:
        major, part = minor.split(".")
        assert f"{minor}.0" in allowed
        assert f"{minor}.99" in allowed
        for other in (int(part) - 1, int(part) + 1):
            number = f"{major}.{other}.0"
            assert (number in allowed) == (f"{major}.{other}" in SUPPORTED[name])
