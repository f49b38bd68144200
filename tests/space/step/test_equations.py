"""One cell's step in operations: what is known now is never written, what is shared is once."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings

from space.genome import Genome
from space.network.cell_sizes import cell_shape
from space.network.grammar import Cell, Term
from space.network.maps import Map
from space.step.equations import Given, absorbs_constant, write_cell
from space.step.operations import (
    Activate,
    Convolve,
    Multiply,
    Op,
    Pass,
    Scale,
    Separate,
    Sum,
    Weigh,
    Writer,
    Zeros,
)
from space.step.stages import write_step
from tests.support.drawing import PUBLISHED_CELLS, any_genomes

INPUT = Map(size=5, channels=4)


def written(document: Cell | dict[str, Any], feedback: Map | None = None) -> tuple[Op, ...]:
    """The operations of a cell on a map of 5x5x4, its input and residual left out."""
    cell = document if isinstance(document, Cell) else Cell.model_validate(document)
    sources = {"input": INPUT, "residual": INPUT} | ({"feedback": feedback} if feedback else {})
    writer = Writer()
    sent: dict[str, Given] = {}
    for name, lies in sources.items():
        value = writer.write(Pass(), [], lies, name)
        sent[name] = Given(value=value, map=lies)
    write_cell(writer, cell, cell_shape(cell, sources), "s", sent, "corners")
    writer.end_stage()
    return writer.operations().ops[len(sources) :]


def state(gates: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A cell of one state, `out`."""
    return {"states": {"out": parts}, "output": "out", "gates": gates or {}}


def adds(*terms: Any) -> dict[str, Any]:
    return {"edges": [{"add": {"of": term} if isinstance(term, str) else term} for term in terms]}


def whats(ops: tuple[Op, ...]) -> list[object]:
    return [op.what for op in ops]


CONVOLVED = {"of": "input", "kernel": 3}


def test_a_state_that_passes_its_input_on_is_its_input() -> None:
    assert written(state(drive=adds("input"))) == ()


def test_a_sum_has_its_terms_and_its_bias() -> None:
    drive = adds("input", "residual") | {"bias": 0.5, "activation": "tanh"}
    assert whats(written(state(drive=drive))) == [Sum(constant=0.5), Activate(name="tanh")]


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ({"offset": 1.0, "scale": 0.0}, []),  # times one
        ({"offset": 0.5, "scale": 0.0}, [Scale(offset=0.0, scale=0.5)]),
        ({}, [Scale(offset=0.0, scale=0.5)]),  # sigmoid(0)
        ({"nonlinearity": "identity", "bias": 2.0}, [Scale(offset=0.0, scale=2.0)]),
        ({"nonlinearity": "tanh"}, [Zeros(), Sum()]),  # times nothing
    ],
)
def test_a_gate_without_terms_is_a_number_that_is_worked_out_now(
    gate: dict[str, Any], expected: list[object]
) -> None:
    drive = adds("input")
    drive["edges"].append({"multiply": gate})
    found = whats(written(state(drive=drive)))
    assert [w for w in found if not isinstance(w, Sum)] == [
        w for w in expected if not isinstance(w, Sum)
    ]


def test_a_carry_is_its_source_times_its_gate() -> None:
    gate = {"offset": 1.0, "scale": -1.0, "terms": [CONVOLVED]}
    ops = written(state(carry={"gate": gate}, drive=adds("input")))
    convolution, activate, scale, multiply, total = ops
    assert isinstance(convolution.what, Convolve)
    assert activate.what == Activate(name="sigmoid")
    assert scale.what == Scale(offset=1.0, scale=-1.0)
    assert multiply.what == Multiply()
    assert any(ref < 0 for ref in multiply.operands), "the state's value of the step before"
    assert total.what == Sum()


def test_a_shared_gate_is_written_once_and_its_complement_from_it() -> None:
    ops = written(PUBLISHED_CELLS["ugrnn"])
    gate = [op for op in ops if op.part.startswith("cell.gates.")]
    assert [op.what for op in gate].count(Activate(name="sigmoid")) == 1
    assert [op.what for op in gate].count(Scale(offset=1.0, scale=-1.0)) == 1
    assert len([op for op in ops if isinstance(op.what, Multiply)]) == 2


def test_a_masked_source_is_written_once_for_all_that_read_it() -> None:
    gate = {"reset": {"terms": [CONVOLVED]}}
    drive = adds(*({"of": "out * reset", "kernel": k} for k in (1, 3)))
    masked = [op for op in written(state(gate, drive=drive)) if op.part == "cell.mask"]
    assert len(masked) == 1


def test_a_constant_goes_with_the_bias_of_the_one_convolution_that_may_take_it() -> None:
    """Once, and none is left over for the sum."""
    drive = adds({"of": "residual", "kernel": 1, "norm": "layer"}, CONVOLVED, CONVOLVED)
    found = whats(written(state(drive=drive | {"bias": 0.5})))
    assert [what.added for what in found if isinstance(what, Convolve)] == [0.0, 0.5, 0.0]
    assert [what.constant for what in found if isinstance(what, Sum)] == [0.0]


@pytest.mark.parametrize(
    ("changes", "absorbs"),
    [
        ({"kernel": 3}, True),
        ({"kernel": 3, "op": "separable"}, True),
        ({"kernel": 3, "bias": False}, True),  # it is a constant beside the kernel all the same
        ({"kernel": 3, "norm": "layer"}, False),
        ({"kernel": 3, "activation": "elu"}, False),
        ({"op": "scalar"}, False),
        ({"op": "match"}, False),
    ],
)
def test_a_convolution_alone_takes_a_constant(changes: dict[str, Any], absorbs: bool) -> None:
    assert absorbs_constant(Term.model_validate({"of": "input"} | changes)) is absorbs


def test_what_stands_after_the_norm_of_a_sum_is_added_behind_it() -> None:
    late = {"of": "residual", "kernel": 1, "after_norm": True}
    ops = written(state(drive=adds(CONVOLVED, late) | {"norm": "layer"}))
    kinds = [type(op.what).__name__ for op in ops]
    assert kinds == ["Convolve", "Normalise", "Convolve", "Sum"]
    assert len(ops[-1].operands) == 2


def test_absent_feedback_is_not_written_and_present_one_is_resized_first() -> None:
    drive = adds("input", {"of": "feedback", "kernel": 1})
    assert written(state(drive=drive)) == ()
    resize, convolution, total = written(state(drive=drive), Map(size=3, channels=2))
    assert (resize.map.size, resize.map.channels) == (5, 2)
    assert isinstance(convolution.what, Convolve)
    assert total.what == Sum()


def test_a_state_of_this_step_is_read_where_it_says_new() -> None:
    def reader(of: str) -> Op:
        first = {"drive": adds(CONVOLVED)}
        second = {"drive": adds({"of": of, "kernel": 1})}
        cell = {"states": {"a": first, "b": second}, "output": "b"}
        return written(cell)[-1]

    assert reader("new.a").operands == (2,)
    assert reader("a").operands == (~2,)


def test_every_op_has_its_operation() -> None:
    terms: list[tuple[dict[str, Any], type | None]] = [
        ({"of": "input"}, None),
        ({"of": "input", "kernel": 3}, Convolve),
        ({"of": "input", "op": "separable", "kernel": 3}, Separate),
        ({"of": "input", "op": "position"}, Weigh),
        ({"of": "input", "op": "scalar"}, Weigh),
        ({"of": "residual", "op": "match"}, None),  # the shapes agree
    ]
    for term, kind in terms:
        ops = written(state(drive=adds(term)))
        assert [type(op.what) for op in ops] == ([] if kind is None else [kind])


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_published_cells_read_only_what_is_written(name: str) -> None:
    ops = written(PUBLISHED_CELLS[name], Map(size=3, channels=2))
    for number, op in enumerate(ops, start=3):
        assert all(ref < number for ref in op.operands)


def test_a_squared_term_is_multiplied_by_itself_behind_its_activation() -> None:
    term = {**CONVOLVED, "activation": "relu", "squared": True}
    ops = written(state(drive=adds(term, "residual")))
    assert [type(what) for what in whats(ops)] == [Convolve, Activate, Multiply, Sum]
    square = ops[2]
    assert len(square.operands) == 2
    assert len(set(square.operands)) == 1
    assert square.macs == 0


def test_a_constant_is_added_beside_a_square_not_inside_of_it() -> None:
    assert not absorbs_constant(Term(of=("input",), kernel=3, squared=True))
    *_, last = whats(written(state(drive={**adds({**CONVOLVED, "squared": True}), "bias": 2.0})))
    assert isinstance(last, Sum)
    assert last.constant == 2.0


@settings(max_examples=30, deadline=None)
@given(genome=any_genomes())
def test_the_parts_of_a_cell_lie_within_one_another(genome: Genome) -> None:
    """Places of two parts are apart, or the ones are within the others; every state is there."""
    operations = write_step(genome)
    cells = {path: span for path, span in operations.spans.items() if path.endswith(".cell")}
    for path, cell in cells.items():
        within = {p: s for p, s in operations.within.items() if p.startswith(f"{path}.")}
        for span in within.values():
            assert set(span.places) <= set(cell.places)
        places = [set(span.places) for span in within.values()]
        assert all(a <= b or b <= a or not a & b for a, b in combinations(places, 2))
        stage = path.split(".")[1]
        for name, number in operations.named.items():
            if name.startswith(f"{stage}.") and name != f"{stage}.input":
                state = within[f"{path}.states.{name.partition('.')[2]}"]
                assert state.result == number
