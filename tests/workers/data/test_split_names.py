"""Which names of folders mean splits."""

import pytest

from workers.data.split_names import are_splits, group_by_role, split_role


def test_folders_are_splits_if_all_have_such_names_or_train_and_another_one_do() -> None:
    for folders, expected in (
        (["train", "val"], True),
        (["Training_set", "notes", "valid"], True),
        (["test"], True),
        (["train", "cat"], False),
        (["cat", "dog"], False),
    ):
        assert are_splits(folders, group_by_role(folders)) is expected


@pytest.mark.parametrize("name", ["cat", "trained", "contest", "train_station", "tester", "t"])
def test_other_words_are_no_splits(name: str) -> None:
    assert split_role(name) is None
