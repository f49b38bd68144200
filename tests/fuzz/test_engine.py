"""The fuzzers' own parts: damage follows from the seed, and no way to fail goes unseen."""

import json
import os
import random
import signal
from pathlib import Path

from space.errors import InputError
from tests.fuzz import mutations, trials

TREE = {"a": [1, 2.5, "x", None], "b": {"c": True, "d": {"e": 10}}}


def test_damage_follows_from_the_seed_and_leaves_the_original() -> None:
    whole = json.dumps(TREE)
    made = [repr(mutations.mutate_document(TREE, random.Random(seed))) for seed in range(200)]
    again = [repr(mutations.mutate_document(TREE, random.Random(seed))) for seed in range(200)]
    assert made == again
    assert json.dumps(TREE) == whole
    assert len(set(made)) > 150
    data = bytes(range(200))
    flipped = {mutations.mutate_bytes(data, random.Random(seed)) for seed in range(200)}
    assert len(flipped) > 150


def target(_folder: Path) -> trials.Try:
    """Fails in every way that is known, one a seed."""

    def attempt(rng: random.Random) -> None:
        seed = next(s for s in range(6) if random.Random(s).getstate() == rng.getstate())
        match seed:
            case 1:
                raise InputError("file", "is damaged")
            case 2:
                raise KeyError("missing")
            case 3:
                os.kill(os.getpid(), signal.SIGKILL)
            case 4:
                bytearray(2 * trials.MEGABYTES << 20)
            case 5:
                while True:
                    pass

    return attempt


def test_success_and_an_error_of_ours_pass() -> None:
    assert trials.findings("tests.fuzz.test_engine:target", count=2) == []


def test_every_other_end_is_found() -> None:
    found = trials.survey("tests.fuzz.test_engine:target", 0, 6, 1)
    assert [text.split(" ")[1] for text in found] == ["2:", "3:", "4:", "5:"]
    for text, words in zip(
        found, ("KeyError", "SIGKILL", "MemoryError", "more than"), strict=True
    ):
        assert words in text
