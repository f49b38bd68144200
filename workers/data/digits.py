"""scikit-learn's digits: 1797 grey images of 8x8."""

from functools import partial

import numpy as np

from workers.data.drawing import DIGITS_STREAM, draw_stratified
from workers.data.images import Images, resize
from workers.data.source import SPLITS, DatasetInfo, Integers, Source, Split
from workers.data.specs import Digits

CLASSES = tuple(str(digit) for digit in range(10))


def read_digits() -> tuple[dict[str, Images], dict[str, Integers]]:
    """scikit-learn's digits as ({split: [N,8,8]}, {split: [N]}), 1200 and 597, fixed."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    labels = labels.astype(np.int64)
    train = draw_stratified(labels, 1200, 0, DIGITS_STREAM)
    test = np.setdiff1d(np.arange(len(labels)), train)
    parts = {"train": train, "test": test}
    return (
        {name: pixels[part] for name, part in parts.items()},
        {name: labels[part] for name, part in parts.items()},
    )


def open_digits(spec: Digits) -> Source:
    """The digits at the size of `spec`."""
    images, labels = read_digits()

    def read(split: str, indices: Integers) -> Images:
        made = [resize(images[split][index], spec.size) for index in indices]
        return np.stack(made)[..., None]

    splits = {name: Split(labels=labels[name], read=partial(read, name)) for name in SPLITS}
    return Source(classes=CLASSES, channels=1, fingerprint="digits-1", splits=splits)


def describe_digits() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="digits",
        images="1,200 + 597",
        classes="10",
        sizes="multiples of 8 (8)",
        origin="scikit-learn",
        available=True,
        note="nearly solved by any network: for smoke tests",
    )
