"""The names under which folders of images are splits: in any case, in their usual spellings."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

Role = Literal["train", "val", "test"]

_WORDS: Mapping[Role, str] = {
    "train": "train|training|trn",
    "val": "val|valid|validate|validation|dev|eval|evaluation|holdout|heldout",
    "test": "test|testing|tst",
}
_ROLES: Mapping[Role, re.Pattern[str]] = {
    role: re.compile(rf"(?:{words})(?:set|split|data|images)?\d*")
    for role, words in _WORDS.items()
}


def split_role(name: str) -> Role | None:
    """Which split a folder of this name holds: `Training_set`, `valid` and `test2017` are some."""
    word = re.sub(r"[\s_.-]+", "", name.casefold())
    return next((role for role, known in _ROLES.items() if known.fullmatch(word)), None)


def group_by_role(names: Iterable[str]) -> dict[Role, list[str]]:
    """{role: names of folders that hold it}; names of no split are left out."""
    groups: dict[Role, list[str]] = {}
    for name in names:
        if (role := split_role(name)) is not None:
            groups.setdefault(role, []).append(name)
    return groups


def are_splits(folders: Collection[str], roles: Mapping[Role, list[str]]) -> bool:
    """Whether folders are splits: all have names of splits, or `train` and another one do."""
    return bool(roles) and (
        sum(map(len, roles.values())) == len(folders) or ("train" in roles and len(roles) > 1)
    )
