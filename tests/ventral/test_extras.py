"""What is not installed is named with the extra that brings it, and every library is of one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import ventral
from tests.support.processes import run_python
from tests.support.shrinking import PACKAGES, ROOT
from ventral import extras

CORE = {"numpy", "pydantic", "pyyaml", "safetensors", "torch"}
BROUGHT = {"botocore", "pydantic_core", "urllib3"}
"""What one of our libraries always brings with it."""


def list_libraries() -> Iterator[tuple[str, Path]]:
    """The top-level modules of others that the product imports anywhere, and where."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                for name in names:
                    top = name.partition(".")[0]
                    if top not in {*sys.stdlib_module_names, *PACKAGES, *BROUGHT}:
                        yield top, file


def name_extra(module: str) -> str:
    """The extra that a missing module's line names, "" for Ventral itself."""
    line = extras.explain_missing(ModuleNotFoundError(name=module))
    assert line.count("\n") == 0
    command = line.partition(" -m pip install ")[2]
    return command.strip("'").removeprefix("ventral-search").strip("[]")


def test_the_core_is_what_loads_and_evaluates_networks() -> None:
    assert {name for name, extra in extras.read_requirements() if not extra} == CORE


def test_every_library_that_is_imported_is_required() -> None:
    required = {name for name, _ in extras.read_requirements()}
    missing = [
        (top, file)
        for top, file in list_libraries()
        if extras.normalise_name(extras.NAMES.get(top, top)) not in required
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", ""),
        ("yaml", ""),
        ("typer", "search"),
        ("sklearn.datasets", "search"),
        ("PIL", "search"),
        ("altair", "report"),
        ("vl_convert", "report"),
        ("psycopg", "postgres"),
        ("h5py", "brains"),
        ("himalaya.ridge", "brains"),
        ("click", "search"),  # a library of one of ours
    ],
)
def test_the_extra_that_brings_a_module(module: str, extra: str) -> None:
    assert name_extra(module) == extra


def test_from_where_it_merely_lies_the_search_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", not_installed)
    assert name_extra("altair") == "search"


def test_a_call_without_its_library_raises_one_clear_error(tmp_path: Path) -> None:
    for call, blocked, extra in [
        ("ventral.trials('tour', home=HOME)", "sqlalchemy", "search"),
        ("ventral.figures.progress", "altair", "report"),
    ]:
        done = run_python(
            f"import ventral; {call.replace('HOME', repr(str(tmp_path)))}", blocked=blocked
        )
        *_, line = done.stderr.splitlines()
        assert line.startswith("ventral.extras.MissingExtra: "), done.stderr
        assert line.endswith(
            f" is not installed in {sys.prefix}; install what Ventral needs: "
            f"{sys.executable} -m pip install 'ventral-search[{extra}]'"
        )
        assert "During handling" not in done.stderr


def test_what_is_not_ventral_s_to_install_is_raised_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = ModuleNotFoundError("No module named 'my_own'", name="my_own")

    def fail(name: str) -> None:
        assert name
        raise error

    monkeypatch.setattr("workers.export.read_card", fail)
    with pytest.raises(ModuleNotFoundError) as caught:
        ventral.card("nowhere")
    assert caught.value is error
