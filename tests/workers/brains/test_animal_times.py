from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.animal_times import read_times

TABLE = """stimulus_id,object_name,ost,i1,challenge
a,bear,110.5,1.2,0
b,dog,,0.4,True
c,bear,nan,2.1,no
"""


def test_a_table_and_an_archive_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "monkey.csv").write_text(TABLE)
    np.savez(
        tmp_path / "monkey.npz",
        image_id=np.array(["a", "b", "c"]),
        image_label=np.array(["bear", "dog", "bear"]),
        ost=np.array([110.5, np.nan, np.nan]),
        i1=np.array([1.2, 0.4, 2.1]),
        challenge=np.array([False, True, False]),
    )
    for name in ("monkey.csv", "monkey.npz"):
        times = read_times(tmp_path / name)
        assert times.stimuli.tolist() == ["a", "b", "c"]
        assert times.objects.tolist() == ["bear", "dog", "bear"]
        assert times.times == pytest.approx([110.5, np.nan, np.nan], nan_ok=True)
        assert times.thresholds == pytest.approx([1.2, 0.4, 2.1])
        groups = {
            key: None if rows is None else rows.tolist() for key, rows in times.groups.items()
        }
        assert groups == {
            "all": None,
            "control": [True, False, True],
            "challenge": [False, True, False],
        }


def test_without_challenge_all_images_are_one_group(tmp_path: Path) -> None:
    (tmp_path / "monkey.csv").write_text("stimulus_id,object_name,ost,i1\na,bear,1,1\n")
    assert read_times(tmp_path / "monkey.csv").groups == {"all": None}


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("i1", "d", "has no column i1; it has challenge, d, object_name, ost, stimulus_id"),
        ("b,dog", "a,dog", "has the stimulus a twice; give each image one row"),
        ("1.2", "high", "i1 is 'high' in row 1; give a number, or nothing"),
        ("True", "maybe", "challenge is 'maybe' in row 2; give true or false"),
    ],
)
def test_what_is_wrong_is_one_error(tmp_path: Path, before: str, after: str, line: str) -> None:
    file = tmp_path / "monkey.csv"
    file.write_text(TABLE.replace(before, after, 1))
    with pytest.raises(DataError) as caught:
        read_times(file)
    assert str(caught.value) == f"{file}: {line}"


def test_arrays_of_other_lengths_and_empty_tables(tmp_path: Path) -> None:
    np.savez(tmp_path / "wrong.npz", stimulus_id=np.array(["a"]), i1=np.zeros((2, 1)))
    with pytest.raises(DataError, match=r"shapes i1 \[2, 1\], stimulus_id \[1\]; give each"):
        read_times(tmp_path / "wrong.npz")
    (tmp_path / "none.csv").write_text("stimulus_id,object_name,ost,i1\n")
    with pytest.raises(DataError, match="has no rows; give a row an image"):
        read_times(tmp_path / "none.csv")
