"""IDX files: a damaged one is an array or one error."""

import gzip
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from tests.support.datasets import idx_bytes
from workers.data.idx import read_idx


@pytest.mark.parametrize("trials", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_damaged_idx_file_is_an_array_or_one_error(tmp_path: Path, trials: int) -> None:
    rng = np.random.default_rng(0)
    plain = idx_bytes(rng.integers(0, 256, (3, 4, 5)))
    whole = {"x": plain, "x.gz": gzip.compress(plain)}
    for trial in range(trials):
        name = ("x", "x.gz")[trial % 2]
        data = bytearray(whole[name][: rng.integers(1, 100)] if trial % 3 == 0 else whole[name])
        for place in rng.integers(0, len(data), 2):
            data[place] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(data)
        with suppress(DataError):
            read_idx(tmp_path / name, 3, "mend it")
