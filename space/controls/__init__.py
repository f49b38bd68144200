"""Fair controls of a recurrent network, made by arithmetic from its genome.

What a recurrent network wins by may be its recurrence, or what recurrence brings along: more
parameters, more arithmetic, more depth. Each control has as much of one of these, and no loop:

- `parameters`: the feedforward network, widened to the parameters (space/controls/parameters.py);
- `macs`: widened to the multiply-adds of the planned unroll (space/controls/macs.py);
- `depth`: as many layers as the longest chain in time, untied (space/controls/depth.py).

Controls of these kinds: Nayebi et al. 2018 (NeurIPS; wider and deeper feedforward networks of
the parameters), Spoerer et al. 2017 (Front. Psychol. 8:1551; more features, larger kernels) and
2020 (PLoS Comput. Biol. 16:e1008215; the parameters by kernels, features or depth), Liao & Poggio
2016 (arXiv:1604.03640; a recurrent network unrolled, with weights tied and untied).
"""

from collections.abc import Callable, Mapping
from typing import Literal

from space.controls.depth import match_depth
from space.controls.macs import match_macs
from space.controls.parameters import match_parameters
from space.errors import GenomeError
from space.genome import Genome
from space.recurrence import recurrence

Match = Literal["parameters", "macs", "depth"]
MATCHES: Mapping[Match, Callable[[Genome], Genome]] = {
    "parameters": match_parameters,
    "macs": match_macs,
    "depth": match_depth,
}


def match_controls(genome: Genome) -> dict[Match, Genome]:
    """The three controls of a recurrent network.

    Raises GenomeError for a feedforward network, and where no width reaches what is to be matched.
    """
    if recurrence(genome) == "none":
        raise GenomeError(
            "", "the network is feedforward", "there is no recurrence to control for"
        )
    return {name: match(genome) for name, match in MATCHES.items()}
