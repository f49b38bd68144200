"""Which packages are built, under which names, and that all that is tracked in them goes along."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import ventral.packages
from building import layout
from tests.support.shrinking import PACKAGES, ROOT


def list_tracked() -> set[str]:
    """The files of the packages that git has, or would take."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


def list_built() -> set[str]:
    """The files of the packages that are built, from where they lie."""
    wanted = layout.describe(ROOT)
    inner = {f"{layout.FRONT}.{name}": name for name in layout.INNER}
    built = set()
    for package in wanted["packages"]:
        top = next((name for name in inner if f"{package}.".startswith(f"{name}.")), "")
        folder = (inner[top] + package.removeprefix(top) if top else package).replace(".", "/")
        built |= {f"{folder}/{name}" for name in wanted["package_data"][package]}
        built |= {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob("*.py")}
    return built


def test_every_file_of_the_packages_is_built_and_no_other() -> None:
    tracked = list_tracked()
    assert len(tracked) > 300
    assert list_built() == tracked


def test_in_a_wheel_there_is_one_package() -> None:
    wanted = layout.describe(ROOT)
    assert {name.partition(".")[0] for name in wanted["packages"]} == {"ventral"}
    assert {*wanted["package_dir"]} == {f"ventral.{name}" for name in layout.INNER}


def test_an_editable_install_has_the_clone_s_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "as_it_lies", True)
    wanted = layout.describe(ROOT)
    assert {name.partition(".")[0] for name in wanted["packages"]} == {*PACKAGES}
    assert wanted["package_dir"] == {}


def test_the_packages_are_those_that_the_front_knows() -> None:
    assert ventral.packages.PACKAGES == layout.INNER
    assert {layout.FRONT, *layout.INNER} == {*PACKAGES}
    assert set(ventral.__all__).isdisjoint(layout.INNER)


@pytest.mark.parametrize("taken", ["ventral/space.py", "ventral/models/__init__.py"])
def test_a_package_s_name_is_not_taken_in_front(tmp_path: Path, taken: str) -> None:
    for name in (*PACKAGES, *Path(taken).parts[:-1]):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "__init__.py").touch()
    path = tmp_path / taken
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(ValueError, match="has the name of a package: rename it"):
        layout.describe(tmp_path)


def test_data_lie_in_folders_that_are_no_packages_too(tmp_path: Path) -> None:
    for name in ("space/a", "space/b", "space/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
    for name in (*PACKAGES, "space/b"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "__init__.py").touch()
    for name in ("a/x.yaml", "b/y.yaml", "z.json.gz", ".hidden", "c.pyc", "__pycache__/d.pyc"):
        (tmp_path / "space" / name).touch()
    data = layout.describe(tmp_path)["package_data"]
    assert data["ventral.space"] == ["a/x.yaml", "z.json.gz"]
    assert data["ventral.space.b"] == ["y.yaml"]
