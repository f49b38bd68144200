"""Decoders replayed, those with weights against a second writing."""

import numpy as np
import pytest

from workers.reference.replay import verify_entry


def decoders_with_weights() -> dict[str, np.ndarray]:
    """Logits, weights under the reference's names, and what they give, written out once more."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(3, 6, 4)).astype(np.float32)
    shapes = {
        "decoder_alpha": (6, 4),
        "mlp_decoder/fc1/weights": (24, 5),
        "mlp_decoder/fc1/biases": (5,),
        "mlp_decoder/fc_final/weights": (5, 4),
        "mlp_decoder/fc_final/biases": (4,),
        "conv1_decoder/fc_final/weights": (20, 4),
        "conv1_decoder/fc_final/biases": (4,),
    }
    for window in range(2, 7):
        shapes[f"conv1_decoder/c_{window}/kernel"] = (window, 4, 4)
        shapes[f"conv1_decoder/c_{window}/bias"] = (4,)
    w = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    x, d = logits.astype(np.float64), {name: value.astype(np.float64) for name, value in w.items()}
    alpha = 1 / (1 + np.exp(-d["decoder_alpha"]))
    hidden = x.reshape(3, 24) @ d["mlp_decoder/fc1/weights"] + d["mlp_decoder/fc1/biases"]
    hidden = np.where(hidden > 0, hidden, np.expm1(np.minimum(hidden, 0)))
    pooled = []
    for window in range(2, 7):
        kernel, bias = (d[f"conv1_decoder/c_{window}/{part}"] for part in ("kernel", "bias"))
        steps = [np.einsum("btn,tnf->bf", x[:, t : t + window], kernel) for t in range(7 - window)]
        pooled.append(np.max(steps, 0) + bias)
    made = {
        "w_avg_t": (x * alpha / alpha.sum(0)).sum(1),
        "mlp": hidden @ d["mlp_decoder/fc_final/weights"] + d["mlp_decoder/fc_final/biases"],
        "conv1d": np.concatenate(pooled, 1) @ d["conv1_decoder/fc_final/weights"]
        + d["conv1_decoder/fc_final/biases"],
        "simple_linear": x[:, -1] / x[:, -1].sum(1, keepdims=True),
        "sum": x.sum(1),
    }
    arrays = {"in/logits": logits} | {f"w/{name}": value for name, value in w.items()}
    return arrays | {f"out/{name}": value for name, value in made.items()}


def test_decoders_with_weights_are_replayed() -> None:
    arrays = decoders_with_weights()
    result = verify_entry("decoder", "drawn", {"file": "decoders.npz"}, arrays)
    assert result.passed, result
    for name in ("mlp_decoder/fc1/biases", "conv1_decoder/c_3/kernel", "decoder_alpha"):
        changed = arrays | {f"w/{name}": arrays[f"w/{name}"] + 0.1}
        assert not verify_entry("decoder", "drawn", {"file": "decoders.npz"}, changed).passed


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("w_av", 'out/w_av: is not a decoder; did you mean "w_avg"'),
        ("mlp", "kernel"),  # its weights are not there
    ],
)
def test_what_no_decoder_gives_is_a_problem_by_name(name: str, problem: str) -> None:
    arrays = {"in/logits": np.ones((1, 3, 2)), f"out/{name}": np.ones((1, 2))}
    result = verify_entry("decoder", "drawn", {}, arrays)
    assert not result.passed
    assert problem in result.problem


def test_the_largest_probabilities_of_every_step_are_compared() -> None:
    logits = np.log(np.array([[[1.0, 3.0], [1.0, 1.0]]]))
    for probabilities, passes in (([[0.75, 0.5]], True), ([[0.75, 0.6]], False)):
        arrays = {"in/logits": logits, "max_prob": np.array(probabilities)}
        assert verify_entry("decoder", "drawn", {}, arrays).passed is passes
