"""Seeds: one for each purpose of a training, all of them from the job's own."""

import hashlib
import random

import numpy as np
import torch


def mix_seed(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for one purpose (an epoch's order, a batch's crops), from the job's."""
    text = "/".join(str(item) for item in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_all(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
