"""Stages and feedback edges in words: the inverse of stages.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from space.documents.trees import copy_tree
from space.notation.stages import ALL
from space.notation.values import Node
from space.notation.wording import (
    NoWordsError,
    join_words,
    split_optional,
    write_norm,
    write_number,
    write_value,
    write_weights,
    write_word,
)


def write_stage(stage: Any, cells: Sequence[str]) -> Any:
    """A stage as a line; where there are no words for it, as it stands."""
    try:
        return _stage_line(stage, cells)
    except NoWordsError:
        return copy_tree(stage)


def _stage_line(stage: Mapping[str, Node], cells: Sequence[str]) -> str:
    name = stage.get("name")
    if not isinstance(name, str) or not isinstance(stage.get("convolution"), dict):
        raise NoWordsError("a choice of stages")
    words = [name]
    if "join" in stage:
        words += _write_join(stage["join"], name)
    words += _write_convolution(stage["convolution"], name)
    middle = False
    if stage.get("cell") is not None:
        if stage["cell"] not in cells:
            raise NoWordsError("a choice of cells")
        words += ["cell"] if len(cells) == 1 else ["cell", stage["cell"]]
        middle = True
    if stage.get("second") is not None:
        words += ["then", *_write_convolution(stage["second"], f"{name}.second")]
        middle = False
    if stage.get("residual"):
        words += _write_residual(stage["residual"], name)
        middle = True
    if "activation" in stage:
        at = "after" if "activation" in stage["convolution"] else "activation"
        words.append("" if middle else "after")
        words.append(write_word(stage["activation"], f"{name}.{at}"))
    if stage.get("pool") is not None:
        words += _write_pool(stage["pool"], name)
    known = ("name", "join", "convolution", "cell", "second", "residual", "activation", "pool")
    if set(stage) - set(known):
        raise NoWordsError("more than a stage")
    return join_words(*words)


def _write_join(join: Node, base: str) -> list[str]:
    if isinstance(join, str):
        return ["join", join]
    if not isinstance(join, dict) or not set(join) <= {"kind", "channels"}:
        raise NoWordsError("a choice of joins")
    words = ["join", write_word(join.get("kind", "concat"), f"{base}.join")]
    if "channels" in join:
        channels = write_value(join["channels"], f"{base}.join.channels", whole=True)
        words += ["channels", channels]
    return words


def _write_convolution(convolution: Node, base: str) -> list[str]:
    if not isinstance(convolution, dict) or "width" not in convolution:
        raise NoWordsError("a choice of convolutions")
    words = [write_value(convolution["width"], f"{base}.width", whole=True)]
    for key in ("kernel", "stride"):
        if key in convolution:
            word = "k" if key == "kernel" else key
            words.append(f"{word} {write_value(convolution[key], f'{base}.{key}', whole=True)}")
    flags = {"bias": (False, "unbiased"), "reads_feedback": (True, "reads feedback")}
    for key, (value, word) in flags.items():
        given = convolution.get(key, not value)
        if isinstance(given, dict):
            raise NoWordsError(f"a choice of {key}")
        words += [word] if given is value else []
    if convolution.get("norm") is not None:
        words.append(write_norm(convolution["norm"], base, optional=True))
    if "activation" in convolution:
        words.append(write_word(convolution["activation"], f"{base}.activation"))
    known = (
        "width",
        "kernel",
        "stride",
        "bias",
        "reads_feedback",
        "norm",
        "activation",
        "weights",
    )
    if set(convolution) - set(known):
        raise NoWordsError("more than a convolution")
    return [*words, *write_weights(convolution.get("weights", {}), base)]


def _write_residual(residual: Node, base: str) -> list[str]:
    inner, mark = split_optional(residual, f"{base}.residual")
    if inner is True:
        return [f"residual{mark}"]
    if not isinstance(inner, dict) or not set(inner) <= {"by", "norm"} or not inner:
        raise NoWordsError("a choice of residuals")
    words = ["residual", *([inner["by"]] if "by" in inner else [])]
    if any(not isinstance(word, str) for word in words):
        raise NoWordsError("a choice of routes")
    if inner.get("norm") is not None:
        words.append(write_norm(inner["norm"], f"{base}.residual", optional=not mark))
    words[-1] += mark
    return words


def _write_pool(pool: Node, base: str) -> list[str]:
    name = f"{base}.pool"
    inner, mark = split_optional(pool, name)
    if isinstance(inner, str) or not set(inner) <= {"kernel", "stride", "kind"}:
        raise NoWordsError("a choice of pools")
    words = ["pool"]
    for key, word in (("kernel", "k"), ("stride", "stride")):
        if key in inner:
            words.append(f"{word} {write_value(inner[key], f'{name}.{key}', whole=True)}")
    if "kind" in inner:
        words.append(write_word(inner["kind"], f"{name}.kind"))
    words[-1] += mark
    return words


def write_feedback(feedback: Mapping[str, Node], stages: Sequence[Node]) -> Any:
    """Feedback edges as lines; where there are no words for one, all as they stand."""
    try:
        lines = {edge: _feedback_mark(there, edge) for edge, there in feedback.items()}
    except NoWordsError:
        return copy_tree(feedback)
    names = [stage.get("name") for stage in stages]
    every = [f"{s}->{r}" for i, r in enumerate(names) for s in names[i + 1 :]]
    marks = set(lines.values())
    if list(lines) == every and len(every) > 1 and len(marks) == 1 and None not in marks:
        return [f"{ALL}{marks.pop()}"]
    ends = {edge: [part.strip() for part in edge.split("->")] for edge in lines}
    if any(len(pair) != 2 or not set(pair) <= set(names) for pair in ends.values()):
        return copy_tree(feedback)
    return [
        " -> ".join(ends[edge]) + mark for edge, mark in lines.items() if mark is not None
    ] or copy_tree(feedback)


def _feedback_mark(there: Node, edge: str) -> str | None:
    """What stands behind an edge; None for one that is not there."""
    if isinstance(there, bool):
        return "" if there else None
    if not isinstance(there, dict) or sorted(there.get("choice", []), key=bool) != [False, True]:
        raise NoWordsError("a choice of an edge")
    first = there["choice"][0]
    if there.get("default", first) != first:
        raise NoWordsError("a default that is not the first")
    name = there.get("name", edge)
    own = "" if name == edge else f' as "{name}"'
    weights = there.get("weights")
    share = ""
    if weights is not None:
        values = weights if isinstance(weights, list) else [weights[o] for o in there["choice"]]
        percent = 100 * values[there["choice"].index(True)] / sum(values)
        share = f" {write_number(round(percent, 10))}%"
    star = "*" if first else ""
    return f" ?{star}{share}{own}"
