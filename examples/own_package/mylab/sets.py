"""Few dots or many, among noise of two channels."""

import numpy as np
from pydantic import BaseModel, Field
from ventral.workers.data.source import Source, Split


class Dots:
    version = "1"

    class Options(BaseModel, extra="forbid"):
        images: int = Field(default=240, ge=40)

    def __init__(self, size: int, seed: int, options: Options) -> None:
        self._size, self._seed, self._images = size, seed, options.images

    def open(self) -> Source:
        counts = {"train": self._images, "validation": 40, "test": 60}
        return Source(
            classes=("few", "many"),
            channels=2,
            fingerprint="",
            splits={name: self._split(place, n) for place, (name, n) in enumerate(counts.items())},
        )

    def _split(self, place: int, count: int) -> Split:
        labels = np.arange(count) % 2

        def read(places: np.ndarray) -> np.ndarray:
            return np.stack([self._draw(place, int(i), int(labels[i])) for i in places])

        return Split(labels=labels, read=read)

    def _draw(self, split: int, image: int, label: int) -> np.ndarray:
        random = np.random.default_rng([self._seed, split, image])
        pixels = random.integers(0, 80, (self._size, self._size, 2), dtype=np.uint8)
        dots = 12 if label else 3
        pixels.reshape(-1, 2)[random.choice(self._size**2, dots, replace=False), 0] = 255
        return pixels
