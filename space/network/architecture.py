"""An architecture: a whole network as one frozen value, its fields and what can be asked of it.

It is a chain of stages, the recurrent cells that stages name, long-range feedback edges between
stages, a head, and the clock of the biological unroll (one arrow, one step). It says nothing about
training; initial values and L2 coefficients belong to it, since the published cells differ in
them.

Nothing here is checked beyond the types of the fields: an architecture that was is a `Genome`
(space/genome.py).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from space.documents.bounds import CELLS, CLASSES, FEEDBACK, LAYERS, PIXELS, STAGES, STEPS
from space.network.grammar import (
    LISTED,
    PUBLISHED_WEIGHTS,
    Activation,
    Cell,
    Channels,
    GrammarValue,
    Initial,
    MaybeNorm,
    Side,
    Weights,
    as_document,
)

StageName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Pixels = Annotated[int, Field(ge=1, le=PIXELS)]
Classes = Annotated[int, Field(ge=1, le=CLASSES)]
Steps = Annotated[int, Field(ge=1, le=STEPS)]
HEAD = "head"  # the read-out's name among the nodes of the graph


class Image(GrammarValue):
    """What the network looks at: square images of `size` pixels with `channels` channels."""

    size: Pixels = 224
    channels: Channels = 3


class Clock(GrammarValue):
    """Steps of the unroll and when the image is there; a step is 10 ms in the published models.

    The image is shown at the steps image_on <= t < image_off (never off: null); every other
    frame is the constant `blank` in normalised units.
    """

    steps: Steps = 17
    image_on: Annotated[int, Field(ge=0, le=STEPS)] = 0
    image_off: Steps | None = None
    blank: float = 0.5

    def shows_image(self, step: int) -> bool:
        """Whether the frame of a step (from 0) is the image; else it is blank."""
        return self.image_on <= step and (self.image_off is None or step < self.image_off)


class Convolution(GrammarValue):
    """A convolution of a stage, SAME padding; then its norm, then its activation.

    `reads_feedback` concatenates the stage's joined feedback after its feedforward input.
    """

    width: Channels
    kernel: Side = 3
    stride: Side = 1
    bias: bool = True
    norm: MaybeNorm = None
    activation: Activation = "identity"
    reads_feedback: bool = False
    weights: Weights = Weights()


class Pool(GrammarValue):
    """Max or mean pooling, SAME padding (the odd row and column at the end, with -infinity)."""

    kernel: Side = 2
    stride: Side = 2
    kind: Literal["max", "mean"] = "max"


def _of_kind(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


JoinKind = Literal["concat", "add", "multiply"]


class Join(GrammarValue):
    """How a stage's inputs become one: its feedforward input, and the feedback that arrives.

    Each is resized to the feedforward input's map. `concat`: the feedforward input goes to the
    convolution, and the feedback, concatenated in string order, to the cell (and to a convolution
    that reads it). `add` and `multiply`: each input is brought to `channels` (by default those of
    the feedforward input) by a 1x1 convolution with bias where it has others, and all are summed
    or multiplied. The result takes the place of the feedforward input, for the convolution and as
    the residual; the cell sees no feedback of its own.
    """

    kind: JoinKind = "concat"
    channels: Channels | None = None


class Residual(GrammarValue):
    """How a stage's input is added: as it is where shapes agree, else through a 1x1 convolution
    without bias and its norm.

    Where the maps differ, `resize` resizes the input first (as published), `stride` gives the
    convolution the stage's stride (as a ResNet does).
    """

    by: Literal["resize", "stride"] = "resize"
    norm: MaybeNorm = None


class Stage(GrammarValue):
    """One node of the graph. In this order, as far as given: join of its inputs, convolution,
    cell, second convolution, residual (the stage's input is added), activation, pool. Other
    stages read what comes out at the end.
    """

    name: StageName
    join: Annotated[Join, BeforeValidator(_of_kind, json_schema_input_type=Join | JoinKind)] = (
        Join()
    )
    convolution: Convolution
    cell: str | None = None
    second: Convolution | None = None
    residual: bool | Residual = False
    activation: Activation = "identity"
    pool: Pool | None = None

    @property
    def shortcut(self) -> Residual | None:
        """How the input is added, or None if it is not."""
        if isinstance(self.residual, Residual):
            return self.residual
        return Residual() if self.residual else None

    @property
    def stride(self) -> int:
        """From the stage's input to its last convolution."""
        return self.convolution.stride * (1 if self.second is None else self.second.stride)


class Head(GrammarValue):
    """The classifier, a node of its own (it reads the last stage's output of the step before).

    `mean_linear`: mean over space, then linear. `convolution_mean`: VALID kernel x kernel
    convolution to the classes, then mean over space. `flatten_linear`: every position and
    channel, then linear.
    """

    form: Literal["mean_linear", "convolution_mean", "flatten_linear"] = "mean_linear"
    kernel: Side = 2
    weights: Weights = Weights(initial=Initial(scheme="normal", scale=0.01))


LEARNED = ("w_avg_t", "mlp", "conv1d")  # decoders that consist of weights
TEMPERED = ("max_conf", "thresh", "time_max", "w_avg", "w_time_avg")  # and those with a softmax


def _of_form(value: object) -> object:
    return {"form": value} if isinstance(value, str) else value


DecoderForm = Literal[
    "last",
    "simple",
    "simple_soft",
    "simple_linear",
    "max_conf",
    "thresh",
    "time_max",
    "w_avg",
    "w_avg_t",
    "w_time_avg",
    "mlp",
    "conv1d",
    "sum",
    "avg",
]


Windows = Annotated[tuple[Steps, ...], Field(min_length=1, max_length=LAYERS), LISTED]


class Decoder(GrammarValue):
    """From the head's logits at every step to the network's.

    `last`: those of step T - 1. All others read the window of steps from `start` to T - 1, by
    default from one step after the first at which the image has reached the head (as published:
    the number of nodes). With softmax_beta(z) = exp(beta z) / sum exp(beta z):

    - `simple`: the window's last step; `simple_soft` its softmax over classes, `simple_linear`
      divided by its sum.
    - `max_conf`: the step of the largest probability; `thresh`: the first step whose largest
      probability is `threshold` or more, else as `max_conf`; `time_max`: for each class, the step
      of its own largest probability. The logits of that step are put out.
    - `w_avg`: sum over steps, weighted for each class by the softmax over steps of its logits;
      `w_time_avg`: weighted by the softmax over steps of the largest probability; `w_avg_t`: by
      learned weights of steps and classes, through a sigmoid and divided by their sum.
    - `mlp`: all logits of the window through ELU layers of `layers` units; `conv1d`: convolutions
      over time (VALID, `filters` of each of the `windows`, in steps), the `pool` over time of
      each, and a linear map. Both are decayed by 1e-4, of `mlp` the last layer only.
    - `sum`, `avg`: over the window.

    `beta` and `threshold` are constants; `trainable` makes them parameters that start uniform in
    [0, 1). No gradient reaches the beta of `max_conf` and `time_max` or a threshold: they choose.
    """

    form: DecoderForm = "last"
    start: Annotated[int, Field(ge=0, le=STEPS)] | None = None
    trainable: bool = False
    beta: float = 1.0
    threshold: float = 0.9
    layers: Annotated[tuple[Channels, ...], Field(max_length=LAYERS), LISTED] = (250,)
    filters: Channels = 4
    windows: Windows = (2, 3, 4, 5, 6)
    pool: Literal["max", "mean"] = "max"


class FeedbackEdge(GrammarValue):
    """A long-range edge: the sender's output (after its pool) of the step before."""

    sender: str
    receiver: str


class Architecture(GrammarValue):
    """A whole network. `feedback` maps `SENDER->RECEIVER` to whether that edge is there."""

    image: Image = Image()
    classes: Classes = 1000
    clock: Clock = Clock()
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=STAGES)
    cells: dict[str, Cell] = Field(default_factory=dict, max_length=CELLS)
    feedback: dict[str, bool] = Field(default_factory=dict, max_length=FEEDBACK)
    head: Head = Head()
    decoder: Annotated[
        Decoder, BeforeValidator(_of_form, json_schema_input_type=Decoder | DecoderForm)
    ] = Decoder()
    resize: Literal["corners", "half_pixel"] = "corners"
    start: Literal["zeros", "masked"] = "zeros"
    weights: Weights = Weights()

    def document(self) -> dict[str, Any]:
        """The JSON form, without what has its default."""
        return as_document(self)

    @cached_property
    def edges(self) -> tuple[FeedbackEdge, ...]:
        """The feedback edges that are there, senders in string order (the order of joining)."""
        pairs = sorted(split_edge(key) for key, there in self.feedback.items() if there)
        return tuple(FeedbackEdge(sender=sender, receiver=receiver) for sender, receiver in pairs)

    @property
    def base_weights(self) -> Weights:
        """The published trunk's initial values and L2, under what the genome says."""
        return self.weights.over(PUBLISHED_WEIGHTS)

    @property
    def window(self) -> range:
        """The steps whose logits the decoder reads."""
        steps = self.clock.steps
        if self.decoder.form == "last":
            return range(steps - 1, steps)
        start = self.decoder.start
        return range(self.published_start if start is None else start, steps)

    @property
    def published_start(self) -> int:
        """The first step of the published window: one after the first that sees the image."""
        return self.clock.image_on + len(self.stages) + 1

    @property
    def nodes(self) -> list[str]:
        """The names of all stages and of the head, in the order of the chain."""
        return [*(stage.name for stage in self.stages), HEAD]

    def stage_index(self, name: str) -> int:
        """The place of a stage in the chain; of the head, the number of stages."""
        if name == HEAD:
            return len(self.stages)
        return [stage.name for stage in self.stages].index(name)

    def senders(self, receiver: str) -> tuple[str, ...]:
        """The stages that feed back to `receiver`, in the order of joining."""
        return tuple(edge.sender for edge in self.edges if edge.receiver == receiver)


def split_edge(key: str) -> tuple[str, str]:
    """`conv8->conv5` -> ("conv8", "conv5"); two empty names if the key has another form."""
    sender, arrow, receiver = (part.strip() for part in key.partition("->"))
    return (sender, receiver) if arrow else ("", "")


def is_genome(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like a genome (it has stages), not like a space."""
    return "stages" in document
