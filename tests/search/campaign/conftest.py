"""The smallest campaign file."""

from pathlib import Path

import pytest

from tests.support.campaign_files import write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "campaign.yaml")
