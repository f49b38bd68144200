"""A place is of the process that claimed it last."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.storage.claim import Claim
from workers.storage.opening import open_storage


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "trial")
    return f"{request.getfixturevalue('bucket')}/trial"


def test_the_last_claim_holds(place: str) -> None:
    first = Claim(place)
    assert first.holds()
    second = Claim(place)
    assert (first.holds(), second.holds()) == (False, True)
    assert [entry.key for entry in open_storage(place).list()] == ["claim"]
    open_storage(place).remove("claim")
    assert not second.holds()
