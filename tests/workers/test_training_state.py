"""What a checkpoint says of its training: which job's it is, and which trainings begin alike."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from space.errors import CheckpointError
from space.genome import Genome
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.exports import genome
from workers.job import Job
from workers.training_state import TrainingState, identify_job, identify_start, read_state

MakeJob = Callable[..., Job]
STATE: dict[str, Any] = {
    "job": "a",
    "epoch": 2,
    "seconds": 1.5,
    "reports": [],
    "optimiser": {"head.weight.step": 3},
    "scaler": {},
}


def test_a_job_is_known_by_what_decides_its_numbers(job: MakeJob) -> None:
    plain = job()
    others = [
        job(seed=2),
        job(learning_rate=0.5),
        job(epochs=4),
        plain.model_copy(update={"genome": genome(5)}),
        plain.model_copy(update={"data": plain.data.model_copy(update={"checksum": "0"})}),
    ]
    assert len({identify_job(other) for other in (plain, *others)}) == 1 + len(others)
    moved = plain.model_copy(
        update={"folder": "elsewhere", "data": plain.data.model_copy(update={"path": "moved"})}
    )
    for same in (moved, job(unroll="literal", threads=7, checkpoint_epochs=2)):
        assert identify_job(same) == identify_job(plain)


def test_a_job_that_asks_for_nothing_new_is_known_as_before(job: MakeJob) -> None:
    """Checkpoints that were written before there were validation splits are gone on from."""
    data = {"path": "p", "checksum": "c"}
    made = Job.model_validate(job().model_dump() | {"data": data})
    assert identify_job(made) == OF_BEFORE
    final = job(score_on="test")
    whole = job(score_on="test", train_on="train+validation")
    assert len({identify_job(other) for other in (job(), final, whole)}) == 3


OF_BEFORE = "51791dac89c255d9a24881802ea51d691d64638e761f57fc2a146d1b24c0d25a"


def test_a_job_is_known_by_the_spelling_of_its_network(job: MakeJob) -> None:
    """The order of keys does not count, other names do: checkpoints hold weights by them."""

    def identity(document: dict[str, Any]) -> str:
        return identify_job(job().model_copy(update={"genome": Genome.parse(document)}))

    document = small_genome(PUBLISHED_CELLS["conv_gru"]).document()
    other = json.loads(json.dumps(document).replace('"motif"', '"other"'))
    assert other != document
    assert Genome.parse(other).digest == Genome.parse(document).digest
    assert identity(_turn(document)) == identity(document) != identity(other)


def _turn(node: object) -> Any:
    """A document with the keys of its mappings in the reverse order."""
    if isinstance(node, dict):
        return {key: _turn(node[key]) for key in reversed(node)}
    return [_turn(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    ("schedule", "alike"), [("constant", True), ("step", True), ("cosine", False)]
)
def test_trainings_begin_alike_where_the_schedule_does_not_look_ahead(
    job: MakeJob, schedule: str, alike: bool
) -> None:
    short, longer = (job(schedule=schedule, epochs=epochs) for epochs in (2, 6))
    assert (identify_start(short) == identify_start(longer)) is alike
    assert identify_start(job(schedule=schedule, seed=9)) != identify_start(job(schedule=schedule))


def test_a_state_comes_back() -> None:
    state = read_state(STATE, "folder")
    assert state.optimiser == {"head.weight.step": 3}
    assert TrainingState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"epoch": -1}, "epoch: -1 is not at least 0"),
        ({"reports": [{"epoch": 1}]}, r"reports\[0\]"),
        ({"optimiser": {"head": "x"}}, "optimiser"),
        ({"job": None}, "job"),
        ({"more": 1}, 'unknown key "more"'),
    ],
)
def test_a_state_of_another_form_is_refused_by_its_field(
    change: dict[str, Any], problem: str
) -> None:
    message = rf"^a/folder: is not a checkpoint of a training \(.*{problem}.*\); delete it"
    with pytest.raises(CheckpointError, match=message):
        read_state(STATE | change, "a/folder")
