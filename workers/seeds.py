"""Seeds: one for each purpose of a training, all of them from the job's own."""

import hashlib
import random

import numpy as np


def hash_to_seed(text: str, bits: int) -> int:
    """The first `bits` bits of a text's SHA-256: every seed is made by this, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") >> (256 - bits)


def mix_seed(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for one purpose (an epoch's order, a batch's crops), from the job's."""
    return hash_to_seed("/".join(str(item) for item in (seed, *purpose)), 63)


def seed_all(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch."""
    import torch  # a search derives seeds, too, and has no torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
