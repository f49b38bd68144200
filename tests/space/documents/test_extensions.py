"""Names of other packages' objects: code is loaded only if it is installed."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from space.documents.extensions import Registry
from space.errors import CampaignError, InputError
from tests.support.packages import install, write_files

REGISTRY = Registry(
    noun="animal",
    group="zoo.animals",
    built_in=("cat", "dog"),
    methods=("eat",),
    reserved=("keeper",),
)

ANIMALS = """
import pydantic

class Cow:
    class Options(pydantic.BaseModel, extra="forbid"):
        pass

    def eat(self):
        return "grass"

class Stone:
    class Options(pydantic.BaseModel, extra="forbid"):
        pass

class Loose(Cow):
    class Options(pydantic.BaseModel):
        pass

class Bare:
    def eat(self): ...

herd = []
"""


NUMBERS = itertools.count()


def files(package: str) -> dict[str, str]:
    """Each test has a package of its own name: what was imported once stays so."""
    return {
        f"{package}/animals.py": ANIMALS,
        f"{package}/broken.py": "import a_package_that_nobody_has",
        f"{package}/raising.py": "raise RuntimeError('not today')",
    }


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an installed package."""
    package = f"pets_{next(NUMBERS)}"
    offers = {"zoo.animals": {"cow": f"{package}.animals:Cow", "keeper": f"{package}.animals:Cow"}}
    install(tmp_path / "site", files(package), offers)
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def refused(name: str, where: str = "animal.name") -> InputError:
    with pytest.raises(CampaignError) as caught:
        REGISTRY.load(name, where, CampaignError)
    assert caught.value.where == where
    return caught.value


def test_an_installed_class_is_loaded_by_its_place_and_by_its_entry_point(installed: str) -> None:
    assert REGISTRY.check_name("cow") == "cow"
    by_place = REGISTRY.load(f"{installed}.animals:Cow", "animal.name")
    assert REGISTRY.load("cow", "animal.name") is by_place
    assert by_place().eat() == "grass"


@pytest.mark.usefixtures("installed")
def test_names_that_are_taken_are_not_offered() -> None:
    assert list(REGISTRY.entry_points()) == ["cow"]
    with pytest.raises(InputError, match='"keeper" is not one of cat, dog, cow'):
        REGISTRY.check_name("keeper")


@pytest.mark.usefixtures("installed")
def test_the_cure_of_a_misspelt_name_is_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"kow" is not one of cat, dog, cow; did you mean "cow"'):
        REGISTRY.check_name("kow")
    with pytest.raises(InputError, match=r"write one of cat, dog, cow, or package.module:Object"):
        REGISTRY.check_name("hippopotamus")


@pytest.mark.parametrize("name", ["a:", ":b", "a:b:c", "a b:c", "1a:b", "../a:b", "a/b:c"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"is no name of an object; write package.module:Object"):
        REGISTRY.check_name(name)


def test_a_name_offered_twice_is_nobodys(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = {"zoo.animals": {"cow": "others.animals:Cow"}}
    install(tmp_path / "more", {}, offers, name="others")
    monkeypatch.syspath_prepend(tmp_path / "more")
    error = refused("cow")
    assert f"others.animals:Cow and as {installed}.animals:Cow" in error.problem


@pytest.mark.parametrize("claimed", [False, True], ids=["a file", "that says it is installed"])
@pytest.mark.parametrize("name", ["lying.animals:Cow", "lying_loose:Cow"])
def test_what_lies_in_the_current_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: bool, name: str
) -> None:
    """Not even where Python would find it, and whatever lies beside it."""
    mark = tmp_path / "was-run"
    code = f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n{ANIMALS}"
    sources = {"lying/animals.py": code, "lying_loose.py": code}
    if claimed:
        install(tmp_path, sources)
    else:
        write_files(tmp_path, sources)
    (tmp_path / "lying").mkdir(exist_ok=True)
    (tmp_path / "lying" / "__init__.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    error = refused(name)
    assert "belongs to no installed distribution" in error.problem
    assert str(tmp_path) in error.problem
    assert "pip install" in error.cure
    assert not mark.exists()


def test_a_file_that_hides_an_installed_package_is_not_run(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "here", {f"{installed}/animals.py": "raise SystemExit('was run')"})
    monkeypatch.syspath_prepend(tmp_path / "here")
    assert "belongs to no installed distribution" in refused(f"{installed}.animals:Cow").problem


@pytest.mark.parametrize("package", ["edited", "stray"])
def test_a_package_that_is_edited_where_it_lies_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """`pip install --editable` leaves its metadata in the environment and the code where it is.

    Another package in that folder is none of the distribution's, if it says which ones are.
    """
    source = write_files(tmp_path / "source" / "src", {f"{package}/animals.py": ANIMALS})
    declared = {"another/__init__.py": ""} if package == "stray" else {}
    site = install(tmp_path / "site", declared, name="edited")
    url = (tmp_path / "source").as_uri()
    (site / "edited-1.0.dist-info" / "direct_url.json").write_text(
        f'{{"url": "{url}", "dir_info": {{"editable": true}}}}'
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.syspath_prepend(source)
    if package == "stray":
        assert "belongs to no installed" in refused("stray.animals:Cow").problem
    else:
        assert REGISTRY.load("edited.animals:Cow", "animal.name").__name__ == "Cow"


@pytest.mark.parametrize(
    ("name", "problem", "cure"),
    [
        ("{0}.animals:Cw", "{0}.animals has no Cw", 'did you mean "Cow"'),
        (
            "{0}.broken:Cow",
            "{0}.broken cannot be imported (ModuleNotFoundError",
            "install what it",
        ),
        ("{0}.raising:Cow", "(RuntimeError: not today)", "mend the module"),
        ("{0}.nothing:Cow", "{0}.nothing cannot be imported", "mend the module"),
        ("nobody_has_it.x:Cow", "no installed distribution has a module nobody_has_it", "pip"),
        ("os:getcwd", "no installed distribution has a module os", "pip"),
        ("{0}.animals:herd", "is not an animal: it is a list, and no class", "extending.md"),
        ("{0}.animals:Stone", "is not an animal: it has no method eat", "extending.md"),
        ("{0}.animals:Loose", 'its Options lack extra="forbid"', "extending.md"),
        ("{0}.animals:Bare", "is not an animal: it has no pydantic model Options", "extending.md"),
    ],
)
def test_one_error_says_what_is_wrong(installed: str, name: str, problem: str, cure: str) -> None:
    error = refused(name.format(installed))
    assert problem.format(installed) in error.problem
    assert cure in error.cure
