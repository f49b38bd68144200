"""Labels and JSON values of the normal form."""

import json

from space.identity.spelling import (
    hash_json,
    label,
    label_convolution,
    label_norm,
    label_separable,
    label_weighing,
    write_fields,
    write_others,
    write_start,
)
from space.network.architecture import Clock, Decoder, Head, Image
from space.network.grammar import Initial
from space.step.operations import Normalise
from space.step.parameters import Start

DRAWN = Start(initial=Initial(), fan_in=9, fan_out=18, decay=1e-4)
HALF = Start(initial=Initial(scheme="constant", scale=0.5))


class Pulsed(Clock):
    """A clock with a field that identity does not know."""

    pulse: int = 0


def test_an_unknown_field_is_written_where_it_differs_from_its_default() -> None:
    assert write_others(Pulsed()) == {}
    assert write_others(Pulsed(pulse=2)) == {"pulse": 2}
    assert [write_others(part) for part in (Clock(steps=3), Decoder(form="sum"), Head())] == [
        {}, {}, {},
    ]  # fmt: skip


def test_fields_are_written_with_their_defaults() -> None:
    assert write_fields(Image(size=8)) == {"size": 8, "channels": 3}


def test_fans_are_no_part_of_how_a_tensor_starts() -> None:
    """They follow from the sizes, which the form says elsewhere."""
    assert write_start(DRAWN) == write_start(Start(initial=Initial(), decay=1e-4))
    assert write_start(DRAWN) != write_start(Start(initial=Initial()))


def test_equal_slices_matter_only_to_glorot() -> None:
    def written(scheme: str, parts: int) -> object:
        return write_start(
            Start(initial=Initial.model_validate({"scheme": scheme, "parts": parts}))
        )

    assert written("normal", 1) == written("normal", 4)
    assert written("glorot_uniform", 1) != written("glorot_uniform", 4)


def test_labels_of_weights_tell_apart_what_trains_otherwise() -> None:
    drawn, half = write_start(DRAWN), write_start(HALF)
    labels = [
        label_convolution(3, 1, 8, drawn, None),
        label_convolution(3, 1, 8, drawn, half),
        label_convolution(3, 1, 8, half, drawn),
        label_convolution(3, 2, 8, drawn, None),
        label_convolution(3, 1, "width", drawn, None),
        label_separable(3, False, 8, drawn, None),
        label_separable(3, True, 8, drawn, None),
        label_weighing("scalar", 8, half),
        label_weighing("position", 8, half),
    ]
    assert len(set(labels)) == len(labels)
    assert all(isinstance(json.loads(text), list) for text in labels)


def test_a_norm_says_only_what_acts() -> None:
    def norm(kind: str, momentum: float = 0.1) -> str:
        what = Normalise(
            weights="", kind=kind, groups=3, interleaved=False, epsilon=1e-5, momentum=momentum
        )
        return label_norm(what, 1.0, 0.0)

    assert norm("group") == norm("group", momentum=0.2)
    assert norm("batch") != norm("batch", momentum=0.2)
    assert len({norm("layer"), norm("group"), norm("batch")}) == 3


def test_a_label_is_json_and_a_hash_does_not_see_the_order_of_keys() -> None:
    assert label("pool", 2, None, {}) == '["pool",2,null,{}]'
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1})
    assert hash_json([1, 2]) != hash_json([2, 1])
