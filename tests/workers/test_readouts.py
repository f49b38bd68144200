"""Decoders read from a frozen network: as it would decode itself, and trained apart from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from models.build import Network, build
from space.errors import InputError
from space.genome import Genome
from space.network.architecture import Decoder, DecoderForm
from space.network.grammar import as_document
from tests.support.networks import network_with
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.evaluation import evaluate, judge_images
from workers.readouts import (
    LEARNED,
    PLAIN,
    TEMPERED,
    Traced,
    Training,
    compare_decoders,
    find_window,
    fit_decoder,
    list_decoders,
    trace_logits,
)
from workers.robustness.answers import Reader, place_network

QUICK = Training(epochs=2, rates=(0.01,), train_images=100)


def _genome(decoder: Any = "last", steps: int = 6) -> Genome:
    return Genome.parse({**network_with(steps=steps).document(), "decoder": decoder})


def _read(network: Network, data: Pack) -> Reader:
    return place_network(network, data, 64, torch.device("cpu"))


@pytest.fixture(scope="module")
def network() -> Network:
    return build(_genome(), seed=3)


@pytest.mark.parametrize("form", [*PLAIN, "simple", "simple_soft"])
def test_a_decoder_without_weights_is_that_of_a_network_built_with_it(
    network: Network, digits: Pack, tmp_path: Path, form: str
) -> None:
    built = build(_genome(form), seed=3)
    expected = judge_images(built, digits, batch_size=64, split="validation")
    traced = trace_logits(_read(network, digits), digits, "validation", tmp_path)
    named = {"simple": "last", "simple_soft": "last"}.get(form, form)
    decoder, trained = list_decoders(len(find_window(network.genome)))[named]
    assert not trained
    module = build(_genome(as_document(decoder))).decoder
    with torch.no_grad():
        answers = module(torch.from_numpy(np.array(traced.logits))).argmax(1).numpy()
    assert ((answers == traced.labels) == expected).all()
    assert 0 < expected.mean() < 1


def test_all_are_compared_and_nothing_of_the_network_changes(
    network: Network, digits: Pack, tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    heard: list[str] = []
    rows = compare_decoders(_read(network, digits), digits, "test", tmp_path, QUICK, heard.append)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(one.requires_grad and one.grad is None for one in network.parameters())
    names = [row.decoder for row in rows]
    trained = ["w_avg (trained)", "w_time_avg (trained)", "w_avg_t", "mlp", "conv1d"]
    assert names == ["own: last", *PLAIN, *trained]
    assert (
        heard == [f"logits of {one} images" for one in ("train", "validation", "test")] + names[1:]
    )
    assert [row.decoder for row in rows if row.trained] == trained
    by_name = {row.decoder: row for row in rows}
    own = by_name["own: last"]
    assert own.top1 == evaluate(network, digits, batch_size=64, split="test").top1
    assert by_name["last"].top1 == own.top1
    assert (by_name["last"].difference, by_name["last"].better) == (0, None)
    # Steps 2 to 5 are read: one after the first that depends on the image.
    assert by_name["conv1d"].parameters == 4 * (10 * (2 + 3 + 4) + 3) + 10 * 13
    assert by_name["mlp"].parameters == (4 * 10 + 1) * 250 + 251 * 10
    assert [by_name[name].parameters for name in trained[:3]] == [1, 2, 40]
    for row in rows:
        assert row.difference == pytest.approx(row.top1 - own.top1)
        assert (row.rate is None, row.epochs is None) == (row.decoder not in trained,) * 2
        assert (row.step is not None) == (row.decoder in ("max_conf", "thresh"))
    assert 2 <= (by_name["thresh"].step or 0) <= 5
    (chosen,) = (row for row in rows if row.chosen)
    assert chosen.validation == max(row.validation for row in rows)
    assert not list(tmp_path.glob("*.tmp"))
    assert np.load(tmp_path / "train.npy", mmap_mode="r").shape == (100, 4, 10)


def _drawn(seed: int, count: int = 400, useful: int = 1) -> Traced:
    """Logits of four steps of which one alone knows the class, and not the last."""
    random = np.random.RandomState(seed)
    labels = random.randint(0, 5, count)
    logits = random.randn(count, 4, 5).astype(np.float32)
    logits[np.arange(count), useful, labels] += 4
    right = logits[:, -1].argmax(1) == labels
    return Traced(logits=logits, labels=labels, right=right)


@pytest.mark.parametrize(
    "decoder",
    [Decoder(form="w_avg_t"), Decoder(form="mlp"), Decoder(form="conv1d", windows=(1, 2))],
)
def test_a_trained_decoder_finds_the_step_that_knows(decoder: Decoder) -> None:
    training = Training(epochs=15, batch_size=64, rates=(0.03,))
    train, validation, test = (_drawn(seed) for seed in range(3))
    fitted = fit_decoder("one", decoder, train, validation, training)
    with torch.no_grad():
        answers = fitted.module(torch.from_numpy(test.logits)).argmax(1).numpy()
    assert (answers == test.labels).mean() > 0.8 > 0.4 > test.right.mean()
    assert fitted.trained
    assert (fitted.rate, fitted.validation > 0.8) == (0.03, True)
    again = fit_decoder("one", decoder, train, validation, training)
    for name, value in fitted.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])


def test_rate_and_epoch_are_chosen_on_validation() -> None:
    """Where validation knows by another step than training does, training makes it worse."""
    training = Training(epochs=8, batch_size=64, rates=(0.1, 1e-6))
    fitted = fit_decoder("one", Decoder(form="w_avg_t"), _drawn(0), _drawn(1, useful=3), training)
    assert fitted.rate == 1e-6
    module = fitted.module
    with torch.no_grad():
        right = module(torch.from_numpy(_drawn(1, useful=3).logits)).argmax(1).numpy()
    assert (right == _drawn(1, useful=3).labels).mean() == fitted.validation


def test_windows_are_the_published_ones_or_as_long_as_there_are_steps() -> None:
    assert find_window(_genome(steps=6)) == range(2, 6)
    assert find_window(_genome(steps=2)) == range(1, 2)
    assert list_decoders(3)["conv1d"][0].windows == (2, 3)
    assert "conv1d" not in list_decoders(1)


def test_every_form_is_read_in_some_way() -> None:
    """`simple` and `simple_soft` answer as `last` does, which a test above shows."""
    assert {*PLAIN, *LEARNED, "simple", "simple_soft"} == {*get_args(DecoderForm)}
    assert set(TEMPERED) < set(PLAIN)


def test_without_validation_images_nothing_can_be_chosen(network: Network, tmp_path: Path) -> None:
    spec = DigitsOccluded(size=8, train_images=30, test_images=20, validation=0)
    data = pack(spec, tmp_path / "packs")
    with pytest.raises(InputError, match="no validation images to choose decoders by"):
        compare_decoders(_read(network, data), data, "test", tmp_path, QUICK)
