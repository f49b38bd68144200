"""The pictures of docs/brains.md: a simulated recording, the network it follows, and controls.

    python -m benchmarks.neural_panel --pictures docs

The neurons of V4 and IT are linear in two layers of a small recurrent network, noise besides. A
step is 10 ms, the first begins at 50 ms; where it begins is fitted, not given. Controls: the same
network without recurrence, which has one response while the image is on, and with a leak alone.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboards.figures.files import draw_svg
from dashboards.figures.neural_layers import draw_neural_layers
from dashboards.figures.neural_time import draw_neural_time
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.maps import Ridge
from workers.brains.panel import Model, Panel, Timing, score_models
from workers.brains.scores import Features

Floats = NDArray[np.float64]

STEPS, BINS, REPETITIONS = 14, 24, 6
TRUE_MS, TRUE_OFFSET = 10, 50
UNITS, LATENT = 24, 12
CELLS = ("recurrent", "feedforward", "time decay")


def main() -> None:
    """Score, say what was recovered, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stimuli", type=int, default=160)
    parser.add_argument("--neurons", type=int, default=36, help="of each area")
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--pictures", type=Path, help="a folder")
    chosen = parser.parse_args()
    panel = simulate(chosen.stimuli, chosen.neurons, chosen.splits)
    for line in describe(panel):
        print(line)
    if chosen.pictures is not None:
        draw(panel, chosen.pictures)


def simulate(stimuli: int, neurons: int, splits: int) -> Panel:
    """The recurrent network and its controls against neurons that follow it."""
    random = np.random.default_rng(0)
    images = random.standard_normal((stimuli, LATENT))
    weights = {
        "low": random.standard_normal((LATENT, UNITS)) / np.sqrt(LATENT),
        "high": random.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS),
        "lateral": 1.3 * random.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS),
    }
    networks = {cell: unroll(images, weights, cell) for cell in CELLS}
    assembly = record(networks["recurrent"], neurons, random)
    ids = np.array([f"s{number:04}" for number in range(stimuli)])
    steps = {"low": tuple(range(STEPS)), "high": tuple(range(1, STEPS + 1))}
    models = [
        Model(
            name=cell,
            features=Features(stimuli=ids, layers=layers, source=cell, steps=steps),
            control=cell != "recurrent",
        )
        for cell, layers in networks.items()
    ]
    timing = Timing(milliseconds=TRUE_MS, fit=True)
    return score_models(models, assembly, ["V4", "IT"], Ridge(), splits=splits, timing=timing)


def unroll(images: Floats, weights: dict[str, Floats], cell: str) -> dict[str, Floats]:
    """Two layers [stimuli, steps, units]: `low` sees the image, `high` what low was a step ago."""
    states = {name: np.zeros((len(images), UNITS)) for name in ("low", "high")}
    seen: dict[str, list[Floats]] = {"low": [], "high": []}
    for _ in range(STEPS + 1):
        before = dict(states)
        drives = {"low": images @ weights["low"], "high": before["low"] @ weights["high"]}
        for name, drive in drives.items():
            state = before[name]
            if cell == "recurrent":
                states[name] = np.tanh(0.7 * drive + state @ weights["lateral"])
            else:
                leak = 0.85 if cell == "time decay" else 0.0
                states[name] = leak * state + np.tanh(drive)
            seen[name].append(states[name])
    return {
        "low": np.stack(seen["low"][:STEPS], axis=1),
        "high": np.stack(seen["high"][1 : STEPS + 1], axis=1),
    }


def record(layers: dict[str, Floats], neurons: int, random: np.random.Generator) -> Assembly:
    """V4, linear in `low`, and IT, linear in `high` but every sixth neuron, which is in `low`."""
    stimuli = len(layers["low"])
    rates = 1.2 * random.standard_normal((stimuli, REPETITIONS, 2 * neurons, BINS))
    first = TRUE_OFFSET // TRUE_MS
    for number in range(2 * neurons):
        name = "high" if number >= neurons and number % 6 else "low"
        begin = first + (name == "high")
        readout = random.standard_normal(UNITS) / np.sqrt(UNITS)
        rates[:, :, number, begin : begin + STEPS] += (2 * layers[name] @ readout)[:, None]
    which, repetition = (part.ravel() for part in np.indices((stimuli, REPETITIONS)))
    start = TRUE_MS * np.arange(BINS)
    coordinates = {
        "presentation": {
            "stimulus_id": np.array([f"s{number:04}" for number in which]),
            "repetition": repetition,
        },
        "neuroid": {
            "neuroid_id": np.arange(2 * neurons),
            "region": np.repeat(["V4", "IT"], neurons),
        },
        "time_bin": {"time_bin_start": start, "time_bin_end": start + TRUE_MS},
    }
    return make_assembly("simulated", "npz", rates.reshape(-1, 2 * neurons, BINS), coordinates)


def describe(panel: Panel) -> list[str]:
    """What was recovered, a line each."""
    lines = [
        f"{model.name}: offset {model.time.offset:g} ms (true: {TRUE_OFFSET})"
        for model in panel.models
        if model.time is not None
    ]
    lines += [
        f"{area.area}: {share.layer} {share.share:.0%} ({share.low:.0%} to {share.high:.0%})"
        for area in panel.models[0].areas
        for share in area.shares
    ]
    return lines + [one.describe() for one in panel.comparisons if one.bin is None]


def draw(panel: Panel, folder: Path) -> None:
    """Write neural-time.png and neural-layers.png; the layers are of the network alone."""
    import vl_convert

    first = Panel(models=panel.models[:1], comparisons=(), edges=panel.edges)
    for figure in (draw_neural_time(panel), draw_neural_layers(first)):
        assert figure is not None
        picture = vl_convert.svg_to_png(draw_svg(figure), scale=1.5)
        (folder / f"{figure.name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
