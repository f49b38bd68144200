"""What matters is told from what good families have in common."""

import numpy as np
import pandas as pd

from dashboards.findings.kinship import Kinship
from space.choices.domains import Categorical, Parameter


def make_family() -> tuple[list[Parameter], pd.DataFrame, np.ndarray]:
    """Networks of which half descend from a good parent, whose mark they carry; and their scores,
    which depend on 8 genes.
    """
    rng = np.random.default_rng(0)
    names = [*(f"gene{n}" for n in range(8)), "mark"]
    parameters = [
        Parameter(path=name, domain=Categorical(options=(0, 1)), default=0) for name in names
    ]
    genes = rng.integers(0, 2, (200, 9))
    kept = rng.random((100, 9)) < 0.9
    genes[:100] = np.where(kept, 1, genes[:100])
    scores = genes[:, :8].sum(axis=1) + rng.normal(0.0, 0.5, 200)
    frame = pd.DataFrame(genes, columns=[f"choice.{name}" for name in names])
    return parameters, frame, scores


def test_a_gene_is_told_from_a_mark() -> None:
    parameters, frame, scores = make_family()
    kinship = Kinship(parameters, frame)

    def measure(name: str) -> float:
        return kinship.measure_effect(name, (frame[f"choice.{name}"] == 1).to_numpy(), scores)

    mark = (frame["choice.mark"] == 1).to_numpy()
    assert scores[mark].mean() - scores[~mark].mean() > 1.0  # the mark seems to matter
    assert abs(measure("mark")) < 2.33
    assert all(measure(f"gene{n}") > 4.0 for n in range(8))


def test_what_all_have_has_no_effect() -> None:
    parameters, frame, scores = make_family()
    assert Kinship(parameters, frame).measure_effect("mark", np.ones(200, bool), scores) == 0.0
