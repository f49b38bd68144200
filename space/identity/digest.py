"""The identity of a network: one digest for all spellings of it.

Two genomes have one digest if and only if their normal forms are equal. The normal form of a
stage is a graph of what it computes in one step: its sums, products and gates are multiplied out
(`space/identity/algebra.py`), what nothing needs falls away, and the graph is written in an order
that depends on no name (`space/identity/canonical_graph.py`). Equal digests therefore mean equal
outputs, at every step, once the weights of one network are put in their places in the other (the
`parts` of stage forms say which are which). What follows is the same network, and nothing else is:

- other names of stages, cells, states and gates; another order of terms, gates, concatenated
  sources, feedback edges and entries; defaults written out;
- states, gates, cells, edges and constants that no output depends on; feedback that no live part
  reads; a bias that cannot act; an image_off at or after the last step;
- kernels cut to the map, `match` where nothing has to match and `match` written as the 1x1
  convolution that it is; heads that are one linear map;
- `complement: g` and a gate with offset 1 - o and scale -s of the same weights: the definition of
  a shared gate may be turned round if its uses are; a gate used once may stand in its place;
- masks and products, constant gates, states that only pass on a sum of others (this step's), and
  states of one definition without weights of their own: everything that follows from the laws of
  sums and products, constants compared to twelve digits;
- an activation in the stage's convolution, in its cell, or after it, where nothing is in between.

Outputs are the logits at every step, what the decoder makes of them, and the output of every
stage that the logits depend on, at every step. Initial values and decays are part of the identity
(they decide what training gives), and so is the way a convolution is divided: one kernel over two
concatenated sources is not two kernels, since it starts otherwise. Identities of functions
(tanh(x) = 2 sigmoid(2x) - 1) are not looked for, except that rectifying twice is rectifying once.
"""

from typing import Any

from space.identity.normal_form import live_forms
from space.identity.spelling import hash_json, write_fields, write_others, write_start
from space.identity.stage_graph import StageForm
from space.network.architecture import TEMPERED, Architecture, Clock
from space.network.sizes import Layout, StageShape, layout
from space.step.parameters import head_parameters

DIGEST_LENGTH = 20  # hex digits: 80 bits, no collision among billions of genomes


def digest(architecture: Architecture) -> str:
    """The hash of the normal form, DIGEST_LENGTH hex digits."""
    return hash_json(_write_network(architecture))[:DIGEST_LENGTH]


def _write_network(architecture: Architecture) -> Any:
    """The normal form of the whole network, as JSON values."""
    maps = layout(architecture)
    stages = [
        None if form is None else _write_stage(architecture, form, shape)
        for form, shape in zip(live_forms(architecture), maps.stages, strict=True)
    ]
    return {
        "image": write_fields(architecture.image),
        "classes": architecture.classes,
        "clock": _write_clock(architecture.clock),
        "stages": stages,
        "head": _write_head(architecture, maps),
        "decoder": _write_decoder(architecture),
        "start": architecture.start,
        "more": write_others(architecture),
    }


def _write_stage(architecture: Architecture, form: StageForm, shape: StageShape) -> Any:
    """A stage's form, and the sizes that it does not say."""
    convolved, out = shape.convolution, shape.output
    sizes = [convolved.channels] if form.relative else [convolved.size, out.size, out.channels]
    return [form.text, sizes, _write_senders(architecture, shape.stage.name, form)]


def _write_senders(architecture: Architecture, stage: str, form: StageForm) -> list[int]:
    """The senders that a stage reads, by place; in their order only where that matters."""
    if not form.reads_feedback:
        return []
    senders = [architecture.stage_index(name) for name in architecture.senders(stage)]
    return senders if form.feedback_in_order else sorted(senders)


def _write_clock(clock: Clock) -> Any:
    shown = [step for step in range(clock.steps) if clock.shows_image(step)]
    blank = clock.blank if len(shown) < clock.steps else None
    return [clock.steps, shown[0], shown[-1], blank, write_others(clock)]


def _write_head(architecture: Architecture, maps: Layout) -> Any:
    head, size = architecture.head, maps.head.reads.size
    starts = {entry.path: entry.start for entry in head_parameters(architecture).parameters}
    weights = (*write_start(starts["kernel"]), write_start(starts["bias"]))
    scheme = starts["kernel"].initial.scheme
    form, kernel = str(head.form), head.kernel
    if (form == "flatten_linear" and size == 1) or (form == "convolution_mean" and kernel == 1):
        form = "mean_linear"
    elif form == "convolution_mean" and kernel == size and scheme != "glorot_uniform":
        form = "flatten_linear"  # glorot's fans differ
    kernels = kernel if form == "convolution_mean" else None
    return [form, kernels, weights, write_others(head)]


def _write_decoder(architecture: Architecture) -> Any:
    """What the decoder's form reads of its fields, and the window's first step."""
    decoder, window = architecture.decoder, architecture.window
    form = str(decoder.form)
    averages = (*TEMPERED, "w_avg_t", "sum", "avg")  # of one step, that step
    if form == "simple" or (len(window) == 1 and form in averages):
        form = "last"
    if form == "last":
        return ["last", write_others(decoder)]
    parts: list[Any] = [form, window.start, write_others(decoder)]
    if form in TEMPERED:
        parts.append("trained" if decoder.trainable else decoder.beta)
    if form == "thresh" and not decoder.trainable:
        parts.append(decoder.threshold)
    if form == "mlp":
        parts.append(list(decoder.layers))
    if form == "conv1d":
        parts += [decoder.filters, sorted(decoder.windows), decoder.pool]
    return parts
