"""What others wrote, damaged, is read or is one clear error, in bounded time and memory."""

import pytest

from tests.fuzz import trials

OUTSIDE = ["notation", "npz", "pictures", "store_rows", "mlflow_rows", "clusters", "deployments"]
TARGETS = [
    *(f"tests.fuzz.outside:{name}" for name in OUTSIDE),
    *(f"tests.fuzz.recordings:{name}" for name in ("recordings", "features", "stimuli")),
]


@pytest.mark.parametrize("target", TARGETS)
def test_what_others_wrote_is_read_or_is_one_error(target: str) -> None:
    assert trials.findings(target) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", TARGETS)
def test_so_is_what_is_tried_many_times(target: str) -> None:
    found = trials.findings(target, trials.MANY, first=trials.SAMPLE)
    assert found == []
