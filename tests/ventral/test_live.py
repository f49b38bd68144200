"""The lines of a running campaign."""

import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from search.assign.setting import Happening
from search.host.home import Home
from search.store import Store
from ventral.live import Live


def lines(tmp_path: Path, *happenings: Happening) -> list[str]:
    """What is printed for happenings where there is no terminal."""
    home = Home.at(tmp_path, {})
    store = Store.open(home.store_url)
    made = store.campaigns.create("c", {"budget": {"trials": 3}}, {"name": "s"}, {})
    printed = io.StringIO()
    with redirect_stderr(printed), Live(store.campaigns.get(made.id), home) as live:
        for happening in happenings:
            live.listen(happening)
    store.close()
    return printed.getvalue().splitlines()


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"cell": "", "reason": "a 5x5 kernel"}, "trial 2 infeasible: a 5x5 kernel"),
        ({"cell": "ConvGRU", "reason": "too large"}, "trial 2 infeasible: ConvGRU (too large)"),
    ],
)
def test_an_infeasible_trial_says_why(
    tmp_path: Path, detail: dict[str, str], expected: str
) -> None:
    (line,) = lines(tmp_path, Happening(kind="infeasible", trial=2, detail=detail))
    assert line == f"[0/3] {expected}"


@pytest.mark.parametrize("reason", ["its node was lost", "the disk is full"])
def test_a_trial_that_waits_again_says_why(tmp_path: Path, reason: str) -> None:
    (line,) = lines(tmp_path, Happening(kind="retry", trial=2, detail={"reason": reason}))
    assert line == f"trial 2 waits again: {reason}"
