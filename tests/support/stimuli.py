"""Stimulus sets of random images, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from workers.brains.stimuli import StimulusSet, read_stimuli


def write_stimuli(folder: Path, count: int, size: int, seed: int = 0) -> StimulusSet:
    """`set.csv` and `images/` with colour images of `size` pixels, named s000, s001, ..."""
    random = np.random.default_rng(seed)
    images = folder / "images"
    images.mkdir(parents=True)
    lines = ["stimulus_id,filename,object_name"]
    for number in range(count):
        pixels = random.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(images / f"{number}.png")
        lines.append(f"s{number:03},{number}.png,o{number % 2}")
    (folder / "set.csv").write_text("\n".join(lines) + "\n")
    return read_stimuli(folder / "set.csv", images)
