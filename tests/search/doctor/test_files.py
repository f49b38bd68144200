"""The storage by its probe, packs by their manifests, and a home by its sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search.doctor.files import PacksCheck, SharedHomeCheck, StorageCheck, look_at_pack
from search.doctor.protocol import Place
from search.doctor.running import run_check
from search.host.home import Home
from space.errors import StorageError
from workers.data.packing import pack
from workers.data.specs import Digits

URL = "s3://lab/ventral"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(home=Home.at(tmp_path, {}), environ={}, storage=URL)


def _raise(error: Exception) -> Callable[[str, str], None]:
    def probe(_url: str, _where: str) -> None:
        raise error

    return probe


def test_the_storage_is_probed_by_its_url(place: Place) -> None:
    probed: list[tuple[str, str]] = []
    well = replace(place, probe=lambda *words: probed.append(words))
    (finding,) = run_check(StorageCheck(), well)
    assert (finding.status, probed) == ("pass", [(URL, "VENTRAL_STORAGE")])
    (finding,) = run_check(StorageCheck(), replace(well, storage=None))
    assert finding.status == "pass"
    assert len(probed) == 1


@pytest.mark.parametrize(
    ("error", "text", "cure"),
    [
        (StorageError(URL, "no such bucket", "make it"), f"{URL}: no such bucket", "make it"),
        (StorageError(f"{URL}/probe/x", "is away", "look"), f"{URL}: is away", "look"),
        (StorageError("VENTRAL_STORAGE", "is not a URL"), "VENTRAL_STORAGE: is not", "correct"),
        (PermissionError(13, "Permission denied", "/x"), "PermissionError", "see that"),
    ],
)
def test_a_storage_that_does_not_work_has_its_cure(
    error: Exception, text: str, cure: str, place: Place
) -> None:
    (finding,) = run_check(StorageCheck(), replace(place, probe=_raise(error)))
    assert finding.status == "fail"
    assert text in finding.text
    assert finding.cure.startswith(cure) or cure in finding.cure


def test_packs_are_looked_at_by_manifest_and_sizes(place: Place) -> None:
    check = PacksCheck()
    assert check.gather(place).packs == {}
    made = pack(Digits(size=8), place.home.data)
    (place.home.data / ".hidden").mkdir()
    assert check.gather(place).packs == {made.path.name: None}
    images = made.path / "test.images.npy"
    whole = images.read_bytes()
    images.write_bytes(whole[:-1])
    size = len(whole)
    assert look_at_pack(made.path) == (
        f"test.images.npy has {size - 1} bytes where {size} were packed"
    )
    images.unlink()
    assert look_at_pack(made.path) == "test.images.npy cannot be read (No such file or directory)"
    manifest = made.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"size": 8', '"size": 9'))
    assert look_at_pack(made.path) == "manifest.json was altered after it was packed"
    manifest.unlink()
    assert look_at_pack(made.path) == "holds no pack"
    (finding,) = run_check(check, place)
    assert finding.status == "fail"
    assert made.path.name in finding.cure


def test_a_node_knows_the_home_by_its_sign(place: Place) -> None:
    check, here = SharedHomeCheck(), replace(place, storage=None)
    sign = {"file": ".sign", "text": "abc"}
    assert [one.status for one in run_check(check, here)] == ["pass"]
    signed = replace(here, sign=sign)
    (other,) = run_check(check, signed)
    assert "another folder" in other.text
    (here.home.path / ".sign").write_text("abc")
    assert [one.status for one in run_check(check, signed)] == ["pass"]
    gone = replace(signed, home=Home(path=place.home.path / "gone"))
    (away,) = run_check(check, gone)
    assert "No such file or directory" in away.text
    assert [one.status for one in run_check(check, replace(gone, storage=URL))] == ["pass"]
