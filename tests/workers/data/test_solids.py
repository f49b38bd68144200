"""Solids as they are seen: against the equations of their surfaces."""

import numpy as np
import pytest

from workers.data.random_numbers import RandomNumbers
from workers.data.solids import SOLIDS, Solid, draw_rotation, see

UNTURNED = np.eye(3)


def _drawn(name: str, number: int = 0) -> Solid:
    return SOLIDS[name](RandomNumbers(0, number))


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("number", [0, 1])
def test_a_solid_is_seen_whole_within_its_frame_with_normals_to_the_viewer(
    name: str, number: int
) -> None:
    rotation = draw_rotation(RandomNumbers(1, number), 1.0)
    seen, normals = see(_drawn(name, number), rotation, 40)
    assert 60 < seen.sum() < 40 * 40 * np.pi / 4
    np.testing.assert_allclose((normals[seen] ** 2).sum(axis=-1), 1)
    assert normals[seen][:, 2].min() > -0.15  # the last step to a torus ends beside it
    # As a whole it is in one piece with its centre, but for the hole of a ring.
    rows, columns = np.nonzero(seen)
    assert abs(rows.mean() - 19.5) < 10
    assert abs(columns.mean() - 19.5) < 10


def test_a_sphere_has_the_normals_of_a_sphere() -> None:
    solid = Solid(cast=_drawn("ellipsoid").cast, stretch=np.ones(3))
    seen, normals = see(solid, draw_rotation(RandomNumbers(0, 3), 1.0), 20)
    grid = (np.arange(20) + 0.5) / 10 - 1
    x, y = np.meshgrid(grid, grid)
    np.testing.assert_array_equal(seen, x**2 + y**2 <= 1)
    np.testing.assert_allclose(normals[seen][:, 0], x[seen], atol=1e-9)
    np.testing.assert_allclose(normals[seen][:, 1], y[seen], atol=1e-9)


def test_a_box_from_its_front_is_a_rectangle() -> None:
    box = _drawn("box")
    seen, normals = see(box, UNTURNED, 64)
    width, height = (int(seen.any(axis=axis).sum()) for axis in (0, 1))
    assert seen.sum() == width * height
    assert [width, height] == pytest.approx(64 * box.stretch[:2], abs=1)
    np.testing.assert_array_equal(normals[seen], np.tile([0.0, 0.0, 1.0], (seen.sum(), 1)))


def test_a_ring_has_a_hole_and_a_cone_a_tip() -> None:
    ring, _ = see(_drawn("torus"), UNTURNED, 41)
    assert not ring[20, 20]
    assert ring[20].any()
    side = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # its axis upright
    widths = see(_drawn("cone"), side, 60)[0].sum(axis=1)
    widths = widths[widths > 0]
    assert widths[0] < 0.4 * widths[-1]
    assert (np.diff(widths) >= 0).all()


def test_poses_are_rotations_that_go_from_one_to_any() -> None:
    upright = draw_rotation(RandomNumbers(0, 0), 0.0)
    np.testing.assert_array_equal(upright, draw_rotation(RandomNumbers(0, 1), 0.0))
    axes = []
    for number in range(200):
        rotation = draw_rotation(RandomNumbers(0, number), 1.0)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) > 0
        axes.append(rotation[:, 2])
    assert abs(np.mean(axes, axis=0)).max() < 0.15
