"""Names and paths: what is there goes first, and what is neither is one error."""

from pathlib import Path

import pytest

from space.documents.naming import Shelf, resolve_name
from space.errors import SpaceError

SHELF = Shelf(kind="a named plant", names=("fern", "moss"), listing="see the garden")


def test_what_is_there_goes_before_a_name(tmp_path: Path) -> None:
    assert resolve_name("fern", SHELF, tmp_path) == "fern"
    (tmp_path / "moss").mkdir()
    assert resolve_name("moss", SHELF, tmp_path) == "moss", "a folder is no plant"
    folders = Shelf(kind="a plant", names=SHELF.names, listing="", folders=True)
    assert resolve_name("moss", folders, tmp_path) == tmp_path / "moss"
    (tmp_path / "fern").touch()
    assert resolve_name("fern", SHELF, tmp_path) == tmp_path / "fern"


@pytest.mark.parametrize("called", ["ivy.yaml", "./ivy", Path("ivy"), "a" * 5000 + ".json"])
def test_what_looks_like_a_path_is_one(tmp_path: Path, called: str | Path) -> None:
    assert resolve_name(called, SHELF, tmp_path) == tmp_path / called


@pytest.mark.parametrize(
    ("called", "cure"),
    [("fren", 'did you mean "fern"? see the garden'), ("x\0", "see the garden")],
)
def test_what_is_neither_is_one_error(called: str, cure: str) -> None:
    with pytest.raises(SpaceError) as caught:
        resolve_name(called, SHELF, where="garden", error=SpaceError)
    assert (caught.value.where, caught.value.cure) == ("garden", cure)
    assert caught.value.problem.endswith(" is neither a named plant nor a file")
