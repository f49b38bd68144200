"""Programs of the literal execution: what is computed together, what a part reads and gives."""

from models.operations import MultiplyAdd
from models.programs import VALUE, Instruction, PartCall, Program, Programs
from space.genome import Genome
from space.network.grammar import Cell
from space.step.operations import Convolve, Multiply, Operations
from space.step.stages import write_step
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome


def cell_program(operations: Operations, stage: str = "conv2") -> Program:
    return Programs(operations).of_parts(stage)["cell"]


def instructions(program: Program, kind: type) -> list[Instruction]:
    return [
        step
        for step in program.steps
        if isinstance(step, Instruction) and isinstance(step.whats[0], kind)
    ]


def test_the_gates_of_an_lstm_are_one_convolution_and_its_memory_one_sum() -> None:
    operations = write_step(small_genome(PUBLISHED_CELLS["conv_lstm"]))
    program = cell_program(operations)
    (convolution,) = instructions(program, Convolve)
    weights = {what.weights for what in convolution.whats if isinstance(what, Convolve)}
    assert {path.partition(".cell.states.")[2] for path in weights} == {
        "cell.drive.0",
        "cell.drive.1.terms.0",
        "cell.carry.terms.0",
        "hidden.drive.1.terms.0",
    }
    assert convolution.channels == [6] * 4
    (memory,) = instructions(program, MultiplyAdd)
    assert len(memory.operands) == 3
    assert len(instructions(program, Multiply)) == 2  # of both drives


def test_convolutions_of_other_kernels_or_other_sources_are_not_joined() -> None:
    terms = [
        {"of": "input", "kernel": 3},
        {"of": "input", "kernel": 3},
        {"of": "input", "kernel": 1},
        {"of": "out", "kernel": 3},
    ]
    state = {"drive": {"edges": [{"add": term} for term in terms]}}
    cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
    program = cell_program(write_step(small_genome(cell)))
    assert [len(step.whats) for step in instructions(program, Convolve)] == [2, 1, 1]


def test_a_product_that_something_else_reads_is_computed_by_itself() -> None:
    """`product` puts out what `sum` also adds."""
    gate = {"terms": [{"of": "input", "kernel": 1}]}
    product = {"carry": {"gate": gate}, "drive": {"edges": []}}
    adds = {"drive": {"edges": [{"add": {"of": "new.product"}}, {"add": {"of": "input"}}]}}
    cell = Cell.model_validate({"states": {"product": product, "sum": adds}, "output": "sum"})
    program = cell_program(write_step(small_genome(cell)))
    assert not instructions(program, MultiplyAdd)
    assert len(instructions(program, Multiply)) == 1


def test_a_stage_calls_its_parts_in_order_and_computes_the_rest_itself() -> None:
    document = small_document(PUBLISHED_CELLS["rgc_median"])
    document["stages"][1] |= {"second": {"width": 7}, "residual": True, "join": "add"}
    operations = write_step(Genome.parse(document))
    programs = Programs(operations)
    parts = programs.of_parts("conv2")
    assert list(parts["cell"].results) == ["used", "cell", "out"]
    assert list(parts["join"].results) == [VALUE]
    program = programs.of_stage(1, "conv2", parts)
    calls = [step.part for step in program.steps if isinstance(step, PartCall)]
    assert calls == ["join", "convolution", "cell", "second", "residual"]
    assert set(program.results) == {"input", "output", ".used", ".cell", ".out"}
    read = {name for name, number in operations.named.items() if ~number in program.reads}
    assert {"conv1", "conv3", "conv2.cell", "conv2.out"} <= read
    assert not {"conv2.used", "conv2"} & read
