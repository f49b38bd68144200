"""Where the files of trials are: in the home, or at the URL that their campaign has on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from search.host.home import Home
from search.host.places import TrialPlaces, pack_of, places_of
from space.errors import StorageError, StoreError

ID = "abcdefgh"


@dataclass
class Record:
    id: str
    storage: str | None


def test_they_are_in_the_home_or_below_the_url(tmp_path: Path) -> None:
    home = Home.at(tmp_path, {})
    here = places_of(home, Record(ID, None))
    assert here.trial(3) == str(home.trial(ID, 3))
    assert here.checkpoint(3) == str(home.trial(ID, 3) / "checkpoint")
    there = places_of(home, Record(ID, "s3://bucket/lab"))
    assert there.campaign == f"s3://bucket/lab/campaigns/{ID}"
    assert there.checkpoint(3) == f"s3://bucket/lab/campaigns/{ID}/trial-00003/checkpoint"
    assert there.log(3) == home.trial(ID, 3) / "worker.log"


def test_a_foreign_store_cannot_name_another_place(tmp_path: Path) -> None:
    home = Home.at(tmp_path, {})
    for campaign_id, number in (("../../etc", 0), (ID, -1)):
        places = TrialPlaces(home=home, campaign_id=campaign_id, storage="s3://bucket")
        with pytest.raises(StoreError):
            places.trial(number)
    with pytest.raises(StorageError, match="not a URL"):
        pack_of(home, {"path": "/a", "checksum": "0", "url": "/etc/passwd"})


def test_a_pack_is_known_by_its_path_and_its_url(tmp_path: Path) -> None:
    home = Home.at(tmp_path, {})
    data = {"path": "/packs/digits", "checksum": "0" * 64}
    assert pack_of(home, data).url is None
    assert pack_of(home, data | {"url": "s3://bucket/packs/0"}).url == "s3://bucket/packs/0"


def test_the_variable_is_read_with_the_home(tmp_path: Path) -> None:
    assert Home.at(tmp_path, {}).storage is None
    assert Home.at(tmp_path, {"VENTRAL_STORAGE": "s3://bucket/a/"}).storage == "s3://bucket/a"
    with pytest.raises(StorageError, match="VENTRAL_STORAGE: ftp:// is not a scheme"):
        Home.at(tmp_path, {"VENTRAL_STORAGE": "ftp://a/b"})
