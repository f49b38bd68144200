"""What a campaign found, as frames of a notebook: those of the campaign as one value."""

from pathlib import Path

import pytest

import ventral
from dashboards.searched import read_searched
from search.store import Store
from space.errors import StoreError
from tests.ventral.commands.test_report import fill


def test_frames_are_those_of_the_campaign_as_one_value(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    searched = read_searched(store, campaign)
    store.close()
    for name in ("trials", "reports", "steps", "lesions"):
        frame = getattr(ventral, name)(campaign, home=tmp_path)
        assert frame.equals(getattr(searched, name)), name
    assert ventral.read_campaign("small", home=tmp_path).id == campaign
    assert ventral.importance(campaign, home=tmp_path).empty, "three trials tell nothing"
    with pytest.raises(StoreError, match="nobody"):
        ventral.trials("nobody", home=tmp_path)


def test_a_home_s_store_is_closed_afterwards(tmp_path: Path) -> None:
    from ventral.reading import open_home

    Store.open(f"sqlite:///{tmp_path}/store.db").close()
    with open_home(tmp_path) as (home, store):
        assert home.path == tmp_path
        assert store.campaigns.all() == []
    with pytest.raises(StoreError), open_home(tmp_path / "nowhere"):
        pass
