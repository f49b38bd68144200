"""The genome: a whole network as one frozen value, and its JSON form.

A genome is a chain of stages, the recurrent cells that stages name, long-range feedback edges
between stages, a head, and the clock of the biological unroll (one arrow, one step). It says
nothing about training; initial values and L2 coefficients belong to it, since the published cells
differ in them.

`Genome.parse` is the only way from a document to a genome; `Genome.document` is its inverse.
Whatever can be known to be wrong without building the network is refused here.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from space.errors import GenomeError
from space.grammar import (
    PUBLISHED_WEIGHTS,
    Activation,
    Cell,
    Initial,
    MaybeNorm,
    Positive,
    Value,
    Weights,
    as_document,
)
from space.validation import parse

StageName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
HEAD = "head"  # the read-out's name among the nodes of the graph


class Image(Value):
    """What the network looks at: square images of `size` pixels with `channels` channels."""

    size: Positive = 224
    channels: Positive = 3


class Clock(Value):
    """Steps of the unroll and when the image is there; a step is 10 ms in the published models.

    The image is shown at the steps image_on <= t < image_off (never off: null); every other
    frame is the constant `blank` in normalised units.
    """

    steps: Positive = 17
    image_on: Annotated[int, Field(ge=0)] = 0
    image_off: Positive | None = None
    blank: float = 0.5

    def shows_image(self, step: int) -> bool:
        return self.image_on <= step and (self.image_off is None or step < self.image_off)


class Convolution(Value):
    """A convolution of a stage, SAME padding; then its norm, then its activation.

    `reads_feedback` concatenates the stage's joined feedback after its feedforward input.
    """

    width: Positive
    kernel: Positive = 3
    stride: Positive = 1
    bias: bool = True
    norm: MaybeNorm = None
    activation: Activation = "identity"
    reads_feedback: bool = False
    weights: Weights = Weights()


class Pool(Value):
    """Max or mean pooling, SAME padding (the odd row and column at the end, with -infinity)."""

    kernel: Positive = 2
    stride: Positive = 2
    kind: Literal["max", "mean"] = "max"


class Stage(Value):
    """One node of the graph. In this order, as far as given: convolution, cell, second
    convolution, residual (the stage's input is added, by a 1x1 convolution without bias where the
    channels differ), activation, pool. Other stages read what comes out at the end.
    """

    name: StageName
    convolution: Convolution
    cell: str | None = None
    second: Convolution | None = None
    residual: bool = False
    activation: Activation = "identity"
    pool: Pool | None = None


class Head(Value):
    """The classifier, a node of its own (it reads the last stage's output of the step before).

    `mean_linear`: mean over space, then linear. `convolution_mean`: VALID kernel x kernel
    convolution to the classes, then mean over space. `flatten_linear`: every position and
    channel, then linear.
    """

    form: Literal["mean_linear", "convolution_mean", "flatten_linear"] = "mean_linear"
    kernel: Positive = 2
    weights: Weights = Weights(initial=Initial(scheme="normal", scale=0.01))


class FeedbackEdge(Value):
    """A long-range edge: the sender's output (after its pool) of the step before."""

    sender: str
    receiver: str


class Genome(Value):
    """A whole network. `feedback` maps `SENDER->RECEIVER` to whether that edge is there."""

    image: Image = Image()
    classes: Positive = 1000
    clock: Clock = Clock()
    stages: tuple[Stage, ...] = Field(min_length=1)
    cells: dict[str, Cell] = Field(default_factory=dict)
    feedback: dict[str, bool] = Field(default_factory=dict)
    head: Head = Head()
    decoder: Literal["last"] = "last"
    resize: Literal["corners", "half_pixel"] = "corners"
    start: Literal["zeros", "masked"] = "zeros"
    weights: Weights = Weights()

    @classmethod
    def parse(cls, document: object, where: str = "") -> "Genome":
        """A genome from its JSON or YAML form.

        Raises GenomeError, which names the path of the field, the value and the cure.
        """
        from space.rules import check  # the rules read genomes, so they stand above this page

        genome = parse(cls, document, where, GenomeError)
        try:
            check(genome)
        except GenomeError as error:
            raise (error.inside(where) if where else error) from None
        return genome

    def document(self) -> dict[str, Any]:
        """The JSON form: `Genome.parse(genome.document()) == genome`."""
        return as_document(self)

    @cached_property
    def edges(self) -> tuple[FeedbackEdge, ...]:
        """The feedback edges that are there, senders in string order (the order of joining)."""
        pairs = sorted(split_edge(key) for key, there in self.feedback.items() if there)
        return tuple(FeedbackEdge(sender=sender, receiver=receiver) for sender, receiver in pairs)

    @cached_property
    def digest(self) -> str:
        """The identity of the network: equal for two spellings of one network."""
        from space.identity import digest

        return digest(self)

    @property
    def base_weights(self) -> Weights:
        """The published trunk's initial values and L2, under what the genome says."""
        return self.weights.over(PUBLISHED_WEIGHTS)

    def stage_index(self, name: str) -> int:
        """The place of a stage in the chain; of the head, the number of stages."""
        if name == HEAD:
            return len(self.stages)
        return [stage.name for stage in self.stages].index(name)

    def senders(self, receiver: str) -> tuple[str, ...]:
        """The stages that feed back to `receiver`, in the order of joining."""
        return tuple(edge.sender for edge in self.edges if edge.receiver == receiver)

    def with_images(self, *, size: int, channels: int, classes: int) -> "Genome":
        """The same network for other images. Raises GenomeError if it does not fit them."""
        document = self.document()
        document["image"] = {"size": size, "channels": channels}
        document["classes"] = classes
        return Genome.parse(document)


def split_edge(key: str) -> tuple[str, str]:
    """`conv8->conv5` -> ("conv8", "conv5"); two empty names if the key has another form."""
    sender, arrow, receiver = (part.strip() for part in key.partition("->"))
    return (sender, receiver) if arrow else ("", "")


def is_genome(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like a genome (it has stages), not like a space."""
    return "stages" in document
