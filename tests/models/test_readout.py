"""Decoders: each form as its equation says, its window, its parameters and their gradients."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.build import Network, build
from models.initial import initialise
from models.readout import DecoderModule
from space.errors import GenomeError
from space.genome import Genome
from space.network.architecture import Decoder
from space.step.parameters import decoder_parameters, parameters
from space.unroll.cost import cost
from tests.support.drawing import PUBLISHED_CELLS, small_genome

STEPS, CLASSES = 7, 4
FORMS = ["simple", "simple_soft", "simple_linear", "max_conf", "thresh", "time_max", "w_avg",
         "w_avg_t", "w_time_avg", "mlp", "conv1d", "sum", "avg"]  # fmt: skip


def drawn_logits(scale: float = 2.0, batch: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, STEPS, CLASSES)
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def made(**decoder: Any) -> DecoderModule:
    value = Decoder.model_validate(decoder)
    module = DecoderModule(value, decoder_parameters(value, STEPS, CLASSES), torch.float64)
    initialise(module, seed=3)
    return module


def softmax(z: np.ndarray, axis: int, beta: float = 1.0) -> np.ndarray:
    powers = np.exp(beta * (z - z.max(axis, keepdims=True)))
    shares: np.ndarray = powers / powers.sum(axis, keepdims=True)
    return shares


def expected(module: DecoderModule, logits: np.ndarray) -> np.ndarray:
    """The form's equation for each example by itself (science: section 7)."""
    values = {name: p.detach().numpy() for name, p in module.named_parameters()}
    equation = next(
        equation for forms, equation in EQUATIONS.items() if module.decoder.form in forms.split()
    )
    return np.stack([equation(module.decoder, values, sample) for sample in logits])


Values = dict[str, np.ndarray]


def scalar(values: Values, name: str, otherwise: float) -> float:
    return float(values[name][0]) if name in values else otherwise


def last(decoder: Decoder, _values: Values, sample: np.ndarray) -> np.ndarray:
    match decoder.form:
        case "simple_soft":
            return softmax(sample[-1], 0)
        case "simple_linear":
            return np.asarray(sample[-1] / sample[-1].sum())
    return np.asarray(sample[-1])


def chosen(decoder: Decoder, values: Values, sample: np.ndarray) -> np.ndarray:
    probability = softmax(sample, 1, scalar(values, "beta", decoder.beta))
    if decoder.form == "time_max":
        steps = [int(probability[:, k].argmax()) for k in range(CLASSES)]
        return np.array([sample[t, k] for k, t in enumerate(steps)])
    largest = probability.max(1)
    threshold = scalar(values, "threshold", decoder.threshold)
    crossed = [t for t in range(STEPS) if largest[t] >= threshold]
    first = crossed[0] if crossed and decoder.form == "thresh" else int(largest.argmax())
    chosen_step: np.ndarray = sample[first]
    return chosen_step


def weighted(decoder: Decoder, values: Values, sample: np.ndarray) -> np.ndarray:
    beta = scalar(values, "beta", decoder.beta)
    if decoder.form == "w_avg":
        share = softmax(sample, 0, beta)
    elif decoder.form == "w_avg_t":
        positive = 1 / (1 + np.exp(-values["weights"]))
        share = positive / positive.sum(0)
    else:
        largest = softmax(sample, 1, beta).max(1)
        share = softmax(largest, 0, scalar(values, "time_beta", decoder.beta))[:, None]
    total: np.ndarray = (sample * share).sum(0)
    return total


def perceptron(decoder: Decoder, values: Values, sample: np.ndarray) -> np.ndarray:
    value = sample.ravel()
    for i in range(len(decoder.layers) + 1):
        value = values[f"layer{i}.kernel"] @ value + values[f"layer{i}.bias"]
        if i < len(decoder.layers):
            value = np.where(value > 0, value, np.exp(value) - 1)
    return value


def convolved(decoder: Decoder, values: Values, sample: np.ndarray) -> np.ndarray:
    pooled = []
    for w in decoder.windows:
        kernel, bias = values[f"window{w}.kernel"], values[f"window{w}.bias"]
        at = [
            np.einsum("fnw,wn->f", kernel, sample[t : t + w]) + bias for t in range(STEPS - w + 1)
        ]
        pooled.append(np.max(at, 0) if decoder.pool == "max" else np.mean(at, 0))
    result: np.ndarray = values["linear.kernel"] @ np.concatenate(pooled) + values["linear.bias"]
    return result


def averaged(decoder: Decoder, _values: Values, sample: np.ndarray) -> np.ndarray:
    result: np.ndarray = sample.sum(0) if decoder.form == "sum" else sample.mean(0)
    return result


EQUATIONS: dict[str, Callable[[Decoder, Values, np.ndarray], np.ndarray]] = {
    "simple simple_soft simple_linear": last,
    "max_conf thresh time_max": chosen,
    "w_avg w_avg_t w_time_avg": weighted,
    "mlp": perceptron,
    "conv1d": convolved,
    "sum avg": averaged,
}


OPTIONS: list[dict[str, Any]] = [
    *({"form": form} for form in FORMS),
    *({"form": form, "beta": 0.35} for form in ("max_conf", "thresh", "time_max", "w_avg")),
    *({"form": form, "trainable": True} for form in ("max_conf", "thresh", "w_time_avg", "w_avg")),
    {"form": "thresh", "threshold": 0.5},
    {"form": "mlp", "layers": [5, 3]},
    {"form": "mlp", "layers": []},
    {"form": "conv1d", "windows": [1, 7], "filters": 2, "pool": "mean"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_decoder_is_its_equation(options: dict[str, Any]) -> None:
    module, logits = made(**options), drawn_logits()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1)  # biases too
        ours = module(logits)
    np.testing.assert_allclose(ours.numpy(), expected(module, logits.numpy()), rtol=1e-10)


def test_a_threshold_is_crossed_by_some_and_not_by_all() -> None:
    module, logits = made(form="thresh"), drawn_logits()
    crossed = (logits.softmax(2).amax(2) >= 0.9).any(1)
    assert 0 < int(crossed.sum()) < len(crossed)
    others = made(form="max_conf").chosen_steps(logits)
    chosen = module.chosen_steps(logits)
    assert torch.equal(chosen[~crossed], others[~crossed])
    assert bool((chosen[crossed] <= others[crossed]).all())
    assert not torch.equal(chosen[crossed], others[crossed])


@pytest.mark.parametrize("form", ["max_conf", "thresh", "time_max"])
def test_of_equal_steps_the_first_is_chosen(form: str) -> None:
    logits = torch.zeros(2, STEPS, CLASSES)
    assert not made(form=form).float().chosen_steps(logits).any()


COUNTS = {
    ("last", False): 0,
    ("max_conf", False): 0,
    ("max_conf", True): 1,
    ("time_max", True): 1,
    ("w_avg", True): 1,
    ("thresh", True): 2,
    ("w_time_avg", True): 2,
    ("w_avg_t", False): 4 * 5,
    ("mlp", False): 20 * 250 + 250 + 250 * 5 + 5,
    ("conv1d", False): 5 * 4 * (2 + 3 + 4) + 12 + 12 * 5 + 5,
}


def network(decoder: dict[str, Any], steps: int = 8) -> Network:
    """Three stages and the head: the image reaches the head at step 3."""
    clock = {"steps": steps, "image_off": 4}
    return build(small_genome(PUBLISHED_CELLS["ugrnn"], decoder=decoder, clock=clock))


@pytest.mark.parametrize(("form", "trainable"), COUNTS)
def test_parameters_by_arithmetic_and_in_the_network(form: str, trainable: bool) -> None:
    decoder: dict[str, Any] = {"form": form, "trainable": trainable}
    decoder |= {"windows": [2, 3, 4]} if form == "conv1d" else {}
    made = network(decoder)
    ours = [p for name, p in made.named_parameters() if name.startswith("decoder.")]
    counted = parameters(made.genome).under("decoder").numbers
    assert sum(p.numel() for p in ours) == counted == COUNTS[form, trainable]
    assert cost(made.genome).parameters == sum(p.numel() for p in made.parameters())


@pytest.mark.parametrize(
    "decoder", [{"form": "mlp", "layers": [7]}, {"form": "conv1d", "windows": [2, 4]}, "max_conf"]
)
def test_multiply_adds_of_a_decoder_are_counted_once_an_image(decoder: Any) -> None:
    made, plain = network(decoder), network({})
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        made.decode(torch.zeros(1, 8, 5))
    macs = cost(made.genome).macs - cost(plain.genome).macs
    assert counter.get_total_flops() == 2 * macs


@pytest.mark.parametrize("form", [*FORMS, "last"])
def test_the_network_decodes_the_steps_of_its_window(form: str) -> None:
    """From one step after the first informed one; `forward` gives what `decode` gives."""
    extra = {"windows": [2, 3]} if form == "conv1d" else {}
    made = network({"form": form} | extra)
    images = torch.randn(3, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    assert made.genome.window == (range(7, 8) if form == "last" else range(4, 8))
    with torch.no_grad():
        logits = made.step_logits(images)
        assert torch.allclose(made(images), made.decode(logits), atol=1e-6)
        earlier = logits.clone()
        earlier[:, :4] = 1e3  # steps that no decoder reads
        assert torch.equal(made.decode(earlier), made.decode(logits))
        changed = logits.clone()
        changed[:, 4:] = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
        assert not torch.allclose(made.decode(changed), made.decode(logits))


def test_a_window_may_start_elsewhere() -> None:
    made = network({"form": "avg", "start": 2})
    logits = torch.randn(3, 8, 5)
    assert torch.allclose(made.decode(logits), logits[:, 2:].mean(1))


def test_published_windows_start_at_the_number_of_nodes() -> None:
    """Ten stages and the read-out: step 11; the shallow models' five: step 6 (section 3.5)."""
    for stages, steps, start in ((10, 17, 11), (5, 16, 6)):
        genome = Genome.parse(
            {
                "image": {"size": 8},
                "stages": [
                    {"name": f"conv{i}", "convolution": {"width": 2}} for i in range(stages)
                ],
                "clock": {"steps": steps},
                "decoder": "max_conf",
            }
        )
        assert genome.window == range(start, steps)


@pytest.mark.parametrize(
    ("form", "moved"),
    [("max_conf", []), ("time_max", []), ("thresh", []), ("w_avg", ["beta"]),
     ("w_time_avg", ["beta", "time_beta"])],
)  # fmt: skip
def test_no_gradient_reaches_what_only_chooses(form: str, moved: list[str]) -> None:
    """The beta of max_conf keeps whatever was drawn; the network is trained all the same."""
    made = network({"form": form, "trainable": True})
    images = torch.randn(3, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    made(images).square().sum().backward()
    slopes = {name: p.grad for name, p in made.decoder.named_parameters()}
    assert [name for name, slope in slopes.items() if slope is not None] == moved
    assert made.get_parameter("head.kernel").grad is not None


def test_scalars_start_uniform_in_the_unit_interval_and_are_not_decayed() -> None:
    drawn = []
    for seed in range(40):
        made = build(network({"form": "thresh", "trainable": True}).genome, seed=seed)
        drawn += [made.get_parameter(f"decoder.{n}").item() for n in ("beta", "threshold")]
        assert made.decays()["decoder.beta"] == 0.0
    assert 0 <= min(drawn) < 0.15
    assert 0.85 < max(drawn) < 1
    assert abs(float(np.mean(drawn)) - 0.5) < 4 / math.sqrt(12 * 80)


def test_l2_as_published() -> None:
    """conv1d all of it, mlp its last layer (section 7, decoders.py)."""
    decays = network({"form": "conv1d", "windows": [2, 3]}).decays()
    assert {decays[name] for name in decays if name.startswith("decoder.")} == {1e-4}
    decays = network({"form": "mlp"}).decays()
    assert decays["decoder.layer0.kernel"] == decays["decoder.layer0.bias"] == 0.0
    assert decays["decoder.layer1.kernel"] == decays["decoder.layer1.bias"] == 1e-4


@pytest.mark.parametrize(
    ("decoder", "steps", "message"),
    [
        ("max_conv", 8, r"decoder\.form.*max_conv"),
        ("max_conf", 4, r"decoder\.start: the window from step 4 to 3 is empty"),
        ({"form": "avg", "start": 8}, 8, r"decoder\.start"),
        ({"form": "avg", "trainable": True}, 8, r"decoder\.trainable: avg has nothing to learn"),
        ({"form": "mlp", "trainable": True}, 8, "is learned in any case"),
        ({"form": "last", "start": 5}, 8, "the last step alone"),
        ("conv1d", 8, r"decoder\.windows: 6 steps exceed the 4"),
    ],
)
def test_decoders_that_cannot_be_are_refused(decoder: Any, steps: int, message: str) -> None:
    with pytest.raises(GenomeError, match=message):
        small_genome(PUBLISHED_CELLS["ugrnn"], decoder=decoder, clock={"steps": steps})


def test_a_word_is_a_decoder_and_last_the_default() -> None:
    plain = small_genome(PUBLISHED_CELLS["ugrnn"])
    assert "decoder" not in plain.document()
    assert small_genome(PUBLISHED_CELLS["ugrnn"], decoder="last") == plain
    word = small_genome(PUBLISHED_CELLS["ugrnn"], decoder="avg")
    assert word.document()["decoder"] == {"form": "avg"}
    assert Genome.parse(word.document()) == word
