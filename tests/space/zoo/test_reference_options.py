"""Options by the reference's names: what each kind takes, and that nothing is passed over."""

from collections.abc import Callable
from typing import Any

import pytest

from space.errors import InputError
from space.network.grammar import Initial, Norm, Weights
from space.zoo.reference_options import Options


def options(**given: Any) -> Options:
    return Options("the cell", given)


def test_what_was_asked_for_is_taken_and_the_rest_is_refused_by_name() -> None:
    read = options(filter_size=3, filter_sise=5)
    assert read.kernel() == 3
    with pytest.raises(InputError) as caught:
        read.done()
    assert str(caught.value) == (
        'options.filter_sise: the cell has no such option; did you mean "filter_size"?'
    )
    whole = options(filter_size=3, name="x")
    whole.kernel()
    whole.ignore("name", "not given")
    whole.done()


@pytest.mark.parametrize(("value", "side"), [(3, 3), (3.7, 3), ([5, 5], 5), ((1, 1), 1), (0, 0)])
def test_a_side_is_a_number_or_a_square_pair(value: Any, side: int) -> None:
    assert options(size=value).size("size") == side


def test_defaults_stand_where_nothing_is_given() -> None:
    read = options()
    assert read.size("size") == 3
    assert read.size("size", None) is None
    assert read.depth() is None
    assert read.flag("flag") is False
    assert read.number("tau_offset", 1.5) == 1.5
    assert read.function("activation", "elu") == "elu"
    assert read.word("entry", "out", ("out", "cell")) == "out"
    assert read.norm() is False
    assert read.weights() == Weights(
        initial=Initial(scheme="glorot_uniform"), bias_initial=0.0, decay=0.0, bias_decay=0.0
    )
    read.done()


@pytest.mark.parametrize(
    ("value", "name"), [("tf.nn.relu", "relu"), ("tanh", "tanh"), (None, "identity")]
)
def test_a_function_is_known_by_its_last_name(value: str | None, name: str) -> None:
    assert options(activation=value).function("activation", "elu") == name


def test_norm_and_weights_are_grammar() -> None:
    read = options(layer_norm=True, norm_gain=0.5, weight_decay=1e-3)
    assert read.norm() == Norm(kind="layer", gain=0.5)
    found = read.weights()
    assert (found.decay, found.bias_decay) == (1e-3, 1e-3)
    apart = options(weight_decay=1e-3, bias_decay=None).weights(bias_decay="bias_decay")
    assert (apart.decay, apart.bias_decay) == (1e-3, 0.0)


@pytest.mark.parametrize(
    ("name", "words", "initial"),
    [
        ("xavier", None, Initial(scheme="glorot_uniform")),
        ("glorot_uniform_initializer", {"seed": 3}, Initial(scheme="glorot_uniform")),
        ("variance_scaling", {"scale": 2}, Initial(scale=2.0)),
        ("constant", {"value": -1}, Initial(scheme="constant", scale=-1.0)),
        ("zeros", None, Initial(scheme="constant", scale=0.0)),
        ("ones_initializer", None, Initial(scheme="constant", scale=1.0)),
        (None, None, None),
    ],
)
def test_an_initialiser_is_read_with_its_keywords(
    name: str | None, words: dict[str, Any] | None, initial: Initial | None
) -> None:
    read = options(start=name, start_kwargs=words)
    assert read.initial("start", None) == initial
    read.done()


@pytest.mark.parametrize(
    ("given", "read", "words"),
    [
        ({"a": "yes"}, lambda o: o.flag("a"), "is neither true nor false"),
        ({"a": True}, lambda o: o.number("a", 0), "is not a number"),
        ({"a": float("inf")}, lambda o: o.number("a", 0), "is not a number"),
        ({"a": [3, 5]}, lambda o: o.size("a"), "is not square"),
        ({"a": [3, 3, 3]}, lambda o: o.size("a"), "is not a size"),
        ({"a": -1}, lambda o: o.size("a"), "is not a size"),
        ({"a": 0}, lambda o: o.depth("a"), "is not a number of channels"),
        ({"a": "crelu"}, lambda o: o.function("a", "elu"), "doubles the channels"),
        ({"a": "rely"}, lambda o: o.function("a", "elu"), 'did you mean "relu"'),
        ({"a": "in"}, lambda o: o.word("a", "out", ("out", "cell")), "is not a place"),
        ({"a": 2}, lambda o: o.only("a", 1, "is not built"), "write 1, or leave it out"),
        ({"a": "wave"}, lambda o: o.initial("a", None), "is not an initialiser that is known"),
        (
            {"a": "ones", "a_kwargs": {"scale": 2}},
            lambda o: o.initial("a", None),
            "scale cannot be set",
        ),
        ({"a": "ones", "a_kwargs": 3}, lambda o: o.initial("a", None), "is not a mapping"),
    ],
)
def test_a_wrong_option_says_its_name_and_what_it_is(
    given: dict[str, Any], read: Callable[[Options], object], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(options(**given))
    assert caught.value.where.startswith("options.a")
