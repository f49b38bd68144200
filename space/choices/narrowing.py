"""Fewer options: a choice of which some are left out."""

from collections.abc import Sequence
from dataclasses import replace

from space.choices.domains import Categorical, OutsideError, Parameter, Scalar
from space.errors import SpaceError


def narrow_parameter(parameter: Parameter, given: Sequence[Scalar]) -> Parameter:
    """A choice with the given options only, in their old order. Raises SpaceError."""
    domain, path = parameter.domain, parameter.path
    if not isinstance(domain, Categorical):
        raise SpaceError(path, "is a number from an interval", "narrow its interval instead")
    if not given:
        raise SpaceError(path, "no option is left", "leave one at least")
    try:
        kept = {domain.options.index(domain.accept(value)) for value in given}
    except OutsideError as error:
        raise SpaceError(path, error.problem, error.cure) from None
    places = sorted(kept)
    options = tuple(domain.options[place] for place in places)
    weights = domain.weights and tuple(domain.weights[place] for place in places)
    return replace(
        parameter,
        domain=Categorical(options=options, weights=weights),
        default=parameter.default if parameter.default in options else options[0],
    )
