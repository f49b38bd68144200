"""The best cells of the small campaign, exported."""

from pathlib import Path

import pytest

from tests.ventral.conftest import Campaign


@pytest.fixture(scope="session")
def exports(campaign: Campaign) -> list[Path]:
    ended = campaign.shell("export", campaign.id, "--top", "2", "--to", "cells", "-o", "json")
    assert ended.code == 0, ended.err
    return [Path(row["folder"]) for row in ended.json]
