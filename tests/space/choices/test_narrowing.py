"""What is left of a choice of which not every option may be taken."""

import pickle
from typing import Any

import pytest

from space.choices.domains import Categorical
from space.choices.open_document import OpenDocument
from space.errors import SpaceError


def narrowed(choice: dict[str, Any], *given: Any) -> Any:
    return OpenDocument.parse({"a": choice}).narrow({"a": given}).parameter("a")


def test_options_keep_their_order_and_weights() -> None:
    left = narrowed({"choice": [1, 3, 5], "weights": [1, 2, 4]}, 5, 1)
    assert left.domain == Categorical(options=(1, 5), weights=(1.0, 4.0))
    assert left.default == 1


def test_a_default_that_is_left_stays_and_another_is_replaced() -> None:
    choice = {"choice": [3, 1, 5, 9], "default": 9}
    assert narrowed(choice, 9, 1).default == 9
    assert narrowed(choice, 3, 1).default == 3, "the first"


def test_a_default_may_be_given_and_survives_a_pickle() -> None:
    whole = OpenDocument.parse({"a": {"choice": [1, 3, 5]}})
    left = whole.narrow({"a": [1, 3]}, {"a": 3})
    assert left.parameter("a").default == 3
    assert pickle.loads(pickle.dumps(left)).parameter("a") == left.parameter("a")


def test_what_cannot_be_narrowed_is_refused() -> None:
    for choice, given in (
        ({"uniform": [0, 1]}, [0.5]),
        ({"choice": [1, 3]}, []),
        ({"choice": [1, 3]}, [5]),
    ):
        with pytest.raises(SpaceError):
            narrowed(choice, *given)
