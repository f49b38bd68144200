"""The depth-matched control: would a feedforward network with as many layers do as well?

A recurrent network is a feedforward one of as many layers as its longest chain in time, whose
layers share their weights (Liao & Poggio 2016). The plan knows that chain: of every value it knows
what it was computed from. Here the layers are written down one after the other, each with weights
of its own, at the stage where the chain passes it; what a state carried from step to step is the
residual that each added layer has (without one, networks so deep do not train: He et al. 2016).
Spoerer et al. 2020 (B-D) and Nayebi et al. 2018 compare with deeper networks of this kind.

This is the longest chain alone, not the unrolled winner with its weights untied: what runs beside
the chain (gates, second kernels, other sources) is left out, and the added kernels are at most
3x3. So the control has the winner's number of layers, not its parameters or its arithmetic, and
often fewer of both: over 56 recurrent samples of motifs-small at 32 pixels 0.18 to 3.7 times the
parameters (median 0.64) and 0.13 to 2.4 times the multiply-adds (median 0.39). A control with tied
weights, or one that is unrolled exactly, is not made.
"""

from collections import Counter
from collections.abc import Iterable

from space.controls.trunk import ACTIVATION, build_chain, take_recurrence_away
from space.genome import Genome
from space.network.architecture import Convolution, Stage
from space.network.grammar import Initial
from space.step.operations import Activate, Convolve, Separate, Weigh
from space.unroll.plan import plan

KERNEL = 3
"""Side of the added layers' kernels, at most that of the stage's own convolution."""


def match_depth(genome: Genome) -> Genome:
    """The feedforward network of `genome` with as many layers as its longest chain in time.

    Its widths are those of the stages. A network whose stages alone are as deep gets no layer.
    """
    trunk = take_recurrence_away(genome)
    wanted, there = count_by_stage(genome), count_by_stage(trunk)
    missing = wanted.total() - there.total()
    added = wanted - there  # where the chain passes a stage more often than the trunk does
    while added.total() > max(0, missing):
        added[max(added, key=lambda place: (added[place], -place))] -= 1
    stages: list[Stage] = []
    taken = {stage.name for stage in trunk.stages}
    for place, stage in enumerate(trunk.stages):
        stages += _deepen(stage, added[place], taken, added.total())
    return build_chain(trunk, tuple(stages))


def count_layers(genome: Genome) -> int:
    """The layers on the longest chain from the image to what is read: weights, then a function
    that is not linear. The read-out is not counted."""
    return count_by_stage(genome).total()


_Chain = tuple[int, "tuple[int, _Chain] | None"]
"""A number of layers, and the place of the last one's stage with the chain before it."""


def count_by_stage(genome: Genome) -> Counter[int]:
    """The layers of the longest chain, by the place of their stage. A chain that passes the same
    stage at several steps has layers there for each of them.
    """
    planned = plan(genome)
    # By operation: the longest chain to it; where weights were passed since the last function,
    # and where none were.
    weighted: list[_Chain | None] = []
    plain: list[_Chain | None] = []
    for operation in planned.operations:
        sources = [place for place in operation.operands if planned.operations[place].image]
        ready = _longest(weighted[place] for place in sources)
        idle = _longest(plain[place] for place in sources)
        if operation.image and not sources:
            idle = (0, None)  # the image
        match operation.what:
            case Convolve() | Separate() | Weigh():
                ready, idle = _longest((ready, idle)), None
            case Activate() if ready is not None:
                layer: _Chain = (ready[0] + 1, (operation.stage, ready))
                ready, idle = None, _longest((layer, idle))
        weighted.append(ready)
        plain.append(idle)
    ends = [end for place in planned.values.values() for end in (weighted[place], plain[place])]
    layers: Counter[int] = Counter()
    rest = _longest(ends)
    while rest is not None and rest[1] is not None:
        stage, rest = rest[1]
        layers[stage] += 1
    return layers


def _longest(chains: Iterable[_Chain | None]) -> _Chain | None:
    """The longest of some chains, of equal ones the first; None if there is none."""
    return max((one for one in chains if one is not None), key=lambda one: one[0], default=None)


def _deepen(stage: Stage, layers: int, taken: set[str], added: int) -> list[Stage]:
    """A stage, and `layers` more on its map, before its pool.

    With `added` layers in the whole network, each starts with a variance of one over their number:
    the sum over all residuals then stays of the size of what entered.
    """
    if not layers:
        return [stage]
    first = stage.second or stage.convolution
    activation = stage.convolution.activation
    if activation == "identity":
        activation = ACTIVATION
    convolution = Convolution(
        width=first.width,
        kernel=min(KERNEL, stage.convolution.kernel),
        norm=first.norm,
        weights=first.weights.model_copy(update={"initial": Initial(scale=1 / added)}),
    )
    deep = [stage.model_copy(update={"pool": None})]
    for number in range(2, layers + 2):
        name = f"{stage.name[:48]}_{number}"
        while name in taken:
            name += "_"
        taken.add(name)
        deep.append(
            Stage(name=name, convolution=convolution, residual=True, activation=activation)
        )
    deep[-1] = deep[-1].model_copy(update={"pool": stage.pool})
    return deep
