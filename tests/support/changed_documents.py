"""Documents of small genomes, changed in one place: for tests of what is refused."""

from __future__ import annotations

from typing import Any

from space.zoo import cells as published
from tests.support.drawing import small_document


def change_genome(**changes: Any) -> dict[str, Any]:
    """The small document of a UGRNN with other fields."""
    return small_document(published.ugrnn()) | changes


def change_stage(**changes: Any) -> dict[str, Any]:
    """The same with other fields of its second stage."""
    document = change_genome()
    document["stages"][1] = document["stages"][1] | changes
    return document


def change_cell(**changes: Any) -> dict[str, Any]:
    """The same with other fields of its cell."""
    document = change_genome()
    document["cells"] = {"motif": document["cells"]["motif"] | changes}
    return document


def add_term(term: dict[str, Any]) -> dict[str, Any]:
    """The same with a cell that adds one term."""
    return change_cell(states={"hidden": {"drive": {"edges": [{"add": term}]}}})


def repeat_term(count: int) -> list[dict[str, Any]]:
    """So many terms that read the input."""
    return [{"of": "input", "kernel": 1}] * count


def chain_stages(stages: int, **changes: Any) -> dict[str, Any]:
    """So many stages of width 1 in a row."""
    named = [{"name": f"s{i}", "convolution": {"width": 1}} for i in range(stages)]
    return {"image": {"size": 8}, "classes": 2, "stages": named, **changes}
