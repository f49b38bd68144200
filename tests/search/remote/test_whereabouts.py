"""Whether a campaign's files are here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.host.home import Home, Process
from search.remote.whereabouts import find_machine, refuse_if_elsewhere
from search.store import Store
from space.errors import VentralError
from tests.support.campaigns import new_campaign

OTHER = Process(host="node7/boot/pid:[1]", pid=12, born="34")


def test_files_are_where_the_driver_ran_unless_the_folder_is_here(tmp_path: Path) -> None:
    home = Home(path=tmp_path)
    record = new_campaign(Store.open(home.store_url))
    assert find_machine(record, home) is None
    assert find_machine(replace(record, driver=Process.current()), home) is None
    there = replace(record, driver=OTHER)
    assert find_machine(there, home) == "node7"
    with pytest.raises(VentralError, match="on the disk of node7"):
        refuse_if_elsewhere(there, home)
    refuse_if_elsewhere(replace(there, data={"storage": "s3://bucket/x"}), home)
    home.campaign(record.id).mkdir(parents=True)
    assert find_machine(there, home) is None
    refuse_if_elsewhere(there, home)
