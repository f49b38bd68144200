"""Folders of published results: the formula of values that are not stored, and damaged files."""

import zlib

import numpy as np
import pytest

from space.errors import InputError
from workers.reference.files import (
    generate_images,
    generate_variable,
    noise,
)


def test_the_formula_of_the_golden_files() -> None:
    name = "conv1/pre_0/weights_basenet"
    assert zlib.crc32(name.encode()) == 741107747
    np.testing.assert_allclose(
        noise(201, name, (7, 7, 3, 64)).ravel()[:3],
        [-0.1621807435, 0.4675711595, 0.1469389616],
        atol=1e-10,
    )
    np.testing.assert_allclose(
        generate_variable(201, name, (7, 7, 3, 64), 0.7).ravel()[:3],
        [-0.0162180737, 0.0467571169, 0.0146938963],
        rtol=1e-8,
    )
    image = generate_images(201, 2, 224)
    np.testing.assert_allclose(image[0, 0, 0], [1.4136151, -1.1885710, -0.0956388], rtol=1e-6)
    np.testing.assert_allclose(image[1, 100, 50], [1.6221742, 1.7874991, -1.4667999], rtol=1e-6)
    z = noise(5, "a/gamma", (4,))
    np.testing.assert_allclose(generate_variable(5, "a/gamma", (4,)), 1 + 0.2 * z, rtol=1e-6)
    with pytest.raises(InputError, match="no rule"):
        generate_variable(5, "a/unknown", (4,))
