"""What a driver exports for Prometheus, read by Prometheus' own parser."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from search.review import metrics
from search.review.metrics import (
    EXPORTED,
    STORE_UP,
    CampaignCollector,
    parse_metrics_address,
    read_samples,
    serve_metrics,
)
from search.store import Store
from space.errors import InputError, StoreError
from tests.support.campaigns import fill

Values = dict[tuple[str, ...], float]


def _parse(text: str) -> Values:
    """The samples of an exposition: name and label values but the campaign's -> value."""
    return {
        (one.name, *(value for key, value in one.labels.items() if key != "campaign")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def _collect(collector: CampaignCollector) -> Values:
    registry = CollectorRegistry()
    registry.register(collector)
    return _parse(generate_latest(registry).decode())


def test_every_metric_of_a_campaign_has_the_store_s_value(store: Store) -> None:
    campaign = fill(store)
    values = _collect(CampaignCollector(store, campaign.id))
    counted = store.campaigns.ledger(campaign.id)
    expected = {
        ("ventral_store_up",): 1,
        ("ventral_campaign_info", "motifs", "random", ""): 1,
        ("ventral_campaign_state", "running"): 1,
        ("ventral_trials", "finished"): 2,
        ("ventral_trials", "infeasible"): 1,
        ("ventral_trials", "waiting"): 0,
        ("ventral_queue_trials", "open"): 96,
        ("ventral_failed_trials", "diverged"): 1,
        ("ventral_attempts_total", "pruned"): 1,
        ("ventral_epochs_total",): counted.epochs,
        ("ventral_budget_used", "trials"): 4,
        ("ventral_budget_left", "trials"): 96,
        ("ventral_mirror_unsent_trials",): 5,
        ("ventral_mirror_failing",): 0,
        ("ventral_best_score",): 0.8,
    }
    assert {key: values.get(key) for key in expected} == expected
    assert 0 <= values["ventral_mirror_lag_seconds",] < 600
    names = {one.name for one in (STORE_UP, *EXPORTED)}
    assert {key[0] for key in values} == names


def test_they_have_no_campaign_s_values_but_its_own(store: Store) -> None:
    fill(store)
    other = fill(store)
    registry = CollectorRegistry()
    registry.register(CampaignCollector(store, other.id))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    assert {one.labels["campaign"] for each in families for one in each.samples} == {other.id}


def test_a_name_with_quotes_and_line_feeds_stays_one_label(store: Store) -> None:
    record = store.campaigns.create('a"\n\\b', {}, {}, {})
    values = _collect(CampaignCollector(store, record.id))
    assert ("ventral_campaign_info", 'a"\n\\b', "", "") in values


def test_a_store_that_is_away_is_a_metric_and_no_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise StoreError("store", "cannot be reached", "wait")

    monkeypatch.setattr(metrics, "read_samples", fail)
    assert _collect(CampaignCollector(store, "abcdefgh")) == {("ventral_store_up",): 0}


def test_the_store_is_read_for_a_twentieth_of_the_time_at_most(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, reads = [0.0], [0]

    def read(*_: Any) -> dict[str, Any]:
        now[0] += 2.0
        reads[0] += 1
        return {}

    monkeypatch.setattr(metrics, "read_samples", read)
    collector = CampaignCollector(store, "abcdefgh", clock=lambda: now[0])
    for _ in range(200):
        list(collector.collect())
        now[0] += 1.0
    assert now[0] >= 20 * 2.0 * (reads[0] - 1)
    assert reads[0] > 3


def test_it_listens_on_loopback_until_the_campaign_ends(store: Store) -> None:
    campaign = fill(store)
    with serve_metrics(store, campaign.id, parse_metrics_address("0")) as address:
        assert address is not None
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=60) as answer:
            values = _parse(answer.read().decode())
        assert values["ventral_trials", "finished"] == 2
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=60)


def test_a_port_that_is_taken_is_a_warning(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = ("127.0.0.1", taken.getsockname()[1])
        with serve_metrics(store, "abcdefgh", place) as address:
            assert address is None
    assert f"nothing can listen on port {place[1]} of 127.0.0.1" in caplog.text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_a_port_is_on_loopback_unless_told(text: str, place: tuple[str, int]) -> None:
    assert parse_metrics_address(text) == place


@pytest.mark.parametrize("text", ["", "x", "-1", "65536", ":9464", "localhost", "9464:", "٣"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no port; write a port, or HOST:PORT"):
        parse_metrics_address(text)


def test_a_campaign_without_trials_has_values(store: Store) -> None:
    record = store.campaigns.create("empty", {}, {}, {})
    values = read_samples(store, record.id)
    assert values["ventral_queue_trials"][("open",)] == 100
    assert "ventral_best_score" not in values
