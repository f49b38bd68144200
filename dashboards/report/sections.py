"""Which figure stands in which part of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.figures import Figure


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: its heading, a sentence, and the names of its figures in their order."""

    id: str
    title: str
    text: str
    names: tuple[str, ...]


SECTIONS = (
    Section(
        id="search",
        title="The search",
        text="How the score grew with samples, what the best cells are made of, what they cost.",
        names=("progress", "choices", "size", "feedback", "steps"),
    ),
    Section(
        id="importance",
        title="What mattered",
        text="Importance says how much of the scores' spread a choice or a motif explains among "
        "the trials that were made: a correlation, not a cause. Lesions of a trial show cause.",
        names=("importance", "pairs", "motifs", "lesions", "parallel", "map"),
    ),
    Section(
        id="training",
        title="Learning and time",
        text="How the networks learned, which were stopped, and what the workers did.",
        names=("curves", "workers"),
    ),
    Section(
        id="comparison",
        title="Campaigns side by side",
        text="The same questions to each campaign, with intervals.",
        names=("compare",),
    ),
)

FURTHER = Section(id="further", title="Further figures", text="Of installed packages.", names=())


def sort_figures(figures: Sequence[Figure]) -> list[tuple[Section, list[Figure]]]:
    """The figures by section, in the page's order; those that no section names come last."""
    by_name = {figure.name: figure for figure in figures}
    known = {name for section in SECTIONS for name in section.names}
    parts = [
        (section, [by_name[name] for name in section.names if name in by_name])
        for section in SECTIONS
    ]
    parts.append((FURTHER, [figure for figure in figures if figure.name not in known]))
    return [(section, chosen) for section, chosen in parts if chosen]
