"""Paths into documents, written `genome.stages[3].convolution.kernel`.

A key that holds a space or one of `. [ ] : "` stands in brackets and quotes: `["odd key"]`.
`:label` names the branch of a choice (space/choices/open_document.py), `[*]` every item of a list.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from space.documents.bounds import LEVELS
from space.documents.validation import quote
from space.errors import InputError


@dataclass(frozen=True, slots=True)
class Branch:
    """A step of a path that goes into one branch of a choice."""

    text: str


@dataclass(frozen=True, slots=True)
class Every:
    """The step `[*]`: every item of a list."""


EVERY: Final = Every()
Step = str | int | Branch | Every

_BARE = re.compile(r'[^\s.\[\]:"*]+')
_STEP = re.compile(
    r"""(?P<dot>\.?)(?P<bare>[^\s.\[\]:"*]+)
      | \[(?P<index>\d{1,9})\]
      | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]
      | (?P<every>\[\*\])
      | :(?P<label>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[^\s.\[\]:"*]+)""",
    re.VERBOSE,
)


def parse_path(text: str, error: type[InputError] = InputError) -> tuple[Step, ...]:
    """The steps of a path. Raises `error` if the text is no path, and for more than LEVELS."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        # A dot stands between two steps, and only before a bare key.
        if match is None or (match["bare"] and bool(match["dot"]) != bool(steps)):
            raise _no_path(text, error)
        try:
            steps.append(_step(match))
        except ValueError:  # an escape that JSON does not know
            raise _no_path(text, error) from None
        if len(steps) > LEVELS:
            raise error(
                quote(text), f"is a path of more than {LEVELS} steps", "name a field that is there"
            )
        position = match.end()
    return tuple(steps)


def _no_path(text: str, error: type[InputError]) -> InputError:
    cure = (
        "write one like stages[3].convolution.kernel, keys with a "
        'space or one of . [ ] : " as ["odd key"]'
    )
    return error(text, "is not a path", cure)


def _step(match: re.Match[str]) -> Step:
    if match["bare"]:
        return match["bare"]
    if match["index"]:
        return int(match["index"])
    if match["quoted"]:
        return str(json.loads(match["quoted"]))
    return EVERY if match["every"] else Branch(match["label"])


def format_path(steps: Sequence[Step]) -> str:
    """The text of a path: the inverse of `parse_path`."""
    text = ""
    number = False  # a whole number stands last: digits behind a dot would be its decimals
    for step in steps:
        if isinstance(step, str):
            bare = _BARE.fullmatch(step) and not (number and step[0].isdigit())
            text += (f".{step}" if text else step) if bare else f"[{json.dumps(step)}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "[*]" if isinstance(step, Every) else f":{step.text}"
        number = isinstance(step, Branch) and re.fullmatch(r"-?\d+", step.text) is not None
    return text


def is_bare(key: str) -> bool:
    """Whether a key stands in a path as it is, without brackets and quotes."""
    return _BARE.fullmatch(key) is not None


def label_text(label: str | int | float | bool | None) -> str:
    """How the label of a branch is written in a path; two labels never share one text."""
    if not isinstance(label, str):
        return json.dumps(label)
    plain = _BARE.fullmatch(label) and not re.match(r"[-\d]", label)
    return label if plain and label not in ("true", "false", "null") else json.dumps(label)
