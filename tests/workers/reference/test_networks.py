"""Networks of the zoo replayed at the clock and the image size of an entry."""

from pathlib import Path

import torch

from space.unroll.cost import cost
from workers.reference.files import (
    entries,
    read_arrays,
    read_json,
)
from workers.reference.networks import published_genome, replay_network
from workers.reference.replay import TOLERANCE

GOLDEN = Path(__file__).parents[2] / "models" / "golden"


def test_clock_and_images_of_an_entry_replace_the_zoos() -> None:
    entry = {
        "zoo_model": "rgc_intermediate",
        "seed": 1,
        "gain": 1.0,
        "batch": 1,
        "image_size": 96,
        "timesteps": 26,
        "image_off": 10,
        "variables": [{"name": "imnetds/pre_3/bias", "shape": [7]}],
    }
    genome = published_genome(entry)
    assert (genome.image.size, genome.classes) == (96, 7)
    assert (genome.clock.steps, genome.clock.image_off) == (26, 10)
    entry["image_off"] = None
    assert published_genome(entry).clock.image_off is None


def test_an_altered_sample_of_a_network_is_seen() -> None:
    (entry,) = (e for _, name, e in entries(GOLDEN) if name == "rgc_intermediate_64px")
    facts = entry | read_json(GOLDEN / entry["variables_file"])
    arrays = read_arrays(GOLDEN / entry["file"])
    for name in ("logits", "state/conv6/first64", "output/conv10/std"):
        arrays[name] = arrays[name].copy()
        arrays[name].flat[-1] += 0.1
    errors = replay_network(facts, arrays, torch.float32)
    wrong = {name for name, result in errors.items() if result > TOLERANCE[torch.float32]}
    assert wrong == {"logits", "state/conv6/first64", "output/conv10/std"}
    assert cost(published_genome(facts)).parameters == facts["trainable_parameters"]
