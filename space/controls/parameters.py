"""The parameter-matched control: would any network of so many parameters do as well?"""

from space.controls.trunk import take_recurrence_away
from space.controls.widths import match_widths
from space.genome import Genome
from space.step.parameters import parameters


def match_parameters(genome: Genome) -> Genome:
    """The feedforward network of `genome`, as wide as gives it the same trainable parameters,
    within 2 %.

    Nayebi et al. 2018 (section 3), Spoerer et al. 2017 (B-F). Raises GenomeError if no width does.
    """
    return match_widths(
        take_recurrence_away(genome), count_parameters, count_parameters(genome), "parameters"
    )


def count_parameters(genome: Genome) -> int:
    """Trainable parameters."""
    return parameters(genome).numbers
