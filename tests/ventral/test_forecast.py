"""A dry run counts the samples that the campaign would not train."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from search.campaign import Campaign
from search.forecast import trying
from search.host.home import Home
from search.host.machine import Machine
from space.space import Space
from tests.support import toys
from ventral import forecast
from ventral.forecast import describe_card
from ventral.output import Format


class _Told(SimpleNamespace):
    """An estimate, as far as it is printed: measuring one takes seconds."""

    def document(self) -> dict[str, Any]:
        return {"ends_by": "trials"}


def shown(
    limits: dict[str, Any],
    output: Format,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    **changes: Any,
) -> tuple[str, str]:
    """What a dry run prints under limits."""
    one = SimpleNamespace(low=1.0, likely=1.0, high=1.0)
    told = _Told(
        slots=1,
        seconds=one,
        trials=one,
        epochs=one,
        device_hours=one,
        device="cpu",
        networks=1,
        ends_by="trials",
    )
    monkeypatch.setattr(forecast, "_estimate", lambda *_: told)
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    campaign = Campaign.parse(
        {
            "name": "a",
            "space": space.document(),
            "data": {"name": "digits", "size": 16},
            "limits": limits,
        }
        | changes
    )
    prepared: Any = (None, space)
    forecast.show(campaign, prepared, Home.at("/nowhere", {}), output, Machine(cpus=1, gpus=0))
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_infeasible_samples_are_counted_with_their_reasons(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = shown({"parameters": 30_000}, Format.json, capsys, monkeypatch)
    found = json.loads(out)
    assert found["samples"] == trying.TRIED
    assert 0 < found["infeasible"] < trying.TRIED
    assert sum(reason["count"] for reason in found["reasons"]) == found["infeasible"]
    (reason,) = found["reasons"]
    assert re.fullmatch(
        r"3\d,\d{3}\.\.[\d,]+ parameters exceed limits.parameters: 30,000", reason["reason"]
    )
    assert err.endswith(f"of them because {reason['reason']}\n")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["warning"] * err.count("\n")


def test_without_any_all_is_said_to_be_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = shown({}, Format.table, capsys, monkeypatch)
    assert "every one may be trained" in out
    assert "may not be trained" not in err
    assert "warning: kernels of 5 are cut to the 4x4 map of stage conv3 in " in err


def test_what_trains_in_less_memory_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "TRIED_FOR_MEMORY", 20)
    limits = {"memory": "15 MiB", "over_memory": "recompute"}
    out, _ = shown(limits, Format.json, capsys, monkeypatch)
    found = json.loads(out)
    assert found["samples"] == 20
    assert found["recomputed"] > 0
    refused = [reason["reason"] for reason in found["reasons"]]
    assert all("limits.memory: 15,728,640; lower recipe." in reason for reason in refused)
    assert found["recomputed"] + found["infeasible"] <= 20
    out, _ = shown(limits, Format.table, capsys, monkeypatch)
    assert f"{found['recomputed']} of the samples are over limits.memory" in out
    out, _ = shown(limits | {"over_memory": "infeasible"}, Format.json, capsys, monkeypatch)
    fewer = json.loads(out)
    assert fewer["infeasible"] == found["infeasible"] + found["recomputed"]
    assert fewer["recomputed"] == 0


@pytest.mark.parametrize(("search", "count"), [(0.25, 24), (0.0, 0)])
def test_a_dry_run_says_how_many_are_searched_controls(
    search: float, count: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "TRIED", 2)
    controls = {"controls": {"search": search}}
    out, _ = shown({}, Format.table, capsys, monkeypatch, **controls)
    line = "24 of the trials are searched controls, networks of the space without loops"
    assert (line in out) == bool(count)
    out, _ = shown({}, Format.json, capsys, monkeypatch, **controls)
    assert json.loads(out)["searched_controls"] == count


def test_the_part_of_a_card_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is, and how many samples it is too small for."""
    card = {"name": "T4", "memory": "48 MiB", "part": 0.25}
    resources = {"gpus": 0.25, "card": card}
    out, _ = shown({}, Format.json, capsys, monkeypatch, resources=resources)
    document = json.loads(out)
    size = int(48 * 2**20 * 0.25 * 0.9)
    assert document["card"] == card | {"memory": 48 * 2**20, "bytes": size}
    assert document["infeasible"] > 0
    [line] = describe_card(toys.campaign(resources=resources))
    assert line == (
        "  a trial may take 0.0105 GiB: 0.25 of a card T4 (0.0469 GiB), 10% of it left to CUDA"
    )
    [unknown] = describe_card(toys.campaign(resources={"gpus": 1}))
    assert "the memory of its GPU is not known: nothing is refused for it" in unknown
    assert describe_card(toys.campaign()) == []
