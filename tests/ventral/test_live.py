"""The lines of a running campaign."""

import io
import json
import logging
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from search.assign.setting import Happening
from search.host.home import Home
from search.store import Store
from ventral.live import Live
from workers.logs import LOG_VARIABLE


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


def test_for_programs_it_writes_objects_to_the_log_and_to_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOG_VARIABLE, "json")
    detail = {"top1": 0.5, "epochs": 2, "cell": "ConvGRU", "reason": None}
    printed = lines(
        tmp_path,
        Happening(kind="starting"),
        Happening(kind="finished", trial=1, detail=detail),
        Happening(kind="retry", trial=2, detail={"reason": "its node was lost"}),
        Happening(kind="failed", trial=2, detail={"reason": "lost", "cell": ""}),
    )
    (log,) = tmp_path.glob("campaigns/*/driver.log")
    assert log.read_text().splitlines() == printed
    objects = [json.loads(line) for line in printed]
    assert {(one["part"], one["campaign"]) for one in objects} == {("driver", log.parent.name)}
    assert [(one["event"], one.get("trial"), one["level"]) for one in objects] == [
        ("starting", None, "info"),
        ("finished", 1, "info"),
        ("retry", 2, "warning"),
        ("failed", 2, "error"),
    ]
    assert objects[1]["detail"] == detail


def test_the_log_for_people_stays_as_it_is(tmp_path: Path) -> None:
    lines(tmp_path, Happening(kind="failed", trial=2, detail={"reason": "lost", "cell": ""}))
    (log,) = tmp_path.glob("campaigns/*/driver.log")
    assert log.read_text().endswith(' INFO failed trial 2 {"reason": "lost", "cell": ""}\n')


def test_what_the_mirror_warns_of_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from search.mirror import mirroring

    monkeypatch.setenv(LOG_VARIABLE, "json")
    record = logging.getLogger("search.mirror.tracking").makeRecord(
        "search",
        logging.WARNING,
        "file",
        1,
        "MLflow refuses\ntrial 4",
        (),
        None,
        extra={"trial": 4},
    )
    mirroring._Speak().emit(record)  # noqa: SLF001  (what the process prints)
    passed = io.StringIO(capsys.readouterr().out)
    home, store = Home.at(tmp_path, {}), Store.open(f"sqlite:///{tmp_path}/store.db")
    made = store.campaigns.create("c", {"budget": {"trials": 3}}, {"name": "s"}, {})
    with Live(store.campaigns.get(made.id), home):
        mirroring._pass_on(passed)  # noqa: SLF001
    store.close()
    (line,) = map(json.loads, home.log(made.id).open())
    assert (line["part"], line["trial"], line["level"]) == ("mirror", 4, "warning")
    assert (line["campaign"], line["event"]) == (made.id, "MLflow refuses trial 4")
