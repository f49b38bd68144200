"""What is written inside of a choice: its options, weights and ends, read and checked."""

import math
from collections.abc import Mapping, Sequence

from space.choices.domains import Categorical, Domain, Integer, Scalar, Uniform
from space.documents.bounds import OPTIONS, SPAN, WEIGHT, WHOLE
from space.documents.paths import Branch, Step, format_path
from space.documents.trees import CHOICE_KINDS
from space.documents.validation import quote, suggestion
from space.errors import SpaceError

UP_TO_MAP = "map"


def plain_path(where: Sequence[Step]) -> str:
    """The path of a node in the document, without branches."""
    return format_path([step for step in where if not isinstance(step, Branch)])


def read_scalar(value: object, where: tuple[Step, ...]) -> Scalar:
    """A value that is no list and no mapping. Raises SpaceError for what JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(plain_path(where), f"{value} is not finite", "write a finite number")
    if isinstance(value, int) and abs(value) > WHOLE:
        raise SpaceError(
            plain_path(where), f"{quote(value)} is too large", f"write a number up to {WHOLE}"
        )
    if value is None or isinstance(value, (str, int, float)):
        return value
    kind = type(value).__name__
    raise SpaceError(plain_path(where), f"{value!r} is a {kind}", "put it in quotes if it is text")


def is_number(value: object) -> bool:
    """Whether a value is a finite number, whole ones within bounds; true is not one."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= WHOLE


def read_options(written: object, where: tuple[Step, ...]) -> dict[Scalar, object]:
    """The options of a choice by label, in order. Raises SpaceError."""
    path = f"{plain_path(where)}.choice"
    if isinstance(written, (Mapping, list, tuple)) and len(written) > OPTIONS:
        raise SpaceError(
            path,
            f"{len(written):,} options, where at most {OPTIONS:,} may stand",
            "write an interval: integers: [LOW, HIGH]",
        )
    if isinstance(written, Mapping) and written:
        for label in written:
            if not isinstance(label, str):
                raise SpaceError(path, f"the label {label!r} is not text", f'write "{label}"')
            if label in CHOICE_KINDS:
                raise SpaceError(
                    path,
                    f"{label} cannot be the label of an option",
                    "write the options as a list, or give them other labels",
                )
        return dict(written)
    if not isinstance(written, (list, tuple)) or not written:
        raise SpaceError(
            path, f"{quote(written)} has no options", "write a list, or a mapping of labels"
        )
    options: dict[Scalar, object] = {}
    for index, option in enumerate(written):
        label = _label(option, index, where)
        if label in options:  # 1 and true too, which no table of results could tell apart
            raise SpaceError(
                path,
                f"two options are called {quote(label)}",
                "remove one, or name them: choice: {first: ..., second: ...}",
            )
        options[label] = option
    return options


def _label(option: object, index: int, where: tuple[Step, ...]) -> Scalar:
    """What an option of a list is called."""
    if isinstance(option, Mapping):
        kinds = [kind for kind in CHOICE_KINDS if kind in option]
        if kinds:
            name = option.get("name", kinds[0])
            return name if isinstance(name, str) else kinds[0]
        return str(next(iter(option))) if len(option) == 1 else index
    if isinstance(option, (list, tuple)):
        return index
    return read_scalar(option, where)


def read_weights(
    written: object, labels: tuple[Scalar, ...], where: tuple[Step, ...]
) -> tuple[float, ...] | None:
    """The weights of the options `labels`, by option. Raises SpaceError."""
    if written is None:
        return None
    path = f"{plain_path(where)}.weights"
    if isinstance(written, Mapping):
        for label in written:
            if label not in labels:
                raise SpaceError(
                    path, f"{quote(label)} is not an option", suggestion(label, labels)
                )
        missing = [label for label in labels if label not in written]
        if missing:
            raise SpaceError(path, f"no weight for {quote(missing[0])}", "weigh every option")
        written = [written[label] for label in labels]
    if not isinstance(written, (list, tuple)) or len(written) != len(labels):
        raise SpaceError(
            path, f"{quote(written)} is not one number an option", f"write {len(labels)} numbers"
        )
    for weight in written:
        if not is_number(weight) or weight <= 0:
            raise SpaceError(
                path,
                f"{quote(weight)} is not a number above 0",
                "remove options that are not wanted",
            )
        if weight > WEIGHT:
            raise SpaceError(path, f"{quote(weight)} is above {WEIGHT:g}", "write smaller ones")
    return tuple(float(weight) for weight in written)


def read_up_to(
    document: Mapping[str, object], domain: Domain, where: tuple[Step, ...]
) -> str | None:
    """What bounds the options of a choice: `map`, or None. Raises SpaceError for another word, and
    for options that are no kernels.
    """
    if "up_to" not in document:
        return None
    path, written = f"{plain_path(where)}.up_to", document["up_to"]
    if written != UP_TO_MAP:
        raise SpaceError(path, f"{quote(written)} is not {UP_TO_MAP}", f"write up_to: {UP_TO_MAP}")
    for option in domain.options if isinstance(domain, Categorical) else ():
        if isinstance(option, bool) or not isinstance(option, int) or option < 1:
            problem = f"the option {quote(option)} is not the side of a kernel"
            raise SpaceError(path, problem, "write whole numbers from 1, or leave up_to out")
    return UP_TO_MAP


def read_interval(kind: str, written: object, where: tuple[Step, ...]) -> Uniform | Integer:
    """The domain of a choice of `kind` between two numbers. Raises SpaceError."""
    path, whole, log = f"{plain_path(where)}.{kind}", "integers" in kind, "log" in kind
    if (
        not isinstance(written, (list, tuple))
        or len(written) != 2
        or not all(is_number(end) for end in written)
    ):
        raise SpaceError(path, f"{quote(written)} is not two numbers", "write [LOW, HIGH]")
    if whole and not all(isinstance(end, int) for end in written):
        raise SpaceError(path, f"{quote(written)} are not whole numbers", "write [LOW, HIGH]")
    low, high = written
    bound = SPAN if whole else WEIGHT
    if max(abs(low), abs(high)) > bound:
        problem = f"{quote(written)} goes beyond {bound:g}"
        raise SpaceError(path, problem, "write ends that are nearer to 0")
    if log and low <= 0:
        cure = "start above 0: a logarithm has no 0" if not whole else "start at 1"
        raise SpaceError(path, f"starts at {quote(low)}", cure)
    if whole:
        if low > high:
            raise SpaceError(path, f"{quote(written)} is empty", "write the lower end first")
        return Integer(low=low, high=high, log=log)
    low, high = float(low), float(high)
    if low >= high:
        cure = "write the lower end first" if low > high else "write the value instead"
        raise SpaceError(path, f"{quote(written)} is not an interval", cure)
    return Uniform(low=low, high=high, log=log)
