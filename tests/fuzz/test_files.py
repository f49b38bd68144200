"""Damaged files of ours are read, or are one clear error, in bounded time and memory."""

import pytest

from tests.fuzz import trials

TARGETS = ["packs", "checkpoints", "exports", "results"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_damaged_file_is_read_or_is_one_error(target: str) -> None:
    assert trials.findings(f"tests.fuzz.files:{target}") == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", TARGETS)
def test_so_are_many(target: str) -> None:
    assert trials.findings(f"tests.fuzz.files:{target}", trials.MANY, first=trials.SAMPLE) == []
