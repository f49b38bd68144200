"""Folders of published results: their index, their arrays, and values that a formula gives.

A folder holds an `index.json` that describes cells, joins and decoders (`other`) and networks, and
names the array file of each. Weights and images that are not stored follow from a seed and
their names (`generate_variable`). `workers/reference/replay.py` knows what the arrays mean.
"""

import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.outside import printable, read_bytes
from space.errors import InputError
from workers.arrays import Array, array_names, read_archive

INDEX = "index.json"
SECTIONS = ("cells", "other", "networks")

_JSON_BYTES = 64 << 20

Arrays = Mapping[str, Array]


def entries(root: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """(kind, name, entry) of everything that a folder's index names; its files are there."""
    if not root.is_dir():
        raise InputError(str(root), "is not a folder", f"name a folder that holds an {INDEX}")
    index = read_json(root / INDEX)
    sections = [key for key in SECTIONS if isinstance(index.get(key), dict)]
    if not sections:
        raise InputError(
            str(root / INDEX),
            f"has none of the sections {', '.join(SECTIONS)}",
            "name a folder of published results",
        )
    listed: list[tuple[str, str, dict[str, Any]]] = []
    for section in sections:
        for name, entry in index[section].items():
            kind = {"cells": "cell", "networks": "network"}.get(section, "join")
            needed = ["file", *(["variables_file"] if kind == "network" else [])]
            where = f"{section}.{printable(name)}"
            for key in needed:
                if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
                    cure = "write its path in the folder"
                    raise InputError(f"{root / INDEX}: {where}", f"names no {key}", cure)
                _check_file(root, entry[key], where)
            if kind == "join" and "in/logits" in array_names(root / entry["file"]):
                kind = "decoder"
            listed.append((kind, name, entry))
    return listed


def _check_file(root: Path, named: str, where: str) -> None:
    """Raises InputError unless a file that an entry names lies in the folder."""
    path = root / named
    try:
        inside = path.resolve().is_relative_to(root.resolve())
        there = path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        inside = there = False
    if not there:
        raise InputError(printable(str(path)), f"is missing ({where} names it)")
    if not inside:
        raise InputError(printable(str(path)), f"is not in the folder ({where} names it)")


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file. Raises InputError if it does not exist."""
    if not path.exists():
        raise InputError(str(path), "is missing", "name a folder of published results")
    document = parse_json(read_bytes(path, _JSON_BYTES), str(path), nodes=RECORD)
    if not isinstance(document, dict):
        raise InputError(str(path), "is not a mapping")
    return document


def read_arrays(path: Path) -> dict[str, Array]:
    """Every array of an .npz file. Raises InputError if it is not one."""
    return read_archive(path)


def generate_variable(seed: int, name: str, shape: tuple[int, ...], gain: float = 1.0) -> Array:
    """The float32 value of a variable by its name, as the published formula gives it.

    z is uniform in [-1, 1), from PCG64 seeded with the seed and the name's CRC-32. Depthwise
    kernels are gain sqrt(3 / (kh kw)) z, other weights gain sqrt(3 / fan-in) z, biases 0.1 z,
    gammas 1 + 0.2 z, betas and moving means 0.1 z, moving variances 1 + 0.5 z, decays
    0.5 + 0.4 z, peepholes 0.5 z. Raises InputError for a name without a rule.
    """
    z, last = noise(seed, name, shape), name.rpartition("/")[2]
    if "weights" in last:
        rows = shape[0] * shape[1] if last.startswith("depthwise") else math.prod(shape[:-1])
        value = gain * math.sqrt(3 / rows) * z
    elif "bias" in last:
        value = 0.1 * z
    elif last in _RULES:
        centre, width = _RULES[last]
        value = centre + width * z
    elif last.endswith("_diag"):
        value = 0.5 * z
    else:
        raise InputError(name, "the formula has no rule for this variable")
    return value.astype(np.float32)


_RULES = {
    "gamma": (1.0, 0.2),
    "beta": (0.0, 0.1),
    "moving_mean": (0.0, 0.1),
    "moving_variance": (1.0, 0.5),
    "memory_decay": (0.5, 0.4),
}


def noise(seed: int, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """z of the formula: float64 [shape], uniform in [-1, 1)."""
    stream = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    uniform = np.random.Generator(np.random.PCG64(stream)).random(math.prod(shape))
    return (2 * uniform - 1).reshape(shape)


def generate_images(seed: int, batch: int, size: int, channels: int = 3) -> NDArray[np.float32]:
    """Images [B,S,S,C] by the formula, normalised already: 16-pixel squares and fine noise."""
    squares = (batch, size // 16, size // 16, channels)
    coarse = 2 * noise(seed, "image_coarse", squares)
    fine = 0.5 * noise(seed, "image_fine", (batch, size, size, channels))
    return (coarse.repeat(16, 1).repeat(16, 2) + fine).astype(np.float32)
