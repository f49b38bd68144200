"""The table of tensors against the networks that are built from it."""

from hypothesis import HealthCheck, given, settings

from models.build import build
from space.genome import Genome
from space.step.parameters import Trainable, parameters
from tests.support.drawing import any_genomes, genomes

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FEW
@given(genomes() | any_genomes())
def test_a_network_has_the_tensors_of_the_table_and_no_others(genome: Genome) -> None:
    network, table = build(genome), parameters(genome)
    there = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert there == {entry.path: entry.shape for entry in table.entries}
    trained = {name for name, _ in network.named_parameters()}
    assert trained == {parameter.path for parameter in table.parameters}
    assert len(there) == len(table.entries)


@FEW
@given(any_genomes())
def test_a_part_of_the_table_has_the_paths_below_it(genome: Genome) -> None:
    table = parameters(genome)
    for part in ("head", "decoder", *(f"stages.{stage.name}" for stage in genome.stages)):
        below = [e.path for e in table.entries if e.path.startswith(f"{part}.")]
        assert [f"{part}.{entry.path}" for entry in table.under(part).entries] == below
    numbers = sum(parameter.numbers for parameter in table.parameters)
    assert table.numbers == numbers
    assert all(isinstance(entry, Trainable) or ".norm." in entry.path for entry in table.entries)
