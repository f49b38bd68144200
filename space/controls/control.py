"""A network beside a space, for comparison: what a space says of it."""

from typing import Annotated, Any

from pydantic import Field

from space.choices.domains import Scalar
from space.controls import Match
from space.controls.derived import derive_control
from space.documents.validation import Value
from space.errors import SpaceError
from space.genome import Genome

PARTS = 64
"""Parts that one control may be without."""

PartName = Annotated[str, Field(min_length=1, max_length=200)]


class Control(Value):
    """A network beside the space: overlays, then choices, then defaults; a whole one of its own;
    or one that follows from the best network of a campaign, by `match` or by `without`.
    """

    description: str = ""
    genome: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    choices: dict[str, Scalar] = Field(default_factory=dict)
    whole: bool = False
    match: Match | None = None
    without: Annotated[tuple[PartName, ...], Field(max_length=PARTS)] = ()

    @property
    def is_derived(self) -> bool:
        """Whether it follows from the best network, and is none before there is one."""
        return self.match is not None or bool(self.without)

    def check(self, where: str) -> None:
        """Raise SpaceError for a derived control that says more than how it is derived."""
        if self.match is not None and self.without:
            raise SpaceError(where, "has match and without", "write two controls")
        if self.is_derived and (self.genome or self.choices or self.whole):
            way = "match" if self.match is not None else "without"
            raise SpaceError(
                where,
                f"has {way}, which makes its genome, and a genome or choices of its own",
                "leave one of them out",
            )

    def derive(self, genome: Genome) -> Genome:
        """The control of a campaign's best network. Raises GenomeError where it has none."""
        return derive_control(genome, self.match, self.without)
