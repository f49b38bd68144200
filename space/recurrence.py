"""Whether a network is recurrent, and how: what goes round in its unroll.

A loop is an operation whose value at one step depends on its own value at an earlier one. Only
what acts counts: the logits that the decoder reads must depend on it within the clock's steps, and
what goes round must depend on the image. An edge that no cell reads, a state that nothing needs,
and a loop that the clock is too short for are therefore no recurrence.
"""

from typing import Literal

from space.activity import drop_inert
from space.genome import Genome
from space.unroll.plan import plan

Recurrence = Literal["none", "local", "feedback", "both"]
"""`local`: a loop within one stage. `feedback`: one through long-range feedback edges."""


def recurrence(genome: Genome) -> Recurrence:
    """The kinds of loops that the network's logits depend on."""
    return loops(drop_inert(genome))


def loops(network: Genome) -> Recurrence:
    """The `recurrence` of a network without inert parts, as `drop_inert` gives it."""
    operations = plan(network).operations
    # By operation: the places of the operations that it depends on, as the bits of a number; those
    # on ways that stay in its stage, and those on ways that lead through others.
    within: list[int] = []
    across: list[int] = []
    local = feedback = False
    for operation in operations:
        near = far = 0
        for place in operation.operands:
            source = operations[place]
            if not source.image:
                continue
            reached = within[place] | 1 << source.place
            far |= across[place]
            if source.stage == operation.stage:
                near |= reached
            else:
                far |= reached
        within.append(near)
        across.append(far)
        local |= bool(near >> operation.place & 1)
        feedback |= bool(far >> operation.place & 1)
    if local:
        return "both" if feedback else "local"
    return "feedback" if feedback else "none"
