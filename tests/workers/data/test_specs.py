"""What may be asked of data sets: defaults, and what is said of wrong sections."""

from typing import Any

import pytest

from space.errors import InputError
from workers.data.specs import DigitsOccluded, ImageFolder, data_spec


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"name": "digit"}, 'data: "digit" is not one of digits, digits-occluded'),
        ({"name": "digits", "size": 12}, "data.size: 12 is not a multiple of 8; write 16"),
        ({"name": "digits", "noise": 0.1}, 'data: unknown key "noise"; its keys are'),
        (
            {"name": "digits-occluded", "nose": 0.1},
            'data: unknown key "nose"; did you mean "noise',
        ),
        ({"name": "imagefolder", "size": 64}, "data.path: missing"),
        (
            {"name": "imagefolder", "path": "x", "size": 64, "background": "grey"},
            'data.background: "grey" is not a colour; write black, white or [red, green, blue]',
        ),
        (
            {"name": "imagefolder", "path": "x", "size": 64, "background": [0, 300, 0]},
            "data.background: [0, 300, 0] is not a colour",
        ),
        ({}, 'data: the key "name" is missing'),
    ],
)
def test_a_wrong_data_section_is_named(document: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        data_spec(document, "data")
    assert str(caught.value).startswith(expected)


def test_each_data_set_has_its_own_defaults() -> None:
    assert data_spec({"name": "digits-occluded"}) == DigitsOccluded(size=16)
    made = data_spec({"name": "imagefolder", "path": "x", "size": 32})
    assert made == ImageFolder(path="x", size=32)
