"""Controls that follow from the best network of a campaign, as lines of words.

`match parameters` (or macs, depth), `best without self edges`, `best without feedback`, `best
without residual->out times and out->out keep`: parts by the names that `ventral lesion` prints.
"""

import re
from collections.abc import Mapping
from typing import Any

from space.documents.validation import quote
from space.notation.phrases import NotationError, Where

_MATCH, _WITHOUT = re.compile(r"match\s+(\S+)"), re.compile(r"best\s+without\s+(.+)")
_BETWEEN = " and "


def read_derived(text: str, path: Where) -> dict[str, Any]:
    """The control of a line, in the full grammar. Raises NotationError for other words."""
    words = text.strip()
    if (matched := _MATCH.fullmatch(words)) is not None:
        return {"match": matched[1]}
    if (lesioned := _WITHOUT.fullmatch(words)) is not None:
        return {"without": [" ".join(name.split()) for name in lesioned[1].split(_BETWEEN)]}
    raise NotationError(
        path,
        0,
        f"{quote(text)} is no control",
        "write match parameters (macs, depth), best without self edges (feedback, or a part's "
        "name), or a list of edges",
    )


def write_derived(control: Mapping[str, Any]) -> str:
    """The line of a control that is nothing but derived; empty for any other."""
    if set(control) == {"match"}:
        return f"match {control['match']}"
    if set(control) == {"without"}:
        return f"best without {_BETWEEN.join(control['without'])}"
    return ""
